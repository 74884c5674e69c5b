"""The script of faults: what goes wrong, where, and how many times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web

if TYPE_CHECKING:
    from .chance import Chance
    from .front import Call

_ENDPOINTS = (
    "listing",
    "document",
    "xml",
    "pdf",
    "cancellation",
    "correction",
    "desacordo_post",
    "desacordo_get",
    "hook",
    "storage",
)
EVERYWHERE = frozenset(_ENDPOINTS) | {"other"}
TARGETS: dict[str, frozenset[str]] = {
    "any": EVERYWHERE,
    "desacordo": frozenset({"desacordo_post", "desacordo_get"}),
} | {name: frozenset({name}) for name in _ENDPOINTS}


class Fault(ABC):
    """One way to go wrong. Its fields are the details that `Sandbox.fail` takes."""

    places: ClassVar[frozenset[str]] = EVERYWHERE
    free: ClassVar[bool] = False  # whether it comes before a credit is counted

    @abstractmethod
    async def answer(self, call: Call) -> web.StreamResponse:
        """The answer, after `call.work()`, before it, or instead of it."""

    def edit_headers(self, response: web.StreamResponse) -> None:  # noqa: B027 - most leave them alone
        """Called last, when every other header is there."""

    def where(self, on: str) -> frozenset[str]:
        """The endpoints it happens at, of those that `on` names."""
        return TARGETS[on] & self.places


@dataclass(slots=True)
class _Entry:
    fault: Fault
    places: frozenset[str]
    left: int


class Script:
    """Faults in the order they were asked for: a request meets the first that fits, and no more."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self.chance: Chance | None = None
        """What a request meets that meets nothing of the script."""

    @property
    def left(self) -> int:
        return sum(entry.left for entry in self._entries)

    def add(self, fault: Fault, *, on: str, times: int) -> None:
        if on not in TARGETS:
            raise ValueError(f"on must be one of {', '.join(TARGETS)}, not {on!r}")
        if isinstance(times, bool) or not isinstance(times, int):
            raise TypeError("times must be an integer")
        if times < 1:
            raise ValueError("times must be at least 1")
        places = fault.where(on)
        if not places:
            raise ValueError(
                f"this fault cannot happen on {on!r}: it is for {', '.join(sorted(fault.places))}"
            )
        self._entries.append(_Entry(fault, places, times))

    def peek(self, target: str) -> Fault | None:
        entry = self._first(target)
        return entry.fault if entry else None

    def take(self, target: str) -> None:
        entry = self._first(target)
        if entry:
            entry.left -= 1
            if not entry.left:
                self._entries.remove(entry)

    def _first(self, target: str) -> _Entry | None:
        return next((entry for entry in self._entries if target in entry.places), None)
