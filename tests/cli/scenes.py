"""Where a command is run: a sandbox, and a folder."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from inside import invoke
from program import Done, on_a_terminal, run

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

    @property
    def heading(self) -> str:
        """The first line of what is said of the archive."""
        return f"{self.sandbox.url} · acervo"

    @property
    def corrected(self) -> str:
        """The document that was, where the fixture says so: what changed last stands last."""
        return self.sandbox.chaves[-2]

    @property
    def cancelled(self) -> str:
        return self.sandbox.chaves[-1]

    @property
    def asked(self) -> int:
        """How many requests the API met until now."""
        return len(self.sandbox.requests) + len(self.sandbox.storage_requests)

    def invoke(self, *arguments: object, typed: str = "", **env: str) -> Done:
        """In this process, as in a pipe; not from a coroutine."""
        return invoke(*arguments, env={**self.env, **env}, cwd=self.folder, typed=typed)

    async def run(self, *arguments: object, typed: str = "", **env: str) -> Done:
        """In a pipe, in the folder; an `env` of "" is as if it were not set."""
        return await run(*arguments, env={**self.env, **env}, cwd=self.folder, typed=typed)

    async def on_a_terminal(
        self,
        *arguments: object,
        typed: str = "",
        interrupted_at: str = "",
        columns: int = 80,
        **env: str,
    ) -> Done:
        """The same on a terminal."""
        return await on_a_terminal(
            *arguments,
            env={**self.env, **env},
            cwd=self.folder,
            typed=typed,
            interrupted_at=interrupted_at,
            columns=columns,
        )

    def sql(self, statement: str, **values: Any) -> None:
        """Make the archive such as no sync of a test could."""
        with closing(sqlite3.connect(self.acervo / "acervo.db")) as database, database:
            database.execute(statement, values)

    def due(self, chave: str, *, days: int) -> None:
        """As if the term of a document ended after so many whole days, and some hours."""
        end = datetime.now(UTC) + timedelta(days=days, hours=5)
        self.sql(
            "UPDATE ctes SET prazo = :end WHERE chave = :chave",
            end=f"{end:%Y-%m-%dT%H:%M:%S.%fZ}",
            chave=chave,
        )


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
