"""The folder of files: whole or not there, under names that only keys and numbers make."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from io import FileIO
from pathlib import Path

from focus_cte import parse_chave
from focus_cte.mirror.errors import FilesError
from focus_cte.mirror.models import Kind

EVENTS = {Kind.CANCELAMENTO: "110111", Kind.CARTA_CORRECAO: "110110"}
"""The types of the events whose XMLs the API gives."""
WHOLE = frozenset({Kind.XML, Kind.DACTE})
"""Those of which a document has one."""
_ENDINGS = {Kind.XML: "cte.xml", Kind.DACTE: "dacte.pdf"}
_EVENT = re.compile(r"(\w{44}-\d{6})-(\d+)(?:-[0-9a-f]{8})?\.xml", re.ASCII)
_PART = re.compile(r"\.\S+\.([0-9a-f]{8})\.part")
_GONE = "see that the folder is there, and mounted"
_NO_RIGHT = "give this process the right to it"
_WHAT_TO_DO = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room in the quota",
    errno.EROFS: "have it mounted for writing",
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.ENOENT: _GONE,
    errno.ENOTDIR: _GONE,
    errno.ESTALE: _GONE,
}


class Folder:
    """XMLs and DACTEs by the month of their key. Its methods block: call them in a thread.

    Raises `FilesError` for what the system refuses.
    """

    def __init__(self, root: Path, *, group: bool = False) -> None:
        self.root = Path(root)
        self._beginning = os.path.join(self.root, "")
        self._made: set[Path] = set()
        self._had: set[str] = set()
        self._folder_mode, self.file_mode = (0o750, 0o640) if group else (0o700, 0o600)

    def name(self, chave: str, kind: Kind, *, sequencia: int = 1) -> str:
        """The place of a file below the root: xml/AAMM/CHAVE-cte.xml and so on.

        Raises `InvalidArgument` for what is no access key.
        """
        chave = parse_chave(chave)
        ending = _ENDINGS.get(kind) or f"{EVENTS[kind]}-{int(sequencia):02}.xml"
        return f"xml/{chave[2:6]}/{chave}-{ending}"

    def path(self, chave: str, kind: Kind) -> Path | None:
        """The file on disk; None where there is none. Of correction letters, the last."""
        name = self.name(chave, kind)
        if kind in _ENDINGS:
            return self.root / name if self._is_file(name) else None
        letters = self._numbered(chave, kind)
        return letters[-1] if letters else None

    def _is_file(self, name: str) -> bool:
        path = self.at(name)
        with _translated(path):
            try:
                return stat.S_ISREG(os.stat(path).st_mode)
            except (FileNotFoundError, NotADirectoryError):
                return False

    def letters(self, chave: str) -> list[str]:
        """The names of all correction letters of a document, the last one last."""
        found = self._numbered(chave, Kind.CARTA_CORRECAO)
        return [path.relative_to(self.root).as_posix() for path in found]

    def _numbered(self, chave: str, kind: Kind) -> list[Path]:
        first = self.root / self.name(chave, kind)
        folder, event = first.parent, first.name.removesuffix("-01.xml")
        with _translated(self.root):
            # Of two with one number, the one that came later.
            numbered = [
                (int(match[2]), (folder / name).stat().st_mtime_ns, folder / name)
                for name in _names(folder)
                if name.startswith(event) and (match := _EVENT.fullmatch(name))
            ]
        return [each for *_, each in sorted(numbered)]

    def there(self, wanted: Iterable[tuple[str, Kind]]) -> set[tuple[str, Kind]]:
        """Those of these files that are on disk."""
        events = cache(self._events)  # a folder is listed once, and not once an event
        found = set()
        for chave, kind in wanted:
            name = self.name(chave, kind)
            folder, own = os.path.split(self.at(name))
            if (
                self._is_file(name)
                if kind in WHOLE
                else own.removesuffix("-01.xml") in events(folder)
            ):
                found.add((chave, kind))
        return found

    def _events(self, folder: str) -> set[str]:
        """Which events are there, as key and type."""
        with _translated(folder):
            return {match[1] for name in _names(folder) if (match := _EVENT.fullmatch(name))}

    def at(self, name: str) -> str:
        """Where a name is on the disk; a text, which is far quicker to make than a Path."""
        return self._beginning + name

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where there is none."""
        path = self.at(name)
        with _translated(path):
            try:
                with open(path, "rb", buffering=0) as file:
                    return file.readall()
            except FileNotFoundError:
                return None

    @contextmanager
    def writing(self, owner: str) -> Iterator[Batch]:
        """A batch: its files are in their places, and on the disk, when the block ends well.

        `owner` is told by what is left where the process dies in the middle: see `sweep`.
        """
        batch = Batch(self, owner)
        try:
            yield batch
            batch.settle()
        finally:
            batch.drop()

    def settle(self, names: set[str]) -> None:
        """Have the names of these files on the disk too."""
        for folder in {os.path.dirname(self.at(name)) for name in names}:
            with _translated(folder):
                _fsync(folder)

    def free_name(self, name: str, data: bytes) -> str:
        """The name, or another where a different file has it: an event told in two ways."""
        there = self.read(name)
        if there is None or there == data:
            return name
        return f"{name.removesuffix('.xml')}-{sha256(data).hexdigest()[:8]}.xml"

    def sweep(self, living: set[str]) -> None:
        """Remove what processes left half-written that hold no lease any more."""
        with _translated(self.root):
            for each in self.root.glob("xml/*/.*.part"):
                match = _PART.fullmatch(each.name)
                if match and match[1] not in living:
                    each.unlink(missing_ok=True)

    def open(self, path: str) -> FileIO:
        """Open a new file of the owner's, in a folder that is made where it is not there."""
        folder = os.path.dirname(path)
        if folder not in self._had:
            self.make(Path(folder))
            self._had.add(folder)
        try:
            return open(path, "xb", buffering=0, opener=_private)
        except FileNotFoundError:
            self.make(Path(folder))
            return open(path, "xb", buffering=0, opener=_private)

    def make(self, folder: Path) -> None:
        """Have a folder with its mode, whatever the umask; ours are given it where they lack it."""
        there = folder.is_dir()
        if folder in self._made:
            if there:
                return
            if folder == self.root:  # unmounted: below it would be another disk
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        ours = self.root in folder.parents
        if ours or not there:
            self.make(folder.parent)
        if not there:
            with suppress(FileExistsError):  # by another process
                folder.mkdir(self._folder_mode)
                folder.chmod(self._folder_mode)
                _fsync(folder.parent)
        elif ours and folder.stat().st_mode & 0o777 != self._folder_mode:
            with suppress(PermissionError):  # another user's, who lets us write
                folder.chmod(self._folder_mode)
        self._made.add(folder)


