"""The credits of a token, and the patience with wrong tokens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal, get_args

Rounding = Literal["up", "down", "nearest"]
Clock = Callable[[], float]

_WRONG_TOKENS = 20


class RateWindow:
    """`limit` requests a window of `seconds`; None: as many as wanted, and no headers.

    A window starts with the first request after the last one ended, or, with `grid`, at each
    multiple of `seconds` of the clock. Which of the two the vendor does is not documented, nor how
    `Rate-Limit-Reset` is rounded.
    """

    def __init__(
        self,
        limit: int | None,
        seconds: float,
        *,
        rounding: Rounding = "up",
        grid: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        if limit is not None and limit < 1:
            raise ValueError("credits must be at least 1, or None for unlimited")
        if not 0 < seconds < math.inf:
            raise ValueError("window must be a positive number of seconds")
        if rounding not in get_args(Rounding):
            raise ValueError(
                f"rounding must be one of {', '.join(get_args(Rounding))}, not {rounding!r}"
            )
        self._limit, self._seconds, self._rounding, self._grid = limit, seconds, rounding, grid
        self._clock = clock
        self._ends = -math.inf
        self._spent = 0

    def spend(self) -> bool:
        """Takes one credit; False if none is left."""
        now = self._clock()
        if now >= self._ends:
            self._ends = (
                (now // self._seconds + 1) * self._seconds if self._grid else now + self._seconds
            )
            self._spent = 0
        if self._limit is None:
            return True
        if self._spent >= self._limit:
            return False
        self._spent += 1
        return True

    def headers(self) -> dict[str, str]:
        """What every answer says of the window that the last `spend` saw."""
        if self._limit is None:
            return {}
        # A sum of floats may be an ulp too long, which rounding up would make a second.
        left = max(0.0, round(self._ends - self._clock(), 6))
        return {
            "Rate-Limit-Limit": str(self._limit),
            "Rate-Limit-Remaining": str(self._limit - self._spent),
            "Rate-Limit-Reset": str(_rounded(left, self._rounding)),
        }


class TokenGuard:
    """Blocks an address after more than twenty wrong tokens, for `seconds` after the last one."""

    def __init__(self, seconds: float, *, clock: Clock = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._wrong: dict[str, tuple[int, float]] = {}

    def blocked(self, address: str) -> bool:
        count, until = self._wrong.get(address, (0, 0.0))
        if self._clock() >= until:
            self._wrong.pop(address, None)
            return False
        return count > _WRONG_TOKENS

    def wrong(self, address: str) -> None:
        count, _ = self._wrong.get(address, (0, 0.0))
        self._wrong[address] = count + 1, self._clock() + self._seconds


def _rounded(seconds: float, rounding: Rounding) -> int:
    match rounding:
        case "up":
            return math.ceil(seconds)
        case "down":
            return math.floor(seconds)
        case "nearest":
            return math.floor(seconds + 0.5)
