"""Verifying: every damage is found and told, what can be fetched again is, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from archives import put_file
from sqlalchemy import Table, delete, select, update

from focus_cte import FocusCTe
from focus_cte.mirror import check, lease, pull
from focus_cte.mirror import compare as comparing
from focus_cte.mirror.errors import FilesError
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.models import Kind, Verified
from focus_cte.mirror.schema import (
    archive,
    ctes,
    cursors,
    eventos,
    files,
    instant,
    invalid,
    recebimentos,
)
from focus_cte.mirror.store import Store
from focus_cte.sandbox import Sandbox

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


async def rows(store: Store, table: Table) -> Sequence[Any]:
    async with store.reading() as connection:
        return (await connection.execute(select(table))).all()


async def keep(
    store: Store, folder: Folder, key: str, data: bytes, kind: Kind = Kind.XML, n: int = 1
) -> Path:
    """A file as a sync stores it, with its rows."""
    name = folder.name(key, kind, sequencia=n)
    put_file(folder, name, data)
    sha256 = hashlib.sha256(data).hexdigest()
    async with store.writing() as writer:
        document = {"chave": key, "prazo_estimado": True, "verificado": True, "problemas": []}
        await writer.insert(ctes, [document])
        row = {"chave": key, "kind": str(kind), "state": "stored", "attempts": 3}
        row |= {"path": name, "sha256": sha256, "size": len(data), "next_try": None}
        await writer.upsert(files, [{**row, "wanted_at": NOW}])
        if kind is Kind.CARTA_CORRECAO:
            event = {"chave": key, "tipo": "110110", "sequencia": n, "sha256": sha256}
            event |= {"path": name, "seen_at": NOW, **instant("at", NOW)}
            await writer.insert(eventos, [event])
    return folder.root / name


@pytest.fixture
async def stored(store: Store, folder: Folder, sandbox: Sandbox, focus: FocusCTe) -> Path:
    """The first document's XML."""
    key = sandbox.chaves[0]
    return await keep(store, folder, key, await focus.baixar_xml(key))


async def whys(store: Store, folder: Folder, *, repair: bool = False) -> list[str]:
    found = await check.verify_files(store, folder, repair=repair)
    return [damage.why for damage in found.damages]


async def test_what_is_whole_is_counted_and_nothing_is_asked(
    store: Store, folder: Folder, sandbox: Sandbox, focus: FocusCTe, stored: Path
) -> None:
    for key in sandbox.chaves[1:4]:
        await keep(store, folder, key, await focus.baixar_xml(key))
    key = sandbox.chaves[0]
    await keep(store, folder, key, b"%PDF-1.7", Kind.DACTE)
    for n in (1, 2):
        await keep(store, folder, key, b"letter %d" % n, Kind.CARTA_CORRECAO, n)
    asked = len(sandbox.requests)
    found = await check.verify_files(store, folder, repair=True)
    assert found == Verified(files=7)
    assert found.ok
    assert len(sandbox.requests) == asked


