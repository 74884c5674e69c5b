"""What was shown once, kept in snapshots/. FOCUS_CTE_SNAPSHOTS=write writes the files anew.

Read the difference before you commit it: that is the test.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("FOCUS_CTE_SNAPSHOTS") == "write"


def assert_as_kept(name: str, shown: str) -> None:
    """Compare, or with FOCUS_CTE_SNAPSHOTS=write keep."""
    path = FOLDER / f"{name}.txt"
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown, "utf-8")
    assert path.is_file(), f"{path.name}: set FOCUS_CTE_SNAPSHOTS=write to make it"
    assert shown == path.read_text("utf-8")


def only_with_the_typer_that_made_them() -> None:
    """Skip where another minor version lays its help out in another way."""
    file = FOLDER / "help" / "typer.txt"
    installed = ".".join(version("typer").split(".")[:2])
    if WRITE:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{installed}\n")
    made = file.read_text().strip()
    if made != installed:
        pytest.skip(f"the snapshots were made by typer {made}, and {installed} is installed")
