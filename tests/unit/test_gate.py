"""Who goes next: lanes, turns, slots and credits, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any, TypeAlias

import pytest
from samples import Clock, rate

from focus_cte import AuthenticationError, ClientClosed, Retry
from focus_cte._accounts import Account
from focus_cte._retry import Budget
from focus_cte.gate import Gate, Grant, Lane

PLENTY = 10_000


def an_account(
    remaining: int | None = PLENTY, *, limit: int = PLENTY, clock: Clock | None = None
) -> Account:
    """One with so many credits left; None: nothing is known."""
    account = Account(clock or Clock())
    if remaining is not None:
        first = account.reserve(leave=0, waiting=1)
        assert first is not None
        account.answered(first, rate(remaining, limit=limit))
    return account


def budget(account: Account) -> Budget:
    return Budget(Retry(), account.clock)


class Queue:
    """Requests that wait at a gate, and in what order they were let through."""

    def __init__(self, gate: Gate, account: Account) -> None:
        self.gate = gate
        self.account = account
        self.order: list[str] = []
        self.under_way = self.most = 0
        self.leave = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def add(self, what: str, lane: Lane, *, stay: bool = False) -> asyncio.Task[None]:
        task = asyncio.create_task(self._go(what, lane, stay))
        self.tasks.append(task)
        return task

    async def _go(self, what: str, lane: Lane, stay: bool) -> None:
        async with self.gate.admit(what, lane, budget(self.account)) as grant:
            self.order.append(what)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                await (self.leave.wait() if stay else asyncio.sleep(0))
            finally:
                self.under_way -= 1
            grant.answered({})

    async def all(self) -> list[str]:
        self.leave.set()
        async with asyncio.timeout(10):
            await asyncio.gather(*self.tasks)
        return self.order


QueueAt: TypeAlias = Callable[[Gate, Account], Queue]


@pytest.fixture
async def queue_at() -> AsyncIterator[QueueAt]:
    queues: list[Queue] = []

    def make(gate: Gate, account: Account) -> Queue:
        queues.append(Queue(gate, account))
        return queues[-1]

    yield make
    for queue in queues:
        queue.gate.close()
        for task in queue.tasks:
            task.cancel()
        await asyncio.gather(*queue.tasks, return_exceptions=True)


async def ticks(n: int = 10) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def test_no_more_go_at_once_than_there_are_slots(queue_at: QueueAt) -> None:
    account = an_account()
    queue = queue_at(Gate(account, slots=3, reserve=0), account)
    for n in range(20):
        queue.add(str(n), Lane.PROMPT)
    await queue.all()
    assert queue.most == 3


async def test_first_come_first_served_within_a_lane(queue_at: QueueAt) -> None:
    account = an_account()
    for lane in Lane:
        queue = queue_at(Gate(account, slots=1, reserve=0), account)
        for n in range(10):
            queue.add(str(n), lane)
        assert await queue.all() == [str(n) for n in range(10)]


async def test_many_downloads_do_not_hold_back_a_listing(queue_at: QueueAt) -> None:
    account = an_account()
    queue = queue_at(Gate(account, slots=1, reserve=0), account)
    for n in range(30):
        queue.add(f"xml {n}", Lane.BULK)
    await ticks(1)
    queue.add("listing", Lane.PROMPT)
    assert (await queue.all()).index("listing") <= 2


async def test_many_downloads_do_not_hold_back_a_listing_when_the_credits_are_back(
    queue_at: QueueAt,
) -> None:
    account = an_account(remaining=0)
    queue = queue_at(Gate(account, slots=1, reserve=0), account)
    for n in range(30):
        queue.add(f"xml {n}", Lane.BULK)
    await ticks()
    queue.add("listing", Lane.PROMPT)
    await ticks()
    assert queue.order == []
    later = account.wait(leave=0, waiting=1)
    assert later is not None
    assert isinstance(account.clock, Clock)
    account.clock.now += later
    queue.gate.changed()
    assert (await queue.all())[0] == "listing"


async def test_downloads_keep_a_share_while_listings_go_on(queue_at: QueueAt) -> None:
    account = an_account()
    queue = queue_at(Gate(account, slots=1, reserve=0), account)
    for n in range(4):
        queue.add(f"xml {n}", Lane.BULK)
    for n in range(30):
        queue.add(f"listing {n}", Lane.PROMPT)
    order = await queue.all()
    places = [order.index(f"xml {n}") for n in range(4)]
    assert places[0] <= 3
    assert [b - a for a, b in pairwise(places)] == [4, 4, 4]


async def test_a_desacordo_has_its_turn_among_the_listings(queue_at: QueueAt) -> None:
    account = an_account()
    queue = queue_at(Gate(account, slots=1, reserve=0), account)
    for what, lane in [("a", Lane.PROMPT), ("post", Lane.URGENT), ("b", Lane.PROMPT)]:
        queue.add(what, lane)
    assert await queue.all() == ["a", "post", "b"]


async def test_the_reserve_is_left_to_the_urgent(queue_at: QueueAt) -> None:
    account = an_account(remaining=3, limit=9)
    queue = queue_at(Gate(account, slots=9, reserve=2), account)
    for n in range(3):
        queue.add(f"listing {n}", Lane.PROMPT)
    queue.add("xml", Lane.BULK)
    await ticks()
    assert queue.order == ["listing 0"]
    queue.add("post", Lane.URGENT)
    queue.add("look up", Lane.URGENT)
    await ticks()
    assert queue.order == ["listing 0", "post", "look up"]


async def test_the_urgent_may_use_the_reserve_however_many_listings_wait(queue_at: QueueAt) -> None:
    account = an_account(remaining=5, limit=100)
    queue = queue_at(Gate(account, slots=9, reserve=5), account)
    for n in range(20):
        queue.add(f"listing {n}", Lane.PROMPT)
    queue.add("post", Lane.URGENT)
    await ticks()
    assert queue.order == ["post"]


async def test_one_slot_is_enough_for_one_after_the_other() -> None:
    account = an_account()
    gate = Gate(account, slots=1, reserve=0)
    admitted = []
    for what in ("post", "look up"):
        async with gate.admit(what, Lane.URGENT, budget(account)) as grant:
            grant.answered({})
            admitted.append(what)
    assert admitted == ["post", "look up"]


async def test_nothing_known_one_goes_first(queue_at: QueueAt) -> None:
    account = an_account(None)
    queue = queue_at(Gate(account, slots=8, reserve=0), account)
    async with queue.gate.admit("first", Lane.PROMPT, budget(account)) as grant:
        for n in range(4):
            queue.add(str(n), Lane.PROMPT, stay=True)
        await ticks()
        assert queue.order == []
        grant.answered(rate(50))
        await ticks()
        assert queue.under_way == 4, "its answer lets the others go, all at once"


@pytest.mark.parametrize("how", ["answered", "never left", "lost", "failed", "cancelled"])
async def test_however_a_request_ends_the_next_one_goes(how: str, queue_at: QueueAt) -> None:
    account = an_account(None)
    gate = Gate(account, slots=1, reserve=0)

    async def first() -> None:
        async with gate.admit("first", Lane.PROMPT, budget(account)) as grant:
            await asyncio.sleep(0)
            if how == "answered":
                grant.answered(rate(50))
            elif how == "never left":
                grant.never_left()
            elif how == "failed":
                raise OSError
            elif how == "cancelled":
                await asyncio.Event().wait()

    queue = queue_at(gate, account)
    task = asyncio.create_task(first())
    await ticks(1)
    queue.add("next", Lane.PROMPT)
    await ticks(3)
    if how == "cancelled":
        task.cancel()
    await asyncio.wait([task])
    assert await queue.all() == ["next"]
    assert how not in ("answered", "failed") or task.done()
    if how == "failed":
        assert isinstance(task.exception(), OSError)


async def test_a_request_that_never_left_gives_its_credit_back() -> None:
    account = an_account(remaining=1)
    gate = Gate(account, slots=2, reserve=0)
    async with gate.admit("a", Lane.PROMPT, budget(account)) as grant:
        assert account.credits.remaining == 0
        grant.never_left()
    assert account.credits.remaining == 1


async def test_a_credit_is_settled_once() -> None:
    account = an_account(remaining=5)
    gate = Gate(account, slots=2, reserve=0)
    async with gate.admit("a", Lane.PROMPT, budget(account)) as grant:
        grant.answered(rate(4))
        grant.never_left()
        grant.close()
    assert account.credits.remaining == 4


async def test_a_waiter_that_is_cancelled_leaves_the_queue(queue_at: QueueAt) -> None:
    account = an_account()
    queue = queue_at(Gate(account, slots=1, reserve=0), account)
    queue.add("a", Lane.PROMPT, stay=True)
    gone = queue.add("b", Lane.PROMPT)
    queue.add("c", Lane.PROMPT)
    await ticks()
    gone.cancel()
    await asyncio.wait([gone])
    queue.tasks.remove(gone)
    assert await queue.all() == ["a", "c"]


async def test_a_waiter_cancelled_after_its_grant_passes_it_on(queue_at: QueueAt) -> None:
    account = an_account(remaining=2, limit=9)
    queue = queue_at(Gate(account, slots=1, reserve=0), account)
    queue.add("a", Lane.PROMPT, stay=True)
    await ticks()
    gone = queue.add("b", Lane.PROMPT)
    queue.add("c", Lane.PROMPT)
    await ticks()
    queue.leave.set()
    await ticks(1)
    assert queue.order == ["a"]
    assert queue.under_way == 0, '"a" is out, and "b" has its grant but has not run since'
    gone.cancel()
    await asyncio.wait([gone])
    queue.tasks.remove(gone)
    assert await queue.all() == ["a", "c"], "neither slot nor credit is lost"
    assert account.credits.remaining == 0


async def test_close_wakes_everyone_and_admits_nobody(queue_at: QueueAt) -> None:
    account = an_account(remaining=0)
    queue = queue_at(Gate(account, slots=2, reserve=0), account)
    for what, lane in [("GET a", Lane.PROMPT), ("POST b", Lane.URGENT), ("GET c", Lane.BULK)]:
        queue.add(what, lane)
    await ticks()
    queue.gate.close()
    async with asyncio.timeout(5):
        failed = await asyncio.gather(*queue.tasks, return_exceptions=True)
    assert [type(error) for error in failed] == [ClientClosed] * 3
    assert [str(error).split(":")[0] for error in failed] == ["GET a", "POST b", "GET c"]
    with pytest.raises(ClientClosed):
        await queue.add("GET d", Lane.PROMPT)


async def test_a_refused_token_fails_all_waiters_at_once(queue_at: QueueAt) -> None:
    account = an_account()
    queue = queue_at(Gate(account, slots=1, reserve=0), account)

    async def refused() -> None:
        async with queue.gate.admit("GET x", Lane.PROMPT, budget(account)):
            await asyncio.sleep(0)
            account.refused(AuthenticationError("GET x: 401", status=401))

    first = asyncio.create_task(refused())
    await ticks(1)
    for n in range(20):
        queue.add(f"GET {n}", [Lane.PROMPT, Lane.BULK, Lane.URGENT][n % 3])
    failed = await asyncio.gather(*queue.tasks, return_exceptions=True)
    await first
    assert [type(error) for error in failed] == [AuthenticationError] * 20
    assert queue.order == []


async def test_time_in_the_queue_is_told_to_the_budget() -> None:
    clock = Clock()
    account = an_account(clock=clock)
    gate = Gate(account, slots=1, reserve=0)
    mine = budget(account)

    async def late() -> None:
        async with gate.admit("late", Lane.PROMPT, mine):
            clock.now += 3

    async with gate.admit("first", Lane.PROMPT, budget(account)):
        task = asyncio.create_task(late())
        await ticks()
        clock.now += 40
    await task
    assert mine.queued == 40


async def test_a_long_wait_is_told_once(
    caplog: pytest.LogCaptureFixture, queue_at: QueueAt
) -> None:
    account = an_account(remaining=0)
    queue = queue_at(Gate(account, slots=8, reserve=0), account)
    with caplog.at_level(logging.WARNING, "focus_cte"):
        for n in range(3):
            queue.add(str(n), Lane.PROMPT)
        await ticks()
    (record,) = caplog.records
    assert "wait" in record.getMessage()


async def test_it_comes_back_by_itself_when_credits_are_back() -> None:
    account = Account()  # on the real clock, and for as short as can be
    account.throttled(0.01)
    async with Gate(account, slots=1, reserve=0).admit("a", Lane.PROMPT, budget(account)) as grant:
        grant.answered(rate(50))
    assert account.credits.remaining == 50


async def test_another_client_of_the_token_in_this_loop_is_woken(queue_at: QueueAt) -> None:
    account = an_account(remaining=1)
    here, there = (Gate(account, slots=1, reserve=0) for _ in range(2))
    async with AsyncExitStack() as stack:
        grant = await stack.enter_async_context(here.admit("a", Lane.PROMPT, budget(account)))
        queue = queue_at(there, account)
        queue.add("b", Lane.PROMPT)
        await ticks()
        assert queue.order == []
        grant.never_left()
        assert await queue.all() == ["b"]


def test_another_client_of_the_token_in_another_thread_is_woken(
    run: Callable[[Coroutine[Any, Any, Any]], Any],
) -> None:
    account = an_account(remaining=1)
    grants: list[Grant] = []
    granted, waiting, served = threading.Event(), threading.Event(), threading.Event()

    async def holds() -> None:
        gate = Gate(account, slots=1, reserve=0)
        async with gate.admit("a", Lane.PROMPT, budget(account)) as grant:
            grants.append(grant)
            granted.set()
            assert await asyncio.to_thread(waiting.wait, 10)
            grant.never_left()
        assert await asyncio.to_thread(served.wait, 10)

    async def waits() -> None:
        gate = Gate(account, slots=1, reserve=0)
        assert await asyncio.to_thread(granted.wait, 10)
        asyncio.get_running_loop().call_later(0.01, waiting.set)
        async with asyncio.timeout(10), gate.admit("b", Lane.PROMPT, budget(account)):
            served.set()

    thread = threading.Thread(target=asyncio.run, args=(holds(),))
    thread.start()
    run(waits())
    thread.join()
    assert served.is_set()


def test_a_gate_whose_loop_is_gone_harms_nobody(
    run: Callable[[Coroutine[Any, Any, Any]], Any],
) -> None:
    account = an_account()

    async def make() -> Gate:
        return Gate(account, slots=1, reserve=0)

    gone = run(make())
    gone.changed()

    async def use() -> None:
        gate = Gate(account, slots=1, reserve=0)
        async with gate.admit("a", Lane.PROMPT, budget(account)) as grant:
            grant.answered(rate(50))

    run(use())
    assert account.credits.limit == 100
