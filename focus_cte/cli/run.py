"""A command's work in an event loop: until it is done, goes wrong, or is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

import typer

from focus_cte import FocusError
from focus_cte.cli.codes import Code, code_of
from focus_cte.cli.output import problem, say
from focus_cte.cli.texts import _

_PATIENCE: Final = 0.8
"""Seconds from a signal until the process ends, whatever it is at: it may be killed anywhere."""
_SHOW_CURSOR = "\033[?25h"

T = TypeVar("T")


def finish(work: Callable[[], Coroutine[Any, Any, Code | None]]) -> NoReturn:
    """Do the work, and exit with its code. What a user can cause is told in a sentence."""
    stop = _Stop()
    code: int | None
    try:
        code = asyncio.run(stop.watching(_alone(work())))
    except asyncio.CancelledError:
        stop.say_how_to_go_on()
        code = stop.code
    except KeyboardInterrupt:  # where the loop takes no signal handlers
        code = 128 + signal.SIGINT
    except FocusError as error:
        problem(str(error))
        code = code_of(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        problem(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        code = Code.ERROR
    finally:
        stop.over()
    raise typer.Exit(code or Code.DONE)


async def _alone(work: Coroutine[Any, Any, T]) -> T:
    """What goes wrong in a group of tasks is told as the first of it."""
    try:
        return await work
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def ask(question: Callable[[], T]) -> T:
    """The answer of a person. Who stops there (Ctrl-C, Ctrl-D) has done nothing."""
    try:
        return question()
    except typer.Abort:
        say()
        problem(_("stopped: nothing was done"))
        raise typer.Exit(128 + signal.SIGINT) from None


class _Stop:
    """Ctrl-C and SIGTERM: the work is cancelled; where that takes too long, the process ends."""

    def __init__(self) -> None:
        self._number = 0
        self._last: threading.Timer | None = None

    @property
    def code(self) -> int:
        return 128 + self._number

    async def watching(self, work: Coroutine[Any, Any, Code | None]) -> Code | None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self._told, number, task)
            except NotImplementedError:  # Windows: asyncio.run cancels for Ctrl-C
                break
        return await work

    def _told(self, number: int, task: asyncio.Task[Any] | None) -> None:
        if self._last is None and task is not None:
            self._number = number
            self._last = threading.Timer(_PATIENCE, self._end)
            self._last.daemon = True
            self._last.start()
            task.cancel()

    def _end(self) -> None:
        if sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR.encode())
        self.say_how_to_go_on()
        os._exit(self.code)

    def say_how_to_go_on(self) -> None:
        text = _("stopped; what is stored is whole: the same command goes on from here")
        os.write(2, f"\nfocus-cte: {text}\n".encode())

    def over(self) -> None:
        if self._last is not None:
            self._last.cancel()
