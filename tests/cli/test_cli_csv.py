"""focus-cte list --csv and --br: for programs, and for Excel."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import attrs
import pytest
from scenes import Scene

from focus_cte.mirror import Documento

FIELDS = [field.name for field in attrs.fields(Documento)]
NAMED = "UPDATE ctes SET nome_emitente = :name WHERE chave = :chave"


def rows(text: str, *, delimiter: str = ",") -> dict[str, dict[str, str]]:
    """By key."""
    read = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    assert read.fieldnames == FIELDS
    found = list(read)
    assert all(None not in row and None not in row.values() for row in found)
    return {row["chave"].removeprefix('="').removesuffix('"'): row for row in found}


async def test_csv_has_all_fields_of_all_documents(stored: Scene) -> None:
    done = await stored.run("list", "--csv")
    assert (done.code, done.err) == (0, f"{stored.heading}\n")
    assert not done.out.startswith("\ufeff")
    found = rows(done.out)
    assert found.keys() == set(stored.sandbox.chaves)
    person = stored.sandbox.chaves[0]
    row = found[person]
    assert row["cnpjs"] == stored.sandbox.cnpj
    assert row["valor_total"] == "7522.61"
    assert row["emissao"] == "2026-07-06T08:05:07-03:00"
    assert row["documento_emitente"] == "83497183660"
    assert (row["verificado"], row["data_cancelamento"]) == ("true", "")


async def test_br_is_what_a_brazilian_excel_opens(stored: Scene) -> None:
    done = await stored.run("list", "--br")
    assert (done.code, done.err) == (0, f"{stored.heading}\n")
    assert done.out.startswith("\ufeff")
    found = rows(done.out.removeprefix("\ufeff"), delimiter=";")
    assert found.keys() == set(stored.sandbox.chaves)
    person = stored.sandbox.chaves[0]
    row = found[person]
    assert row["chave"] == f'="{person}"'
    assert row["cnpjs"] == f'="{stored.sandbox.cnpj}"'
    assert row["documento_emitente"] == '="83497183660"'
    assert row["protocolo"] == '="129263358826830"'
    assert row["valor_total"] == "7522,61"
    assert row["competencia"] == '="2026-07"'
    assert row["emissao"] == "06/07/2026 08:05:07"
    # 45 days after its authorization, at the same clock: no UTC, by which it may be a day later.
    assert row["autorizado_em"] == "06/07/2026 08:05:30"
    assert row["prazo"] == "20/08/2026 08:05:30"
    assert (row["verificado"], row["data_cancelamento"]) == ("sim", "")


@pytest.mark.parametrize(
    "name", ["=1+1", "@SUM(A1)", "+55 11", "-1", "\t=1+1", "\r=1+1", '=HYPERLINK("http://x";"y")']
)
def test_a_name_never_becomes_a_formula(stored: Scene, name: str) -> None:
    stored.sql(NAMED, name=name, chave=stored.corrected)
    cell = rows(stored.invoke("list", "--br").out.removeprefix("\ufeff"), delimiter=";")
    assert cell[stored.corrected]["nome_emitente"] == f"'{name}"
    assert rows(stored.invoke("list", "--csv").out)[stored.corrected]["nome_emitente"] == name


@pytest.mark.parametrize("value", ['"&HYPERLINK("http://x")&"', "=1+1"])
def test_what_should_be_a_number_never_becomes_a_formula(stored: Scene, value: str) -> None:
    stored.sql(
        "UPDATE ctes SET documento_emitente = :value WHERE chave = :chave",
        value=value,
        chave=stored.corrected,
    )
    cell = rows(stored.invoke("list", "--br").out.removeprefix("\ufeff"), delimiter=";")
    assert cell[stored.corrected]["documento_emitente"] == value.replace("=1", "'=1")


def test_names_with_quotes_commas_and_lines_come_back_as_they_are(stored: Scene) -> None:
    name = 'Transportes "Irmãos", Filhos; e\r\nCia'
    stored.sql(NAMED, name=name, chave=stored.corrected)
    for option, delimiter in (("--csv", ","), ("--br", ";")):
        text = stored.invoke("list", option).out.removeprefix("\ufeff")
        assert rows(text, delimiter=delimiter)[stored.corrected]["nome_emitente"] == name


def test_of_nothing_there_are_the_names_of_the_fields(stored: Scene) -> None:
    nothing = ("--competencia", "2025-01")
    assert stored.invoke("list", *nothing, "--csv").out == ",".join(FIELDS) + "\r\n"
    assert stored.invoke("list", *nothing, "--br").out == "\ufeff" + ";".join(FIELDS) + "\r\n"
    assert json.loads(stored.invoke("list", *nothing, "--json").out) == []


async def test_what_an_issuer_wrote_does_nothing_to_a_terminal(stored: Scene) -> None:
    stored.sql(NAMED, name="\x1b]0;owned\x07\x9b5nTransportes", chave=stored.corrected)
    for done in await asyncio.gather(
        stored.on_a_terminal("list", columns=160), stored.on_a_terminal("list", "--csv")
    ):
        assert done.code == 0
        assert "owned" in done.out
        assert "\x1b]0" not in done.raw
        assert "\x9b" not in done.raw
