"""`follow`: waits for more, for ever, through failures that may pass."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from focus_cte import (
    AuthenticationError,
    ClientClosed,
    CTeRecebida,
    FocusError,
    InvalidArgument,
    InvalidDocument,
    InvalidResponse,
    Page,
    RateLimited,
    RequestTimeout,
    ServerError,
    Sync,
    TransportError,
)
from focus_cte import follow as module
from focus_cte.follow import Patient

LONG = timedelta(hours=2)


class Clock:
    """Time that passes only while `Patient` waits; each wait is noted."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    async def pause(self, seconds: float, *events: asyncio.Event) -> None:
        self.waits.append(seconds)
        if not any(event.is_set() for event in events):
            self.now += max(seconds, 0)
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()

    async def pause(self: Patient, seconds: float, *events: asyncio.Event) -> None:
        await clock.pause(seconds, *events)

    monkeypatch.setattr(Patient, "_pause", pause)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    return clock


class Api:
    """The answers to the listings, in order; then empty pages, of which the last closes it."""

    def __init__(self, *answers: Page | FocusError, empties: int = 3) -> None:
        self.answers = [*answers]
        self.empties = empties
        self.asked: list[int] = []
        self.closed = asyncio.Event()

    async def list(self, versao: int) -> Page:
        self.asked.append(versao)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, FocusError):
                raise answer
            return answer
        self.empties -= 1
        if self.empties < 0:
            raise ClientClosed("closed")
        return page(versao=versao)

    def follow(
        self,
        *,
        every: timedelta = LONG,
        wake: asyncio.Event | None = None,
        on_invalid: Callable[[InvalidDocument], Awaitable[None] | None] | None = None,
    ) -> Sync:
        patient = Patient(self.list, every=every, wake=wake, closed=self.closed)
        return Sync(
            patient,
            0,
            prefetch=True,
            on_invalid=on_invalid,
            closed=self.closed,
            for_ever=True,
        )


def page(*versoes: int, versao: int | None = None, last: bool = True) -> Page:
    ctes = tuple(CTeRecebida(f"{v:044d}", v) for v in versoes)
    return Page(ctes, versao if versao is not None else versoes[-1], None, last)


async def all_of(sync: Sync) -> list[int]:
    """What is handed out until the client is closed."""
    seen = []
    with contextlib.suppress(ClientClosed):
        async for cte in sync:
            seen.append(cte.versao)
    return seen


async def test_it_goes_on_after_the_result_set_is_exhausted(clock: Clock) -> None:
    api = Api(page(1, 2), page(3), page(versao=3), page(7))
    assert await all_of(api.follow()) == [1, 2, 3, 7]
    assert api.asked[:5] == [0, 2, 3, 3, 7]


async def test_it_waits_between_listings_only_once_nothing_is_left(clock: Clock) -> None:
    await all_of(Api(page(1, last=False), page(2, last=False), page(3), empties=0).follow())
    assert sum(clock.waits) == pytest.approx(7200, rel=0.1)


async def test_the_wait_is_jittered(clock: Clock) -> None:
    await all_of(Api(empties=20).follow())
    assert len({round(wait, 3) for wait in clock.waits if wait > 5}) > 10
    assert all(7190 <= wait <= 7921 for wait in clock.waits if wait > 5)


@pytest.mark.parametrize(
    "failure",
    [
        TransportError("reset"),
        RequestTimeout("slow"),
        ServerError("broken", status=503),
        RateLimited("spent", status=429),
        InvalidResponse("HTML"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_it_survives_what_may_pass(
    clock: Clock, caplog: pytest.LogCaptureFixture, failure: FocusError
) -> None:
    api = Api(page(1), failure, page(2), empties=0)
    assert await all_of(api.follow()) == [1, 2]
    assert str(failure) in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert api.asked[:3] == [0, 1, 1], "the cursor stays where it was"


async def test_failures_in_a_row_are_waited_out_from_a_minute_up_to_every(clock: Clock) -> None:
    failures = [TransportError("reset")] * 10
    await all_of(Api(*failures, page(1), empties=0).follow())
    assert clock.waits[:10] == [60, 120, 240, 480, 960, 1920, 3840, 7200, 7200, 7200]


async def test_a_wait_that_the_server_asks_for_is_not_shortened(clock: Clock) -> None:
    await all_of(Api(RateLimited("spent", status=429, retry_after=9000.0), empties=0).follow())
    assert clock.waits[0] == 9000


@pytest.mark.parametrize(
    "failure",
    [AuthenticationError("refused", status=401), InvalidDocument("no key", raw={}, versao=5)],
    ids=lambda failure: type(failure).__name__,
)
async def test_everything_else_raises(clock: Clock, failure: FocusError) -> None:
    with pytest.raises(type(failure)):
        async for _ in Api(failure).follow():
            pass
    assert clock.waits == []


async def test_a_wake_makes_it_list_at_once_but_not_all_the_time(clock: Clock) -> None:
    wake = asyncio.Event()
    api = Api(page(1), empties=0)
    listing = api.list
    times = []

    async def stormy(versao: int) -> Page:
        assert not wake.is_set(), "cleared before the listing, so that no wake is lost"
        times.append(clock.now)
        wake.set()
        return await listing(versao)

    api.list = stormy  # type: ignore[method-assign]
    assert await all_of(api.follow(wake=wake)) == [1]
    assert [b - a for a, b in pairwise(times)] == [5.0]


async def test_an_invalid_item_is_told_and_the_cursor_moves_past_it(clock: Clock) -> None:
    told: list[int] = []
    broken = Page((), 5, None, True, (InvalidDocument("no key", raw={}, versao=5),))
    api = Api(broken, page(6), empties=0)
    assert await all_of(api.follow(on_invalid=lambda error: told.append(error.versao))) == [6]
    assert told == [5]
    assert api.asked[:2] == [0, 5]


async def test_closing_ends_the_wait() -> None:
    api = Api(empties=1)
    waiting = asyncio.create_task(all_of(api.follow()))
    await asyncio.sleep(0.01)
    assert len(api.asked) == 1
    api.closed.set()
    assert await asyncio.wait_for(waiting, 5) == []
    assert len(api.asked) == 2


async def test_a_cancelled_wait_leaves_no_task() -> None:
    waiting = asyncio.create_task(all_of(Api().follow()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("every", [timedelta(0), timedelta(seconds=-1), 7200, None])
def test_every_is_a_positive_timedelta(every: object) -> None:
    with pytest.raises(InvalidArgument, match="every must be a timedelta"):
        Api().follow(every=every)  # type: ignore[arg-type]
