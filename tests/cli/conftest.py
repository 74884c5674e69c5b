"""An archive that was synced from a sandbox, and what the environment says of both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
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
