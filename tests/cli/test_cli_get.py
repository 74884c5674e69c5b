"""focus-cte get: from the archive without a request, else from the API; whole or not at all."""

from __future__ import annotations

import asyncio
import os

import pytest
from scenes import Scene

NO_KEY = "29260700083497183660579200000010011057168787"


def test_what_the_archive_has_is_not_asked_for(filled: Scene) -> None:
    chave, before = filled.corrected, filled.asked
    done = filled.invoke("get", chave)
    assert (done.code, done.out) == (0, f"{chave}-cte.xml\n")
    assert done.err == f"{filled.heading}\n"
    assert filled.asked == before
    (stored,) = filled.acervo.rglob(f"{chave}-cte.xml")
    assert (filled.folder / f"{chave}-cte.xml").read_bytes() == stored.read_bytes()


async def test_what_the_archive_has_not_comes_from_the_api(synced: Scene) -> None:
    chave = synced.corrected
    (synced.folder / "out").mkdir()
    done, shown = await asyncio.gather(
        synced.run("get", chave, "--xml", "--pdf", "-o", "out"),
        synced.on_a_terminal("get", chave, "--pdf", columns=160),
    )
    assert (done.code, done.err) == (0, f"{synced.heading}\n{synced.sandbox.url}\n")
    assert sorted(done.lines) == [f"out/{chave}-cte.xml", f"out/{chave}-dacte.pdf"]
    assert all((synced.folder / line).stat().st_size > 100 for line in done.lines)
    assert shown.lines == [synced.sandbox.url, f"{chave}-dacte.pdf"]
    assert (synced.folder / f"{chave}-dacte.pdf").read_bytes().startswith(b"%PDF")


def test_without_an_archive_all_comes_from_the_api_and_none_is_made(alone: Scene) -> None:
    chave = alone.sandbox.chaves[0]
    done = alone.invoke("get", chave, "--cnpj", alone.sandbox.cnpj)
    assert (done.code, done.out) == (0, f"{chave}-cte.xml\n")
    assert os.listdir(alone.folder) == [f"{chave}-cte.xml"]
    assert alone.asked == 1


def test_a_folder_that_is_not_there_is_said_before_anything_is_asked(alone: Scene) -> None:
    done = alone.invoke("get", alone.sandbox.chaves[0], "-o", "none")
    assert (done.code, done.out) == (2, "")
    assert done.err == "focus-cte: none: there is no such folder\n"
    assert (alone.asked, os.listdir(alone.folder)) == (0, [])


def test_a_document_that_nobody_has_is_an_error(alone: Scene) -> None:
    done = alone.invoke("get", NO_KEY, "--cnpj", alone.sandbox.cnpj)
    assert (done.code, done.out) == (1, "")
    assert NO_KEY in done.err
    assert os.listdir(alone.folder) == []


def test_a_download_that_fails_leaves_nothing_of_it(alone: Scene) -> None:
    chave = alone.sandbox.chaves[0]
    alone.sandbox.fail("status", on="pdf", status=403)
    done = alone.invoke("get", chave, "--xml", "--pdf", "--cnpj", alone.sandbox.cnpj)
    assert (done.code, done.out) == (4, f"{chave}-cte.xml\n")
    assert chave in done.err
    assert os.listdir(alone.folder) == [f"{chave}-cte.xml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_said(filled: Scene) -> None:
    (filled.folder / "out").mkdir(mode=0o500)
    done = filled.invoke("get", filled.corrected, "-o", "out")
    assert (done.code, done.out) == (1, "")
    assert "Permission denied" in done.err


def test_what_stands_in_the_way_is_said(filled: Scene) -> None:
    (filled.folder / f"{filled.corrected}-cte.xml").mkdir()
    done = filled.invoke("get", filled.corrected)
    assert (done.code, done.out) == (1, "")
    assert f"{filled.corrected}-cte.xml" in done.err
    assert [name for name in os.listdir(filled.folder) if name.endswith(".part")] == []


def test_without_a_token_only_the_archive_answers(filled: Scene) -> None:
    assert filled.invoke("get", filled.corrected, FOCUS_NFE_TOKEN="").code == 0
    done = filled.invoke("get", filled.corrected, "--pdf", FOCUS_NFE_TOKEN="")
    assert (done.code, done.out) == (2, "")
    why = "focus-cte: FOCUS_NFE_TOKEN is not set: it must hold the token\n"
    assert done.err == why
    both = filled.invoke("get", filled.cancelled, "--pdf", "--xml", FOCUS_NFE_TOKEN="")
    assert (both.code, both.out) == (2, f"{filled.cancelled}-cte.xml\n")
    assert both.err == f"{filled.heading}\n{why}"


def test_an_xml_that_is_not_what_was_signed_is_told(filled: Scene) -> None:
    filled.sql("UPDATE ctes SET verificado = 0")
    done = filled.invoke("get", filled.corrected)
    assert (done.code, done.out) == (0, f"{filled.corrected}-cte.xml\n")
    assert f"{filled.corrected}: its XML is NOT what was signed" in done.err


def test_an_archive_and_a_token_of_two_apis_are_not_mixed(filled: Scene) -> None:
    filled.sql("UPDATE archive SET origin = 'https://homologacao.focusnfe.com.br'")
    chave, before = filled.sandbox.chaves[0], filled.asked
    text = ("--observacoes", "Carga recusada pelo destinatário por avaria")
    for words in (
        ("get", chave, "--xml", "--pdf"),
        ("desacordo", "check", chave, *text),
        ("desacordo", "status", chave),
    ):
        done = filled.invoke(*words)
        assert done.code == 2, words
        assert f"the archive is of homologação, and the token for {filled.sandbox.url}" in done.err
    assert filled.asked == before
