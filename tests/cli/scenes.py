"""Where a command is run: a sandbox, and a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import attrs
from program import run

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


async def assert_whole(scene: Scene) -> None:
    """By the command line alone: every document once, every XML verified, a feed without gaps."""
    sandbox = scene.sandbox

    async def said(*arguments: str) -> str:
        done = await run(*arguments, env=scene.env, cwd=scene.folder)
        assert done.code == 0, done
        return done.out

    listed = json.loads(await said("list", "--json"))
    assert sorted(each["chave"] for each in listed) == sorted(sandbox.chaves)
    assert all(each["tem_xml"] and each["verificado"] for each in listed)
    changes = [json.loads(line) for line in (await said("changes", "--jsonl")).splitlines()]
    assert [change["seq"] for change in changes] == list(range(1, len(changes) + 1))
    received = [change["chave"] for change in changes if change["what"] == "received"]
    assert sorted(received) == sorted(sandbox.chaves)
    assert "nothing is wrong" in await said("verify", "--remote")
