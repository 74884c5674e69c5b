"""When the credit window starts again, from whole seconds that may be rounded in three ways.

An answer sent at `a` and received at `b` with `Rate-Limit-Reset: s` says that the moment T is
within (a + s - 1, b + s] if the server rounds up, half a second later if to the nearest, and a
second later if down. So one interval, narrowed by every answer, and three offsets are all there is
to know. What a window's end shows of the offset stays true: the server goes on rounding that way.
"""

from __future__ import annotations

import math
from typing import Final

_UP, _NEAREST, _DOWN = 0.0, 0.5, 1.0
_OFFSETS: Final = (_UP, _NEAREST, _DOWN)
_MARGIN: Final = 0.02
"""Seconds to go past a bound: clocks have grains."""
PRECISE: Final = 0.2
"""Seconds of uncertainty that are not worth a credit."""


class ResetMoment:
    """What is known of the moment when the present window ends."""

    def __init__(self) -> None:
        self._offsets: tuple[float, ...] = _OFFSETS
        self._low = -math.inf
        self._high = math.inf

    @property
    def latest(self) -> float:
        """From here on the window has started again, however the server rounds."""
        return self._high + self._offsets[-1] + _MARGIN

    def contradicts(self, sent: float, received: float, seconds: int) -> int:
        """Whether an answer is of another window: -1 of an earlier one, 1 of a later, else 0."""
        if received + seconds <= self._low:
            return -1
        return 1 if sent + seconds - 1 >= self._high else 0

    def observe(self, sent: float, received: float, seconds: int) -> None:
        """Narrow the interval by an answer of the present window."""
        self._low = max(self._low, sent + seconds - 1)
        self._high = min(self._high, received + seconds)

    def begin(self) -> None:
        """Another window: nothing known but how the server rounds."""
        self._low, self._high = -math.inf, math.inf

    def not_over(self, sent: float) -> None:
        """A request sent then was still counted in the present window."""
        self._keep([o for o in self._offsets if self._high + o > sent])

    def over(self, received: float) -> None:
        """An answer received then was of the next window."""
        self._keep([o for o in self._offsets if self._low + o < received])

    def probes(self) -> int:
        """How many requests, well timed, would tell the moment."""
        width = self._high - self._low
        halvings = math.ceil(math.log2(width / PRECISE)) if PRECISE < width < math.inf else 0
        return halvings + len(self._offsets) - 1

    def next_probe(self, now: float) -> float:
        """When the next request would tell the most; `latest` when none would.

        First those that halve the interval, whose seconds tick in its middle; then one after each
        bound that the window's end may have.
        """
        middle = (self._low + self._high) / 2
        if self._high - self._low > PRECISE and middle - now > 1:
            return middle - math.floor(middle - now)
        ends = (self._high + offset + _MARGIN for offset in self._offsets)
        return next((end for end in ends if end > now), self.latest)

    def _keep(self, offsets: list[float]) -> None:
        # None left is a server whose clock jumped: begin to learn again.
        self._offsets = tuple(offsets) or _OFFSETS
