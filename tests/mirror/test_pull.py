"""The pull: whole pages with their cursor, nothing twice, nothing lowered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, select, update

from focus_cte import AuthenticationError, BadRequest, FocusCTe, Retry, TransportError, read_item
from focus_cte.mirror import fetch, lease, pull, reprocessing
from focus_cte.mirror.errors import LeaseLost, StoreError
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.schema import (
    archive,
    changes,
    ctes,
    cursors,
    files,
    invalid,
    metadata,
    offset_of,
    recebimentos,
    versoes,
)
from focus_cte.mirror.store import Store
from focus_cte.sandbox import Sandbox


@pytest.fixture
async def held(store: Store, sandbox: Sandbox) -> Lease:
    return await lease.take(store, sandbox.cnpj)


@pytest.fixture
async def quick(sandbox: Sandbox) -> AsyncIterator[FocusCTe]:
    async with FocusCTe(sandbox.token, base_url=sandbox.url, retry=Retry(attempts=1)) as focus:
        yield focus


async def rows(store: Store, table: Table) -> Sequence[Any]:
    async with store.reading() as connection:
        return (await connection.execute(select(table))).all()


async def dump(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Everything, but for the lease."""
    tables = [table for table in metadata.sorted_tables if table.name != "leases"]
    return {
        table.name: [dict(row._mapping) for row in await rows(store, table)] for table in tables
    }


async def told(store: Store, what: str | None = None) -> list[Any]:
    found = sorted(await rows(store, changes), key=lambda row: row.seq)
    assert [row.seq for row in found] == list(range(1, len(found) + 1))
    return [row for row in found if what in (None, row.what)]


