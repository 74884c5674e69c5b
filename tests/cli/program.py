"""`focus-cte` run as a program: in a pipe, and in a pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_UNSET = ("FOCUS_", "LC_", "LANG", "NO_COLOR", "COLUMNS", "TERM", "FORCE_COLOR", "CI", "GITHUB_")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As where a shell has the suite in its background: what it starts would not hear Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@attrs.frozen
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str
    raw: str = ""
    """All that a terminal was sent, escape sequences too."""

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def environment(more: Mapping[str, str], *, measured: bool = False) -> dict[str, str]:
    """This one without what `focus-cte` and rich look at.

    measured: have coverage measure the program, which then takes twice as long to start.
    """
    unset = _UNSET if measured else (*_UNSET, "COV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "LANG": "C.UTF-8", **more}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "focus_cte.cli", *map(str, arguments)]


async def run(
    *arguments: object,
    env: Mapping[str, str],
    cwd: Path | None = None,
    typed: str = "",
    measured: bool = False,
) -> Done:
    """In a pipe, which nobody looks at."""
    done = await asyncio.to_thread(
        subprocess.run,
        command(*arguments),
        env=environment(env, measured=measured),
        cwd=cwd,
        input=typed,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LONGEST,
    )
    return decent(
        Done(done.returncode, done.stdout, done.stderr), env, escapes="FORCE_COLOR" in env
    )


async def on_a_terminal(
    *arguments: object,
    env: Mapping[str, str],
    cwd: Path | None = None,
    typed: str = "",
    interrupted_at: str = "",
    columns: int = 80,
) -> Done:
    """On a terminal, where stdout and stderr are one; `out` is what it shows, without colours.

    interrupted_at: send SIGINT, as Ctrl-C does, when it shows this.
    """
    shown = await asyncio.to_thread(
        _on_a_terminal, command(*arguments), env, cwd, typed, interrupted_at, columns
    )
    return decent(shown, env, escapes=True)


def _on_a_terminal(
    words: list[str],
    env: Mapping[str, str],
    cwd: Path | None,
    typed: str,
    interrupted_at: str,
    columns: int,
) -> Done:
    ours, theirs = pty.openpty()
    try:
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = subprocess.Popen(
            words,
            env=environment({"TERM": "xterm-256color", **env}),
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
    finally:
        os.close(theirs)
    shown: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, shown))
    reader.start()
    try:
        if typed:
            os.write(ours, typed.encode())
        if interrupted_at:
            _wait_for(interrupted_at, shown)
            _interrupt(process)
        code = process.wait(LONGEST)
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        os.close(ours)
    raw = b"".join(shown).decode("utf-8", "replace")
    return Done(code, plain(raw), "", raw)


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Once more where it came between a question and the first look at what is typed."""
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
            return


def _read(descriptor: int, shown: list[bytes]) -> None:
    with suppress(OSError):  # the other end is closed
        while data := os.read(descriptor, 65_536):
            shown.append(data)


def _wait_for(text: str, shown: list[bytes]) -> None:
    deadline = time.monotonic() + LONGEST
    while text.encode() not in b"".join(shown):
        assert time.monotonic() < deadline, f"{text!r} is not shown"
        time.sleep(0.01)


def decent(done: Done, env: Mapping[str, str], *, escapes: bool = False) -> Done:
    """Whatever is run: no traceback, no token, and no escape sequences where nobody looks."""
    shown = done.out + done.err
    assert "Traceback" not in shown, shown
    unbroken = shown.replace("\n", "")
    assert [
        name for name, value in env.items() if value and "TOKEN" in name and value in unbroken
    ] == []
    assert escapes or "\x1b" not in shown, shown
    return done


def plain(text: str) -> str:
    """What is left for a reader: without colours and the moves of a cursor."""
    return _ESCAPES.sub("", text).replace("\r\n", "\n")
