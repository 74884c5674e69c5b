"""The pull: the listing into the database, a transaction a page, the cursor with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
from sqlalchemy import String, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from focus_cte import (
    AuthenticationError,
    BadRequest,  # "CNPJ do emitente não autorizado" comes as one
    CTeRecebida,
    InvalidDocument,
    PermissionDenied,
    read_item,
)
from focus_cte.mirror import facts
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.models import Kind, State, What
from focus_cte.mirror.progress import NOBODY, Telling
from focus_cte.mirror.schema import (
    archive,
    changes,
    ctes,
    cursors,
    files,
    invalid,
    recebimentos,
    versoes,
)
from focus_cte.mirror.store import Row, Store, Writer

if TYPE_CHECKING:
    from focus_cte import FocusCTe

BEHIND = 50
"""How far below the cursor each run reads again: the vendor may have made a lower `versao` visible
after a higher one, by a transaction that was long under way."""

_CHAVES = bindparam("chaves", type_=String, expanding=True)
_KNOWN = (
    select(  # one row at least
        archive.c.purged_before,
        recebimentos.c.versao,
        *(
            column
            for column in ctes.c
            if column.name in {*facts.columns(CTeRecebida("", 0)), "prazo", "prazo_estimado"}
        ),
    )
    .select_from(archive)
    .outerjoin(ctes, ctes.c.chave.in_(_CHAVES))
    .outerjoin(
        recebimentos,
        and_(recebimentos.c.chave == ctes.c.chave, recebimentos.c.cnpj == bindparam("of_cnpj")),
    )
)
Fresh: TypeAlias = Mapping[CTeRecebida, Row | None]
"""Documents that are new or have a higher `versao`, and what is known of each: its columns, and the
`versao` that this CNPJ has, None where only another has it."""


@attrs.define
class Pulled:
    """What a pull found."""

    versao: int
    new: int = 0
    changed: int = 0
    invalid: int = 0


async def pull(
    store: Store,
    focus: FocusCTe,
    lease: Lease,
    *,
    since: int | None = None,
    telling: Telling = NOBODY,
) -> Pulled:
    """Store what the listing has after the cursor, or after `since`.

    Raises what `FocusCTe.sync` raises, `LeaseLost` and `StoreError`; whole pages are stored until
    there.
    """
    cnpj = lease.cnpj
    async with store.reading() as connection:
        cursor = await connection.scalar(select(cursors.c.versao).where(cursors.c.cnpj == cnpj))
    pulled = Pulled(cursor or 0)

    async def keep(error: InvalidDocument) -> None:
        pulled.invalid += await _keep_invalid(store, lease, error)
        telling.passed(1)

    start = max(0, pulled.versao - BEHIND) if since is None else since
    try:
        async with focus.sync(cnpj, versao=start, on_invalid=keep) as sync:
            async for page in sync.pages():
                await _store_page(store, lease, page.ctes, max(page.versao, pulled.versao), pulled)
                telling.page(len(page.ctes), sync.total)
        await _end(store, lease, max(sync.versao, pulled.versao), None)
    except (AuthenticationError, PermissionDenied, BadRequest) as error:
        await _end(store, lease, pulled.versao, str(error))
        raise
    return pulled


async def store_items(store: Store, lease: Lease, items: Iterable[CTeRecebida]) -> Pulled:
    """Store documents that come from elsewhere than a pull; the cursor stays."""
    pulled = Pulled(0)
    await _store_page(store, lease, tuple(items), None, pulled)
    return pulled


async def _store_page(
    store: Store,
    lease: Lease,
    items: tuple[CTeRecebida, ...],
    versao: int | None,
    pulled: Pulled,
) -> None:
    has_news = versao is not None and versao > pulled.versao
    if not has_news:  # mostly what the last run stored: no transaction is worth that
        async with store.reading() as connection:
            has_news = bool(await _fresh(connection, lease.cnpj, items))
    if has_news:
        async with store.writing() as writer:
            await lease.hold(writer)
            fresh = await _fresh(writer.connection, lease.cnpj, items)
            new = await _write(writer, lease.cnpj, fresh)
            if versao is not None:
                row = {"cnpj": lease.cnpj, "versao": versao, "changed_at": writer.now}
                await writer.upsert(cursors, [row])
        pulled.new += new
        pulled.changed += len(fresh) - new
        pulled.versao = max(versao or 0, pulled.versao)


async def _fresh(
    connection: AsyncConnection, cnpj: str, items: tuple[CTeRecebida, ...]
) -> dict[CTeRecebida, Row | None]:
    """Those not known or known with a lower `versao`; the last of each key."""
    these = {"of_cnpj": cnpj, "chaves": [item.chave for item in items]}
    rows = (await connection.execute(_KNOWN, these)).mappings().all()
    purged, known = rows[0]["purged_before"], {row["chave"]: dict(row) for row in rows}
    latest = {item.chave: item for item in items if not is_purged(item, purged)}
    found = {item: known.get(chave) for chave, item in latest.items()}
    return {
        item: old
        for item, old in found.items()
        if (versao := _versao(old)) is None or item.versao > versao
    }


def _versao(known: Row | None) -> int | None:
    return None if known is None else known["versao"]


def is_purged(item: CTeRecebida, before: str | None) -> bool:
    return before is not None and facts.is_before(item.chave, item.data_emissao, before)


async def _write(writer: Writer, cnpj: str, fresh: Fresh) -> int:
    """All that follows from these documents; how many were new to the CNPJ."""
    before = await _before(writer, cnpj, fresh)
    stored, wanted, late = [], [], []
    for item, old in fresh.items():
        said = facts.columns(item)
        row = facts.merged(old, said)
        stored.append(row)
        wanted += [(item.chave, kind) for kind in facts.wanted(old, row)]
        if old is not None and _versao(old) is None:
            # Another CNPJ has the document: this one is told of its XML, from the folder if it
            # is there, and of what else was told.
            wanted.append((item.chave, Kind.XML))
            late.append(item.chave)
        for what, was, now in facts.news(before.get(item.chave), item.versao, said):
            writer.change(cnpj, item.chave, what, before=was, after=now)
    await _tell_of_files(writer, cnpj, late)
    await writer.upsert(ctes, stored)
    of_cnpj = {"cnpj": cnpj, "first_seen": writer.now}
    received = [{"chave": item.chave, "versao": item.versao} for item in fresh]
    await writer.upsert(recebimentos, received, of_cnpj, keep=["first_seen"], newer="versao")
    seen = [{"chave": i.chave, "versao": i.versao, "raw": i.raw} for i in fresh]
    await writer.insert(versoes, seen, {"cnpj": cnpj, "seen_at": writer.now})
    await want(writer, wanted)
    return sum(_versao(old) is None for old in fresh.values())


async def _before(writer: Writer, cnpj: str, fresh: Fresh) -> dict[str, CTeRecebida]:
    """What this CNPJ knew of those that it knew: `ctes` may be ahead, by another one's pull."""
    versoes_of = {item.chave: _versao(old) for item, old in fresh.items()}
    changed = {chave: versao for chave, versao in versoes_of.items() if versao is not None}
    if not changed:
        return {}
    found = await writer.connection.execute(
        select(versoes.c.chave, versoes.c.versao, versoes.c.raw).where(
            versoes.c.cnpj == cnpj, versoes.c.versao.in_(changed.values())
        )
    )
    return {row.chave: read_item(row.raw) for row in found if changed.get(row.chave) == row.versao}


