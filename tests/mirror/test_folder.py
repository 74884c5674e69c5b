"""The folder: private, whole or not there, and under names that nobody else makes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from archives import put_file

from focus_cte import InvalidArgument
from focus_cte.mirror import folder as folder_module
from focus_cte.mirror.errors import FilesError
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.models import Kind

CHAVE = "43260769859781000170570020000010001899797533"
ME, OTHER = "0123abcd", "fedcba98"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def everything(folder: Folder) -> list[str]:
    return sorted(p.relative_to(folder.root).as_posix() for p in folder.root.rglob("*.*"))


def modes(root: Path) -> set[tuple[bool, int]]:
    return {(p.is_dir(), stat.S_IMODE(p.stat().st_mode)) for p in [root, *root.rglob("*")]}


@pytest.mark.parametrize(
    ("kind", "sequencia", "name"),
    [
        (Kind.XML, 1, f"xml/2607/{CHAVE}-cte.xml"),
        (Kind.DACTE, 1, f"xml/2607/{CHAVE}-dacte.pdf"),
        (Kind.CARTA_CORRECAO, 3, f"xml/2607/{CHAVE}-110110-03.xml"),
        (Kind.CARTA_CORRECAO, 123, f"xml/2607/{CHAVE}-110110-123.xml"),
        (Kind.CANCELAMENTO, 1, f"xml/2607/{CHAVE}-110111-01.xml"),
    ],
)
def test_a_file_lies_where_its_key_and_number_say(
    folder: Folder, kind: Kind, sequencia: int, name: str
) -> None:
    assert folder.name(CHAVE, kind, sequencia=sequencia) == name
    put_file(folder, name, b"<a/>", ME)
    folder.settle({name})
    assert folder.path(CHAVE, kind) == folder.root / name
    assert folder.read(name) == b"<a/>"
    assert everything(folder) == [name]


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("group", "expected"),
    [(False, {(True, 0o700), (False, 0o600)}), (True, {(True, 0o750), (False, 0o640)})],
)
def test_whatever_the_umask_only_the_owner_reads_or_the_group_on_request(
    tmp_path: Path, group: bool, expected: set[tuple[bool, int]]
) -> None:
    folder = Folder(tmp_path / "made" / "files", group=group)
    put_file(folder, folder.name(CHAVE, Kind.XML), b"<a/>", ME)
    assert modes(tmp_path / "made") == expected


def test_the_group_may_read_an_archive_from_the_day_it_is_asked_for(folder: Folder) -> None:
    put_file(folder, folder.name(CHAVE, Kind.XML), b"<a/>", ME)
    again = Folder(folder.root, group=True)
    put_file(again, again.name(CHAVE, Kind.DACTE), b"%PDF-", ME)
    assert stat.S_IMODE((folder.root / "xml").stat().st_mode) == 0o750
    assert stat.S_IMODE((folder.root / "xml/2607").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    "chave",
    ["../../../etc/passwd", "", "1234", f"{CHAVE}/x", f"{CHAVE[:2]}../{CHAVE[5:]}", "\0" * 44],
)
@pytest.mark.parametrize("kind", Kind)
def test_what_is_no_key_is_no_path(folder: Folder, chave: str, kind: Kind) -> None:
    for use in (folder.name, folder.path):
        with pytest.raises(InvalidArgument):
            use(chave, kind)
    assert not folder.root.exists()


def test_what_is_no_number_is_no_path(folder: Folder) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        folder.name(CHAVE, Kind.CARTA_CORRECAO, sequencia="../1")  # type: ignore[arg-type]


def test_of_correction_letters_the_last_is_the_file(folder: Folder) -> None:
    assert folder.path(CHAVE, Kind.CARTA_CORRECAO) is None
    for number in (2, 100, 99):
        name = folder.name(CHAVE, Kind.CARTA_CORRECAO, sequencia=number)
        put_file(folder, name, b"<a/>", ME)
    put_file(folder, f"{folder.name(CHAVE, Kind.CARTA_CORRECAO, sequencia=101)}.rejected", b"?", ME)
    found = folder.path(CHAVE, Kind.CARTA_CORRECAO)
    assert found is not None
    assert found.name == f"{CHAVE}-110110-100.xml"


def test_two_events_with_one_number_lie_side_by_side(folder: Folder) -> None:
    name = folder.name(CHAVE, Kind.CARTA_CORRECAO, sequencia=1)
    assert folder.free_name(name, b"<a/>") == name
    put_file(folder, name, b"<a/>", ME)
    assert folder.free_name(name, b"<a/>") == name
    second = folder.free_name(name, b"<b/>")
    assert second == f"xml/2607/{CHAVE}-110110-01-c5a1c182.xml"
    put_file(folder, second, b"<b/>", ME)
    assert (folder.read(name), folder.read(second)) == (b"<a/>", b"<b/>")
    for last, before in [(name, second), (second, name)]:
        os.utime(folder.root / before, (1, 1))
        os.utime(folder.root / last, (2, 2))
        assert folder.path(CHAVE, Kind.CARTA_CORRECAO) == folder.root / last


def test_which_files_are_there_is_told_of_many(folder: Folder) -> None:
    put_file(folder, folder.name(CHAVE, Kind.XML), b"<a/>", ME)
    put_file(folder, folder.name(CHAVE, Kind.CARTA_CORRECAO, sequencia=7), b"<a/>", ME)
    assert folder.there((CHAVE, kind) for kind in Kind) == {
        (CHAVE, Kind.XML),
        (CHAVE, Kind.CARTA_CORRECAO),
    }


def test_only_what_the_dead_left_is_swept(folder: Folder) -> None:
    name = folder.name(CHAVE, Kind.XML)
    put_file(folder, name, b"<a/>", ME)
    target = folder.root / name
    for owner in (ME, OTHER):
        target.with_name(f".{target.name}.{owner}.part").write_bytes(b"<")
    target.with_name(".hidden").write_bytes(b"somebody's")
    folder.sweep({ME})
    assert everything(folder) == sorted(
        [name, f"xml/2607/.{target.name}.{ME}.part", "xml/2607/.hidden"]
    )


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "for writing"), (errno.EIO, "look at the disk")],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_the_system_refuses_is_explained_and_leaves_what_was(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, call: str, number: int, advice: str
) -> None:
    name = folder.name(CHAVE, Kind.XML)
    put_file(folder, name, b"<a/>", ME)

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(FilesError, match=f"{CHAVE}-cte.xml: .*{advice}"):
        put_file(folder, name, b"<b/>", ME)
    assert everything(folder) == [name]
    assert folder.read(name) == b"<a/>"


def test_a_file_that_the_system_takes_in_parts_is_whole(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(FileIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data)[:1])

    def slow(path: str, mode: str, *, buffering: int, opener: Any = None) -> FileIO:
        assert buffering == 0
        return Slow(path, mode, opener=opener)

    name = folder.name(CHAVE, Kind.XML)
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "open", slow, raising=False)
        put_file(folder, name, b"<abc/>", ME)
    assert folder.read(name) == b"<abc/>"


def test_of_a_batch_that_is_given_up_nothing_is_left(folder: Folder) -> None:
    def give_up() -> None:
        with folder.writing(ME) as batch:
            batch.write(folder.name(CHAVE, Kind.XML), b"<a/>")
            assert len(everything(folder)) == 1
            raise KeyError

    with pytest.raises(KeyError):
        give_up()
    assert everything(folder) == []


def test_a_batch_has_its_bytes_on_the_disk_before_any_name(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noting(call: str, real: Callable[..., None]) -> Callable[..., None]:
        def noted(*arguments: Any) -> None:
            done.append(call)
            real(*arguments)

        return noted

    for call in ("fsync", "replace"):
        monkeypatch.setattr(os, call, noting(call, getattr(os, call)))
    with folder.writing(ME) as batch:
        batch.write(folder.name(CHAVE, Kind.XML), b"<a/>")
        batch.write(folder.name(CHAVE, Kind.DACTE), b"%PDF-")
        done.clear()  # of the folders that were made
    assert done == ["fsync", "fsync", "replace", "replace", "fsync"]


def test_a_name_that_does_not_reach_the_disk_is_told(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = folder.name(CHAVE, Kind.XML)
    put_file(folder, name, b"<a/>", ME)

    def refuse(*arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FilesError, match="2607"):
        folder.settle({name})


def test_a_folder_that_is_gone_is_not_made_anew_by_who_knew_it(folder: Folder) -> None:
    name = folder.name(CHAVE, Kind.XML)
    put_file(folder, name, b"<a/>", ME)
    folder.root.rename(folder.root.with_name("elsewhere"))
    with pytest.raises(FilesError, match="mounted"):
        put_file(folder, name, b"<a/>", ME)
    assert not folder.root.exists()


def test_a_month_that_was_removed_is_made_again(folder: Folder) -> None:
    name = folder.name(CHAVE, Kind.XML)
    put_file(folder, name, b"<a/>", ME)
    (folder.root / name).unlink()
    (folder.root / "xml/2607").rmdir()
    put_file(folder, name, b"<a/>", ME)
    assert everything(folder) == [name]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file")
    folder = Folder(tmp_path / "files")
    with pytest.raises(FilesError, match="see that the folder is there"):
        put_file(folder, folder.name(CHAVE, Kind.XML), b"<a/>", ME)
