"""The archive that a command is about: FOCUS_CTE_DATABASE, or SQLite in the folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from focus_cte.cli.config import ConfigError
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Mirror

DATABASE = "FOCUS_CTE_DATABASE"
"""Holds a URL such as postgresql://USER:PASSWORD@HOST/NAME: no argument, for it has a password."""


def archive(folder: Path) -> Mirror:
    """To write to: it is made where it is not there."""
    from focus_cte.mirror import Mirror

    if url := os.environ.get(DATABASE):
        return Mirror(url, files=folder / "files")
    return Mirror.at(folder)


def is_there(folder: Path) -> bool:
    return bool(os.environ.get(DATABASE)) or (folder / "acervo.db").is_file()


def existing(folder: Path) -> Mirror:
    """To read: a name that is mistyped makes no empty archive. Raises `ConfigError`."""
    if not is_there(folder):
        raise ConfigError(
            _("{folder}: there is no archive; `focus-cte sync --to {folder}` makes one").format(
                folder=folder
            )
        )
    return archive(folder)
