"""Where a command is run: a sandbox, and a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

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
