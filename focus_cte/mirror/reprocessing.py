"""Items of the listing that could not be used when they came, read again by a newer release."""

from __future__ import annotations

from sqlalchemy import select, update

from focus_cte import InvalidDocument, read_item
from focus_cte.mirror import lease as leasing
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.pull import store_items
from focus_cte.mirror.schema import invalid
from focus_cte.mirror.store import Store


async def reprocess(store: Store) -> int:
    """Read them again; how many could be used now. Raises `LeaseHeld`."""
    done = 0
    for cnpj in await unresolved(store):
        async with leasing.holding(store, cnpj) as held:
            done += await reprocess_of(store, held)
    return done


async def reprocess_of(store: Store, lease: Lease) -> int:
    """Of one CNPJ."""
    async with store.reading() as connection:
        rows = await connection.execute(
            select(invalid).where(invalid.c.cnpj == lease.cnpj, invalid.c.resolved_at.is_(None))
        )
        kept = rows.all()
    done = 0
    for row in kept:
        try:
            item = read_item(row.raw)
        except InvalidDocument:
            continue
        await store_items(store, lease, [item])
        async with store.writing() as writer:
            await lease.hold(writer)
            await writer.connection.execute(
                update(invalid).where(invalid.c.id == row.id).values(resolved_at=writer.now)
            )
        done += 1
    return done


async def unresolved(store: Store) -> list[str]:
    """The CNPJs with items that could not be used."""
    async with store.reading() as connection:
        found = select(invalid.c.cnpj).where(invalid.c.resolved_at.is_(None)).distinct()
        return sorted((await connection.scalars(found)).all())
