"""Strings of the server that would be paths, keys or numbers: none of them names a file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from archives import NOW, Archive, sync
from wholeness import assert_whole, on_disk, snapshot

from focus_cte import FocusCTe
from focus_cte.sandbox import ABSENT, Sandbox
from focus_cte.sandbox.xmlgen import cancellation, correction

_LATER = timedelta(days=1)
_A_FILE = re.compile(
    r"xml/\d{4}/[0-9A-Z]{44}-(cte|110110-\d\d|110111-\d\d)\.xml(\.rejected)?", re.ASCII
)
_TRICKS = [
    "../../../../escaped",
    "/escaped",
    "..",
    "xml/../../escaped",
    "..\\..\\escaped",
    "escaped\x00",
    "%2e%2e%2fescaped",
    "\u202e" + "1" * 43,
    "\u0661" * 44,
    "3526071234567800019557001000000001100000../1",
    "A" * 5000,
]
_FEW = [_TRICKS[0], _TRICKS[3], _TRICKS[4], _TRICKS[8], _TRICKS[10]]
_STRINGS = ["nome_emitente", "documento_emitente", "situacao", "tipo_cte", "digest_value"]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(ctes=14, credits=None) as opened:
        yield opened


@pytest.fixture
def archive(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Archive:
    return Archive(database_url, tmp_path / "archive" / "files", sandbox)


@pytest.fixture
def sqlite(sandbox: Sandbox, tmp_path: Path) -> Archive:
    """For what is the same on each database: the names of files."""
    url = f"sqlite:///{tmp_path / 'acervo.db'}"
    return Archive(url, tmp_path / "archive" / "files", sandbox)


def assert_nothing_escaped(archive: Archive, tmp_path: Path) -> None:
    assert [name for name in on_disk(archive.files) if not _A_FILE.fullmatch(name)] == []
    outside = {path.name for path in tmp_path.rglob("*")} - {archive.files.parent.name}
    inside = {path.name for path in archive.files.parent.rglob("*")}
    assert {name for name in outside - inside if not name.startswith("acervo.db")} == set()
    assert not any("escaped" in name for name in inside | outside)
    assert not Path("/escaped").exists()


@pytest.mark.parametrize("name", ["chave", "chave_cte", "chave_acesso"])
async def test_a_key_that_is_none_is_kept_aside(
    archive: Archive, tmp_path: Path, name: str
) -> None:
    await _list(archive, [{"chave": ABSENT, name: trick} for trick in _TRICKS])
    report = await sync(archive)
    assert report.invalid == len(_TRICKS)
    assert report.new == len(archive.sandbox.chaves) - len(_TRICKS)
    assert_nothing_escaped(archive, tmp_path)
    kept = (await snapshot(archive.database_url))["invalid"]
    assert sorted(row["raw"][name] for row in kept) == sorted(_TRICKS)


async def test_no_other_string_of_an_item_names_a_file(archive: Archive, tmp_path: Path) -> None:
    await _list(archive, [dict.fromkeys(_STRINGS, trick) for trick in _TRICKS if _is_text(trick)])
    assert (await sync(archive)).pending == 0
    assert_nothing_escaped(archive, tmp_path)
    stored = [file for file in on_disk(archive.files) if file.endswith("-cte.xml")]
    known = (await snapshot(archive.database_url))["ctes"]
    assert len(stored) == len(known) > 0


async def _list(archive: Archive, edits: list[dict[str, object]]) -> None:
    """Have the next listing answered with these fields in its first items."""
    async with FocusCTe(archive.sandbox.token, base_url=archive.sandbox.url) as focus:
        page = await focus.listar(archive.sandbox.cnpj)
    items = [dict(cte.raw) for cte in page.ctes]
    for item, fields in zip(items, edits, strict=False):
        item.update(fields)
    told = [{name: value for name, value in i.items() if value is not ABSENT} for i in items]
    headers = {"X-Total-Count": str(len(told)), "X-Max-Version": str(page.versao)}
    archive.sandbox.fail("status", on="listing", status=200, body=told, headers=headers)


def _is_text(trick: str) -> bool:
    return "\x00" not in trick


async def test_a_nul_in_an_item_stops_nobody(archive: Archive, tmp_path: Path) -> None:
    archive.sandbox.fail("item", on="listing", index=1, fields={"nome_emitente": "a\x00b"})
    archive.sandbox.fail("item", on="listing", index=1, fields={"chave": "a\x00b"})
    for _ in range(2):
        await sync(archive)
    assert (await sync(archive)).pending == 0
    assert_nothing_escaped(archive, tmp_path)


async def test_a_lone_surrogate_in_an_item_stops_nobody(archive: Archive, tmp_path: Path) -> None:
    archive.sandbox.fail(
        "status", on="listing", status=200, body='[{"chave": "\\ud800", "versao": 2000}]'
    )
    await sync(archive)
    await sync(archive)
    assert_nothing_escaped(archive, tmp_path)
    assert (await snapshot(archive.database_url))["cursors"][0]["versao"] >= 2000


@pytest.mark.parametrize(
    "sequence", ["../../../escaped", "1/../../escaped", "-1", "1e3", "9" * 30, "١", ""]
)
async def test_the_sequence_of_an_event_names_no_file(
    sqlite: Archive, tmp_path: Path, sequence: str
) -> None:
    chave = sqlite.sandbox.chaves[0]
    sqlite.sandbox.correct(chave)
    xml = correction(
        chave=chave, issuer=chave[6:20], texto="x", data="2026-07-06T12:00:00-03:00", number=1
    )
    _answer(
        sqlite, "correction", xml.replace(b"<nSeqEvento>1<", f"<nSeqEvento>{sequence}<".encode())
    )
    await _assert_rejected(sqlite, tmp_path, chave)


@pytest.mark.parametrize("trick", _FEW, ids=ascii)
@pytest.mark.parametrize("element", ["chCTe", "tpEvento"])
async def test_no_element_of_an_event_names_a_file(
    sqlite: Archive, tmp_path: Path, element: str, trick: str
) -> None:
    chave = sqlite.sandbox.chaves[0]
    sqlite.sandbox.cancel(chave)
    xml = cancellation(
        chave=chave,
        issuer=chave[6:20],
        texto="x",
        data="2026-07-06T12:00:00-03:00",
        protocolo="1" * 15,
    )
    told = re.sub(f"<{element}>[^<]*<".encode(), lambda _: f"<{element}>{trick}<".encode(), xml)
    assert told != xml
    _answer(sqlite, "cancellation", told)
    await _assert_rejected(sqlite, tmp_path, chave)


@pytest.mark.parametrize("trick", _FEW, ids=ascii)
async def test_the_id_of_a_document_names_no_file(
    sqlite: Archive, tmp_path: Path, trick: str
) -> None:
    chave = sqlite.sandbox.chaves[0]
    async with FocusCTe(sqlite.sandbox.token, base_url=sqlite.sandbox.url) as focus:
        xml = await focus.baixar_xml(chave)
    _answer(sqlite, "xml", xml.replace(chave.encode(), trick.encode()))
    report = await sync(sqlite)
    assert len(report.rejected) == 1
    assert_nothing_escaped(sqlite, tmp_path)
    assert (await sync(sqlite, NOW + _LATER)).pending == 0
    await assert_whole(sqlite)


def _answer(archive: Archive, on: str, body: bytes) -> None:
    archive.sandbox.fail("status", on=on, status=200, body=body)


async def _assert_rejected(archive: Archive, tmp_path: Path, chave: str) -> None:
    report = await sync(archive)
    assert len(report.rejected) == 1
    assert chave in report.rejected[0]
    assert report.pending == 1
    assert_nothing_escaped(archive, tmp_path)
    assert (await sync(archive, NOW + _LATER)).pending == 0
    await assert_whole(archive)
