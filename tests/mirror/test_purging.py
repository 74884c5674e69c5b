"""The purge: all of what is older goes, nothing else, and a record of it stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from archives import put_file
from sqlalchemy import Table, delete, select

from focus_cte import InvalidArgument, read_item
from focus_cte.mirror import feed, lease, pull, purging
from focus_cte.mirror.errors import FilesError, LeaseHeld
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.models import Kind, Purged
from focus_cte.mirror.schema import (
    archive,
    ctes,
    cursors,
    desacordos,
    eventos,
    files,
    instant,
    metadata,
    nfes,
    purges,
    recebimentos,
    referencias,
    versoes,
)
from focus_cte.mirror.store import Store

OURS, OTHER, NEW = "24178617000110", "11222333000181", "28730186000153"
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
BEFORE = date(2026, 6, 10)
OLD = datetime.fromisoformat("2026-06-09T23:59:59-03:00")
YOUNG = datetime.fromisoformat("2026-06-10T00:00:00-03:00")


def chave(number: int, month: str = "2606") -> str:
    return f"35{month}123456780001955700100000{number:04}1000000017"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


@pytest.fixture
async def full(store: Store, folder: Folder) -> Store:
    """A document on either side of midnight, one of long ago, and one of an unknown date."""
    store.clock = lambda: NOW
    async with store.writing() as writer:
        await writer.insert(cursors, [{"cnpj": c, "versao": 9} for c in (OURS, OTHER)])
    await put(store, folder, chave(1), OLD)
    await put(store, folder, chave(2), YOUNG)
    await put(store, folder, chave(3, "2401"), OLD - timedelta(days=880))
    await put(store, folder, chave(4), None)
    return store


async def put(store: Store, folder: Folder, key: str, emissao: datetime | None) -> None:
    """A document with a row in every table, and three files of 10, 20 and 30 bytes."""
    letter = folder.name(key, Kind.CARTA_CORRECAO)
    names = [folder.name(key, Kind.XML), letter, f"{folder.name(key, Kind.XML)}.rejected"]
    for size, name in zip((10, 20, 30), names, strict=True):
        put_file(folder, name, b"x" * size)
    async with store.writing() as writer:
        await writer.insert(
            ctes, [{"chave": key, "prazo_estimado": True, **instant("emissao", emissao)}]
        )
        for cnpj in (OURS, OTHER):
            row: dict[str, Any] = {"cnpj": cnpj, "chave": key, "versao": 1}
            await writer.insert(recebimentos, [{**row, "first_seen": NOW}])
            await writer.insert(versoes, [{**row, "raw": {"chave": key}, "seen_at": NOW}])
            writer.change(cnpj, key, "received", after={"versao": 1, "nome_emitente": "Ana"})
        event = {"tipo": "110110", "sequencia": 1, "sha256": "0" * 64}
        await writer.insert(eventos, [{"chave": key, **event, "path": letter, "seen_at": NOW}])
        await writer.insert(referencias, [{"chave": key, "relacao": "anula", "outra": chave(7)}])
        await writer.insert(nfes, [{"chave": key, "chave_nfe": chave(8)}])
        row = {"chave": key, "kind": "xml", "state": "stored", "wanted_at": NOW, "path": names[0]}
        await writer.insert(files, [row])
        deed = {"id": key[:32], "step": "intention", "chave": key, "cnpj": OURS, "actor": "ana"}
        await writer.insert(desacordos, [{**deed, "observacoes": "x", "at": NOW}])


async def rows(store: Store, table: Table) -> Sequence[Any]:
    async with store.reading() as connection:
        return (await connection.execute(select(table))).all()


async def dump(store: Store) -> dict[str, Any]:
    return {t.name: [tuple(row) for row in await rows(store, t)] for t in metadata.sorted_tables}


def on_disk(folder: Folder) -> list[str]:
    return sorted(each.name for each in folder.root.rglob("*") if each.is_file())


async def test_what_is_older_goes_from_every_table_and_the_rest_stays(
    full: Store, folder: Folder
) -> None:
    purged = await purging.purge(full, folder, BEFORE, dry_run=False)
    assert purged == Purged(BEFORE, documents=2, files=6, bytes=120, dry_run=False)
    left = {chave(2), chave(4)}
    for table in (ctes, recebimentos, versoes, eventos, referencias, nfes, files):
        assert {row.chave for row in await rows(full, table)} == left, table.name
    assert {name[:44] for name in on_disk(folder)} == left
    assert len(on_disk(folder)) == 6


async def test_all_versions_of_what_is_older_go(store: Store, folder: Folder) -> None:
    for cnpj in (OURS, OTHER):
        async with lease.holding(store, cnpj) as held:
            for versao, situacao in enumerate(("autorizada", "cancelada", "cancelada"), 1):
                item = {"chave": chave(1), "versao": versao, "situacao": situacao}
                await pull.store_items(
                    store, held, [read_item({**item, "data_emissao": OLD.isoformat()})]
                )
    assert len(await rows(store, versoes)) == 6
    await purging.purge(store, folder, BEFORE, dry_run=False)
    assert await rows(store, versoes) == []


async def test_the_feed_keeps_its_numbers_and_loses_what_they_said(
    full: Store, folder: Folder
) -> None:
    await purging.purge(full, folder, BEFORE, dry_run=False)
    found = [change async for change in feed.changes(full)]
    assert [change.seq for change in found] == list(range(1, 9))
    said = {change.chave: change.after for change in found}
    assert said[chave(1)] == said[chave(3, "2401")] == {}
    assert said[chave(2)] == said[chave(4)] == {"versao": 1, "nome_emitente": "Ana"}


async def test_desacordos_stay(full: Store, folder: Folder) -> None:
    before = await rows(full, desacordos)
    await purging.purge(full, folder, BEFORE, dry_run=False)
    assert await rows(full, desacordos) == before


async def test_a_dry_run_counts_the_same_and_changes_nothing(full: Store, folder: Folder) -> None:
    before, there = await dump(full), on_disk(folder)
    said = await purging.purge(full, folder, BEFORE, dry_run=True)
    assert await dump(full) == before
    assert on_disk(folder) == there
    done = await purging.purge(full, folder, BEFORE, dry_run=False)
    assert said == attrs.evolve(done, dry_run=True)


async def test_that_it_was_done_is_on_record_each_time(full: Store, folder: Folder) -> None:
    await purging.purge(full, folder, BEFORE, dry_run=False)
    await purging.purge(full, folder, date(2025, 1, 1), dry_run=False)
    first, second = sorted(await rows(full, purges), key=lambda row: row.at)
    assert (first.at, first.before) == (NOW, "2026-06-10")
    assert (first.documents, first.files, first.bytes) == (2, 6, 120)
    assert (second.before, second.documents, second.files) == ("2025-01-01", 0, 0)
    (row,) = await rows(full, archive)
    assert row.purged_before == "2026-06-10", "the latest date keeps what was removed away"


async def test_stopped_after_the_rows_a_second_one_removes_the_files(
    full: Store, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(FilesError, match=r"Permission denied.*same date"):
            await purging.purge(full, folder, BEFORE, dry_run=False)
    assert len(await rows(full, ctes)) == 2
    assert len(on_disk(folder)) == 12
    again = await purging.purge(full, folder, BEFORE, dry_run=False)
    assert again == Purged(BEFORE, documents=0, files=6, bytes=120, dry_run=False)
    assert {name[:44] for name in on_disk(folder)} == {chave(2), chave(4)}


async def test_files_of_later_months_without_a_row_are_not_touched(
    full: Store, folder: Folder
) -> None:
    """As where an older copy of the database was put back."""
    put_file(folder, folder.name(chave(5, "2607"), Kind.XML), b"x")
    await purging.purge(full, folder, BEFORE, dry_run=False)
    assert folder.path(chave(5, "2607"), Kind.XML) is not None


async def test_a_document_whose_key_names_a_later_month_loses_its_files_too(
    full: Store, folder: Folder
) -> None:
    odd, young = chave(5, "2607"), chave(6, "2607")
    await put(full, folder, odd, OLD)
    put_file(folder, folder.name(young, Kind.XML), b"x")
    said = await purging.purge(full, folder, BEFORE, dry_run=True)
    done = await purging.purge(full, folder, BEFORE, dry_run=False)
    assert (said.documents, said.files) == (done.documents, done.files) == (3, 9)
    assert not [name for name in on_disk(folder) if odd in name]
    assert folder.path(young, Kind.XML) is not None


async def test_what_a_dead_process_left_half_written_goes_too(full: Store, folder: Folder) -> None:
    left = folder.root / "xml" / "2401" / f".{chave(3, '2401')}-cte.xml.deadbeef.part"
    left.write_bytes(b"<cte")
    await purging.purge(full, folder, BEFORE, dry_run=False)
    assert not left.exists()


async def test_more_documents_than_fit_a_transaction_go_all(store: Store, folder: Folder) -> None:
    store.clock = lambda: NOW
    count = 2 * purging.BATCH + 3
    async with store.writing() as writer:
        await writer.insert(
            ctes,
            [
                {"chave": chave(n), "prazo_estimado": True, **instant("emissao", OLD)}
                for n in range(count)
            ],
        )
    purged = await purging.purge(store, folder, BEFORE, dry_run=False)
    assert (purged.documents, purged.files) == (count, 0)
    assert await rows(store, ctes) == []


async def test_nothing_is_purged_while_somebody_pulls(full: Store, folder: Folder) -> None:
    """Its fetch would store files of documents that are gone."""
    held = await lease.take(full, OURS)
    before = await dump(full)
    with pytest.raises(LeaseHeld, match=OURS):
        await purging.purge(full, folder, BEFORE, dry_run=False)
    after = await dump(full)
    before.pop("leases"), after.pop("leases")
    assert after == before
    assert (await purging.purge(full, folder, BEFORE, dry_run=True)).documents == 2
    await lease.give_back(full, held)
    assert (await purging.purge(full, folder, BEFORE, dry_run=False)).documents == 2
    await lease.take(full, OURS)  # and they were given back
    await lease.take(full, OTHER)


async def test_a_company_that_begins_meanwhile_stops_it_before_it_removes_anything(
    full: Store, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = purging._begin

    async def later(*arguments: Any) -> datetime:
        await lease.take(full, NEW)
        return await begin(*arguments)

    monkeypatch.setattr(purging, "_begin", later)
    before = await dump(full)
    with pytest.raises(LeaseHeld, match=NEW):
        await purging.purge(full, folder, BEFORE, dry_run=False)
    after = await dump(full)
    before.pop("leases"), after.pop("leases")
    assert after == before


async def test_what_a_company_that_is_not_listed_any_more_knew_goes_too(
    full: Store, folder: Folder
) -> None:
    async with full.writing() as writer:
        await writer.connection.execute(delete(cursors).where(cursors.c.cnpj == OTHER))
    await purging.purge(full, folder, BEFORE, dry_run=False)
    left = {row.chave for row in await rows(full, ctes)}
    assert {row.chave for row in await rows(full, versoes)} == left == {chave(2), chave(4)}


@pytest.mark.parametrize(
    "before", ["2026-01-01", datetime(2026, 1, 1, tzinfo=UTC), None, date(2026, 8, 2)]
)
async def test_what_is_no_past_date_is_refused(full: Store, folder: Folder, before: Any) -> None:
    was = await dump(full)
    with pytest.raises(InvalidArgument, match="before"):
        await purging.purge(full, folder, before, dry_run=False)
    assert await dump(full) == was


async def test_what_went_does_not_come_back_with_a_listing_that_has_no_date(
    full: Store, folder: Folder
) -> None:
    """An XML may have told the date."""
    await put(full, folder, chave(8, "2405"), None)  # nor has this one, and the XML is not there
    done = await purging.purge(full, folder, BEFORE, dry_run=False)
    assert done.documents == 3
    held = await lease.take(full, OURS)
    undated = [
        read_item({"chave": chave(9, month), "versao": 20 + n, "data_emissao": None})
        for n, month in enumerate(["2401", "2605", "2606"])
    ]
    await pull.store_items(full, held, undated)
    came = {row.chave for row in await rows(full, ctes)} - {chave(2), chave(4)}
    assert came == {chave(9, "2606")}, "of the month in which the purge ends nobody knows"


async def test_an_archive_without_files_can_be_purged(store: Store, folder: Folder) -> None:
    assert (await purging.purge(store, folder, BEFORE, dry_run=False)).files == 0
