"""A file is whole, or as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from focus_cte.cli.whole import replacing


def test_the_new_file_is_there_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def fails(target: Path, error: BaseException) -> None:
    with replacing(target) as file:
        file.write(b"half of the new")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_was_there_stays_when_the_block_fails(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(error):
        fails(target, error())
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_first_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="full"):
        fails(tmp_path / "file", ValueError("full"))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "file"):
        pytest.fail("there is nothing to write to")


def test_a_name_may_be_as_long_as_the_disk_takes(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    with replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(("asked", "given"), [(0o600, 0o600), (0o666, 0o640)])
def test_who_may_read_it_is_what_the_umask_leaves(tmp_path: Path, asked: int, given: int) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "file", mode=asked):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == given