@pytest.mark.parametrize("count", [4, 5, 6, 11])
async def test_more_than_a_page_is_looked_at_whole(
    store: Store, folder: Folder, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(check, "PAGE", 5)
    for n in range(count):
        key = f"352607123456780001955700100000{n:04}1000000017"
        await keep(store, folder, key, b"x", Kind.DACTE)
        await keep(store, folder, key, b"y", Kind.CARTA_CORRECAO, 1)
        last = await keep(store, folder, key, b"z", Kind.CARTA_CORRECAO, 2)
    last.unlink()
    found = await check.verify_files(store, folder, repair=False)
    assert found.files == 3 * count
    assert [damage.kind for damage in found.damages] == ["carta_correcao"]


def spoil(path: Path, how: str) -> bytes | None:
    """What is there now."""
    whole = path.read_bytes()
    if how in ("gone", "a folder"):
        path.unlink()
        if how == "a folder":
            path.mkdir()
        return None
    damaged = whole[:-100] if how == "cut" else whole + b"\n"
    path.write_bytes(damaged)
    return damaged


@pytest.mark.parametrize("how", ["gone", "cut", "changed outside of what is signed", "a folder"])
async def test_a_damaged_file_is_found_and_wanted_again(
    store: Store, folder: Folder, sandbox: Sandbox, stored: Path, how: str
) -> None:
    store.clock = lambda: NOW
    key, damaged = sandbox.chaves[0], spoil(stored, how)
    (damage,) = (await check.verify_files(store, folder, repair=False)).damages
    assert (damage.chave, damage.kind, damage.repaired) == (key, "xml", False)
    assert key in damage.why
    (row,) = await rows(store, files)
    assert row.state == "stored"
    found = await check.verify_files(store, folder, repair=True)
    assert found.ok
    assert [d.repaired for d in found.damages] == [True]
    (row,) = await rows(store, files)
    assert (row.state, row.attempts, row.next_try) == ("wanted", 0, NOW)
    assert folder.path(key, Kind.XML) is None, "it would be taken for the one that is wanted"
    assert folder.read(f"{folder.name(key, Kind.XML)}.damaged" if damaged else "none") == damaged
    assert await whys(store, folder) == [], "what is wanted is not stored"


async def test_another_verdict_than_the_recorded_one_is_a_damage(
    store: Store, folder: Folder, stored: Path
) -> None:
    for recorded, told in ((False, "that it is wrong"), (None, "none")):
        async with store.writing() as writer:
            await writer.connection.execute(update(ctes).values(verificado=recorded))
        (why,) = await whys(store, folder)
        assert told in why
        assert "right" in why


async def test_what_was_wrong_when_it_came_is_no_damage(
    store: Store, folder: Folder, sandbox: Sandbox, focus: FocusCTe
) -> None:
    key = sandbox.chaves[0]
    forged = (await focus.baixar_xml(key)).replace(b"<xNome>", b"<xNome>Outra ", 1)
    await keep(store, folder, key, forged)
    (why,) = await whys(store, folder)
    assert "wrong" in why
    async with store.writing() as writer:
        await writer.connection.execute(update(ctes).values(verificado=False))
    assert await whys(store, folder) == []


async def test_the_letter_that_the_api_has_is_news_again(
    store: Store, folder: Folder, sandbox: Sandbox
) -> None:
    """Else a fetch would say that it holds it already."""
    key, other = sandbox.chaves[:2]
    for each in (key, other):
        path = await keep(store, folder, each, b"letter", Kind.CARTA_CORRECAO)
        if each == key:
            path.unlink()
    assert (await check.verify_files(store, folder, repair=True)).ok
    found = {row.chave: (row.state, row.sha256) for row in await rows(store, files)}
    assert found[key] == ("wanted", None)
    assert found[other] == ("stored", hashlib.sha256(b"letter").hexdigest())


async def test_an_old_letter_that_is_damaged_stays_a_damage(
    store: Store, folder: Folder, sandbox: Sandbox
) -> None:
    """The API gives the last one only."""
    key = sandbox.chaves[0]
    first = await keep(store, folder, key, b"letter 1", Kind.CARTA_CORRECAO, 1)
    await keep(store, folder, key, b"letter 2", Kind.CARTA_CORRECAO, 2)
    first.write_bytes(b"changed")
    found = await check.verify_files(store, folder, repair=True)
    assert [(d.kind, d.repaired) for d in found.damages] == [("110110-01", False)]
    assert not found.ok
    assert first.read_bytes() == b"changed"
    assert {row.state for row in await rows(store, files)} == {"stored"}


async def test_a_folder_that_cannot_be_used_is_told(
    store: Store, folder: Folder, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FilesError, match="Permission denied"):
        await check.verify_files(store, folder, repair=True)
    (row,) = await rows(store, files)
    assert row.state == "stored"


@pytest.fixture
async def pulled(store: Store, sandbox: Sandbox, focus: FocusCTe) -> Store:
    """A store with all that the API lists."""
    held = await lease.take(store, sandbox.cnpj)
    await pull.pull(store, focus, held)
    await lease.give_back(store, held)
    return store


async def test_equal_sets_are_proved_equal_at_the_cost_of_a_relisting(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    asked = len(sandbox.requests)
    found = await check.compare(pulled, focus, repair=True)
    assert found == Verified(documents=250)
    assert [seen.query["versao"] for seen in sandbox.requests[asked:]][:1] == ["0"]
    assert len(sandbox.requests) - asked == 3


@pytest.mark.parametrize("place", [0, 99, 100, 249])
async def test_a_document_that_is_missing_is_told_and_stored(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe, place: int
) -> None:
    key = sandbox.chaves[place]
    async with pulled.writing() as writer:
        for table in (ctes, recebimentos):
            await writer.connection.execute(delete(table).where(table.c.chave == key))
    (damage,) = (await check.compare(pulled, focus, repair=False)).damages
    assert (damage.chave, damage.kind, damage.repaired) == (key, "listing", False)
    assert sandbox.cnpj in damage.why
    assert len(await rows(pulled, ctes)) == 249
    found = await check.compare(pulled, focus, repair=True)
    assert [d.repaired for d in found.damages] == [True]
    assert found.ok
    assert len(await rows(pulled, ctes)) == 250
    assert (await check.compare(pulled, focus, repair=False)).damages == ()


async def test_an_old_versao_is_told_and_stored(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    key = sandbox.chaves[0]
    newest = sandbox.cancel(key)
    (damage,) = (await check.compare(pulled, focus, repair=False)).damages
    assert damage.chave == key
    assert str(newest) in damage.why
    assert (await check.compare(pulled, focus, repair=True)).ok
    versoes = {row.chave: row.versao for row in await rows(pulled, recebimentos)}
    assert versoes[key] == newest


@pytest.mark.parametrize("versao", [1, 7, 10**9])
async def test_what_the_api_does_not_list_is_told_and_stays(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe, versao: int
) -> None:
    key = "35260712ABC34501DE35570010000000011000000014"
    async with pulled.writing() as writer:
        row = {"cnpj": sandbox.cnpj, "chave": key, "versao": versao, "first_seen": NOW}
        await writer.insert(recebimentos, [row])
    found = await check.compare(pulled, focus, repair=True)
    assert [(d.chave, d.repaired) for d in found.damages] == [(key, False)]
    assert not found.ok


async def test_a_higher_versao_than_the_listing_s_is_told(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    key = sandbox.chaves[10]
    async with pulled.writing() as writer:
        await writer.connection.execute(
            update(recebimentos).where(recebimentos.c.chave == key).values(versao=10**9)
        )
    (damage,) = (await check.compare(pulled, focus, repair=True)).damages
    assert (damage.chave, damage.repaired) == (key, False)


@pytest.mark.parametrize("after", [1, 2, 3])
async def test_what_changes_and_is_pulled_meanwhile_is_no_damage(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the n-th page of the relisting; the last is not followed by another."""
    key = sandbox.chaves[0]
    reading, pages = comparing._Comparison._compare, 0

    async def compare(self: Any, *args: Any) -> None:
        nonlocal pages
        await reading(self, *args)
        pages += 1
        if pages == after:
            sandbox.cancel(key)
            sandbox.receive(1)
            held = await lease.take(pulled, sandbox.cnpj)
            await pull.pull(pulled, focus, held)
            await lease.give_back(pulled, held)

    monkeypatch.setattr(comparing._Comparison, "_compare", compare)
    assert (await check.compare(pulled, focus, repair=False)).damages == ()


async def test_what_was_purged_is_not_missing(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    async with pulled.writing() as writer:
        await writer.connection.execute(update(archive).values(purged_before="2099-01-01"))
        for table in (ctes, recebimentos):
            await writer.connection.execute(delete(table))
    assert (await check.compare(pulled, focus, repair=False)).damages == ()


async def test_an_item_that_cannot_be_used_is_told_until_it_is_kept(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    new = sandbox.receive(1)
    sandbox.fail("headers", on="listing", headers={}, times=2)  # the first two pages as they are
    sandbox.fail("item", on="listing", index=50, fields={"chave": "?"}, times=1)
    (damage,) = (await check.compare(pulled, focus, repair=False)).damages
    assert (damage.chave, damage.repaired) == ("", False)
    assert sandbox.cnpj in damage.why
    assert await rows(pulled, invalid) == []
    assert new[0] not in {row.chave for row in await rows(pulled, ctes)}


async def test_while_another_process_pulls_nothing_is_repaired_and_all_is_told(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    sandbox.receive(1)
    await lease.take(pulled, sandbox.cnpj)
    found = await check.compare(pulled, focus, repair=True)
    assert [d.repaired for d in found.damages] == [False]


async def test_each_cnpj_of_the_archive_is_compared(
    pulled: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    asked = len(sandbox.requests)
    async with pulled.writing() as writer:
        await writer.connection.execute(delete(cursors))
    assert await check.compare(pulled, focus, repair=False) == Verified()
    assert len(sandbox.requests) == asked
    found = await check.compare(pulled, focus, [sandbox.cnpj], repair=False)
    assert found == Verified(documents=250)
