"""A bad network, and two processes on one CNPJ: the same end."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from archives import NOW, Archive, sync
from wholeness import assert_whole, on_disk, snapshot
from workers import Worker, until, worker

from focus_cte import FocusCTe, Retry, ServerError, TransportError
from focus_cte.mirror.errors import LeaseHeld
from focus_cte.mirror.mirror import Mirror
from focus_cte.sandbox import Sandbox

_STEP = timedelta(hours=6)
_SYNCS = 40
_AT_ONCE = 8
"""Requests of a client under way."""
_MOVES = 5
_LATER = timedelta(minutes=10)
"""When a lease that was not renewed is over."""


class Clock:
    """What the mirror takes for the present."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bad() -> AsyncIterator[Sandbox]:
    """The API on a bad day."""
    async with Sandbox(ctes=150, credits=None, page=20) as sandbox:
        sandbox.chance(status=0.05, reset=0.02, cut=0.01, late=0.1, late_times=3)
        yield sandbox


@pytest.fixture
def archive(bad: Sandbox, database_url: str, tmp_path: Path) -> Archive:
    return Archive(database_url, tmp_path / "files", bad)


async def _sync_until_nothing_is_pending(archive: Archive, clock: Clock, retry: Retry) -> int:
    """How many syncs it took, each a step later than the last; documents change meanwhile."""
    sandbox = archive.sandbox
    plain = sandbox.chaves[:_MOVES]
    for number in range(_SYNCS):
        pending = 1
        async with (
            Mirror(archive.database_url, files=archive.files, clock=clock) as mirror,
            FocusCTe(sandbox.token, base_url=sandbox.url, retry=retry) as focus,
        ):
            with suppress(ServerError, TransportError):
                pending = (await mirror.sync(focus, sandbox.cnpj)).pending
        clock.now += _STEP
        if number < _MOVES:
            sandbox.receive(3)
            sandbox.correct(plain[number])
            sandbox.cancel(plain[number])
        elif not pending:
            return number
    raise AssertionError(f"after {_SYNCS} syncs there are files pending")


@pytest.mark.parametrize("attempts", [4, 1])
async def test_on_a_bad_network_everything_arrives_all_the_same(
    archive: Archive, clock: Clock, attempts: int
) -> None:
    retry = Retry(attempts=attempts, total=20.0, initial=0.001, maximum=0.004)
    syncs = await _sync_until_nothing_is_pending(archive, clock, retry)
    assert syncs > _MOVES
    met = {seen.status for seen in archive.sandbox.requests}
    assert met >= {200, 404, None} | {500, 502, 503, 504}
    archive.sandbox.chance()
    await assert_whole(archive)


@pytest.fixture
async def calm(database_url: str, tmp_path: Path) -> AsyncIterator[Archive]:
    """The API on a good day."""
    async with Sandbox(ctes=30, credits=None) as sandbox:
        yield Archive(database_url, tmp_path / "files", sandbox)


@pytest.fixture
async def forks() -> AsyncIterator[Worker]:
    async with worker() as running:
        yield running


def _xmls(archive: Archive) -> int:
    return sum(seen.path.endswith(".xml") for seen in archive.sandbox.requests)


async def test_a_second_process_is_told_that_the_first_is_at_work(
    calm: Archive, forks: Worker
) -> None:
    calm.sandbox.fail("slow", seconds=1.0, on="xml", times=30)
    first = await forks.start(calm.job(NOW))
    await until(lambda: _xmls(calm))
    asked = len(calm.sandbox.requests)
    with pytest.raises(LeaseHeld, match=calm.sandbox.cnpj) as caught:
        await sync(calm, NOW)
    assert caught.value.cnpj == calm.sandbox.cnpj
    assert caught.value.until is not None
    assert caught.value.until > NOW
    listings = [s for s in calm.sandbox.requests[asked:] if not s.path.endswith(".xml")]
    assert listings == []
    first.signal(signal.SIGKILL)
    assert await first.said() is None


async def test_a_dead_process_is_taken_over_from_at_once(calm: Archive, forks: Worker) -> None:
    calm.sandbox.fail("slow", seconds=30.0, on="xml", times=_AT_ONCE)
    first = await forks.start(calm.job(NOW))
    await until(lambda: _xmls(calm) >= _AT_ONCE)
    first.signal(signal.SIGKILL)
    assert await first.said() is None
    assert (await sync(calm, NOW)).pending == 0
    await assert_whole(calm)


async def test_a_process_that_paused_too_long_writes_nothing_after_it_lost_its_lease(
    calm: Archive, forks: Worker
) -> None:
    calm.sandbox.fail("slow", seconds=0.3, on="xml", times=_AT_ONCE)
    paused = await forks.start(calm.job(NOW))
    # Its requests are under way, and no transaction: there is nothing to write yet.
    await until(lambda: _xmls(calm) >= _AT_ONCE)
    paused.signal(signal.SIGSTOP)
    calm.sandbox.receive(3)
    calm.sandbox.cancel(calm.sandbox.chaves[0])
    assert (await sync(calm, NOW + _LATER)).pending == 0
    before = await snapshot(calm.database_url), on_disk(calm.files)
    paused.signal(signal.SIGCONT)
    said = await paused.said()
    assert said is not None
    assert said["error"] == "LeaseLost", said
    assert calm.sandbox.cnpj in said["message"]
    assert (await snapshot(calm.database_url), on_disk(calm.files)) == before
    await assert_whole(calm)
