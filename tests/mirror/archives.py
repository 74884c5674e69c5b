"""Archives of a sandbox, and a sync of one in this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from focus_cte import FocusCTe
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.mirror import Mirror
from focus_cte.mirror.models import Report
from focus_cte.sandbox import Sandbox

NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)
"""Some days after the sandbox's first documents."""


@dataclass(frozen=True)
class Archive:
    """Where one is, and of which API."""

    database_url: str
    files: Path
    sandbox: Sandbox

    @property
    def file(self) -> Path:
        """Of SQLite."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    def job(self, now: datetime, **more: Any) -> dict[str, Any]:
        """What a worker has to know to sync it."""
        return {
            "database_url": self.database_url,
            "files": str(self.files),
            "url": self.sandbox.url,
            "token": self.sandbox.token,
            "cnpj": self.sandbox.cnpj,
            "now": now.isoformat(),
            **more,
        }


async def sync(archive: Archive, now: datetime = NOW) -> Report:
    """Open it, sync, close it."""
    sandbox = archive.sandbox
    async with (
        Mirror(archive.database_url, files=archive.files, clock=lambda: now) as mirror,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
    ):
        return await mirror.sync(focus, sandbox.cnpj)


def put_file(folder: Folder, name: str, data: bytes, owner: str = "0badcafe") -> None:
    """A file in its place, as a process puts it there."""
    with folder.writing(owner) as batch:
        batch.write(name, data)
