"""The feed: in order, without a gap, nothing open while somebody works on a change."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from focus_cte import InvalidArgument
from focus_cte.mirror import feed
from focus_cte.mirror.models import What
from focus_cte.mirror.schema import changes
from focus_cte.mirror.store import Store

CNPJ = "24178617000110"
CHAVE = "35260712345678000195570010000000011000000017"


async def tell(store: Store, count: int, what: str = "received") -> None:
    async with store.writing() as writer:
        for number in range(count):
            writer.change(CNPJ, CHAVE, what, before={"n": number}, after={"n": number + 1})


async def seqs(store: Store, after: int = 0) -> list[int]:
    return [change.seq async for change in feed.changes(store, after)]


@pytest.mark.parametrize("count", [0, 1, feed.PAGE - 1, feed.PAGE, 2 * feed.PAGE + 1])
async def test_every_change_comes_once_in_order(store: Store, count: int) -> None:
    await tell(store, count)
    assert await seqs(store) == list(range(1, count + 1))


async def test_it_goes_on_behind_the_number_that_was_kept(store: Store) -> None:
    await tell(store, 700)
    assert await seqs(store, 640) == list(range(641, 701))
    assert await seqs(store, 700) == []
    assert await seqs(store, 2**63 - 1) == []


async def test_a_change_says_what_happened_to_what(store: Store) -> None:
    await tell(store, 1)
    (change,) = [change async for change in feed.changes(store)]
    assert (change.cnpj, change.chave, change.what) == (CNPJ, CHAVE, What.RECEIVED)
    assert (change.before, change.after) == ({"n": 0}, {"n": 1})
    assert isinstance(change.what, What)
    assert change.at.utcoffset() is not None


async def test_a_kind_of_change_not_known_here_stays_as_it_is(store: Store) -> None:
    await tell(store, 1, "invented later")
    assert [change.what async for change in feed.changes(store)] == ["invented later"]


async def test_what_was_purged_has_its_number_and_is_empty(store: Store) -> None:
    await tell(store, 2)
    async with store.writing() as writer:
        await writer.connection.execute(
            update(changes).where(changes.c.seq == 1).values(before=None, after=None)
        )
    first, second = [change async for change in feed.changes(store)]
    assert (first.seq, first.before, first.after) == (1, {}, {})
    assert second.after == {"n": 2}


async def test_who_reads_may_write_and_stop_where_they_like(store: Store) -> None:
    """No transaction is open across a yield: with one, SQLite and a pool of one would wait."""
    await tell(store, feed.PAGE + 3)
    seen = []
    async for change in feed.changes(store):
        seen.append(change.seq)
        if change.seq in (1, feed.PAGE):
            await tell(store, 1)
            assert store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert seen == list(range(1, feed.PAGE + 6))
    async for _ in feed.changes(store):
        assert store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        break


@pytest.mark.parametrize("after", [-1, 1.0, "1", None, True, 2**63])
def test_what_is_no_number_is_refused_at_once(after: Any) -> None:
    with pytest.raises(InvalidArgument, match="after"):
        feed.changes(Store("sqlite:///unused.db"), after)
