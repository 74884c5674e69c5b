"""The purge: what was emitted before a date goes, rows first, and that it went stays on record."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import partial
from typing import Any

import attrs
from sqlalchemy import bindparam, delete, or_, select, update

from focus_cte import InvalidArgument
from focus_cte.mirror import facts
from focus_cte.mirror import lease as leasing
from focus_cte.mirror.errors import FilesError
from focus_cte.mirror.feed import versoes_of
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.models import Purged
from focus_cte.mirror.schema import (
    archive,
    changes,
    ctes,
    cursors,
    eventos,
    files,
    nfes,
    purges,
    recebimentos,
    referencias,
    versoes,
    with_offset,
)
from focus_cte.mirror.steady import to_the_end
from focus_cte.mirror.store import Store, Writer

BATCH = 500
"""Documents in one transaction, and files in one trip to a thread."""
_BRASILIA = timezone(timedelta(hours=-3))
_OF_A_DOCUMENT = re.compile(r"\.?([0-9]{6}[A-Z0-9]{12}[0-9]{26})-.+")
"""The files of a document, what is half-written or put aside among them."""
_DELETE_VERSAO = delete(versoes).where(
    *(part == bindparam(part.name) for part in versoes.primary_key)
)
_TABLES = (recebimentos, eventos, referencias, nfes, files, ctes)


@attrs.define
class _Count:
    """What went so far, or would go."""

    documents: int = 0
    files: int = 0
    bytes: int = 0


async def purge(store: Store, folder: Folder, before: date, *, dry_run: bool) -> Purged:
    """Remove the documents emitted before this date, local at their issuer, and their files.

    Of those without a date, the month in the key tells; in the month in which the purge ends they
    stay. What was removed is not stored again when a listing has it. Desacordos stay, and the
    numbers of the feed. It holds the lease of every CNPJ, so that no pull is under way: `LeaseHeld`
    where one is. Stopped in the middle, call it again with the same date.

    Raises `InvalidArgument` for a date in the future, `FilesError`, `LeaseHeld` and `LeaseLost`.
    """
    _check(before, store.clock())
    count = _Count()
    if dry_run:
        astray = set()
        async with aclosing(_documents(store, before)) as batches:
            async for chaves in batches:
                count.documents += len(chaves)
                astray |= _astray(chaves, before)
        await _remove_files(store, folder, before, count, astray=astray, dry_run=True)
    else:
        async with _leases(store) as held:
            at = await _begin(store, held, before)
            astray = await _remove_rows(store, held, before, at, count)
            await _remove_files(store, folder, before, count, astray=astray, dry_run=False)
            async with store.writing() as writer:
                await _record(writer, at, before, count)
    return Purged(before, count.documents, count.files, count.bytes, dry_run)


def _check(before: date, now: datetime) -> None:
    if isinstance(before, datetime) or not isinstance(before, date):
        raise InvalidArgument(f"before must be a date, not {before!r}")
    today = now.astimezone(_BRASILIA).date()
    if before > today:
        # It would keep out what is yet to come.
        raise InvalidArgument(f"before={before} is in the future: today is {today}")


@asynccontextmanager
async def _leases(store: Store) -> AsyncIterator[list[Lease]]:
    """One for every CNPJ: a fetch under way would store files of documents that are gone."""
    async with store.reading() as connection:
        found = await connection.scalars(select(cursors.c.cnpj).order_by(cursors.c.cnpj))
        cnpjs = found.all()
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(leasing.holding(store, cnpj)) for cnpj in cnpjs]


async def _begin(store: Store, held: Sequence[Lease], before: date) -> datetime:
    """From here on none of them comes back. When it is: the name of the record."""
    async with store.writing() as writer:
        for lease in held:
            await lease.hold(writer)
        # Of a CNPJ that came after we looked.
        await leasing.check_no_other(writer, held)
        known = archive.c.purged_before
        await writer.connection.execute(
            update(archive)
            .where(or_(known.is_(None), known < before.isoformat()))
            .values(purged_before=before.isoformat())
        )
        at = writer.now
        while await writer.connection.scalar(select(purges.c.at).where(purges.c.at == at)):
            at += timedelta.resolution  # a clock may stand still
        await _record(writer, at, before, _Count())
    return at


async def _record(writer: Writer, at: datetime, before: date, count: _Count) -> None:
    row = {"at": at, "before": before.isoformat(), **attrs.asdict(count)}
    await writer.upsert(purges, [row])


async def _documents(store: Store, before: date) -> AsyncGenerator[list[str], None]:
    """The keys of those to be removed, in order, by batches."""
    last = ""
    # The farthest that a local date can be from UTC's.
    latest = datetime.combine(before, time(), UTC) + timedelta(days=1)
    while True:
        async with store.reading() as connection:
            found = await connection.execute(
                select(ctes.c.chave, ctes.c.emissao, ctes.c.emissao_offset)
                .where(ctes.c.chave > last, or_(ctes.c.emissao < latest, ctes.c.emissao.is_(None)))
                .order_by(ctes.c.chave)
                .limit(BATCH)
            )
            rows = found.all()
        yield [row.chave for row in rows if _is_before(row, before)]
        if len(rows) < BATCH:
            return
        last = rows[-1].chave


def _is_before(row: Any, before: date) -> bool:
    emissao = with_offset(row.emissao, row.emissao_offset)
    return facts.is_before(row.chave, emissao, before.isoformat())


async def _remove_rows(
    store: Store, held: Sequence[Lease], before: date, at: datetime, count: _Count
) -> set[str]:
    """A transaction a batch; gives the keys of those to be found in another month."""
    astray: set[str] = set()
    async with aclosing(_documents(store, before)) as batches:
        async for chaves in batches:
            async with store.writing() as writer:
                for lease in held:
                    await lease.hold(writer)
                await writer.each(_DELETE_VERSAO, await versoes_of(writer.connection, chaves))
                for table in _TABLES:
                    await writer.connection.execute(delete(table).where(table.c.chave.in_(chaves)))
                await writer.connection.execute(
                    update(changes)
                    .where(changes.c.chave.in_(chaves))
                    .values({changes.c.before: None, changes.c.after: None})
                )
                count.documents += len(chaves)
                await _record(writer, at, before, count)
            astray |= _astray(chaves, before)
    return astray


def _astray(chaves: Sequence[str], before: date) -> set[str]:
    """Those whose files are not where their date says."""
    return {chave for chave in chaves if chave[2:6] > _last_month(before)}


def _last_month(before: date) -> str:
    """The last AAMM that has a day before the date."""
    return f"{before - timedelta(days=1):%y%m}"


async def _remove_files(
    store: Store,
    folder: Folder,
    before: date,
    count: _Count,
    *,
    astray: Collection[str],
    dry_run: bool,
) -> None:
    """Remove the files, in these months, of documents that have no row any more, or will have none.

    So those are found too that an earlier purge left, when it was stopped after the rows.
    """
    months = await to_the_end(asyncio.to_thread(_months, folder))
    last = _last_month(before)
    strays = {chave[2:6] for chave in astray}
    for month in months:
        if month > last and month not in strays:
            continue
        names = await to_the_end(asyncio.to_thread(_names, folder, month))
        for start in range(0, len(names), BATCH):
            some = names[start : start + BATCH]
            doomed = await _doomed(store, {chave for chave, _ in some}, before)
            if month > last:
                doomed &= set(astray)
            paths = [name for chave, name in some if chave in doomed]
            work = partial(_remove, folder, paths, dry_run=dry_run)
            for size in await to_the_end(asyncio.to_thread(work)):
                count.files += 1
                count.bytes += size


async def _doomed(store: Store, chaves: set[str], before: date) -> set[str]:
    """Those of a purge. Files come after their document's row, so one without is a leftover."""
    columns = (ctes.c.chave, ctes.c.emissao, ctes.c.emissao_offset)
    async with store.reading() as connection:
        found = await connection.execute(select(*columns).where(ctes.c.chave.in_(chaves)))
        staying = {row.chave for row in found if not _is_before(row, before)}
    return chaves - staying


def _months(folder: Folder) -> list[str]:
    return [name for name in _entries(folder.root / "xml") if re.fullmatch("[0-9]{4}", name)]


def _names(folder: Folder, month: str) -> list[tuple[str, str]]:
    """Keys and files of a month, the files as `Folder` names them."""
    names = _entries(folder.root / "xml" / month)
    matches = [match for name in names if (match := _OF_A_DOCUMENT.fullmatch(name))]
    return [(match[1], f"xml/{month}/{match[0]}") for match in matches]


def _entries(path: os.PathLike[str]) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(path, error) from None


def _remove(folder: Folder, names: Sequence[str], *, dry_run: bool) -> list[int]:
    return list(_removing(folder, names, dry_run=dry_run))


def _removing(folder: Folder, names: Sequence[str], *, dry_run: bool) -> Iterator[int]:
    """The size of each file that is removed, or would be."""
    for name in names:
        path = folder.root / name
        try:
            size = path.stat().st_size
            if not dry_run:
                path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unusable(path, error) from None
        yield size


def _unusable(path: os.PathLike[str], error: OSError) -> FilesError:
    return FilesError(
        f"{os.fspath(path)}: {error.strerror or error}: give access, and purge again with the same"
        " date, which finds what is left"
    )
