"""An archive that was synced from a sandbox, and what the environment says of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import attrs
import pytest

from focus_cte import FocusCTe
from focus_cte.mirror import Mirror
from focus_cte.sandbox import Sandbox


@attrs.frozen
class Scene:
    """Where a command is run."""

    sandbox: Sandbox
    folder: Path
    """The working directory: the archive is `acervo` in it."""

    @property
    def env(self) -> Mapping[str, str]:
        return {"FOCUS_NFE_TOKEN": self.sandbox.token, "FOCUS_NFE_BASE_URL": self.sandbox.url}

    @property
    def acervo(self) -> Path:
        return self.folder / "acervo"

    async def sync(self, *, dacte: bool = False) -> None:
        """By the library: what the command line does is for tests of it."""
        async with (
            Mirror.at(self.acervo) as mirror,
            FocusCTe(self.sandbox.token, base_url=self.sandbox.url) as focus,
        ):
            report = await mirror.sync(focus, self.sandbox.cnpj, dacte=dacte)
        assert (report.pending, report.failed) == (0, ())


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
