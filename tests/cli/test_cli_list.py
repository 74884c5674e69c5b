"""focus-cte list: which documents, and in which order."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from scenes import Scene

NONE = "acervo: there is no archive; `focus-cte sync --to acervo` makes one"


def listed(scene: Scene, *arguments: object) -> list[dict[str, Any]]:
    done = scene.invoke("list", *arguments, "--json")
    assert (done.code, done.err) == (0, f"{scene.heading}\n")
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


def chaves(documents: list[dict[str, Any]]) -> list[str]:
    return [document["chave"] for document in documents]


async def test_in_a_pipe_a_document_is_a_line_and_nothing_is_cut(stored: Scene) -> None:
    done = await stored.run("list")
    assert (done.code, done.err) == (0, "")
    heading, titles, *rows = done.lines
    assert heading == stored.heading
    assert titles.split() == ["key", "issued", "R$", "status", "XML", "issuer"]
    assert {row.split()[0] for row in rows} == set(stored.sandbox.chaves)
    row = next(row for row in rows if row.startswith(stored.sandbox.chaves[0]))
    assert row.endswith("  06/07/2026    7.522,61  autorizada  ✓    José Aparecido da Conceição")


async def test_json_is_whole_where_stdout_is_not_in_utf_8(stored: Scene) -> None:
    done, as_always = await asyncio.gather(
        stored.run("list", "--json", PYTHONIOENCODING="ascii"), stored.run("list", "--json")
    )
    assert done.out.isascii()
    assert json.loads(done.out) == json.loads(as_always.out)


async def test_on_a_terminal_money_is_never_cut(stored: Scene) -> None:
    stored.sql("UPDATE ctes SET valor_total = '12345678.90'")
    done = await stored.on_a_terminal("list", columns=120)
    assert all("  12.345.678,90  " in line for line in done.lines[2:])


def test_the_newest_come_first(stored: Scene) -> None:
    dates = [datetime.fromisoformat(document["emissao"]) for document in listed(stored)]
    assert len(dates) == 30
    assert dates == sorted(dates, reverse=True)


def test_json_has_all_that_the_archive_knows_of_a_document(stored: Scene) -> None:
    document = next(each for each in listed(stored) if each["chave"] == stored.sandbox.chaves[0])
    assert document["cnpjs"] == [stored.sandbox.cnpj]
    assert (document["valor_total"], document["situacao"]) == ("7522.61", "autorizada")
    assert (document["verificado"], document["tem_xml"]) == (True, True)


def test_each_filter_lists_what_meets_it_and_nothing_else(stored: Scene) -> None:
    every = listed(stored)
    one = every[0]
    by = {
        ("--cnpj", stored.sandbox.cnpj): lambda each: True,
        ("--ours",): lambda each: each["tomador"] == stored.sandbox.cnpj,
        ("--tomador", stored.sandbox.cnpj): lambda each: each["tomador"] == stored.sandbox.cnpj,
        ("--situacao", "cancelada"): lambda each: each["situacao"] == "cancelada",
        ("--situacao", "Cancelado"): lambda each: each["situacao"] == "cancelada",
        ("--emitente", one["documento_emitente"]): lambda each: (
            each["documento_emitente"] == one["documento_emitente"]
        ),
        ("--competencia", "2026-07"): lambda each: each["competencia"] == "2026-07",
    }
    for arguments, meets in by.items():
        wanted = [each for each in every if meets(each)]
        assert wanted, arguments
        assert listed(stored, *arguments) == wanted, arguments
    assert len(listed(stored, "--ours")) < len(every)
    assert listed(stored, "--competencia", "2025-01") == []
    assert listed(stored, "--cnpj", "00000000000191") == []


def test_ours_says_how_many_more_might_be(stored: Scene) -> None:
    stored.sql("UPDATE ctes SET tomador = NULL WHERE chave = :it", it=stored.corrected)
    more = "of 1 more documents who pays is not known, before their XML is there\n"
    for shape in ("--json", "--csv", "--br"):
        done = stored.invoke("list", "--ours", shape)
        assert (done.code, done.err) == (0, f"{stored.heading}\n{more}")
        assert stored.corrected not in done.out
    assert stored.invoke("list", "--ours").err == more
    assert stored.invoke("list").err == ""


def test_filters_meet_together(stored: Scene) -> None:
    both = listed(stored, "--situacao", "cancelada", "--ours")
    assert 0 < len(both) < len(listed(stored, "--situacao", "cancelada")) + 1
    assert {(each["situacao"], each["tomador"]) for each in both} == {
        ("cancelada", stored.sandbox.cnpj)
    }


def test_by_an_nfe_that_it_carries(stored: Scene) -> None:
    chave = chaves(listed(stored))[0]
    shown = json.loads(stored.invoke("show", chave, "--json").out)
    nfe = shown["cte"]["chaves_nfe"][0]
    assert chaves(listed(stored, "--nfe", nfe)) == [chave]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--cnpj", "1"], "--cnpj"),
        (["--nfe", "1"], "--nfe"),
        (["--competencia", "07/2026"], "competencia must be 'AAAA-MM'"),
        (["--emitente", "x"], "emitente: 'x' is not a CNPJ"),
        (["--situacao", " "], "situacao must be a text"),
        (["--json", "--csv"], "one of --json, --csv and --br, not several"),
        (["--csv", "--br"], "one of --json, --csv and --br, not several"),
    ],
)
def test_what_cannot_be_listed_is_a_usage_error(
    stored: Scene, arguments: list[str], why: str
) -> None:
    done = stored.invoke("list", *arguments)
    assert (done.code, done.out) == (2, "")
    assert why in done.err


async def test_without_an_archive_none_is_made(scene: Scene) -> None:
    done = await scene.run("list")
    assert (done.code, done.out, done.err) == (2, "", f"focus-cte: {NONE}\n")
    assert list(scene.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["a folder", "FOCUS_CTE_ACERVO"])
def test_the_archive_may_be_elsewhere(stored: Scene, name: str) -> None:
    elsewhere = stored.acervo.rename(stored.folder / "elsewhere")
    if name == "a folder":
        done = stored.invoke("list", "--from", elsewhere)
    else:
        done = stored.invoke("list", FOCUS_CTE_ACERVO=str(elsewhere))
    assert (done.code, done.lines[0]) == (0, f"{stored.sandbox.url} · {elsewhere}")
