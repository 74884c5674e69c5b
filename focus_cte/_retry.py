"""Whether a call is tried again, and when: rules over errors and a clock, without I/O."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from focus_cte.errors import (
    FocusError,
    InvalidResponse,
    RateLimited,
    ServerError,
    TransportError,
)
from focus_cte.models import Retry

_PASSING: Final = frozenset({500, 502, 503, 504})


def may_pass(error: FocusError) -> bool:
    """Whether the same GET may go better another time; never on a 4xx other than 429."""
    if isinstance(error, ServerError):
        return error.status in _PASSING
    if isinstance(error, InvalidResponse):
        return error.passing
    return isinstance(error, TransportError | RateLimited)


class Budget:
    """The tries of one call: how many, and for how long.

    Time queued for slots and credits is not the call's fault, so `queued` is taken off. A 429 is
    no failed attempt, but the wait that it asks for counts towards the total.
    """

    def __init__(self, retry: Retry, clock: Callable[[], float]) -> None:
        self.queued = 0.0
        self._retry = retry
        self._clock = clock
        self._start = clock()
        self._asked = 0.0
        self._failed = 0
        self._refused = 0

    @property
    def left(self) -> float:
        """Seconds of the total that remain, at least 0."""
        spent = self._clock() - self._start - self.queued + self._asked
        return max(self._retry.total - spent, 0.0)

    def again(self, error: FocusError) -> float | None:
        """The seconds to wait before the next try, or None when `error` is to be raised."""
        if not may_pass(error):
            return None
        if isinstance(error, RateLimited):
            return self._after_refusal(error)
        self._failed += 1
        if self._failed >= self._retry.attempts:
            return None
        asked = getattr(error, "retry_after", None) or 0.0
        return self._within(max(self.pause(self._failed), asked))

    def pause(self, n: int) -> float:
        """The backoff before try n + 1, drawn so that many clients do not come back at once."""
        most = min(self._retry.initial * 2.0 ** min(n - 1, 60), self._retry.maximum)
        return random.uniform(most / 2, most)  # noqa: S311 - not for cryptography

    def _after_refusal(self, error: RateLimited) -> float | None:
        self._refused += 1
        wait = error.retry_after
        if wait is None:
            # Not the API's own refusal: the address may be blocked, for as long as it insists.
            wait = self._retry.maximum * self._refused
        elif wait == 0:
            wait = max(self.pause(self._refused), self._retry.initial)
        within = self._within(wait)
        if within is not None:
            self._asked += within
        return within

    def _within(self, wait: float) -> float | None:
        return wait if wait <= self.left > 0 else None
