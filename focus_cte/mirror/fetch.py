"""The files that are wanted and due: asked for, looked at, put in the folder."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, Final, Literal, TypeVar

import attrs
from sqlalchemy import exists, literal, select

from focus_cte import (
    ApiError,
    AuthenticationError,
    FocusCTe,
    InvalidResponse,
    NotFound,
    TransportError,
)
from focus_cte.mirror import filing, lease, record, wanted
from focus_cte.mirror.filing import Outcome
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.models import Kind, State
from focus_cte.mirror.schema import cursors, files, recebimentos
from focus_cte.mirror.store import Store, to_the_end

T = TypeVar("T")
_log = logging.getLogger("focus_cte.mirror")

_TASKS: Final = 16
"""More than a client has slots: those that verify do not hold one."""
_AT_ONCE: Final = 1_000
"""Rows read ahead."""
_BATCH: Final = 50
"""Files in a transaction, at most."""
_HOPELESS: Final = 10
"""Failures in a row after which the run asks for no more files."""


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
) -> Fetched:
    """Fetch the files of a CNPJ that are due, the most urgent first.

    Raises `AuthenticationError`, `ClientClosed`, and the errors of the archive; what was stored
    until then stays. A file that fails for another reason waits for its next try.
    """
    living = {owner.rpartition("/")[2] for owner in await lease.owners(store)}
    await to_the_end(asyncio.to_thread(folder.sweep, living))
    if dacte:
        await _want_dactes(store, held)
    run = _Run(store, folder, focus, held, await _ours(store) if keep else None)
    run.asked = {"dacte": dacte, "xml_since": xml_since}
    try:
        await run.all()
    except BaseExceptionGroup as group:
        raise _first(group) from None
    return run.fetched()


class _Run:
    def __init__(
        self,
        store: Store,
        folder: Folder,
        focus: FocusCTe,
        held: Lease,
        ours: frozenset[str] | None,
    ) -> None:
        self.asked: Mapping[str, Any] = {}
        self._store, self._folder, self._lease = store, folder, held
        self._owner = held.owner.rpartition("/")[2]
        self._ours = ours
        self._download: Mapping[Kind, Callable[..., Awaitable[bytes]]] = {
            Kind.XML: focus.baixar_xml,
            Kind.CANCELAMENTO: focus.baixar_xml_cancelamento,
            Kind.CARTA_CORRECAO: focus.baixar_xml_carta_correcao,
            Kind.DACTE: focus.baixar_dacte,
        }
        self._started = store.clock()
        self._rows: deque[Mapping[str, Any]] = deque()
        self._reading = asyncio.Lock()
        self._under_way: set[tuple[str, str]] = set()
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(2 * _BATCH)
        self._in_a_row = 0
        self._done = Fetched()
        self._failures: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    async def all(self) -> None:
        async with asyncio.TaskGroup() as group:
            filing_away = group.create_task(self._file_away(), name="focus_cte filing")
            async with asyncio.TaskGroup() as workers:
                for _ in range(_TASKS):
                    workers.create_task(self._work(), name="focus_cte fetch")
            await self._outcomes.put(None)
            await filing_away

    def fetched(self) -> Fetched:
        self._done.failed = tuple(
            f"{count} of {self._lease.cnpj}: {self._examples[kind]}"
            for kind, count in self._failures.items()
        )
        return self._done

    async def _work(self) -> None:
        while self._in_a_row < _HOPELESS and (row := await self._next()) is not None:
            await self._outcomes.put(await self._one(row))

    async def _next(self) -> Mapping[str, Any] | None:
        async with self._reading:
            if not self._rows:
                # What was tried in this run is not due at its beginning any more; what is under
                # way still is.
                statement = wanted.due(
                    self._lease.cnpj, self._started, limit=_AT_ONCE, **self.asked
                )
                async with self._store.reading() as connection:
                    found = (await connection.execute(statement)).mappings().all()
                self._rows.extend(
                    row for row in found if (row["chave"], row["kind"]) not in self._under_way
                )
            if not self._rows:
                return None
            row = self._rows.popleft()
            self._under_way.add((row["chave"], row["kind"]))
            return row

    async def _one(self, row: Mapping[str, Any]) -> Outcome:
        kind, chave = Kind(row["kind"]), row["chave"]
        if kind is Kind.XML and (whole := await self._adopted(row)) is not None:
            return whole
        try:
            data = await self._download[kind](chave, cnpj=self._lease.cnpj)
        except AuthenticationError:
            raise
        except NotFound as error:
            self._in_a_row = 0
            return Outcome(row, State(row["state"]), str(error), absent=True)
        except (TransportError, InvalidResponse, ApiError) as error:
            self._in_a_row += 1
            failure = type(error).__name__
            self._failures[failure] += 1
            self._examples.setdefault(failure, str(error))
            return Outcome(row, State(row["state"]), str(error))
        self._in_a_row = 0
        return await self._off_loop(self._put, row, data)

    async def _adopted(self, row: Mapping[str, Any]) -> Outcome | None:
        """The file, if a process put it there and died before it said so."""
        name = self._folder.name(row["chave"], Kind.XML)
        if not (self._folder.root / name).exists():
            return None
        return await self._off_loop(self._adopt, row, name)

    async def _off_loop(self, work: Callable[..., T], *arguments: Any) -> T:
        return await to_the_end(asyncio.to_thread(work, *arguments))

    def _adopt(self, row: Mapping[str, Any], name: str) -> Outcome | None:
        data = self._folder.read(name)
        try:
            found = record.examine(Kind.XML, row["chave"], data or b"")
        except record.NotIt:
            return None
        if found.problems or self._is_others(found):
            return None
        return Outcome(row, State.STORED, path=name, found=found)

    def _put(self, row: Mapping[str, Any], data: bytes) -> Outcome:
        kind, chave = Kind(row["kind"]), row["chave"]
        name = self._folder.name(chave, kind)
        try:
            found = record.examine(kind, chave, data)
        except record.NotIt as error:
            self._folder.write(f"{name}.rejected", data, self._owner)
            return Outcome(row, State.REJECTED, f"{chave} {kind}: {error}")
        if found.sha256 == row["sha256"] and kind is Kind.CARTA_CORRECAO:
            return Outcome(row, State.WANTED, "the letter held already", absent=True)
        if self._is_others(found):
            return Outcome(row, State.DROPPED, found=found)
        if found.evento is not None:
            name = self._folder.name(chave, kind, sequencia=found.evento.sequencia)
            name = self._folder.free_name(name, data)
        self._folder.write(name, data, self._owner)
        return Outcome(row, State.STORED, path=name, found=found)

    def _is_others(self, found: record.Found) -> bool:
        if self._ours is None or found.cte is None or found.cte.tomador is None:
            return False
        documento = found.cte.tomador.documento
        return documento is not None and documento not in self._ours

    async def _file_away(self) -> None:
        ended = False
        while not ended:
            batch = [await self._outcomes.get()]
            while len(batch) < _BATCH and not self._outcomes.empty():
                batch.append(self._outcomes.get_nowait())
            outcomes = [outcome for outcome in batch if outcome is not None]
            ended = len(outcomes) < len(batch)
            if outcomes:
                names = {outcome.path for outcome in outcomes if outcome.path}
                await self._off_loop(self._folder.settle, names)
                await filing.file_outcomes(self._store, self._lease, outcomes)
                self._tell(outcomes)

    def _tell(self, outcomes: list[Outcome]) -> None:
        done = self._done
        for outcome in outcomes:
            self._under_way.discard((outcome.chave, outcome.row["kind"]))
            if outcome.path is not None:
                done.files += 1
            if outcome.state is State.REJECTED and not outcome.absent:
                done.rejected += (outcome.why or "",)
                _log.warning("not what was asked for, kept as .rejected: %s", outcome.why)
            if outcome.found is not None and outcome.found.problems:
                why = f"{outcome.chave} {outcome.kind}: {'; '.join(outcome.found.problems)}"
                done.unverified += (why,)
                _log.warning("stored, though it is not what was signed: %s", why)


async def _want_dactes(store: Store, held: Lease) -> None:
    """Rows for the DACTEs of documents that have none."""
    lacking = (
        select(recebimentos.c.chave)
        .where(recebimentos.c.cnpj == held.cnpj)
        .where(
            ~exists().where(files.c.chave == recebimentos.c.chave, files.c.kind == str(Kind.DACTE))
        )
    )
    async with store.reading() as connection:
        if (await connection.execute(lacking.limit(1))).first() is None:
            return
    async with store.writing() as writer:
        await held.hold(writer)
        await writer.connection.execute(
            files.insert().from_select(
                ["chave", "kind", "state", "attempts", "wanted_at", "next_try", "origin"],
                lacking.add_columns(
                    literal(str(Kind.DACTE)),
                    literal(str(State.WANTED)),
                    literal(0),
                    literal(writer.now, files.c.wanted_at.type),
                    literal(writer.now, files.c.next_try.type),
                    literal(store.origin),
                ),
            )
        )


async def _ours(store: Store) -> frozenset[str]:
    async with store.reading() as connection:
        return frozenset((await connection.scalars(select(cursors.c.cnpj))).all())


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the others."""
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    return group
