"""What is fetched first, what waits how long, and what is late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from focus_cte import ChaveAcesso
from focus_cte.mirror import wanted
from focus_cte.mirror.models import Kind, State
from focus_cte.mirror.schema import ctes, cursors, files, recebimentos
from focus_cte.mirror.store import Store

CNPJ, OTHER = "28730186000153", "11222333000181"
NOW = datetime(2026, 8, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def chave(number: int) -> str:
    return str(ChaveAcesso.parse(f"432607698597810001705700200000{number:04}1899797533"))


async def put(store: Store, number: int, *kinds: Kind, **columns: Any) -> str:
    """A document received by CNPJ, with files of these kinds wanted since a moment ago."""
    key = chave(number)
    own = {name: columns.pop(name) for name in [*columns] if name in ctes.c}
    cnpj = columns.pop("cnpj", CNPJ)
    row = {
        "state": str(State.WANTED),
        "attempts": 0,
        "wanted_at": NOW - timedelta(minutes=1),
        "next_try": NOW,
        **columns,
    }
    async with store.writing() as writer:
        await writer.upsert(ctes, [{"chave": key, "prazo_estimado": True, **own}])
        received = {"cnpj": cnpj, "chave": key, "versao": number, "first_seen": NOW}
        await writer.upsert(recebimentos, [received])
        await writer.upsert(files, [{"chave": key, "kind": str(kind), **row} for kind in kinds])
    return key


async def due(store: Store, limit: int = 99, **filters: Any) -> list[tuple[int, Kind]]:
    """Numbers and kinds, in order."""
    async with store.reading() as connection:
        found = await wanted.next_due(connection, wanted.due(CNPJ, NOW, limit, **filters))
        every = {"kinds": tuple(Kind), "xml_since": None, **filters}
        count = await connection.scalar(wanted.count_due(CNPJ, NOW, **every))
    assert len(found) == min(count, limit)
    return [(int(each.chave[30:34]), each.kind) for each in found]


async def test_files_are_due_by_rank_and_within_it_the_most_urgent_first(store: Store) -> None:
    month, old = "2026-07", "2025-12"
    await put(store, 1, Kind.DACTE, Kind.XML, competencia=old, emissao=NOW - 300 * DAY)
    await put(store, 2, Kind.XML, competencia=old, emissao=NOW - 200 * DAY)
    await put(store, 3, Kind.XML, competencia=month, emissao=NOW - 20 * DAY, prazo=NOW - DAY)
    await put(store, 4, Kind.XML, competencia=month, emissao=NOW - 10 * DAY)
    await put(store, 5, Kind.CANCELAMENTO, emissao=NOW)
    await put(store, 6, Kind.CARTA_CORRECAO, emissao=NOW - DAY, prazo=NOW + 9 * DAY)
    await put(store, 7, Kind.CARTA_CORRECAO, emissao=NOW - DAY, prazo=NOW + 8 * DAY)
    await put(store, 8, Kind.XML, emissao=NOW, prazo=NOW + 5 * DAY)
    await put(store, 9, Kind.XML, emissao=NOW - DAY, prazo=NOW + 4 * DAY)
    await put(store, 10, Kind.XML)
    order = [
        (9, Kind.XML),
        (8, Kind.XML),
        (7, Kind.CARTA_CORRECAO),
        (6, Kind.CARTA_CORRECAO),
        (5, Kind.CANCELAMENTO),
        (4, Kind.XML),
        (3, Kind.XML),
        (2, Kind.XML),
        (1, Kind.XML),
        (10, Kind.XML),
        (1, Kind.DACTE),
    ]
    assert await due(store) == order
    assert await due(store, 4) == order[:4]
    assert await due(store, kinds=[Kind.DACTE]) == [(1, Kind.DACTE)]
    async with store.reading() as connection:
        counted = await wanted.backlog(connection, CNPJ, NOW)
        without = await wanted.backlog(connection, CNPJ, NOW, dacte=False)
    assert counted == {1: 2, 2: 3, 3: 2, 4: 3, 5: 1}
    assert without == {**counted, 5: 0}


@pytest.mark.parametrize(
    ("now", "first", "second"),
    [
        (datetime(2026, 8, 1, 2, tzinfo=UTC), "2026-07", "2026-06"),
        (datetime(2026, 8, 1, 3, tzinfo=UTC), "2026-08", "2026-07"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01", "2025-12"),
    ],
)
async def test_a_month_begins_at_its_local_midnight(
    store: Store, now: datetime, first: str, second: str
) -> None:
    months = ("2025-11", "2025-12", "2026-01", "2026-05", "2026-06", "2026-07", "2026-08")
    for number, month in enumerate(months):
        await put(store, number, Kind.XML, competencia=month)
    async with store.reading() as connection:
        statement = select(ctes.c.competencia, wanted.rank(now)).select_from(
            files.join(ctes, ctes.c.chave == files.c.chave)
        )
        ranks = {row[0]: row[1] for row in await connection.execute(statement)}
    assert {month for month, rank in ranks.items() if rank == 3} == {first, second}


async def test_only_what_is_wanted_and_due_of_this_cnpj_is_due(store: Store) -> None:
    await put(store, 1, Kind.XML)
    await put(store, 2, Kind.XML, state=str(State.REJECTED))
    for number, state in enumerate([State.STORED, State.DROPPED, State.MISSING], 3):
        await put(store, number, Kind.XML, state=str(state))
    await put(store, 6, Kind.XML, next_try=NOW + timedelta(microseconds=1))
    await put(store, 7, Kind.XML, next_try=None)
    await put(store, 8, Kind.XML, cnpj=OTHER)
    assert await due(store) == [(1, Kind.XML), (2, Kind.XML)]


async def test_what_was_emitted_before_a_day_there_is_not_wanted(store: Store) -> None:
    since = date(2026, 7, 10)
    moments: Sequence[tuple[int, str]] = [
        (1, "2026-07-09T23:59:59-03:00"),
        (2, "2026-07-10T00:00:00-03:00"),
        (3, "2026-07-09T23:59:59-05:00"),
        (4, "2026-07-10T00:00:00-05:00"),
        (5, "2026-07-09T23:59:59-02:00"),
        (6, "2026-07-10T00:00:00-02:00"),
    ]
    for number, text in moments:
        emissao = datetime.fromisoformat(text)
        offset = int(text[-6:-3]) * 60
        await put(store, number, Kind.XML, emissao=emissao, emissao_offset=offset)
    await put(store, 7, Kind.XML)
    found = await due(store, xml_since=since)
    assert sorted(number for number, _ in found) == [2, 4, 6, 7]
    async with store.reading() as connection:
        assert (await wanted.backlog(connection, CNPJ, NOW, xml_since=since))[4] == 4
    assert len(await due(store, xml_since=date.min)) == 7


async def test_what_was_wanted_more_than_a_day_ago_is_overdue(store: Store) -> None:
    await put(store, 1, Kind.XML, wanted_at=NOW - DAY)
    await put(store, 2, Kind.XML, wanted_at=NOW - DAY - timedelta(seconds=1), next_try=NOW + DAY)
    await put(store, 3, Kind.XML, wanted_at=NOW - 9 * DAY, state=str(State.STORED))
    await put(store, 4, Kind.DACTE, wanted_at=NOW - 9 * DAY)
    async with store.reading() as connection:
        assert await wanted.overdue(connection, CNPJ, NOW) == 2
        assert await wanted.overdue(connection, CNPJ, NOW, dacte=False) == 1
        assert await wanted.overdue(connection, OTHER, NOW) == 0


def test_the_waits_double_to_six_hours_then_are_a_day_and_end_after_sixty() -> None:
    now, tries = NOW, []
    attempts = 0
    while (again := wanted.next_try(NOW, attempts := attempts + 1, now)) is not None:
        tries.append(again - now)
        now = again
    minutes = [wait / timedelta(minutes=1) for wait in tries]
    assert minutes[:9] == [5, 10, 20, 40, 80, 160, 320, 360, 360]
    assert set(minutes[9:-53]) == {360}
    assert set(minutes[-53:]) == {1440}
    assert timedelta(days=60) <= now - NOW < timedelta(days=61)


def test_a_failure_is_tried_again_sooner_and_never_given_up() -> None:
    waits = [wanted.after_failure(NOW, attempts, NOW) - NOW for attempts in (1, 2, 3, 99)]
    minute = timedelta(minutes=1)
    assert waits == [minute, 2 * minute, 4 * minute, timedelta(hours=6)]
    late = NOW + 99 * DAY
    assert wanted.after_failure(NOW, 99, late) == late + DAY


async def test_a_dacte_is_wanted_once_of_each_document_that_is_wanted(store: Store) -> None:
    await put(store, 1, Kind.XML)
    stored = await put(store, 2, Kind.DACTE, state=str(State.STORED))
    await put(store, 3, cnpj=OTHER)
    await put(store, 4, emissao=NOW - 90 * DAY, emissao_offset=-180)
    for _ in range(2):
        async with store.writing() as writer:
            dialect = writer.connection.dialect.name
            day = (NOW - DAY).date()
            statement = wanted.want_dactes(dialect, store.origin or "", CNPJ, NOW, day)
            await writer.connection.execute(statement)
    assert await due(store, kinds=[Kind.DACTE]) == [(1, Kind.DACTE)]
    async with store.reading() as connection:
        found = (await connection.execute(select(files))).all()
    assert len(found) == 3
    assert {row.origin for row in found} == {store.origin}
    assert [row.state for row in found if row.chave == stored] == [str(State.STORED)]


async def test_events_and_prints_of_anothers_freight_are_dropped_not_those_of_the_unknown(
    store: Store,
) -> None:
    kinds = (Kind.XML, Kind.CANCELAMENTO, Kind.DACTE)
    third = "60701190000104"
    async with store.writing() as writer:
        await writer.insert(cursors, [{"cnpj": OTHER, "versao": 1}])
    for number, tomador in enumerate([CNPJ, OTHER, third, None], 1):
        await put(store, number, *kinds, tomador=tomador)
    await put(store, 5, *kinds, tomador=third, cnpj=OTHER)
    async with store.writing() as writer:
        await writer.connection.execute(wanted.drop_of_others(CNPJ))
    async with store.reading() as connection:
        statement = select(files.c.chave, files.c.kind).where(files.c.state == str(State.DROPPED))
        dropped = {(int(row.chave[30:34]), row.kind) for row in await connection.execute(statement)}
    assert dropped == {(3, "cancelamento"), (3, "dacte")}
