"""`focus-cte` run in this process: for the many cases of a command, none of which starts a program.

Not from a coroutine: a command has a loop of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path

from program import Done, decent, environment
from typer.testing import CliRunner

from focus_cte.cli.app import build
from focus_cte.sandbox import Sandbox


def invoke(*arguments: object, env: Mapping[str, str], cwd: Path, typed: str = "") -> Done:
    """As in a pipe."""
    words = list(map(str, arguments))
    wanted = environment(env)
    kept: dict[str, str | None] = {name: wanted.get(name) for name in (*os.environ, *wanted)}
    with chdir(cwd):
        result = CliRunner(env=kept).invoke(build(words), words, input=typed, prog_name="focus-cte")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    out, err = result.stdout_bytes.decode(), result.stderr_bytes.decode()
    return decent(Done(result.exit_code, out, err), env)


@contextmanager
def served(sandbox: Sandbox) -> Iterator[None]:
    """It answers from a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sandbox.__aenter__(), loop).result()
        try:
            yield
        finally:
            closing = sandbox.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(closing, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
