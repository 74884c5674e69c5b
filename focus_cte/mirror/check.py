"""The proof that files are what was stored: by their SHA-256, and their signature's verdict."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Select, and_, exists, or_, select, tuple_, update

from focus_cte.mirror import pull
from focus_cte.mirror.compare import compare
from focus_cte.mirror.errors import FilesError
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.models import Damage, Kind, State, Verified
from focus_cte.mirror.schema import ctes, eventos, files
from focus_cte.mirror.steady import to_the_end
from focus_cte.mirror.store import Store
from focus_cte.xml import InvalidXML, verify

__all__ = ["compare", "verify_files"]

PAGE = 100
"""Files in one trip to a thread."""
_EVENTS = (Kind.CANCELAMENTO, Kind.CARTA_CORRECAO)


@attrs.frozen
class _File:
    """A file as it was recorded."""

    chave: str
    kind: str
    """A `Kind`, or an event's type and sequence."""
    path: str
    sha256: str
    verdict: bool | None = None
    """Of an XML's `verify`."""
    wanted_by: Kind | None = None
    """Under which kind it can be fetched once more."""


async def verify_files(store: Store, folder: Folder, *, repair: bool) -> Verified:
    """Look at every file that is stored. No request is sent.

    With `repair`, what is damaged is put aside as `.damaged`, and the next sync fetches it again;
    but for old correction letters, of which the API gives the last only.

    Raises `FilesError` for a folder that cannot be read.
    """
    count, damages = 0, list[Damage]()
    async with aclosing(_pages(store)) as pages:
        async for page in pages:
            count += len(page)
            found = await to_the_end(asyncio.to_thread(_damaged, folder.root, page))
            # What a sync has stored since then is no damage.
            known = await _unchanged(store, [file for file, _ in found])
            still = [(file, why) for file, why in found if file in known]
            mended = await _mend(store, folder, [file for file, _ in still]) if repair else ()
            damages += [
                Damage(file.chave, file.kind, why, repaired=file in mended) for file, why in still
            ]
    return Verified(files=count, damages=tuple(damages))


async def _pages(store: Store) -> AsyncGenerator[list[_File], None]:
    """Every file once: those of `files`, then the events that are not the current ones there."""
    last: tuple[str, str] = ("", "")
    while True:
        key = tuple_(files.c.chave, files.c.kind)
        rows = await _rows(store, _stored().where(key > last).order_by(files.c.chave, files.c.kind))
        yield [_of_files(row) for row in rows]
        if len(rows) < PAGE:
            break
        last = (rows[-1].chave, rows[-1].kind)
    behind: tuple[str, str] = ("", "")
    key = tuple_(eventos.c.chave, eventos.c.path)
    while True:
        older = _older_events().where(key > behind).order_by(eventos.c.chave, eventos.c.path)
        rows = await _rows(store, older)
        yield [_of_eventos(row) for row in rows]
        if len(rows) < PAGE:
            break
        behind = (rows[-1].chave, rows[-1].path)


async def _rows(store: Store, statement: Select[Any]) -> Sequence[Any]:
    async with store.reading() as connection:
        rows: Sequence[Any] = (await connection.execute(statement.limit(PAGE))).all()
    return rows


def _stored() -> Select[Any]:
    return (
        select(files.c.chave, files.c.kind, files.c.path, files.c.sha256, ctes.c.verificado)
        .outerjoin(ctes, ctes.c.chave == files.c.chave)
        .where(files.c.state == str(State.STORED))
    )


def _older_events() -> Select[Any]:
    current = exists().where(
        and_(
            files.c.chave == eventos.c.chave,
            files.c.path == eventos.c.path,
            # Without it, `_mend` has it fetched again, under the same name.
            or_(files.c.state == str(State.STORED), files.c.sha256.is_(None)),
        )
    )
    return select(eventos).where(~current)


def _of_files(row: Any) -> _File:
    return _File(
        row.chave,
        row.kind,
        row.path or "",
        row.sha256 or "",
        row.verificado if row.kind == Kind.XML else None,
        Kind(row.kind),
    )


def _of_eventos(row: Any) -> _File:
    return _File(row.chave, f"{row.tipo}-{row.sequencia:02}", row.path, row.sha256)


def _damaged(root: Path, page: Iterable[_File]) -> list[tuple[_File, str]]:
    return [(file, why) for file in page if (why := _damage(root, file)) is not None]


def _damage(root: Path, file: _File) -> str | None:
    """What is wrong with a file, in a sentence; None for nothing."""
    path = root / file.path
    if not file.path:
        return f"{file.chave} {file.kind}: it is stored, and where is not recorded"
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return f"{file.chave} {file.kind}: {file.path} is not there"
    except OSError as error:
        raise FilesError(f"{path}: {error.strerror or error}: give access, and again") from None
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        return (
            f"{file.chave} {file.kind}: {file.path} is not what was stored: its SHA-256 is"
            f" {found[:16]}…, and {file.sha256[:16]}… was recorded"
        )
    return _other_verdict(file, data) if file.kind == Kind.XML else None


def _other_verdict(file: _File, data: bytes) -> str | None:
    try:
        problems = verify(data).problems
    except InvalidXML as error:
        problems = (str(error),)
    if file.verdict is not None and (not problems) == file.verdict:
        return None
    recorded = {None: "none", True: "that it is right", False: "that it is wrong"}[file.verdict]
    return (
        f"{file.chave} {file.kind}: the recorded verdict is {recorded}, and its signature is"
        f" {'wrong: ' + '; '.join(problems) if problems else 'right'}"
    )


async def _unchanged(store: Store, found: Sequence[_File]) -> set[_File]:
    """Those that are recorded as they were when they were read."""
    if not found:
        return set()
    chaves = {file.chave for file in found}
    async with store.reading() as connection:
        stored = await connection.execute(_stored().where(files.c.chave.in_(chaves)))
        events = await connection.execute(_older_events().where(eventos.c.chave.in_(chaves)))
        return {*map(_of_files, stored), *map(_of_eventos, events)} & set(found)


async def _mend(store: Store, folder: Folder, found: Sequence[_File]) -> set[_File]:
    """Have them fetched again; those for which that can be done."""
    mended = {file for file in found if file.wanted_by is not None}
    if not mended:
        return mended
    # First of all: a file that is there may be taken for the one that is wanted.
    aside = [folder.root / file.path for file in mended if file.path]
    await to_the_end(asyncio.to_thread(_put_aside, aside))
    wanted = [(file.chave, file.wanted_by) for file in mended if file.wanted_by is not None]
    async with store.writing() as writer:
        await pull.want(writer, wanted)
        await writer.connection.execute(
            # The letter that the API gives is the one held already: here it is news.
            update(files)
            .where(
                files.c.chave.in_([file.chave for file in mended if file.wanted_by in _EVENTS]),
                files.c.kind.in_([str(kind) for kind in _EVENTS]),
                files.c.state == str(State.WANTED),
                files.c.wanted_at == writer.now,
            )
            .values(sha256=None)
        )
    return mended


def _put_aside(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            os.replace(path, path.with_name(f"{path.name}.damaged"))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise FilesError(f"{path}: {error.strerror or error}: give access, and again") from None
