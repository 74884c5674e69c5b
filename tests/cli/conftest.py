"""An archive that was synced from a sandbox, and what the environment says of both."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from inside import served
from scenes import Scene

from focus_cte.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Of 30 documents, and without a limit of credits: no test waits for a window."""
    async with Sandbox(ctes=30, credits=None) as opened:
        yield opened


@pytest.fixture
def scene(sandbox: Sandbox, tmp_path: Path) -> Scene:
    """With nothing stored yet."""
    return Scene(sandbox, tmp_path)


@pytest.fixture
async def synced(scene: Scene) -> Scene:
    """With all of the sandbox's documents, one of them corrected and one cancelled."""
    scene.sandbox.correct(scene.sandbox.chaves[0])
    scene.sandbox.cancel(scene.sandbox.chaves[1])
    await scene.sync()
    return scene


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """Nothing stored, and a sandbox that answers while the test is no coroutine: for `invoke`."""
    sandbox = Sandbox(ctes=30, credits=None)
    with served(sandbox):
        yield Scene(sandbox, tmp_path)


@pytest.fixture
def filled(alone: Scene) -> Scene:
    """As `synced`, for `invoke`."""
    alone.sandbox.correct(alone.sandbox.chaves[0])
    alone.sandbox.cancel(alone.sandbox.chaves[1])
    asyncio.run(alone.sync())
    return alone


@pytest.fixture(scope="session")
def _stored_once(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    async def made(folder: Path) -> Scene:
        async with Sandbox(ctes=30, credits=None) as sandbox:
            sandbox.correct(sandbox.chaves[0])
            sandbox.cancel(sandbox.chaves[1])
            scene = Scene(sandbox, folder)
            await scene.sync()
        return scene

    return asyncio.run(made(tmp_path_factory.mktemp("stored")))


@pytest.fixture
def stored(_stored_once: Scene, tmp_path: Path) -> Scene:
    """A copy of what was synced; no API answers any more, and so none is needed."""
    shutil.copytree(_stored_once.acervo, tmp_path / "acervo")
    return Scene(_stored_once.sandbox, tmp_path)
