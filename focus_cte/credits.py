"""CreditWindow: how many requests may leave now, from the Rate-Limit-* headers and a clock.

A state machine without I/O. A credit is reserved before a request is sent, and every reservation
is settled once: answered, lost (no answer, so the credit may be spent), or given back (it never
left). Nothing known, one request goes first and the others wait for its answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import attrs

from focus_cte._wire import header_int
from focus_cte.models import Credits

CALIBRATION = 2.0
"""Seconds that the others wait for the first answer."""
_LONGEST_WINDOW = 86_400


@attrs.define(eq=False)
class Reservation:
    """A credit that one request may spend."""

    at: float
    """When it was made."""
    settled_before: int
    """How many reservations were settled by then."""


class CreditWindow:
    """The credits of one token, as this process knows them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limit: int | None = None
        self._left: int | None = None
        """What may still be reserved; None: not known."""
        self._earliest = -math.inf
        self._latest = math.inf
        """The moment of the reset is between these two: a header's whole seconds may be rounded up,
        down or to the nearest."""
        self._closed_until = -math.inf
        self._unlimited = False
        self._shared = False
        """Somebody else spends from this window too."""
        self._flying: set[Reservation] = set()
        self._settled = 0

    def reserve(self, *, leave: int = 0) -> Reservation | None:
        """Take a credit if one may be spent now, leaving `leave` to others."""
        now = self._clock()
        self._roll(now)
        if now < self._closed_until or not self._admits(now, leave):
            return None
        if self._left is not None:
            self._left -= 1
        reservation = Reservation(now, self._settled)
        self._flying.add(reservation)
        return reservation

    def wait(self, *, leave: int = 0) -> float | None:
        """Seconds until `reserve` may do better by itself; None: only an answer can help."""
        now = self._clock()
        self._roll(now)
        if now < self._closed_until:
            return self._closed_until - now
        if self._admits(now, leave):
            return 0.0
        if self._left is None:
            first = min(r.at for r in self._flying)
            return first + CALIBRATION - now
        return self._latest - now if self._latest < math.inf else None

    def answered(self, reservation: Reservation, headers: Mapping[str, str]) -> None:
        """An answer came, of any status."""
        self._settle(reservation)
        limit = header_int(headers, "Rate-Limit-Limit")
        remaining = header_int(headers, "Rate-Limit-Remaining")
        reset = header_int(headers, "Rate-Limit-Reset", highest=_LONGEST_WINDOW)
        if remaining is None or reset is None:
            # What was known stays: a proxy's page between two answers knows nothing of credits.
            self._unlimited = self._unlimited or self._left is None
            return
        now = self._clock()
        self._roll(now)
        self._unlimited = False
        self._limit = limit if limit is not None else self._limit
        earliest, latest = reservation.at + reset - 1, now + reset + 1
        if latest <= self._earliest and self._left is not None:
            return
        # Requests still flying, or settled since this one left, may not be counted in `remaining`.
        least = remaining - len(self._flying) - (self._settled - 1 - reservation.settled_before)
        if self._left is None or earliest >= self._latest:
            self._left, self._shared = max(least, 0), False
            self._earliest, self._latest = earliest, latest
            return
        self._earliest = max(self._earliest, earliest)
        self._latest = min(self._latest, latest)
        if self._left > remaining:
            self._shared = True
        self._left = max(least, 0 if self._shared else min(self._left, remaining))

    def lost(self, reservation: Reservation) -> None:
        """No answer came; the credit counts as spent."""
        self._settle(reservation)

    def give_back(self, reservation: Reservation) -> None:
        """The request provably never left."""
        self._settle(reservation)
        if self._left is not None:
            self._left += 1

    def close_for(self, seconds: float) -> None:
        """A 429 came: nothing leaves for so long, whatever else is known."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def nothing_flying(self) -> None:
        """Forget the requests under way, as in a forked child."""
        self._flying.clear()

    @property
    def credits(self) -> Credits:
        now = self._clock()
        self._roll(now)
        if self._left is None:
            return Credits(self._limit, None, None)
        return Credits(self._limit, self._left, max(self._latest - now, 0.0))

    def _admits(self, now: float, leave: int) -> bool:
        if self._left is not None:
            # A reserve as large as the window would let nobody pass, ever.
            return self._left > min(leave, (self._limit or leave + 1) - 1)
        if self._unlimited or not self._flying:
            return True
        return now - min(r.at for r in self._flying) >= CALIBRATION

    def _settle(self, reservation: Reservation) -> None:
        self._flying.discard(reservation)
        self._settled += 1

    def _roll(self, now: float) -> None:
        if self._left is not None and now >= self._latest:
            self._left = None
            self._earliest, self._latest = -math.inf, math.inf
