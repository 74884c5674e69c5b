"""How a CNPJ stands: silence is not health, and only what can still be done is counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from focus_cte import InvalidArgument
from focus_cte.mirror import standing
from focus_cte.mirror.models import Report
from focus_cte.mirror.schema import (
    ctes,
    cursors,
    desacordos,
    files,
    instant,
    invalid,
    recebimentos,
)
from focus_cte.mirror.store import Store

OURS, OTHER = "24178617000110", "11222333000181"
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def chave(number: int) -> str:
    return f"352607123456780001955700100000{number:04}1000000017"


@pytest.fixture
async def archive(store: Store) -> Store:
    """Synced once, without a document."""
    store.clock = lambda: NOW
    async with store.writing() as writer:
        row = {"cnpj": OURS, "versao": 42, "checked_at": NOW - DAY, "blocked": None}
        await writer.insert(cursors, [row])
    return store


async def put(store: Store, number: int, *, cnpj: str = OURS, **columns: Any) -> None:
    plain = {
        "chave": chave(number),
        "situacao": "autorizada",
        "prazo": NOW + 10 * DAY,
        "prazo_estimado": True,
        **instant("emissao", NOW - DAY),
    }
    async with store.writing() as writer:
        await writer.insert(ctes, [{**plain, **columns}])
        row = {"cnpj": cnpj, "chave": chave(number), "versao": number, "first_seen": NOW}
        await writer.insert(recebimentos, [row])


async def put_file(store: Store, number: int, state: str, **columns: Any) -> None:
    plain = {
        "chave": chave(number),
        "kind": "xml",
        "state": state,
        "wanted_at": NOW,
        "next_try": NOW,
    }
    async with store.writing() as writer:
        await writer.insert(files, [{**plain, **columns}])


async def test_a_cnpj_without_documents_stands_empty(archive: Store) -> None:
    found = await standing.status(archive, "24.178.617/0001-10")
    assert (found.cnpj, found.versao, found.checked_at) == (OURS, 42, NOW - DAY)
    assert (found.last_document, found.nearest_prazo, found.days_left) == (None, None, None)
    assert (found.documents, found.files) == (0, 0)
    assert sum(found.backlog.values()) == 0
    assert (found.overdue, found.rejected, found.missing, found.invalid) == (0, 0, 0, 0)
    assert not found.silent


async def test_a_cnpj_that_was_never_synced_is_named(archive: Store) -> None:
    with pytest.raises(InvalidArgument, match=OTHER):
        await standing.status(archive, OTHER)


async def test_those_that_were_synced_are_told_in_order(archive: Store) -> None:
    async with archive.writing() as writer:
        await writer.insert(cursors, [{"cnpj": "12ABC34501DE35", "versao": 0, "blocked": "403"}])
        await writer.insert(cursors, [{"cnpj": OTHER, "versao": 0, "blocked": None}])
    assert await standing.cnpjs(archive) == (OTHER, "12ABC34501DE35", OURS)


async def test_what_waits_is_counted_and_what_is_another_s_is_not(archive: Store) -> None:
    for number in range(1, 6):
        await put(archive, number)
    await put(archive, 6, cnpj=OTHER)
    await put_file(archive, 1, "wanted")
    await put_file(archive, 2, "wanted", wanted_at=NOW - 2 * DAY)
    await put_file(archive, 3, "rejected")
    await put_file(archive, 4, "missing", next_try=None)
    await put_file(archive, 5, "stored", next_try=None)
    await put_file(archive, 5, "wanted", kind="dacte")
    await put_file(archive, 6, "wanted")
    async with archive.writing() as writer:
        plain = {"why": "no key", "versao": 1, "seen_at": NOW, "raw": {}}
        rows = [
            {**plain, "id": "a", "cnpj": OURS, "resolved_at": None},
            {**plain, "id": "b", "cnpj": OURS, "resolved_at": NOW},
            {**plain, "id": "c", "cnpj": OTHER, "resolved_at": None},
        ]
        await writer.insert(invalid, rows)
    found = await standing.status(archive, OURS)
    assert {rank: n for rank, n in found.backlog.items() if n} == {1: 3, 5: 1}
    assert (found.overdue, found.rejected, found.missing, found.invalid) == (1, 1, 1, 1)


async def test_what_it_received_and_has_of_it_is_counted(archive: Store) -> None:
    for number, cnpj in ((1, OURS), (2, OURS), (3, OURS), (4, OTHER)):
        await put(archive, number, cnpj=cnpj)
        await put_file(archive, number, "wanted" if number == 3 else "stored")
    await put_file(archive, 1, "stored", kind="dacte")
    await put_file(archive, 2, "dropped", kind="dacte")
    async with archive.writing() as writer:
        both = {"cnpj": OTHER, "chave": chave(1), "versao": 9, "first_seen": NOW}
        await writer.insert(recebimentos, [both])
    found = await standing.status(archive, OURS)
    assert (found.documents, found.files) == (3, 3)


async def test_why_a_listing_was_refused_is_told(archive: Store) -> None:
    async with archive.writing() as writer:
        await writer.upsert(
            cursors, [{"cnpj": OURS, "versao": 42, "blocked": "401: Access denied"}]
        )
    assert (await standing.status(archive, OURS)).blocked == "401: Access denied"


async def test_the_latest_document_is_told_as_it_came(archive: Store) -> None:
    latest = datetime.fromisoformat("2026-07-31T23:30:00-03:00")
    await put(archive, 1, **instant("emissao", latest))
    await put(archive, 2, **instant("emissao", latest - DAY))
    await put(archive, 3, emissao=None, emissao_offset=None)
    found = (await standing.status(archive, OURS)).last_document
    assert found is not None
    assert found.isoformat() == latest.isoformat()


@pytest.mark.parametrize(
    ("nearer", "counts"),
    [
        ({"tomador": OURS}, True),
        ({"tomador": None}, True),
        ({"tomador": OTHER}, False),
        ({"situacao": "cancelada"}, False),
        ({"situacao": "denegada"}, False),
        ({"cnpj": OTHER}, False),
        ({"prazo": NOW}, False),
        ({"prazo": NOW - DAY}, False),
        ({"prazo": None}, False),
    ],
)
async def test_the_nearest_end_of_a_term_is_of_a_document_that_may_be_disputed(
    archive: Store, nearer: dict[str, Any], counts: bool
) -> None:
    await put(archive, 1, tomador=OURS, prazo=NOW + 10 * DAY)
    await put(archive, 2, **{"prazo": NOW + 3.5 * DAY, **nearer})
    found = await standing.status(archive, OURS)
    assert found.nearest_prazo == NOW + (3.5 if counts else 10) * DAY
    assert found.days_left == (3 if counts else 10)


@pytest.mark.parametrize("outcome", ["registered", "refused", None])
async def test_what_has_a_desacordo_is_not_waited_for(archive: Store, outcome: str | None) -> None:
    await put(archive, 1, prazo=NOW + DAY)
    async with archive.writing() as writer:
        row = {
            "id": "1",
            "step": "outcome",
            "chave": chave(1),
            "cnpj": OURS,
            "actor": "ana",
            "observacoes": "x",
            "outcome": outcome,
            "answer": {},
            "at": NOW,
        }
        await writer.insert(desacordos, [row])
    left = (await standing.status(archive, OURS)).days_left
    assert left == (None if outcome == "registered" else 1)


def ago(*days: float) -> list[datetime]:
    return [NOW - each * DAY for each in days]


@pytest.mark.parametrize(
    ("emissions", "silent"),
    [
        ([], False),
        (ago(400, 399, 398, 397), False),  # too few to tell
        (ago(400, 399, 398, 397, 396), True),
        (ago(12, 11, 10, 9, 8), True),  # 8 days, after one a day
        (ago(11, 10, 9, 8, 7), False),  # 7 times the mean, and not more
        (ago(11.1, 10.1, 9.1, 8.1, 7.1), True),
        (ago(48, 18, 17, 16, 15), False),  # the mean gap is 8.25, and there was one of 30
        (ago(30.5, 20.5, 20.4, 20.3, 20.2), True),
        # 16 days are 7 times the mean, and there was a gap of 20 before.
        (ago(40.8, 20.8, 20.7, 20.6, 20.5, 20.4, 20.3, 20.2, 20.1, 20), False),
        (ago(61.8, 41.8, 41.7, 41.6, 41.5, 41.4, 41.3, 41.2, 41.1, 41), True),
        (ago(2.8, 2.8, 2.8, 2.8, 2.8), False),  # under three days
        (ago(3.1, 3.1, 3.1, 3.1, 3.1), True),
        (ago(4, 3, 2, 1, -9), False),  # dated in the future
    ],
)
def test_silence_is_longer_than_the_history_makes_likely(
    emissions: list[datetime], silent: bool
) -> None:
    assert standing.silent(emissions, NOW) is silent
    assert standing.silent(reversed(emissions), NOW) is silent


async def test_a_silent_cnpj_is_told(archive: Store) -> None:
    for number in range(60):
        moment = NOW - (20 + number) * DAY
        await put(archive, number, **instant("emissao", moment))
    assert (await standing.status(archive, OURS)).silent
    archive.clock = lambda: NOW - 15 * DAY
    assert not (await standing.status(archive, OURS)).silent


async def test_what_came_just_now_is_no_silence_however_old_it_is(archive: Store) -> None:
    """As with a first sync of what the API has of last year."""
    for number in range(60):
        await put(archive, number, **instant("emissao", NOW - (20 + number) * DAY))
    async with archive.writing() as writer:
        await writer.connection.execute(update(cursors).values(changed_at=NOW - DAY))
    assert not (await standing.status(archive, OURS)).silent
    archive.clock = lambda: NOW + 9 * DAY
    assert (await standing.status(archive, OURS)).silent


async def test_only_the_latest_documents_tell_what_is_likely(archive: Store) -> None:
    """Years ago there was a gap of a thousand days."""
    for number in range(50):
        await put(archive, number, **instant("emissao", NOW - (20 + number) * DAY))
    await put(archive, 99, **instant("emissao", NOW - 1100 * DAY))
    assert (await standing.status(archive, OURS)).silent


async def test_a_report_has_what_was_done_and_what_is_left_of_what_was_asked_for(
    archive: Store,
) -> None:
    await put(archive, 1)
    await put(archive, 2, **instant("emissao", NOW - 300 * DAY))
    await put_file(archive, 1, "wanted", wanted_at=NOW - 2 * DAY)
    await put_file(archive, 1, "wanted", kind="dacte")
    await put_file(archive, 2, "wanted")
    pulled: Any = SimpleNamespace(versao=42, new=2, changed=1, invalid=3)
    fetched: Any = SimpleNamespace(files=4, rejected=["r"], unverified=("u",), failed=())
    done = await standing.report(
        archive, OURS, pulled, fetched, 9, dacte=False, xml_since=date(2026, 7, 1)
    )
    assert done == Report(
        cnpj=OURS,
        new=2,
        changed=1,
        files=4,
        pending=1,
        overdue=1,
        invalid=3,
        rejected=("r",),
        unverified=("u",),
        failed=(),
        versao=42,
        requests=9,
    )
    full = await standing.report(archive, OURS, pulled, fetched, 9, dacte=True, xml_since=None)
    assert (full.pending, full.overdue) == (3, 1)
