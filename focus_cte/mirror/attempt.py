"""Files: asked for, looked at, and put in the folder; what became of each, nothing of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from focus_cte import (
    ApiError,
    AuthenticationError,
    InvalidResponse,
    NotFound,
    TransportError,
)
from focus_cte.mirror import record
from focus_cte.mirror.filing import Outcome
from focus_cte.mirror.folder import WHOLE, Batch, Folder
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.models import Kind, State
from focus_cte.mirror.record import Found
from focus_cte.mirror.steady import to_the_end
from focus_cte.mirror.wanted import Due

if TYPE_CHECKING:
    from focus_cte import FocusCTe


class Failure(Exception):
    """The file did not come, and why says nothing of the file."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.kind = type(error).__name__
        self.why = str(error)


def mark(owner: str) -> str:
    """What tells the half-written files of a lease's owner."""
    return owner.rpartition("/")[2]


@attrs.frozen
class Download:
    """A file that came, not looked at yet."""

    due: Due
    data: bytes


class Attempt:
    """How files of a CNPJ are fetched."""

    def __init__(
        self, folder: Folder, focus: FocusCTe, held: Lease, ours: frozenset[str] | None
    ) -> None:
        """`ours` are the CNPJs for whose freight XMLs are kept; None keeps all."""
        self._folder, self._ours = folder, ours
        self._cnpj, self._mark = held.cnpj, mark(held.owner)
        self._download: Mapping[Kind, Callable[..., Awaitable[bytes]]] = {
            Kind.XML: focus.baixar_xml,
            Kind.CANCELAMENTO: focus.baixar_xml_cancelamento,
            Kind.CARTA_CORRECAO: focus.baixar_xml_carta_correcao,
            Kind.DACTE: focus.baixar_dacte,
        }

    async def look(self, due: Due) -> Outcome | None:
        """A file that is there already: a process put it there, and died before it said so.

        None for a correction letter: of those the API has only the last, and which one that is,
        nothing else says. It is told of when that one comes.
        """
        if due.kind is Kind.CARTA_CORRECAO:
            return None
        return await to_the_end(asyncio.to_thread(self._adopt, due))

    async def ask(self, due: Due) -> bytes | None:
        """The API's file; None where it is not there yet.

        Raises `Failure` for what may go better with the next try, and what ends a run:
        `AuthenticationError`, `ClientClosed`.
        """
        try:
            return await self._download[due.kind](due.chave, cnpj=self._cnpj)
        except AuthenticationError:
            raise
        except NotFound:
            return None
        except (TransportError, InvalidResponse, ApiError) as error:
            raise Failure(error) from error

    async def put(self, downloads: Sequence[Download]) -> list[Outcome]:
        """Look at files and put them in their places. Raises `FilesError`."""
        return await to_the_end(asyncio.to_thread(self._put_all, downloads))

    def _put_all(self, downloads: Sequence[Download]) -> list[Outcome]:
        # In one thread: with one for each file they would mostly wait for each other.
        with self._folder.writing(self._mark) as batch:
            return [self._put(batch, each.due, each.data) for each in downloads]

    def _adopt(self, due: Due, *, lenient: bool = False) -> Outcome | None:
        path = self._folder.path(due.chave, due.kind)
        name = None if path is None else path.relative_to(self._folder.root).as_posix()
        data = None if name is None else self._folder.read(name)
        if data is None:
            return None
        try:
            found = record.examine(due.kind, due.chave, data)
        except record.NotIt:
            return None
        if (found.problems and not lenient) or due.sha256 not in (None, found.sha256):
            return None
        # What is stored may be another's freight: another CNPJ's sync keeps all.
        if due.sha256 is None and self._is_others(found):
            return Outcome(due, State.DROPPED, found=found)
        return Outcome(due, State.STORED, path=name, found=found)

    def _put(self, batch: Batch, due: Due, data: bytes) -> Outcome:
        kind, chave = due.kind, due.chave
        name = self._folder.name(chave, kind)
        try:
            found = record.examine(kind, chave, data)
        except record.NotIt as error:
            batch.write(f"{name}.rejected", data)
            return Outcome(due, State.REJECTED, f"{chave} {kind}: {error}", rejected=True)
        there = self._adopt(due, lenient=bool(found.problems)) if kind in WHOLE else None
        if there is not None:  # another's fetch was quicker, and the bytes may differ
            if there.path is not None:
                batch.adopt(there.path)
            return there
        if self._is_others(found):
            return Outcome(due, State.DROPPED, found=found)
        if found.evento is not None:
            name = self._folder.name(chave, kind, sequencia=found.evento.sequencia)
            name = self._folder.free_name(name, data)
        if self._is_the_one_held(due, found, name, data):
            return Outcome(due, State.WANTED, "the letter that is held already", absent=True)
        batch.write(name, data)
        outcome = Outcome(due, State.STORED, path=name, found=found)
        if kind is Kind.CARTA_CORRECAO:
            outcome = attrs.evolve(outcome, earlier=tuple(self._earlier(due, name)))
        return outcome

    def _earlier(self, due: Due, but: str) -> Iterator[Outcome]:
        """The other letters in the folder: a process may have died before it told of one."""
        for name in self._folder.letters(due.chave):
            data = None if name == but else self._folder.read(name)
            with suppress(record.NotIt):
                if data is not None:
                    found = record.examine(due.kind, due.chave, data)
                    yield Outcome(due, State.STORED, path=name, found=found)

    def _is_the_one_held(self, due: Due, found: Found, name: str, data: bytes) -> bool:
        """Whether it is the letter before the one that is wanted, and it is whole."""
        return (
            due.kind is Kind.CARTA_CORRECAO
            and found.sha256 == due.sha256
            and self._folder.read(name) == data
        )

    def _is_others(self, found: Found) -> bool:
        if self._ours is None or found.cte is None:
            return False
        tomador = record.tomador_of(found.cte)
        return tomador is not None and tomador not in self._ours
