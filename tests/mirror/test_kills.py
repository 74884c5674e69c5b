"""A mirror that is killed again and again, and has everything in the end.

FOCUS_CTE_KILLS says how many times; `make soak-mirror` says 500.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from archives import NOW, Archive
from wholeness import assert_whole
from workers import Run, Worker, until, worker

from focus_cte.sandbox import Sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are of POSIX")

_KILLS = int(os.environ.get("FOCUS_CTE_KILLS", "50"))
_AT_LEAST = 0.6
"""Of the kills: those that hit a sync in the middle."""
_STEP = timedelta(hours=1)
_LAST_STEPS = 60


@pytest.fixture
def kills(request: pytest.FixtureRequest, database_url: str) -> int:
    """PostgreSQL was not made by us: there, the code between it and the files is what counts."""
    return _KILLS if database_url.startswith("sqlite") else max(1, _KILLS * 2 // 5)


async def test_a_mirror_that_is_killed_again_and_again_has_everything_in_the_end(
    kills: int, database_url: str, tmp_path: Path
) -> None:
    draw = random.Random(kills)
    now, hit = NOW, 0
    async with Sandbox(ctes=20, credits=None, page=10) as sandbox, worker() as forks:
        sandbox.chance(seed=kills, late=0.1)
        archive = Archive(database_url, tmp_path / "files", sandbox)
        for _ in range(kills):
            hit += await _kill_one(forks, archive, now, draw)
            _move(sandbox, draw)
            now += _STEP
        await _run_to_the_end(forks, archive, now)
        sandbox.chance()
        await assert_whole(archive)
    assert hit >= kills * _AT_LEAST


async def _kill_one(forks: Worker, archive: Archive, now: datetime, draw: random.Random) -> bool:
    """Start a sync, and kill it at an event; whether it was in the middle of its work."""
    seen = len(archive.sandbox.requests)
    happened, renames = _event(archive.sandbox, seen, draw)
    run = await forks.start(archive.job(now, renames=renames))
    await until(lambda: run.ended or happened())
    if not renames:
        await asyncio.sleep(draw.choice((0.0, 0.0, 0.001, 0.003, 0.01, 0.02)) * draw.random())
    run.signal(signal.SIGKILL)
    said = await run.said()
    assert said is None or "error" not in said, said
    return said is None and len(archive.sandbox.requests) > seen


def _event(
    sandbox: Sandbox, start: int, draw: random.Random
) -> tuple[Callable[[], object], int | None]:
    """When to kill: a condition on the sandbox, or the number of a rename after which."""
    nth = draw.randint(1, 4)

    def asked() -> bool:
        return len(sandbox.requests) >= start + nth

    def listed() -> bool:
        return any(seen.path.endswith("recebidas") for seen in sandbox.requests[start:])

    def answered() -> bool:
        files = [s for s in sandbox.requests[start:] if s.path.endswith(".xml") and s.status]
        return len(files) >= nth

    kind = draw.randrange(5)
    if kind == 4:
        return lambda: False, nth
    return (asked, listed, answered, answered)[kind], None


def _move(sandbox: Sandbox, draw: random.Random) -> None:
    """Documents arrive, and some that were there change."""
    sandbox.receive(draw.randint(1, 3))
    for change in draw.choices((sandbox.correct, sandbox.cancel), k=draw.randint(0, 2)):
        for chave in draw.choices(sandbox.chaves, k=1):
            try:
                change(chave)
            except ValueError:
                continue  # cancelled or denied before


async def _run_to_the_end(forks: Worker, archive: Archive, now: datetime) -> None:
    for number in range(_LAST_STEPS):
        said = await forks.run(archive.job(now + number * _STEP))
        assert said is not None
        assert "error" not in said, said
        if not said["pending"]:
            return
    raise AssertionError(f"after {_LAST_STEPS} syncs there are files pending: {said}")


async def test_a_sync_that_nobody_kills_ends_at_once(database_url: str, tmp_path: Path) -> None:
    async with Sandbox(ctes=5, credits=None) as sandbox, worker() as forks:
        archive = Archive(database_url, tmp_path / "files", sandbox)
        run: Run = await forks.start(archive.job(NOW))
        said = await run.said()
        assert said is not None
        assert (said.get("new"), said.get("pending")) == (5, 0)
        await assert_whole(archive)
