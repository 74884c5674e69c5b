"""Disks that are small, full or read-only, where this system lets us have them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A tmpfs, mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def grow(self, size: str) -> None:
        self._remount(f"size={size}")

    def make_read_only(self) -> None:
        self._remount("ro")

    def make_writable(self) -> None:
        self._remount("rw")

    def _remount(self, option: str) -> None:
        _run("mount", "-o", f"remount,{option}", str(self.folder))


@contextmanager
def mounted(folder: Path, *, size: str) -> Iterator[Disk]:
    """A disk of this size ("1m"); skips the test, with the reason, where none can be mounted."""
    folder.mkdir()
    if sys.platform != "linux":
        pytest.skip("tmpfs is of Linux")
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        pytest.skip(f"no disk can be mounted here: {str(said).strip()}")
    try:
        yield Disk(folder)
    finally:
        _run("umount", "-l", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