async def _tell_of_files(writer: Writer, cnpj: str, chaves: Sequence[str]) -> None:
    """Tell a CNPJ of events and DACTEs that the archive has of documents new to it."""
    if not chaves:
        return
    found = await writer.connection.execute(
        select(changes.c.chave, changes.c.after)
        .where(changes.c.chave.in_(chaves), changes.c.what == str(What.XML))
        .order_by(changes.c.seq)
    )
    # Told once for each CNPJ, and again where a file changed: the last is what is there.
    told = {(row.chave, row.after["path"]): row.after for row in found if row.after}
    for (chave, _), after in told.items():
        if after["kind"] != Kind.XML:
            writer.change(cnpj, chave, What.XML, after=after)


async def want(writer: Writer, wanted: Iterable[tuple[str, Kind]]) -> None:
    """Have these files fetched, as if they had never been tried."""
    anew = {
        "state": str(State.WANTED),
        "attempts": 0,
        "wanted_at": writer.now,
        "next_try": writer.now,
        "why": None,
    }
    rows = [{"chave": chave, "kind": str(kind)} for chave, kind in wanted]
    await writer.upsert(files, rows, anew)


async def _keep_invalid(store: Store, lease: Lease, error: InvalidDocument) -> bool:
    """Keep an item that cannot be used, and say whether it is a new one."""
    async with store.writing() as writer:
        await lease.hold(writer)
        row = {
            "id": facts.identity(lease.cnpj, error.raw),
            "cnpj": lease.cnpj,
            "raw": error.raw,
            "why": str(error),
            "versao": error.versao,
            "seen_at": writer.now,
        }
        known = await writer.connection.scalar(
            select(invalid.c.id).where(invalid.c.id == row["id"])
        )
        await writer.insert(invalid, [row])
    return known is None


async def _end(store: Store, lease: Lease, versao: int, blocked: str | None) -> None:
    """Note that the listing ended well, or why it was refused."""
    async with store.writing() as writer:
        await lease.hold(writer)
        row: dict[str, Any] = {"cnpj": lease.cnpj, "versao": versao, "blocked": blocked}
        if blocked is None:
            row["checked_at"] = writer.now
        await writer.upsert(cursors, [row])
