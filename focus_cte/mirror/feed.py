"""The feed: what happened to the documents, by number, as one keeps a `versao`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from focus_cte import InvalidArgument, parse_chave
from focus_cte.mirror.models import Change, What
from focus_cte.mirror.schema import changes as table
from focus_cte.mirror.store import Store

PAGE = 500
_HIGHEST = 2**63 - 1


def changes(
    store: Store, after: int = 0, *, chave: str | None = None
) -> AsyncGenerator[Change, None]:
    """The changes numbered above `after`, in order, until there are no more.

    Nothing is open while the caller works on one. What `purge` removed has its number still, and
    is empty before and after. Raises `InvalidArgument` at once for an `after` that is no number.
    """
    if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= _HIGHEST:
        raise InvalidArgument(f"after must be the seq of a change, or 0, not {after!r}")
    return _changes(store, after, () if chave is None else [table.c.chave == parse_chave(chave)])


async def _changes(
    store: Store, after: int, wanted: Sequence[ColumnElement[bool]]
) -> AsyncGenerator[Change, None]:
    while True:
        async with store.reading() as connection:
            found = await connection.execute(
                select(table).where(table.c.seq > after, *wanted).order_by(table.c.seq).limit(PAGE)
            )
            page = found.all()
        for row in page:
            after = row.seq
            yield _change(row)
        if len(page) < PAGE:
            return


async def versoes_of(connection: AsyncConnection, chaves: Collection[str]) -> list[dict[str, Any]]:
    """The keys of all rows in `versoes` of these documents: the feed was told of each, of some
    more than once.
    """
    found = await connection.execute(
        select(table.c.cnpj, table.c.chave, table.c.after).where(table.c.chave.in_(chaves))
    )
    return [
        {"cnpj": row.cnpj, "versao": row.after["versao"], "chave": row.chave}
        for row in found
        if row.after and "versao" in row.after
    ]


def _change(row: Any) -> Change:
    what = row.what
    with suppress(ValueError):  # a newer release may tell of more
        what = What(what)
    return Change(
        seq=row.seq,
        cnpj=row.cnpj,
        chave=row.chave,
        what=what,
        before=row.before or {},
        after=row.after or {},
        at=row.at,
    )
