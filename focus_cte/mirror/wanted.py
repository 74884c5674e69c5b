"""Which files are wanted, in which order, and when one that was not there is asked for again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import attrs
from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from focus_cte.mirror import dialects
from focus_cte.mirror.models import Kind, State
from focus_cte.mirror.schema import Instant, ctes, cursors, files, recebimentos

FIRST = timedelta(minutes=5)
FIRST_AFTER_A_FAILURE = timedelta(minutes=1)
LONGEST = timedelta(hours=6)
OFTEN = timedelta(days=7)
"""After it was wanted: until then the waits grow to the longest, later they are a day each."""
DAILY = timedelta(days=1)
GIVEN_UP = timedelta(days=60)
OVERDUE = timedelta(hours=24)
RANKS = (1, 2, 3, 4, 5)
PENDING = (str(State.WANTED), str(State.REJECTED))

_BRASILIA = timezone(timedelta(hours=-3))
_OFFSETS = (0, -120, -180, -240, -300)
"""Minutes: those that Brazil's documents come with, and UTC."""
_FIRST_INSTANT = literal(datetime.min.replace(tzinfo=UTC), Instant())
_LAST_INSTANT = literal(datetime.max.replace(tzinfo=UTC), Instant())


@attrs.frozen
class Due:
    """A file to be fetched, and what is known of it."""

    chave: str
    kind: Kind
    state: State
    attempts: int
    wanted_at: datetime
    path: str | None
    """Of the file that there was before, as the next two; None where there was none."""
    sha256: str | None
    size: int | None
    digest_value: str | None
    """The listing's."""


def next_try(
    wanted_at: datetime, attempts: int, now: datetime, *, first: timedelta = FIRST
) -> datetime | None:
    """When to ask again for a file that was not there, after so many attempts; None for never."""
    age = now - wanted_at
    if age >= GIVEN_UP:
        return None
    if age >= OFTEN:
        return now + DAILY
    return now + min(LONGEST, first * (1 << min(max(attempts, 1) - 1, 20)))


def after_failure(wanted_at: datetime, attempts: int, now: datetime) -> datetime:
    """When to try again after a failure, which says nothing of the file: never given up."""
    again = next_try(wanted_at, attempts, now, first=FIRST_AFTER_A_FAILURE)
    return again or now + DAILY


def rank(now: datetime) -> ColumnElement[int]:
    """Of a row of `files` joined with `ctes`: 1, which is fetched first, to 5.

    A document that can still be disputed cannot wait, and neither can what befell it; then comes
    what the books of this month need, then the rest; a DACTE is only a print of what is here.
    """
    return case(
        (files.c.kind == str(Kind.DACTE), 5),
        (files.c.kind != str(Kind.XML), 2),
        (ctes.c.prazo > now, 1),
        (ctes.c.competencia.in_(_months(now)), 3),
        else_=4,
    )


def due(
    cnpj: str,
    now: datetime,
    limit: int,
    *,
    kinds: Collection[Kind] = tuple(Kind),
    xml_since: date | None = None,
) -> Select[Any]:
    """The next files of a CNPJ to be fetched: the columns of `Due`, in order."""
    ends_first = case((ctes.c.prazo > now, ctes.c.prazo), else_=_LAST_INSTANT)
    columns = (files.c[name] for name in ("chave", "kind", "state", "attempts", "wanted_at"))
    return (
        select(*columns, files.c.path, files.c.sha256, files.c.size, ctes.c.digest_value)
        .select_from(_OF_A_CNPJ)
        .where(_due(cnpj, now, kinds, xml_since))
        .order_by(
            rank(now),
            ends_first,
            func.coalesce(ctes.c.emissao, _FIRST_INSTANT).desc(),
            files.c.chave,
            files.c.kind,
        )
        .limit(limit)
    )


def count_due(
    cnpj: str, now: datetime, *, kinds: Collection[Kind], xml_since: date | None
) -> Select[Any]:
    """How many files `due` finds, without a limit."""
    counted = select(func.count()).select_from(_OF_A_CNPJ)
    return counted.where(_due(cnpj, now, kinds, xml_since))


async def next_due(connection: AsyncConnection, statement: Select[Any]) -> list[Due]:
    """What a statement made by `due` finds."""
    return [
        Due(row[0], Kind(row[1]), State(row[2]), *row[3:])
        for row in await connection.execute(statement)
    ]


async def backlog(
    connection: AsyncConnection,
    cnpj: str,
    now: datetime,
    *,
    dacte: bool = True,
    xml_since: date | None = None,
) -> Mapping[int, int]:
    """How many files of a CNPJ are wanted and not there, by rank; due now or later."""
    place = rank(now).label("place")
    counted = (
        select(place, func.count())
        .select_from(_OF_A_CNPJ)
        .where(_pending(cnpj, xml_since, dacte=dacte))
        .group_by(place)
    )
    found = {row[0]: row[1] for row in await connection.execute(counted)}
    return {number: found.get(number, 0) for number in RANKS}


