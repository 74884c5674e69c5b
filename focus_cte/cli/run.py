"""A command's work in an event loop: until it is done, goes wrong, or is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final, NoReturn, Self, TypeVar

import typer

from focus_cte import FocusError
from focus_cte.cli.codes import Code, code_of
from focus_cte.cli.output import problem, say
from focus_cte.cli.texts import _

_PATIENCE: Final = 0.8
"""Seconds from a signal until the process ends, whatever it is at: it may be killed anywhere."""
_LAST_WORDS: Final = 0.1
_LOGGERS = ("focus_cte", "focus_cte.mirror")
_SILENCE = logging.NullHandler()
_SHOW_CURSOR = "\033[?25h"

T = TypeVar("T")


def finish(work: Callable[[], Coroutine[Any, Any, Code | None]], stopped: str = "") -> NoReturn:
    """Do the work, and exit with its code. What a user can cause is told in a sentence.

    stopped: how to go on after a signal, where it is not with the same command.
    """
    code: int | None
    with _Warnings(logging.WARNING), _Stop(stopped) as stop:
        try:
            code = asyncio.run(stop.watching(_alone(work())))
        except asyncio.CancelledError:
            stop.say_how_to_go_on()
            code = stop.code
        except FocusError as error:
            problem(str(error))
            code = code_of(error)
        except BrokenPipeError:  # `focus-cte list | head`: nothing is wrong
            _nobody_reads_on()
            code = Code.DONE
        except OSError as error:
            problem(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            code = Code.ERROR
    raise typer.Exit(code or Code.DONE)


def _nobody_reads_on() -> None:
    """What is left to be written goes nowhere, instead of going wrong when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Warnings(logging.Handler):
    """What the library waits for (credits, another try); of files the command itself tells."""

    def __enter__(self) -> None:
        core, mirror = map(logging.getLogger, _LOGGERS)
        core.addHandler(self)
        core.propagate = mirror.propagate = False
        mirror.addHandler(_SILENCE)

    def __exit__(self, *_error: object) -> None:
        core, mirror = map(logging.getLogger, _LOGGERS)
        core.removeHandler(self)
        mirror.removeHandler(_SILENCE)
        core.propagate = mirror.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), style="yellow")


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
    """Ctrl-C and SIGTERM: the work is cancelled; where that takes too long, the process ends.

    Not by the loop's own handlers: the loop does not turn while a pipe that nobody empties is
    written to, or a `token_command` is awaited.
    """

    def __init__(self, text: str) -> None:
        self._text = text or _(
            "stopped; what is stored is whole: the same command goes on from here"
        )
        self._number = 0
        self._cancel: Callable[[], object] | None = None
        self._told, self._over = threading.Event(), threading.Event()
        self._before: dict[int, Any] = {}

    @property
    def code(self) -> int:
        return 128 + self._number

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._tell)
        # Now: a handler may find the locks taken that it takes to start a thread.
        threading.Thread(target=self._wait, name="focus-cte stop", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._told.set()
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    async def watching(self, work: Coroutine[Any, Any, Code | None]) -> Code | None:
        task = asyncio.ensure_future(work)
        self._cancel = partial(asyncio.get_running_loop().call_soon_threadsafe, task.cancel)
        try:
            if self._number:  # before there was a loop
                task.cancel()
            return await task
        finally:
            self._cancel = None

    def _tell(self, number: int, _frame: object) -> None:
        if not self._number:
            self._number = number
            if self._cancel is not None:
                self._cancel()
            self._told.set()

    def _wait(self) -> None:
        self._told.wait()
        if self._over.wait(_PATIENCE):
            return
        # Who reads it may have stopped: that keeps nothing from its end.
        saying = threading.Thread(target=self.say_how_to_go_on, daemon=True)
        saying.start()
        saying.join(_LAST_WORDS)
        os._exit(self.code)

    def say_how_to_go_on(self) -> None:
        with suppress(OSError):
            if os.isatty(2):
                os.write(2, _SHOW_CURSOR.encode())
            os.write(2, f"\nfocus-cte: {self._text}\n".encode())