async def test_every_document_is_stored_once_with_its_cursor(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    pulled = await pull.pull(store, focus, held)
    assert pulled.new == len(sandbox.chaves) == len(await rows(store, ctes))
    (cursor,) = await rows(store, cursors)
    newest = max(row.versao for row in await rows(store, recebimentos))
    assert cursor.versao == newest == pulled.versao
    assert {row.chave for row in await rows(store, ctes)} == set(sandbox.chaves)
    received = await told(store, "received")
    assert sorted(row.chave for row in received) == sorted(sandbox.chaves)
    assert {row.chave for row in await rows(store, files) if row.kind == "xml"} == set(
        sandbox.chaves
    )
    assert {row.origin for row in await rows(store, ctes)} == {"https://api.example"}


async def test_a_row_has_what_the_listing_said(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await pull.pull(store, focus, held)
    page = await focus.listar(sandbox.cnpj)
    stored = {row.chave: row for row in await rows(store, ctes)}
    raw = {row.chave: row.raw for row in await rows(store, versoes)}
    for item in page.ctes:
        row = stored[item.chave]
        assert row.valor_total == item.valor_total
        assert row.emissao == item.data_emissao
        assert item.data_emissao is not None
        assert row.emissao_offset == offset_of(item.data_emissao)
        assert row.competencia == f"{item.data_emissao:%Y-%m}"
        assert row.prazo - row.emissao == pull.facts.TERM
        assert row.prazo_estimado is True
        assert raw[item.chave] == item.raw


async def test_a_run_with_nothing_new_costs_one_request_and_writes_when_it_was(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await pull.pull(store, focus, held)
    before, asked = await dump(store), len(sandbox.requests)
    pulled = await pull.pull(store, focus, held)
    assert (pulled.new, pulled.changed) == (0, 0)
    assert len(sandbox.requests) == asked + 1
    assert int(sandbox.requests[-1].query["versao"]) == pulled.versao - pull.BEHIND
    after = await dump(store)
    (was,), (now,) = before.pop("cursors"), after.pop("cursors")
    assert after == before
    assert now["checked_at"] > was["checked_at"]
    assert {**now, "checked_at": None} == {**was, "checked_at": None}


async def test_what_changed_is_told_once_and_stored_beside_what_was(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await pull.pull(store, focus, held)
    cancelled, corrected = sandbox.chaves[0], sandbox.chaves[1]
    sandbox.cancel(cancelled, "Emitido em duplicidade, sem prestação")
    sandbox.correct(corrected, "Onde se lê A, leia-se B")
    new = sandbox.receive(2)
    pulled = await pull.pull(store, focus, held)
    assert (pulled.new, pulled.changed) == (2, 2)
    (cancellation,) = await told(store, "cancelled")
    assert (cancellation.chave, cancellation.after["situacao"]) == (cancelled, "cancelada")
    assert cancellation.before["situacao"] == "autorizada"
    assert cancellation.after["versao"] > cancellation.before["versao"]
    (correction,) = await told(store, "corrected")
    assert correction.after["carta_correcao"] == "Onde se lê A, leia-se B"
    assert {c.chave for c in await told(store, "received")} >= set(new)
    assert not await told(store, "changed")
    seen = [row for row in await rows(store, versoes) if row.chave == cancelled]
    assert len(seen) == 2, "what was known before is kept"
    wanted = {(row.chave, row.kind) for row in await rows(store, files)}
    assert {(cancelled, "cancelamento"), (corrected, "carta_correcao")} <= wanted
    again = await pull.pull(store, focus, held)
    assert (again.new, again.changed) == (0, 0)


async def test_a_number_that_became_visible_late_is_found(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    """As of a transaction of the vendor's that was long under way."""
    late = sandbox.chaves[-7]
    page = await focus.listar(sandbox.cnpj, versao=0)
    await pull.store_items(store, held, [cte for cte in page.ctes if cte.chave != late])
    top = max(cte.versao for cte in page.ctes)
    async with store.writing() as writer:
        await writer.upsert(cursors, [{"cnpj": sandbox.cnpj, "versao": top}])
    pulled = await pull.pull(store, focus, held)
    assert pulled.new >= 1
    assert late in {row.chave for row in await rows(store, ctes)}
    (cursor,) = await rows(store, cursors)
    assert cursor.versao >= top


async def test_a_lower_versao_never_overwrites_a_higher(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    old = (await focus.listar(sandbox.cnpj)).ctes
    sandbox.cancel(old[0].chave)
    await pull.pull(store, focus, held)
    before = await dump(store)
    pulled = await pull.store_items(store, held, old)
    assert (pulled.new, pulled.changed) == (0, 0)
    assert await dump(store) == before


async def test_one_cte_of_two_companies_is_one_document_with_two_receipts(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await pull.pull(store, focus, held)
    other = await lease.take(store, "11222333000181")
    item = (await focus.listar(sandbox.cnpj)).ctes[0]
    await pull.store_items(store, other, [item])
    assert len([r for r in await rows(store, recebimentos) if r.chave == item.chave]) == 2
    assert len([r for r in await rows(store, ctes) if r.chave == item.chave]) == 1
    assert len([r for r in await rows(store, files) if r.chave == item.chave]) == 1
    assert {c.cnpj for c in await told(store, "received") if c.chave == item.chave} == {
        sandbox.cnpj,
        "11222333000181",
    }


async def test_each_company_is_told_of_a_cancellation_though_the_row_has_it_already(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    other = await lease.take(store, "11222333000181")
    item = (await focus.listar(sandbox.cnpj)).ctes[0]
    for each in (held, other):
        await pull.store_items(store, each, [item])
    sandbox.cancel(item.chave)
    now = await focus.consultar(item.chave)
    for each in (held, other):
        await pull.store_items(store, each, [now])
    assert len(await told(store, "cancelled")) == 2
    kinds = [r.kind for r in await rows(store, files) if r.chave == item.chave]
    assert sorted(kinds) == ["cancelamento", "xml"]


async def test_items_that_cannot_be_used_are_kept_once_and_read_again_later(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    broken = sandbox.chaves[3]
    sandbox.fail("item", on="listing", index=3, fields={"chave": "?"}, times=1)
    pulled = await pull.pull(store, focus, held)
    assert pulled.invalid == 1
    (row,) = await rows(store, invalid)
    assert (row.cnpj, row.resolved_at) == (sandbox.cnpj, None)
    assert row.raw["chave"] == "?"
    assert await reprocessing.reprocess_of(store, held) == 0
    assert await reprocessing.unresolved(store) == [sandbox.cnpj]
    async with store.writing() as writer:
        await writer.connection.execute(update(invalid).values(raw={**row.raw, "chave": broken}))
    assert await reprocessing.reprocess_of(store, held) == 1
    assert broken in {r.chave for r in await rows(store, ctes)}
    assert await reprocessing.unresolved(store) == []


@pytest.mark.parametrize("page", [0, 1, 2])
async def test_a_listing_that_fails_leaves_whole_pages_and_their_cursor(
    store: Store, held: Lease, sandbox: Sandbox, quick: FocusCTe, page: int
) -> None:
    """The lookahead asks for the next page before this one is stored."""
    for _ in range(page):
        sandbox.fail("headers", on="listing", headers={})
    sandbox.fail("reset", on="listing", times=9)
    with pytest.raises(TransportError, match="ctes_recebidas"):
        await pull.pull(store, quick, held)
    stored = await rows(store, recebimentos)
    assert len(stored) == 100 * page
    cursor = {row.versao for row in await rows(store, cursors)}
    assert cursor == ({max(row.versao for row in stored)} if stored else set())


async def test_a_refused_token_is_noted_until_a_listing_goes_well(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    async with FocusCTe("x" * 32, base_url=sandbox.url) as wrong:
        with pytest.raises(AuthenticationError):
            await pull.pull(store, wrong, held)
    (row,) = await rows(store, cursors)
    assert (row.versao, row.checked_at) == (0, None)
    assert "401" in row.blocked
    assert "x" * 32 not in row.blocked
    await pull.pull(store, focus, held)
    (row,) = await rows(store, cursors)
    assert row.blocked is None


async def test_a_cnpj_that_the_api_refuses_is_noted_too(
    store: Store, sandbox: Sandbox, focus: FocusCTe
) -> None:
    other = "11222333000181"
    async with lease.holding(store, other) as held:
        with pytest.raises(BadRequest):
            await pull.pull(store, focus, held)
    (row,) = await rows(store, cursors)
    assert (row.cnpj, row.versao, row.checked_at) == (other, 0, None)
    assert "autorizado" in row.blocked


async def test_who_lost_the_lease_writes_nothing(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    async with store.writing() as writer:
        await writer.connection.execute(
            update(lease.leases).values(owner="another", fence=held.fence + 1)
        )
    before = await dump(store)
    with pytest.raises(LeaseLost, match=sandbox.cnpj):
        await pull.pull(store, focus, held)
    assert await dump(store) == before


async def test_documents_emitted_before_the_last_purge_do_not_come_back(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    async with store.writing() as writer:
        await writer.connection.execute(update(archive).values(purged_before="2026-07-20"))
    await pull.pull(store, focus, held)
    found = [row.emissao for row in await rows(store, ctes)]
    assert all(emissao.date() >= date(2026, 7, 19) for emissao in found)
    assert len(found) < len(sandbox.chaves)


async def test_cancelled_anywhere_it_leaves_whole_pages(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    """After more and more time, until the pull is done before."""
    done, seconds = False, 0.0001
    while not done:
        seconds *= 1.2
        running = asyncio.create_task(pull.pull(store, focus, held))
        await asyncio.wait([running], timeout=seconds)
        done = running.done()
        running.cancel()
        await asyncio.wait([running])
        async with store.reading() as connection:
            documents = await connection.scalar(select(func.count()).select_from(recebimentos))
            seq = await connection.scalar(select(func.max(changes.c.seq)))
            versao = await connection.scalar(select(cursors.c.versao))
            top = await connection.scalar(select(func.max(recebimentos.c.versao)))
        assert (documents or 0) == (seq or 0)
        assert versao == top
    assert documents == len(sandbox.chaves)


async def test_a_mirror_that_is_not_open_says_so(
    store: Store, held: Lease, focus: FocusCTe
) -> None:
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        await pull.pull(store, focus, held)


async def test_what_no_database_takes_stops_nothing(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe
) -> None:
    """NUL, half a surrogate pair, a formatted CNPJ: as a server may send them."""
    odd = {"nome_emitente": "a\0b\ud800c", "documento_emitente": "12.345.678/0001-95"}
    usual = (await focus.consultar(sandbox.chaves[0])).raw
    await pull.store_items(store, held, [read_item({**usual, **odd, "situacao": "x" * 300})])
    found = {row.chave: row for row in await rows(store, ctes)}[sandbox.chaves[0]]
    assert found.nome_emitente == "a\ufffdb\ufffdc"
    assert found.documento_emitente == "12345678000195"
    assert found.situacao == "x" * 300
    raw = {row.chave: row.raw for row in await rows(store, versoes)}[sandbox.chaves[0]]
    assert raw["nome_emitente"] == "a\0b\ud800c"


async def test_a_company_that_receives_a_document_later_is_told_of_its_xml_without_a_request(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "files")
    item = (await focus.listar(sandbox.cnpj)).ctes[0]
    other = await lease.take(store, "11222333000181")
    await pull.store_items(store, held, [item])
    await fetch.fetch(store, folder, focus, held)
    asked = len(sandbox.requests)
    await pull.store_items(store, other, [item])
    await fetch.fetch(store, folder, focus, other)
    assert len(sandbox.requests) == asked
    assert [change.cnpj for change in await told(store, "xml")] == [sandbox.cnpj, other.cnpj]
    papeis = {row.cnpj: row.papeis for row in await rows(store, recebimentos)}
    assert "tomador" in papeis[sandbox.cnpj]
    assert papeis[other.cnpj] == ""


async def test_it_is_told_of_the_events_and_the_print_too(
    store: Store, held: Lease, sandbox: Sandbox, focus: FocusCTe, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "files")
    chave = sandbox.chaves[0]
    sandbox.correct(chave)
    sandbox.cancel(chave)
    item = await focus.consultar(chave)
    other = await lease.take(store, "11222333000181")
    await pull.store_items(store, held, [item])
    await fetch.fetch(store, folder, focus, held, dacte=True)
    asked = len(sandbox.requests)
    await pull.store_items(store, other, [item])
    await fetch.fetch(store, folder, focus, other)
    assert len(sandbox.requests) == asked
    heard = {
        cnpj: sorted(row.after["path"] for row in await told(store, "xml") if row.cnpj == cnpj)
        for cnpj in (sandbox.cnpj, other.cnpj)
    }
    ours, theirs = heard.values()
    assert ours == theirs
    assert len(ours) == 4


async def test_two_that_store_the_same_documents_wait_for_each_other(
    store: Store, database_url: str, held: Lease
) -> None:
    """As two workers do, each with documents in the order of its own company's listing."""
    twin = Store(database_url)
    await twin.open()
    await twin.bind("https://api.example")
    other = await lease.take(twin, "11222333000181")
    for first in range(0, 1000, 100):
        items = [
            read_item({"chave": f"35260612345678000195570010000{n:05}1000000017", "versao": n + 1})
            for n in range(first, first + 100)
        ]
        await asyncio.gather(
            pull.store_items(store, held, items), pull.store_items(twin, other, items[::-1])
        )
    await twin.close()
    assert len(await rows(store, ctes)) == 1000
    assert len(await rows(store, recebimentos)) == 2000
