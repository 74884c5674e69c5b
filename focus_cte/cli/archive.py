"""The archive that a command is about: FOCUS_CTE_DATABASE, or SQLite in the folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from focus_cte.cli.config import ConfigError
from focus_cte.cli.output import environment
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte import FocusCTe
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


def check_there(folder: Path) -> None:
    """Raises `ConfigError` unless it is."""
    if not is_there(folder):
        raise ConfigError(
            _("{folder}: there is no archive; `focus-cte sync --to {folder}` makes one").format(
                folder=folder
            )
        )


def existing(folder: Path) -> Mirror:
    """To read: a name that is mistyped makes no empty archive. Raises `ConfigError`."""
    check_there(folder)
    return archive(folder)


def check_origin(origin: str | None, focus: FocusCTe) -> None:
    """Raises `ConfigError` where the archive is of another API: what it knows is not true there."""
    if origin not in (None, focus.origin):
        raise ConfigError(
            _("the archive is of {archive}, and the token for {token}").format(
                archive=environment(None, origin), token=environment(None, focus.origin)
            )
        )
