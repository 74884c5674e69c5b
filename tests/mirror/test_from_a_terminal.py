"""`focus-cte` with its archive in a database that the environment names."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from focus_cte.mirror import Mirror
from focus_cte.sandbox import Sandbox

_TREE = Path(__file__).parents[2]


async def test_an_archive_in_the_database_that_the_environment_names(
    database_url: str, tmp_path: Path
) -> None:
    async with Sandbox(ctes=12, credits=None) as sandbox:

        async def said(*arguments: str) -> str:
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "focus_cte.cli", *arguments],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PYTHONPATH": str(_TREE),
                    "FOCUS_CTE_DATABASE": database_url,
                    "FOCUS_NFE_TOKEN": sandbox.token,
                    "FOCUS_NFE_BASE_URL": sandbox.url,
                },
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            assert database_url not in done.stdout + done.stderr
            return done.stdout

        assert "  12 new, 0 changed, " in await said("sync", "--cnpj", sandbox.cnpj)
        listed = await said("list", "--csv")
        assert sorted(line[:44] for line in listed.splitlines()[1:]) == sorted(sandbox.chaves)
        async with Mirror(database_url, files=tmp_path / "acervo" / "files") as mirror:
            assert mirror.origin == sandbox.url
            assert await mirror.cnpjs() == (sandbox.cnpj,)
            assert (await mirror.verify()).ok