async def overdue(
    connection: AsyncConnection,
    cnpj: str,
    now: datetime,
    *,
    dacte: bool = True,
    xml_since: date | None = None,
) -> int:
    """How many of them have been wanted for more than a day."""
    counted = (
        select(func.count())
        .select_from(_OF_A_CNPJ)
        .where(_pending(cnpj, xml_since, dacte=dacte), files.c.wanted_at < now - OVERDUE)
    )
    return await connection.scalar(counted) or 0


def want_dactes(
    dialect: str, origin: str, cnpj: str, now: datetime, xml_since: date | None
) -> Insert:
    """Have the DACTE of each document of a CNPJ fetched that has no row for it."""
    instant = literal(now, Instant())
    row = {
        "chave": recebimentos.c.chave,
        "kind": literal(str(Kind.DACTE)),
        "state": literal(str(State.WANTED)),
        "attempts": literal(0),
        "wanted_at": instant,
        "next_try": instant,
        "origin": literal(origin),
    }
    rows = (
        select(*row.values())
        .select_from(recebimentos.join(ctes, ctes.c.chave == recebimentos.c.chave))
        .where(recebimentos.c.cnpj == cnpj, _since(xml_since))
    )
    inserting = dialects.insertion(dialect, files).from_select(list(row), rows)
    statement: Insert = inserting.on_conflict_do_nothing()
    return statement


def drop_of_others(cnpj: str) -> Update:
    """Want no events and DACTEs of documents whose tomador is known and none of our CNPJs."""
    return (
        update(files)
        .where(
            files.c.state.in_(PENDING),
            files.c.kind != str(Kind.XML),
            files.c.chave.in_(_of_others(cnpj)),
        )
        .values(state=str(State.DROPPED), next_try=None)
    )


def _of_others(cnpj: str) -> Select[tuple[str]]:
    """The documents of a CNPJ for which none of ours pays."""
    return (
        select(ctes.c.chave)
        .join(recebimentos, recebimentos.c.chave == ctes.c.chave)
        .where(
            recebimentos.c.cnpj == cnpj,
            ctes.c.tomador.is_not(None),
            ctes.c.tomador.not_in(select(cursors.c.cnpj).union(select(literal(cnpj)))),
        )
    )


def dropped(cnpj: str, kinds: Collection[Kind], *, of_others: bool = True) -> ColumnElement[bool]:
    """The files of a CNPJ that an earlier run did not keep; all, or of freight that is ours now."""
    received = select(recebimentos.c.chave).where(recebimentos.c.cnpj == cnpj)
    return and_(
        files.c.state == str(State.DROPPED),
        files.c.kind.in_([str(kind) for kind in kinds]),
        files.c.chave.in_(received),
        true() if of_others else files.c.chave.not_in(_of_others(cnpj)),
    )


def want_again(which: ColumnElement[bool], now: datetime) -> Update:
    """Have these files fetched, as if they had never been tried."""
    state = str(State.WANTED)
    return update(files).where(which).values(state=state, attempts=0, wanted_at=now, next_try=now)


_OF_A_CNPJ = files.join(ctes, ctes.c.chave == files.c.chave).join(
    recebimentos, recebimentos.c.chave == files.c.chave
)


def _due(
    cnpj: str, now: datetime, kinds: Collection[Kind], since: date | None
) -> ColumnElement[bool]:
    return and_(
        _pending(cnpj, since),
        files.c.next_try <= now,
        files.c.kind.in_([str(kind) for kind in kinds]),
    )


def _pending(cnpj: str, since: date | None, *, dacte: bool = True) -> ColumnElement[bool]:
    wanted = and_(recebimentos.c.cnpj == cnpj, files.c.state.in_(PENDING), _since(since))
    return wanted if dacte else and_(wanted, files.c.kind != str(Kind.DACTE))


def _since(since: date | None) -> ColumnElement[bool]:
    """Emitted on that local day or later, or when is not known."""
    if since is None or since < date(2, 1, 1):  # an offset would lead out of time
        return true()
    midnight = datetime.combine(since, time(), UTC)
    starts = {
        minutes: literal(midnight - timedelta(minutes=minutes), Instant()) for minutes in _OFFSETS
    }
    start = case(starts, value=ctes.c.emissao_offset, else_=starts[-180])
    return or_(ctes.c.emissao.is_(None), ctes.c.emissao >= start)


def _months(now: datetime) -> tuple[str, str]:
    """This month and the last, as in `competencia`."""
    first = now.astimezone(_BRASILIA).replace(day=1)
    return f"{first:%Y-%m}", f"{first - timedelta(days=1):%Y-%m}"
