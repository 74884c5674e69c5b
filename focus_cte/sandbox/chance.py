"""Faults met by chance, the same ones for the same requests, in whatever order they come."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .faults import TARGETS
from .keys import Draw
from .kinds import Cut, Reset, ResetAfter, Status

if TYPE_CHECKING:
    from aiohttp import web

    from .faults import Fault

_STATUSES = (500, 502, 503, 504)
_RESETS = (Reset(), ResetAfter())
_LATE = Status(status=404)
_FILES = frozenset({"xml", "cancellation", "correction"})
_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Odds:
    """The shares of requests, from 0 to 1, that `Sandbox.chance` takes."""

    status: float
    reset: float
    cut: float
    late: float

    def __post_init__(self) -> None:
        for name in ("status", "reset", "cut", "late"):
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float):
                raise TypeError(f"{name} must be a number")
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, not {share}")
        if self.status + self.reset + self.cut > 1:
            raise ValueError("status, reset and cut must not be more than 1 together")


class Chance:
    """Draws by seed, request and how often it came, so that one asked for again fares anew."""

    def __init__(self, seed: int, odds: Odds, *, on: str, late_times: int) -> None:
        if on not in TARGETS:
            raise ValueError(f"on must be one of {', '.join(TARGETS)}, not {on!r}")
        if isinstance(late_times, bool) or not isinstance(late_times, int):
            raise TypeError("late_times must be an integer")
        if late_times < 1:
            raise ValueError("late_times must be at least 1")
        self._seed, self._odds, self._places, self._late = seed, odds, TARGETS[on], late_times
        self._came: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def meet(self, target: str, request: web.Request) -> Fault | None:
        """The fault that this request meets, None for most."""
        # Of a query, only the cursor makes another request: the storage's addresses expire.
        name = f"{request.method} {request.path} {request.query.get('versao', '')}"
        if self._is_late(target, name):
            return _LATE
        if target not in self._places:
            return None
        self._came[name] += 1
        draw = Draw(self._seed, "chance", name, self._came[name])
        at, odds = draw.below(_PARTS) / _PARTS, self._odds
        if at < odds.status:
            return Status(status=_STATUSES[draw.below(len(_STATUSES))])
        if at < odds.status + odds.reset:
            return _RESETS[draw.below(len(_RESETS))]
        return Cut() if at < odds.status + odds.reset + odds.cut else None

    def _is_late(self, target: str, name: str) -> bool:
        if target not in _FILES or self._refused[name] >= self._late:
            return False
        if Draw(self._seed, "late", name).below(_PARTS) >= self._odds.late * _PARTS:
            return False
        self._refused[name] += 1
        return True
