"""Disks that are full or read-only: a clear error, nothing by halves, and then it goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from archives import Archive, sync
from disks import Disk, mounted
from wholeness import assert_goes_on, assert_nothing_by_halves, snapshot

from focus_cte.mirror.errors import FilesError, MirrorError, StoreError
from focus_cte.mirror.mirror import Mirror
from focus_cte.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Some documents in several pages, for as many requests as anybody likes."""
    async with Sandbox(ctes=45, credits=None, page=10) as opened:
        yield opened


@pytest.fixture
def archive(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Archive:
    return Archive(database_url, tmp_path / "files", sandbox)


class TestFull:
    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Disk]:
        with mounted(tmp_path / "small", size="200k") as disk:
            yield disk

    async def test_a_full_disk_of_files_ends_a_sync_and_with_room_it_goes_on(
        self, sandbox: Sandbox, database_url: str, small: Disk
    ) -> None:
        archive = Archive(database_url, small.folder / "files", sandbox)
        with pytest.raises(FilesError, match="No space left") as caught:
            await sync(archive)
        assert str(archive.files) in str(caught.value)
        await assert_nothing_by_halves(archive)
        small.grow("8m")
        await assert_goes_on(archive)

    async def test_a_full_disk_of_the_database_ends_a_sync_and_with_room_it_goes_on(
        self, sandbox: Sandbox, tmp_path: Path, small: Disk
    ) -> None:
        database = small.folder / "acervo.db"
        archive = Archive(f"sqlite:///{database}", tmp_path / "files", sandbox)
        with pytest.raises(StoreError, match=r"full|disk I/O error") as caught:
            await sync(archive)
        assert str(database) in str(caught.value)
        small.grow("8m")
        await assert_nothing_by_halves(archive)
        await assert_goes_on(archive)

    async def test_a_database_that_fills_up_later_keeps_its_cursor(
        self, sandbox: Sandbox, tmp_path: Path, small: Disk
    ) -> None:
        archive = Archive(f"sqlite:///{small.folder / 'acervo.db'}", tmp_path / "files", sandbox)
        small.grow("8m")
        await sync(archive)
        before = await snapshot(archive.database_url)
        filler = small.folder / "filler"
        _fill(filler)
        sandbox.receive(30)
        with pytest.raises(StoreError):
            await sync(archive)
        filler.unlink()
        after = await snapshot(archive.database_url)
        for table in ("cursors", "recebimentos", "changes", "files"):
            assert after[table] == before[table]
        await assert_goes_on(archive)

    @pytest.mark.parametrize("call", ["replace", "fsync", "open"])
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
    async def test_an_error_of_the_system_at_a_file_ends_a_sync(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch, call: str, code: int
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(os, call, _failing(getattr(os, call), 7, code, archive.files))
            with pytest.raises(FilesError, match=os.strerror(code)):
                await sync(archive)
        await assert_nothing_by_halves(archive)
        await assert_goes_on(archive)


def _fill(path: Path) -> None:
    """Take all the room that there is."""
    with path.open("wb", buffering=0) as file:
        size = 2**16
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def _failing(real: Callable[..., Any], nth: int, code: int, root: Path) -> Callable[..., Any]:
    """The same, but for the n-th call about a file below `root`."""
    calls = 0

    def call(what: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        path = f"/proc/self/fd/{what}" if isinstance(what, int) else what
        if str(os.path.realpath(path)).startswith(str(root)):
            calls += 1
            if calls == nth:
                raise OSError(code, os.strerror(code), str(path))
        return real(what, *arguments, **named)

    return call


class TestReadOnly:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[Disk]:
        with mounted(tmp_path / "disk", size="16m") as disk:
            yield disk

    async def test_a_folder_that_became_read_only_ends_a_sync(
        self, sandbox: Sandbox, database_url: str, disk: Disk
    ) -> None:
        archive = Archive(database_url, disk.folder / "files", sandbox)
        await sync(archive)
        disk.make_read_only()
        sandbox.receive(2)
        with pytest.raises(FilesError, match="Read-only"):
            await sync(archive)
        disk.make_writable()
        await assert_nothing_by_halves(archive)
        await assert_goes_on(archive)

    async def test_a_database_that_became_read_only_ends_a_sync_before_any_request(
        self, sandbox: Sandbox, tmp_path: Path, disk: Disk
    ) -> None:
        archive = Archive(f"sqlite:///{disk.folder / 'acervo.db'}", tmp_path / "files", sandbox)
        await sync(archive)
        asked = len(sandbox.requests)
        disk.make_read_only()
        with pytest.raises(StoreError):
            await sync(archive)
        assert len(sandbox.requests) == asked
        disk.make_writable()
        sandbox.receive(2)
        await assert_goes_on(archive)

    async def test_a_new_archive_cannot_be_made_on_a_read_only_disk(self, disk: Disk) -> None:
        disk.make_read_only()
        with pytest.raises(MirrorError, match=r"Read-only|unable to open"):
            async with Mirror.at(disk.folder / "acervo"):
                pass

    async def test_a_file_in_the_place_of_the_folder_ends_a_sync(self, archive: Archive) -> None:
        archive.files.write_text("not a folder")
        with pytest.raises(FilesError):
            await sync(archive)
        assert archive.files.read_text() == "not a folder"
        archive.files.unlink()
        await assert_nothing_by_halves(archive)
        await assert_goes_on(archive)

    async def test_a_file_in_the_place_of_the_archive_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "acervo").write_text("not a folder")
        with pytest.raises(MirrorError):
            async with Mirror.at(tmp_path / "acervo"):
                pass
        assert (tmp_path / "acervo").read_text() == "not a folder"
