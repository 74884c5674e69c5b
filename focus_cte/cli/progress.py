"""How far a sync is: bars on a terminal, a line now and then elsewhere. All of it on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from focus_cte.cli.output import console, documento, length, say
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from rich.progress import TaskID

    from focus_cte import FocusCTe
    from focus_cte.mirror import Progress

_EVERY: Final = 10.0
"""Seconds between two lines about one company."""


class Pace:
    """Files a second, and how long the rest takes at that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: tuple[float, int] | None = None
        """When it was told first, and the files that were there by then."""

    def told(self, now: Progress) -> tuple[float, timedelta | None]:
        """Since it was told of files first; None where nothing tells yet."""
        if now.wanted is None:
            return 0.0, None
        if self._began is None:
            self._began = self._clock(), now.files
        passed, came = self._clock() - self._began[0], now.files - self._began[1]
        if not (passed and came):
            return 0.0, None
        rate = came / passed
        return rate, timedelta(seconds=max(0, now.wanted - now.files) / rate)


class Display:
    """Of one pass over the companies; what is said below bars is said above them."""

    def __init__(self) -> None:
        self._bars: Any = None
        if sys.stderr.isatty():
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[told]}"),
                console=console(stderr=True),
                transient=True,
                expand=True,
                redirect_stdout=sys.stdout.isatty(),  # elsewhere it is data for somebody else
            )

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What goes to stdout stands where the bars were, and not behind them."""
        if self._bars is not None:
            self._bars.stop()
        try:
            yield
        finally:
            if self._bars is not None:
                self._bars.start()

    def company(self, cnpj: str, focus: FocusCTe) -> Company:
        return Company(self._bars, cnpj, focus)


class Company:
    """How far the sync of one company is."""

    def __init__(self, bars: Any, cnpj: str, focus: FocusCTe) -> None:
        self._bars, self._cnpj, self._focus = bars, documento(cnpj), focus
        self._pace = Pace()
        self._task: TaskID | None = None
        self._last = 0.0
        if bars is not None:
            self._task = bars.add_task(self._cnpj, total=None, told="")

    def __call__(self, now: Progress) -> None:
        told = self._told(now)
        if self._bars is not None:
            fetching = now.wanted is not None
            self._bars.update(
                self._task,
                total=now.wanted if fetching else now.total,
                completed=now.files if fetching else now.documents,
                told=told,
                refresh=True,  # told once a page, or once a batch of files
            )
        elif (at := time.monotonic()) - self._last >= _EVERY:
            self._last = at
            say(f"{self._cnpj}: {told}")

    def over(self) -> None:
        if self._bars is not None:
            self._bars.remove_task(self._task)

    def _told(self, now: Progress) -> str:
        parts = [_of(now.documents, now.total, _("documents"))]
        if now.wanted is not None:
            parts.append(_of(now.files, now.wanted, _("files")))
        rate, left = self._pace.told(now)
        if rate:
            parts.append(f"{rate:.1f}/s")
        if (credits := self._focus.credits.remaining) is not None:
            parts.append(_("{count} credits").format(count=credits))
        if left is not None:
            parts.append(_("{time} to go").format(time=length(left)))
        return ", ".join(parts)


def _of(done: int, total: int | None, what: str) -> str:
    return f"{done} {what}" if total is None or total < done else f"{done}/{total} {what}"
