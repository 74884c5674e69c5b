"""The files that are wanted and due: asked for, many at once, and filed away in batches."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Literal

import attrs
from sqlalchemy import exists, select

from focus_cte import InvalidArgument
from focus_cte.mirror import filing, lease, wanted
from focus_cte.mirror.attempt import Attempt, Download, Failure, mark
from focus_cte.mirror.errors import MirrorError
from focus_cte.mirror.filing import Outcome
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.models import Kind, State
from focus_cte.mirror.progress import NOBODY, Telling
from focus_cte.mirror.schema import cursors
from focus_cte.mirror.steady import first, to_the_end
from focus_cte.mirror.store import Store
from focus_cte.mirror.wanted import Due

if TYPE_CHECKING:
    from focus_cte import FocusCTe

_log = logging.getLogger("focus_cte.mirror")

_TASKS: Final = 16
"""More than a client has slots: what came is handed on while the next is asked for."""
_AT_ONCE: Final = 1_000
"""Rows read ahead."""
_BATCH: Final = 50
"""Files in a transaction, at most."""
_AHEAD: Final = 100
"""Files on their way, asked for and not filed yet."""
_HOPELESS: Final = 10
"""Failures in a row after which the run asks for no more files."""
_RENEWAL: Final = 60.0
"""Seconds without a file, as when credits are awaited, after which the lease is renewed."""


@attrs.define
class Fetched:
    """What a run of fetches did; sentences as in `Report`."""

    files: int = 0
    rejected: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


async def fetch(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    *,
    dacte: bool = False,
    keep: Literal["tomador"] | None = None,
    xml_since: date | None = None,
    telling: Telling = NOBODY,
) -> Fetched:
    """Fetch the files of a CNPJ that are due, the most urgent first.

    Raises `AuthenticationError`, `ClientClosed`, and the errors of the archive; what was stored
    until then stays. A file that fails for another reason waits for its next try.
    """
    if keep not in (None, "tomador"):
        raise InvalidArgument(f"keep must be 'tomador' or None, not {keep!r}")
    if isinstance(xml_since, datetime) or not isinstance(xml_since, date | None):
        raise InvalidArgument(f"xml_since must be a date, not {xml_since!r}")
    attempt = Attempt(folder, focus, held, await _ours(store, held) if keep else None)
    run = _Run(store, folder, held, attempt, xml_since, telling)
    # A print is not wanted before it is known whose the freight is: that is in the XML.
    phases: list[tuple[Kind, ...]] = [tuple(kind for kind in Kind if kind is not Kind.DACTE)]
    phases += [(Kind.DACTE,)] if dacte else []
    try:
        for kinds in phases:
            await _prepare(store, held, kinds, keep, xml_since)
            await telling.fetching(store, held.cnpj, kinds, xml_since)
            await run.all(kinds)
    except BaseExceptionGroup as group:
        raise first(group) from None
    return run.fetched()


class _Run:
    """One run: what it read ahead, what is under way, what it did."""

    def __init__(
        self,
        store: Store,
        folder: Folder,
        held: Lease,
        attempt: Attempt,
        xml_since: date | None,
        telling: Telling,
    ) -> None:
        self._store, self._folder, self._lease = store, folder, held
        self._attempt, self._telling = attempt, telling
        self._xml_since = xml_since
        self._kinds: Collection[Kind] = ()
        self._started = store.clock()
        self._rows: deque[Due] = deque()
        self._all_read = False
        self._there: set[tuple[str, Kind]] = set()
        self._reading = asyncio.Lock()
        self._swept = False
        self._under_way: set[tuple[str, Kind]] = set()
        self._room = asyncio.Semaphore(_AHEAD)
        self._came: asyncio.Queue[Outcome | Download | None] = asyncio.Queue()
        self._in_a_row = 0
        self._done = Fetched()
        self._failures: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    async def all(self, kinds: Collection[Kind]) -> None:
        """Fetch all of these kinds that are due, or as many until it is hopeless."""
        self._kinds, self._started, self._all_read = kinds, self._store.clock(), False
        ended: BaseExceptionGroup[BaseException] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._file_away(), name="focus_cte filing")
                try:
                    async with asyncio.TaskGroup() as workers:
                        for _ in range(_TASKS):
                            workers.create_task(self._work(), name="focus_cte fetch")
                except BaseExceptionGroup as error:
                    ended = error  # what came before is filed away all the same
                self._came.put_nowait(None)
        except asyncio.CancelledError:
            await self._file_the_rest()
            raise
        if ended is not None:
            raise ended

    def fetched(self) -> Fetched:
        cnpj = self._lease.cnpj
        self._done.failed = tuple(
            f"{cnpj}: {count} of {kind}, such as {self._examples[kind]}"
            for kind, count in self._failures.items()
        )
        if self._hopeless:
            self._done.failed += (
                f"{cnpj}: {_HOPELESS} files failed in a row, and no more were asked for",
            )
        return self._done

    @property
    def _hopeless(self) -> bool:
        return self._in_a_row >= _HOPELESS

    async def _work(self) -> None:
        while not self._hopeless and (due := await self._next()) is not None:
            await self._room.acquire()
            try:
                what = await self._one(due)
            except Failure as failure:
                self._in_a_row += 1
                self._failures[failure.kind] += 1
                self._examples.setdefault(failure.kind, failure.why)
                what = Outcome(due, due.state, failure.why)
            self._came.put_nowait(what)

    async def _one(self, due: Due) -> Outcome | Download:
        if (due.chave, due.kind) in self._there:
            found = await self._attempt.look(due)
            if found is not None:
                return found
        data = await self._attempt.ask(due)
        if not self._hopeless:  # and once it is, it stays so, whatever was under way
            self._in_a_row = 0
        if data is None:
            return Outcome(due, State.WANTED, f"{due.chave}: it is not there yet", absent=True)
        return Download(due, data)

    async def _next(self) -> Due | None:
        async with self._reading:
            if not (self._rows or self._all_read):
                await self._read_ahead()
            if not self._rows:
                return None
            due = self._rows.popleft()
            self._under_way.add((due.chave, due.kind))
            return due

    async def _read_ahead(self) -> None:
        # What was tried in this run is not due at its beginning any more; what is under way is,
        # also where it is filed away while this reads.
        busy = frozenset(self._under_way)
        limit = _AT_ONCE + len(busy)
        statement = wanted.due(
            self._lease.cnpj,
            self._started,
            limit,
            kinds=self._kinds,
            xml_since=self._xml_since,
        )
        async with self._store.reading() as connection:
            found = await wanted.next_due(connection, statement)
        self._all_read = len(found) < limit
        rows = [due for due in found if (due.chave, due.kind) not in busy]
        if rows and not self._swept:
            # Whoever died in the middle of a file left work, so there is nothing without.
            living = {mark(owner) for owner in await lease.owners(self._store)}
            await to_the_end(asyncio.to_thread(self._folder.sweep, living))
            self._swept = True
        places = [(due.chave, due.kind) for due in rows]
        self._there = await to_the_end(asyncio.to_thread(self._folder.there, places))
        self._rows.extend(rows)

    async def _file_away(self) -> None:
        ended = False
        while not ended:
            batch = await self._batch()
            ended = None in batch
            if batch != [None]:
                # Seen through where the run is cancelled: it cost requests.
                await to_the_end(self._file(batch))
                self._telling.filed(self._done.files)

    async def _file(self, batch: Sequence[Outcome | Download | None]) -> None:
        """Put what came into the folder, and tell the database; of nothing, renew the lease."""
        outcomes = [each for each in batch if isinstance(each, Outcome)]
        downloads = [each for each in batch if isinstance(each, Download)]
        if adopted := {outcome.path for outcome in outcomes if outcome.path}:
            await asyncio.to_thread(self._folder.settle, adopted)
        if downloads:
            outcomes += await self._attempt.put(downloads)
        await filing.file_outcomes(self._store, self._lease, outcomes)
        self._tell(outcomes)
        for _ in outcomes:
            self._room.release()

    async def _file_the_rest(self) -> None:
        rest = [self._came.get_nowait() for _ in range(self._came.qsize())]
        with suppress(MirrorError):  # the cancellation says more
            if rest:
                await to_the_end(self._file(rest))

    async def _batch(self) -> list[Outcome | Download | None]:
        """What is there, at least one; [] when nothing came for long."""
        try:
            async with asyncio.timeout(_RENEWAL):
                batch = [await self._came.get()]
        except TimeoutError:
            return []
        while len(batch) < _BATCH and not self._came.empty():
            batch.append(self._came.get_nowait())
        return batch

    def _tell(self, outcomes: list[Outcome]) -> None:
        done = self._done
        for outcome in outcomes:
            self._under_way.discard(outcome.place)
            if outcome.path is not None:
                done.files += 1
            if outcome.rejected:
                done.rejected += (outcome.why or "",)
                _log.warning("not what was asked for, kept as .rejected: %s", outcome.why)
            if outcome.found is not None and outcome.found.problems:
                why = f"{outcome.chave} {outcome.kind}: {'; '.join(outcome.found.problems)}"
                if outcome.state is State.STORED:
                    done.unverified += (why,)
                    _log.warning("stored, though it is not what was signed: %s", why)


async def _prepare(
    store: Store, held: Lease, kinds: Collection[Kind], keep: str | None, xml_since: date | None
) -> None:
    """Rows for the DACTEs of documents that have none; no files of others' freight, or again."""
    again = wanted.dropped(held.cnpj, kinds, of_others=keep is None)
    if not (keep or Kind.DACTE in kinds):
        async with store.reading() as connection:
            if not await connection.scalar(select(exists().where(again))):
                return
    async with store.writing() as writer:
        await held.hold(writer)
        if Kind.DACTE in kinds:
            dialect = writer.connection.dialect.name
            rows = wanted.want_dactes(dialect, store.origin or "", held.cnpj, writer.now, xml_since)
            await writer.connection.execute(rows)
        await writer.connection.execute(wanted.want_again(again, writer.now))
        if keep:
            await writer.connection.execute(wanted.drop_of_others(held.cnpj))


async def _ours(store: Store, held: Lease) -> frozenset[str]:
    async with store.reading() as connection:
        found = await connection.scalars(select(cursors.c.cnpj))
        return frozenset((*found.all(), held.cnpj))
