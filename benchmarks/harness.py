"""Servers and contenders in processes of their own, which talk in lines of JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

K = TypeVar("K")
T = TypeVar("T")

_TREE = Path(__file__).parent.parent
_ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
_LONGEST = 180.0
"""Seconds after which a process that does not answer ends the benchmark."""
_LINE = 2**26


@dataclass(frozen=True)
class Result:
    """What one contender's process measured between "go" and its end."""

    value: Any
    wall: float
    cpu: float
    ended: float
    """On the clock that all processes of the machine share, `time.monotonic`."""
    peak_before: float
    peak: float
    """Resident memory at its highest so far, in MiB."""


@dataclass(frozen=True)
class Request:
    """One request, as the server saw it."""

    at: float
    path: str
    status: int


class Process:
    """A module run by this Python."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def read(self) -> Any:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _LONGEST)
        if not line:
            raise RuntimeError("a process of the benchmark ended early: see above")
        return json.loads(line)

    def write(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())

    async def stop(self) -> None:
        """Its input ends; if that does not end it, it is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def _running(module: str, *arguments: Any) -> AsyncIterator[Process]:
    process = Process(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"benchmarks.{module}", *map(json.dumps, arguments)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd=_TREE,
            limit=_LINE,
        )
    )
    try:
        yield process
    finally:
        await process.stop()


class Server:
    """A server that runs: where it is, whom it knows, and what it was asked."""

    def __init__(self, process: Process, about: Mapping[str, Any]) -> None:
        self._process = process
        self.chaves: list[str] = about["chaves"]
        self.account: dict[str, str] = {key: about[key] for key in ("url", "token", "cnpj")}

    async def requests(self) -> list[Request]:
        """Those since the last call, in order of arrival."""
        self._process.write("log")
        return [Request(*seen) for seen in await self._process.read()]


@asynccontextmanager
async def server(kind: str, **settings: Any) -> AsyncIterator[Server]:
    """A server of a `kind` of `server.py`."""
    async with _running("server", kind, settings) as process:
        yield Server(process, await process.read())


async def race(
    server: Server,
    contender: str,
    *each: Mapping[str, Any],
    go: Callable[[], Awaitable[None]] | None = None,
) -> list[Result]:
    """Run a contender ("module.function") in one process for each of the arguments.

    All have imported and connected when the word "go" is given, after `go` returned.
    """
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(
                _running("contender", contender, {**server.account, **arguments})
            )
            for arguments in each
        ]
        for process in processes:
            await process.read()
        if go is not None:
            await go()
        for process in processes:
            process.write("go")
        return [Result(**await process.read()) for process in processes]


async def interleaved(
    rounds: int, runs: Mapping[K, Callable[[], Awaitable[T]]]
) -> dict[K, list[T]]:
    """Every run once a round, one after the other."""
    results: dict[K, list[T]] = {key: [] for key in runs}
    for number in range(rounds):
        for key, run in runs.items():
            progress(f"round {number + 1} of {rounds}: {key}")
            results[key].append(await run())
    progress("")
    return results


def middle(results: Sequence[T], figure: Callable[[T], float]) -> float:
    """The median of a figure."""
    return median(map(figure, results))


async def phase(length: float, at: float) -> None:
    """Sleep until the shared clock is `at` seconds past a multiple of `length`."""
    await asyncio.sleep((at - time.monotonic()) % length)


def progress(text: str) -> None:
    """One line on a terminal, that the next one replaces."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="\r", file=sys.stderr, flush=True)
