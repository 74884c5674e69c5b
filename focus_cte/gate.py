"""Admission: who goes next. One grant is a concurrency slot and a credit together."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Final, TypedDict

import attrs

from focus_cte._accounts import Account
from focus_cte._retry import Budget
from focus_cte.credits import CALIBRATION, Reservation
from focus_cte.errors import ClientClosed, FocusError

_log = logging.getLogger("focus_cte")

_PROMPT_IN_A_ROW: Final = 3
"""While downloads wait, every fourth grant is theirs."""


class Lane(enum.Enum):
    """What a request is for."""

    PROMPT = enum.auto()
    """Listings and consultations: before downloads."""
    URGENT = enum.auto()
    """Desacordos and their look-ups: with the prompt ones, and from the reserve too."""
    BULK = enum.auto()
    """Downloads."""


class Grant:
    """The right to send one request; its credit is settled once."""

    def __init__(self, account: Account, reservation: Reservation) -> None:
        self._account = account
        self._reservation: Reservation | None = reservation

    def answered(self, headers: Mapping[str, str]) -> None:
        """The API answered."""
        if (reservation := self._take()) is not None:
            self._account.answered(reservation, headers)

    def never_left(self) -> None:
        """No connection was made: the credit is not spent."""
        if (reservation := self._take()) is not None:
            self._account.give_back(reservation)

    def close(self) -> None:
        """Without an answer the credit counts as spent."""
        if (reservation := self._take()) is not None:
            self._account.lost(reservation)

    def _take(self) -> Reservation | None:
        reservation, self._reservation = self._reservation, None
        return reservation


@attrs.define(eq=False)
class _Waiter:
    what: str
    lane: Lane
    granted: asyncio.Future[Grant]


class _Terms(TypedDict):
    leave: int
    waiting: int


class Gate:
    """The waiters of one client in one event loop.

    First come, first served within a lane; downloads keep a share of the grants.
    """

    def __init__(self, account: Account, *, slots: int, reserve: int) -> None:
        self._account = account
        self._free = slots
        self._reserve = reserve
        self._loop = asyncio.get_running_loop()
        self._prompt: deque[_Waiter] = deque()
        self._bulk: deque[_Waiter] = deque()
        self._prompt_in_a_row = 0
        self._timer: asyncio.TimerHandle | None = None
        self._told = False
        self._closed = False
        account.watch(self)

    @asynccontextmanager
    async def admit(self, what: str, lane: Lane, budget: Budget) -> AsyncIterator[Grant]:
        """Wait for a slot and a credit; the slot is free again when the block ends.

        Raises `AuthenticationError` while the token rests, `ClientClosed` after `close`; `what` is
        the request's name in their messages.
        """
        started = self._account.clock()
        grant = await self._wait(what, lane)
        budget.queued += self._account.clock() - started
        try:
            yield grant
        finally:
            self._free += 1
            grant.close()
            self._pump()

    def close(self) -> None:
        """Wake every waiter with `ClientClosed`, and admit nobody from now on."""
        self._closed = True
        self._pump()

    def changed(self) -> None:
        """The account changed, maybe in another thread: see who may go now."""
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._pump()
            return
        with suppress(RuntimeError):  # that loop is closed: nobody waits in it
            self._loop.call_soon_threadsafe(self._pump)

    async def _wait(self, what: str, lane: Lane) -> Grant:
        if self._free and not (self._prompt or self._bulk) and self._refusal(what) is None:
            # Nobody before it: no future, no queue.
            reservation = self._account.reserve(**self._terms(lane))
            if reservation is not None:
                self._free -= 1
                return Grant(self._account, reservation)
        waiter = _Waiter(what, lane, self._loop.create_future())
        self._queue(lane).append(waiter)
        self._pump()
        try:
            return await waiter.granted
        except BaseException:
            # Granted a moment before the cancellation: the next one may have it.
            if not waiter.granted.cancel() and not waiter.granted.cancelled():
                self._pass_on(waiter.granted)
            self._pump()
            raise

    def _queue(self, lane: Lane) -> deque[_Waiter]:
        return self._bulk if lane is Lane.BULK else self._prompt

    def _pass_on(self, granted: asyncio.Future[Grant]) -> None:
        if granted.exception() is None:
            self._free += 1
            granted.result().never_left()

    def _pump(self) -> None:
        """Grant what can be granted now, and come back when more may be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._prompt and not self._bulk:
            return
        self._fail_refused()
        while self._free and self._grant_next():
            self._free -= 1
            self._told = False
        if self._free:
            self._come_back()

    def _refusal(self, what: str) -> FocusError | None:
        if self._closed:
            return ClientClosed(f"{what}: the client is closed")
        return self._account.refusal(what)

    def _fail_refused(self) -> None:
        for queue in (self._prompt, self._bulk):
            while queue and (error := self._refusal(queue[0].what)) is not None:
                waiter = queue.popleft()
                if not waiter.granted.done():
                    waiter.granted.set_exception(error)

    def _grant_next(self) -> bool:
        for waiter in self._candidates():
            reservation = self._account.reserve(**self._terms(waiter.lane))
            if reservation is not None:
                self._queue(waiter.lane).remove(waiter)
                bulk = waiter.lane is Lane.BULK
                self._prompt_in_a_row = 0 if bulk else self._prompt_in_a_row + 1
                waiter.granted.set_result(Grant(self._account, reservation))
                return True
        return False

    def _candidates(self) -> list[_Waiter]:
        """Who may be next, best first."""
        for queue in (self._prompt, self._bulk):
            while queue and queue[0].granted.done():
                queue.popleft()
        found = [queue[0] for queue in (self._prompt, self._bulk) if queue]
        if self._prompt_in_a_row >= _PROMPT_IN_A_ROW:
            found.reverse()
        if self._reserve:
            urgent = (w for w in self._prompt if w.lane is Lane.URGENT and not w.granted.done())
            found += islice(urgent, 1)
        return found

    def _terms(self, lane: Lane) -> _Terms:
        if lane is Lane.URGENT:
            return {"leave": 0, "waiting": 1}
        behind = len(self._bulk) if lane is Lane.BULK else 0
        return {"leave": self._reserve, "waiting": max(len(self._prompt) + behind, 1)}

    def _come_back(self) -> None:
        waits = (self._account.wait(**self._terms(waiter.lane)) for waiter in self._candidates())
        wait = min((wait for wait in waits if wait is not None), default=None)
        if wait is None:
            return
        if wait > CALIBRATION and not self._told:
            self._told = True
            waiting = len(self._prompt) + len(self._bulk)
            _log.warning("%d requests wait %.0f s for the token's credits", waiting, wait)
        self._timer = self._loop.call_later(wait, self._pump)
