"""Syncs in processes of their own, as a test starts, kills, stops and awaits them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("killable.py")
_ENVIRONMENT = {
    # A process that is killed in the middle leaves no measure of coverage that could be read.
    **{name: value for name, value in os.environ.items() if not name.startswith("COV")},
    "PYTHONPATH": str(_PROGRAM.parents[2]),
}
_LONGEST = 60.0


class Run:
    """One sync under way."""

    def __init__(self, process: int, end: asyncio.Task[dict[str, Any]]) -> None:
        self._process, self._end = process, end

    @property
    def ended(self) -> bool:
        return self._end.done()

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process, number)

    async def said(self) -> dict[str, Any] | None:
        """What it said at its end: a report, or an error; None if it was killed before."""
        end = await self._end
        assert end["code"] in (0, -signal.SIGKILL), end
        said: dict[str, Any] | None = end["said"]
        assert (said is None) == (end["code"] != 0), end
        return said


class Worker:
    """A process that forks one a sync."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def start(self, job: dict[str, Any]) -> Run:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        told = await self._read()
        return Run(told["process"], asyncio.create_task(self._read()))

    async def run(self, job: dict[str, Any]) -> dict[str, Any] | None:
        return await (await self.start(job)).said()

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _LONGEST)
        assert line, "the process that forks ended: see above"
        told: dict[str, Any] = json.loads(line)
        return told


@asynccontextmanager
async def worker() -> AsyncIterator[Worker]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", _PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=_ENVIRONMENT,
        # So that a test that fails can end those that it stopped, too.
        start_new_session=True,
    )
    try:
        yield Worker(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def until(condition: Callable[[], object]) -> None:
    """Wait for what happens in the sandbox, or in another process, which tells nobody."""
    async with asyncio.timeout(_LONGEST):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