class Batch:
    """Files on their way into a folder: written beside their places, and renamed all together.

    The disk is waited for once, not once a file. Whatever fails, each file is whole or not there.
    """

    def __init__(self, folder: Folder, owner: str) -> None:
        self._folder, self._owner, self._random = folder, owner, os.urandom(4).hex()
        self._names: set[str] = set()
        self._parts: list[tuple[str, FileIO, str]] = []

    def write(self, name: str, data: bytes) -> None:
        """Add a file; one of the same bytes that is there stays as it is."""
        self._names.add(name)
        if self._folder.read(name) == data:
            return
        target = self._folder.at(name)
        parent, own = os.path.split(target)
        part = os.path.join(parent, f".{own}.{len(self._parts)}{self._random}.{self._owner}.part")
        with _translated(target):
            file = self._folder.open(part)
            self._parts.append((part, file, target))
            os.chmod(part, self._folder.file_mode)  # whatever the umask
            rest = memoryview(data)
            while rest:  # of a disk that fills up, a part may be taken
                rest = rest[file.write(rest) :]

    def adopt(self, name: str) -> None:
        """Add a file that is in its place: that it is will be on the disk."""
        self._names.add(name)

    def settle(self) -> None:
        """Bytes first, then names: a name never stands for less than a whole file."""
        for _, file, target in self._parts:
            with _translated(target):
                os.fsync(file.fileno())
        while self._parts:
            part, file, target = self._parts[-1]
            with _translated(target):
                file.close()
                os.replace(part, target)
            self._parts.pop()
        self._folder.settle(self._names)

    def drop(self) -> None:
        """Remove what was not renamed."""
        for part, file, _ in self._parts:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                os.unlink(part)
        self._parts.clear()


def _names(folder: Path | str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _fsync(folder: Path | str) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _translated:
    """Make a `FilesError` of what the system refuses."""

    def __init__(self, path: Path | str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            to_do = _WHAT_TO_DO.get(error.errno or 0, "look at the disk")
            why = error.strerror or error
            raise FilesError(f"{self._path}: {why}: {to_do}, and sync again") from None
