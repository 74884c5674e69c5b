"""How a CNPJ stands, from the archive alone; and what a sync did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from focus_cte import InvalidArgument, Situacao, parse_cnpj
from focus_cte.mirror import wanted
from focus_cte.mirror.models import Report, State, Status
from focus_cte.mirror.schema import (
    ctes,
    cursors,
    desacordos,
    files,
    invalid,
    recebimentos,
    with_offset,
)
from focus_cte.mirror.store import Store

if TYPE_CHECKING:
    from focus_cte.mirror.fetch import Fetched
    from focus_cte.mirror.pull import Pulled

_HISTORY = 50
"""Documents whose dates of issue tell how often others are to be expected."""
_FEWEST = 5
_SHORTEST = timedelta(days=3)
"""Silence over a long weekend is none."""
_OVER = (str(Situacao.CANCELADA), str(Situacao.DENEGADA))
_MEAN_GAPS = 7
_LONGEST_GAPS = 2


async def status(store: Store, cnpj: str) -> Status:
    """How a CNPJ stands. Raises `InvalidArgument` for one that was never synced here."""
    cnpj = parse_cnpj(cnpj)
    now = store.clock()
    async with store.reading() as connection:
        found = await connection.execute(select(cursors).where(cursors.c.cnpj == cnpj))
        cursor = found.one_or_none()
        if cursor is None:
            raise InvalidArgument(f"{cnpj} is not in this archive: sync it first")
        emissions = await _emissions(connection, cnpj)
        received = select(func.count()).where(recebimentos.c.cnpj == cnpj)
        documents = await connection.scalar(received)
        states = await _states(connection, cnpj)
        prazo = await _nearest_prazo(connection, cnpj, now)
        backlog = await wanted.backlog(connection, cnpj, now)
        overdue = await wanted.overdue(connection, cnpj, now)
        unusable = await connection.scalar(
            select(func.count())
            .select_from(invalid)
            .where(invalid.c.cnpj == cnpj, invalid.c.resolved_at.is_(None))
        )
    return Status(
        cnpj=cnpj,
        versao=cursor.versao,
        checked_at=cursor.checked_at,
        changed_at=cursor.changed_at,
        last_document=emissions[0] if emissions else None,
        documents=documents or 0,
        files=states.get(State.STORED, 0),
        backlog=backlog,
        overdue=overdue,
        rejected=states.get(State.REJECTED, 0),
        missing=states.get(State.MISSING, 0),
        invalid=unusable or 0,
        nearest_prazo=prazo,
        days_left=None if prazo is None else (prazo - now) // timedelta(days=1),
        blocked=cursor.blocked,
        silent=silent(emissions, now, heard=cursor.changed_at),
    )


async def cnpjs(store: Store) -> tuple[str, ...]:
    """The CNPJs that have been synced, in order."""
    async with store.reading() as connection:
        found = await connection.scalars(select(cursors.c.cnpj))
        return tuple(sorted(found))


async def report(
    store: Store,
    cnpj: str,
    pulled: Pulled,
    fetched: Fetched,
    requests: int,
    *,
    dacte: bool,
    xml_since: date | None,
) -> Report:
    """What a sync did, and what is left to do of what it was asked for."""
    async with store.reading() as connection:
        now = store.clock()
        backlog = await wanted.backlog(connection, cnpj, now, dacte=dacte, xml_since=xml_since)
        overdue = await wanted.overdue(connection, cnpj, now, dacte=dacte, xml_since=xml_since)
    return Report(
        cnpj=cnpj,
        new=pulled.new,
        changed=pulled.changed,
        files=fetched.files,
        pending=sum(backlog.values()),
        overdue=overdue,
        invalid=pulled.invalid,
        rejected=tuple(fetched.rejected),
        unverified=tuple(fetched.unverified),
        failed=tuple(fetched.failed),
        versao=pulled.versao,
        requests=requests,
    )


def silent(emissions: Iterable[datetime], now: datetime, *, heard: datetime | None = None) -> bool:
    """Whether no document for so long is unlikely, by the dates of issue of the last ones.

    More than 7 times the mean gap between them, and twice the longest, and three days: since the
    last of them, and since the listing last had news. Fewer than 5 documents tell nothing.
    """
    dates = sorted(emissions)
    if len(dates) < _FEWEST:
        return False
    gaps = [later - earlier for earlier, later in pairwise(dates)]
    mean = (dates[-1] - dates[0]) / len(gaps)
    quiet = now - max(dates[-1], heard or dates[-1])
    return quiet >= _SHORTEST and quiet > _MEAN_GAPS * mean and quiet > _LONGEST_GAPS * max(gaps)


async def _emissions(connection: AsyncConnection, cnpj: str) -> list[datetime]:
    """Of the latest documents, the newest first."""
    found = await connection.execute(
        select(ctes.c.emissao, ctes.c.emissao_offset)
        .join(recebimentos, recebimentos.c.chave == ctes.c.chave)
        .where(recebimentos.c.cnpj == cnpj, ctes.c.emissao.is_not(None))
        .order_by(ctes.c.emissao.desc())
        .limit(_HISTORY)
    )
    dates = [with_offset(row.emissao, row.emissao_offset) for row in found]
    return [each for each in dates if each is not None]


async def _states(connection: AsyncConnection, cnpj: str) -> Mapping[str, int]:
    found = await connection.execute(
        select(files.c.state, func.count())
        .join(recebimentos, recebimentos.c.chave == files.c.chave)
        .where(
            recebimentos.c.cnpj == cnpj,
            files.c.state.in_([str(State.STORED), str(State.REJECTED), str(State.MISSING)]),
        )
        .group_by(files.c.state)
    )
    return {row[0]: row[1] for row in found}


async def _nearest_prazo(connection: AsyncConnection, cnpj: str, now: datetime) -> datetime | None:
    """The nearest end of a term that may matter: somebody has to look before it."""
    registered = exists().where(
        desacordos.c.chave == ctes.c.chave, desacordos.c.outcome == "registered"
    )
    found: Any = await connection.scalar(
        select(ctes.c.prazo)
        .join(recebimentos, recebimentos.c.chave == ctes.c.chave)
        .where(
            recebimentos.c.cnpj == cnpj,
            or_(ctes.c.situacao.is_(None), ctes.c.situacao.not_in(_OVER)),
            or_(ctes.c.tomador == cnpj, ctes.c.tomador.is_(None)),
            ctes.c.prazo > now,
            ~registered,
        )
        .order_by(ctes.c.prazo)
        .limit(1)
    )
    return found if isinstance(found, datetime) else None
