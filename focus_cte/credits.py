"""CreditWindow: how many requests may leave now, from the Rate-Limit-* headers and a clock.

A state machine without I/O. A credit is reserved before a request is sent, and every reservation
is settled once: answered, lost (no answer, so the credit may be spent), or given back (it never
left). Nothing known, one request goes first and the others wait for its answer. Where more wait
than may leave, the last credits are held back and spent at the moments that tell when the window
starts again. What others spend from the same token shows in the headers, and is left to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from focus_cte._reset import ResetMoment
from focus_cte._wire import header_int
from focus_cte.models import Credits

CALIBRATION: Final = 2.0
"""Seconds that the others wait for the first answer."""
_LONGEST_WINDOW: Final = 86_400
_ENOUGH_FOR_ALL: Final = 8
"""Remaining credits above which one at a time is spent however small our share is."""
_PRIOR: Final = 8
"""How many credits of evidence the share of the window before is worth."""


@attrs.define(eq=False)
class Reservation:
    """A credit that one request may spend."""

    at: float
    window: int
    lowest: float
    """The lowest count of remaining credits known when it was made."""
    settled: int
    """How many reservations were settled by then."""
    probe: bool


class CreditWindow:
    """The credits of one token, as this process knows them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limit: int | None = None
        self._left: int | None = None
        """What may still be reserved; None: not known."""
        self._reset = ResetMoment()
        self._window = 0
        self._lowest = math.inf
        self._first = 0
        self._ours = 0
        """Since `_first` remaining credits were seen in this window, our requests that ended."""
        self._share = 1.0
        """Which part of what is spent is ours."""
        self._alone = True
        """Nothing showed that others spend from this window."""
        self._probe_at: float | None = None
        self._closed_until = -math.inf
        self._unlimited = False
        self._flying: set[Reservation] = set()
        self._settled = 0

    def reserve(self, *, leave: int = 0, waiting: int = 1) -> Reservation | None:
        """Take a credit if one may be spent now, leaving `leave` to others.

        `waiting` is how many requests would like one: where they are more than the credits, the
        last ones are spent slowly.
        """
        now = self._clock()
        self._roll(now)
        if now < self._closed_until or self._until(now, leave, waiting) != 0:
            return None
        probe = self._left is not None and self._holds_back(leave, waiting)
        if probe:
            self._probe_at = None
        if self._left is not None:
            self._left -= 1
        reservation = Reservation(now, self._window, self._lowest, self._settled, probe)
        self._flying.add(reservation)
        return reservation

    def wait(self, *, leave: int = 0, waiting: int = 1) -> float | None:
        """Seconds until `reserve` may do better by itself; None: only an answer can help."""
        now = self._clock()
        self._roll(now)
        if now < self._closed_until:
            return self._closed_until - now
        return self._until(now, leave, waiting)

    def answered(self, reservation: Reservation, headers: Mapping[str, str]) -> None:
        """An answer came, of any status."""
        self._settle(reservation)
        limit = header_int(headers, "Rate-Limit-Limit")
        remaining = header_int(headers, "Rate-Limit-Remaining")
        seconds = header_int(headers, "Rate-Limit-Reset", highest=_LONGEST_WINDOW)
        now = self._clock()
        self._roll(now)
        if remaining is None or seconds is None:
            # What was known stays: a proxy's page between two answers knows nothing of credits.
            self._unlimited = self._unlimited or self._left is None
        elif self._is_of_this_window(reservation, remaining, seconds, now):
            self._unlimited = False
            self._limit = limit if limit is not None else self._limit
            self._reset.observe(reservation.at, now, seconds)
            self._count(reservation, remaining)
        if self._left is not None:
            self._probe_at = self._reset.next_probe(now)

    def lost(self, reservation: Reservation) -> None:
        """No answer came; the credit counts as spent."""
        self._settle(reservation)
        if reservation.probe and self._left is not None:
            self._probe_at = self._reset.next_probe(self._clock())

    def give_back(self, reservation: Reservation) -> None:
        """The request provably never left."""
        self.lost(reservation)
        self._ours -= 1
        if self._left is not None and reservation.window == self._window:
            self._left += 1

    def close_for(self, seconds: float) -> None:
        """A 429 came: nothing leaves for so long, whatever else is known."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def nothing_flying(self) -> None:
        """Forget the requests under way, as in a forked child."""
        self._flying.clear()

    @property
    def credits(self) -> Credits:
        """What is known, for people."""
        now = self._clock()
        self._roll(now)
        if self._left is None:
            return Credits(self._limit, None, None)
        return Credits(self._limit, self._left, max(self._reset.latest - now, 0.0))

    def _until(self, now: float, leave: int, waiting: int) -> float | None:
        """Seconds until one more may leave; None: only an answer can tell."""
        if self._left is None:
            if self._unlimited or not self._flying:
                return 0.0
            return max(min(r.at for r in self._flying) + CALIBRATION - now, 0.0)
        if self._free(leave) < 1:
            return self._reset.latest - now
        if not self._holds_back(leave, waiting):
            return 0.0
        return None if self._probe_at is None else max(self._probe_at - now, 0.0)

    def _free(self, leave: int) -> int:
        # A reserve as large as the window would let nobody pass, ever.
        return (self._left or 0) - min(leave, (self._limit or leave + 1) - 1)

    def _holds_back(self, leave: int, waiting: int) -> bool:
        free = self._free(leave)
        held = min(self._reset.probes(), (self._limit or 0) // 10)
        return free < waiting and free <= held

    def _is_of_this_window(
        self, reservation: Reservation, remaining: int, seconds: int, now: float
    ) -> bool:
        """Sort an answer into windows; begins the next one where it shows that."""
        if self._left is None:
            self._begin(reservation, remaining)
            return True
        # Sent after `lowest` was known, it can only have found less in the same window.
        later = reservation.window == self._window and remaining >= reservation.lowest
        other = self._reset.contradicts(reservation.at, now, seconds)
        if later or other > 0:
            self._reset.over(now)
            self._begin(reservation, remaining)
            return True
        if other < 0 or reservation.window != self._window:
            # Late, of a window before: its seconds are not this one's.
            return False
        self._reset.not_over(reservation.at)
        return True

    def _least(self, reservation: Reservation, remaining: int) -> int:
        """What is left for sure: what flies, or ended since this one left, may not be counted."""
        return remaining - len(self._flying) - (self._settled - 1 - reservation.settled)

    def _begin(self, reservation: Reservation, remaining: int) -> None:
        self._reset.begin()
        self._window += 1
        self._left = max(self._least(reservation, remaining), 0)
        self._lowest = math.inf
        self._first = remaining
        self._ours = 0
        self._share = 1.0 if self._alone else self._share
        self._alone = True

    def _count(self, reservation: Reservation, remaining: int) -> None:
        assert self._left is not None  # noqa: S101
        self._lowest = min(self._lowest, remaining)
        spent = self._first - self._lowest
        if spent > self._ours + len(self._flying):
            self._alone = False
        if not self._alone or self._share < 1:
            self._share = min((self._ours + _PRIOR * self._share) / (spent + _PRIOR), 1.0)
        if self._alone and self._share == 1.0:
            least = self._least(reservation, remaining)
            self._left = max(least, min(self._left, remaining), 0)
        else:
            # What others have under way, as much for each of ours as the share says, is spent too.
            flying = len(self._flying) * (2 - self._share)
            one = 1 if not self._flying and self._lowest > _ENOUGH_FOR_ALL else 0
            self._left = max(int((self._lowest - 1) * self._share - flying), one)

    def _settle(self, reservation: Reservation) -> None:
        self._flying.discard(reservation)
        self._settled += 1
        self._ours += 1

    def _roll(self, now: float) -> None:
        if self._left is not None and now >= self._reset.latest:
            self._left = None
            self._probe_at = None
            self._reset.begin()
            self._window += 1
