"""`Mirror`: what a worker opens. One short method an operation."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Literal, Self

import attrs
from sqlalchemy import URL

import focus_cte
from focus_cte import CTeRecebida, Desacordo, parse_chave, parse_cnpj
from focus_cte.mirror import (
    check,
    engine,
    feed,
    fetch,
    lease,
    pull,
    purging,
    query,
    reprocessing,
    standing,
    trail,
)
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.models import (
    RESERVE,
    Change,
    Documento,
    Evento,
    Kind,
    Progress,
    Purged,
    Report,
    Status,
    Verified,
)
from focus_cte.mirror.progress import Telling
from focus_cte.mirror.steps import Step
from focus_cte.mirror.store import Store


class Mirror:
    """A local copy of the CT-es of one API: a database, and a folder of files. Use `async with`.

    Several processes may share an archive; each CNPJ is pulled by one at a time.
    """

    def __init__(
        self,
        database_url: str | URL,
        *,
        files: str | os.PathLike[str],
        group: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            database_url: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME, or such a URL of
                SQLAlchemy's.
            files: the folder for XMLs and DACTEs; it is made where it is not there.
            group: let the group read the files too, instead of the owner only.
            clock: gives the present as an aware datetime, for tests.
        """
        self._store = Store(database_url, clock=clock)
        self._folder = Folder(Path(files), group=group)

    @classmethod
    def at(cls, folder: str | os.PathLike[str], *, group: bool = False) -> Self:
        """An archive in one folder: SQLite in `acervo.db`, and the files in `files`.

        Raises `FilesError` where it cannot be made.
        """
        root = Path(folder)
        return cls(engine.sqlite_in(root, group=group), files=root / "files", group=group)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @property
    def origin(self) -> str | None:
        """The API that the archive is bound to, as known when it was opened or bound, or None."""
        return self._store.origin

    @property
    def files(self) -> Path:
        """The folder of the files: `Evento.path` is below it."""
        return self._folder.root

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Raises `StoreError` and `SchemaTooNew`."""
        await self._store.open()

    async def close(self) -> None:
        """May be called again."""
        await self._store.close()

    async def sync(
        self,
        focus: focus_cte.FocusCTe,
        cnpj: str,
        *,
        dacte: bool = False,
        keep: Literal["tomador"] | None = None,
        xml_since: date | None = None,
        reserve: int = RESERVE,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        """Pull the listing of a CNPJ, then fetch the files that are wanted and due.

        Args:
            focus: an open client; the archive is of its API, for ever.
            cnpj: whose documents.
            dacte: fetch the DACTEs too, last of all.
            keep: "tomador" keeps only the files of documents that one of our CNPJs pays for;
                a tomador that is not known counts as ours, and the rows stay.
            xml_since: no files of documents emitted before.
            reserve: credits of each window left to others.
            on_progress: called after each page and each batch of files; what it raises ends the
                sync as any error does.

        Raises `LeaseHeld`, `OtherOrigin`, the errors of `FocusCTe.sync` and of the archive. What
        was stored until then stays, and the next call goes on from there; cancelled, it first files
        what came in whole.
        """
        cnpj = parse_cnpj(cnpj)
        await self._store.bind(focus.origin)
        telling = Telling(cnpj, on_progress)
        async with lease.holding(self._store, cnpj) as held:
            with focus.sharing(reserve=reserve) as share:
                await trail.reconcile(self._store, focus, cnpj)
                pulled = await pull.pull(self._store, focus, held, telling=telling)
                fetched = await fetch.fetch(
                    self._store,
                    self._folder,
                    focus,
                    held,
                    dacte=dacte,
                    keep=keep,
                    xml_since=xml_since,
                    telling=telling,
                )
        return await standing.report(
            self._store, cnpj, pulled, fetched, share.requests, dacte=dacte, xml_since=xml_since
        )

    def changes(self, after: int = 0, *, chave: str | None = None) -> AsyncIterator[Change]:
        """What happened since change number `after`, in order, until now; of `chave`, or of all.

        Keep the last `seq` that you processed, as one keeps a `versao`; numbers have no gaps.
        """
        return feed.changes(self._store, after, chave=chave)

    async def cnpjs(self) -> tuple[str, ...]:
        """The CNPJs that the archive was ever synced for, in order."""
        return await standing.cnpjs(self._store)

    async def get(self, chave: str) -> Documento | None:
        """One document; None where the archive has none of this key."""
        return await query.get(self._store, chave)

    def ctes(
        self,
        *,
        cnpj: str | None = None,
        situacao: str | None = None,
        tomador: str | None = None,
        emitente: str | None = None,
        competencia: str | None = None,
        nfe: str | None = None,
        due_after: datetime | None = None,
        due_before: datetime | None = None,
    ) -> AsyncIterator[Documento]:
        """Documents, the newest first, that meet all that is given.

        Args:
            cnpj: which of ours received it.
            situacao: "autorizada", "cancelada", "denegada".
            tomador: CNPJ or CPF of who pays; known once the XML is there.
            emitente: CNPJ or CPF of the issuer.
            competencia: "AAAA-MM" of the emission, local; of the key where that is not known.
            nfe: the key of an NF-e that it carries.
            due_after: its term for a desacordo (`prazo`) ends later than that, and not then; aware.
            due_before: it ends before that, or then; aware.
        """
        return query.ctes(
            self._store,
            cnpj=cnpj,
            situacao=situacao,
            tomador=tomador,
            emitente=emitente,
            competencia=competencia,
            nfe=nfe,
            due_after=due_after,
            due_before=due_before,
        )

    async def eventos(self, chave: str) -> tuple[Evento, ...]:
        """The events of a document whose XML the archive has, every correction letter it saw."""
        return await query.eventos(self._store, chave)

    async def historico(
        self, chave: str, *, as_of: datetime | None = None
    ) -> tuple[CTeRecebida, ...]:
        """What the listing said of a document, oldest first: all that was known until `as_of`."""
        return await query.historico(self._store, chave, as_of=as_of)

    def path(self, chave: str, kind: Kind | str = Kind.XML) -> Path | None:
        """The file of a document; None where it is not there. Of correction letters, the last."""
        return self._folder.path(parse_chave(chave), Kind(kind))

    async def verify(
        self,
        *,
        repair: bool = False,
        remote: focus_cte.FocusCTe | None = None,
        reserve: int = RESERVE,
    ) -> Verified:
        """Prove that the files are what was stored, by their SHA-256 and their signature.

        With `remote`, listings are read again from 0 and compared too; else no request is sent.
        `repair` has damaged files fetched by the next sync, and stores missing documents.
        """
        found = await check.verify_files(self._store, self._folder, repair=repair)
        if remote is None:
            return found
        return found + await self.compare(remote, repair=repair, reserve=reserve)

    async def compare(
        self,
        focus: focus_cte.FocusCTe,
        cnpjs: Iterable[str] | None = None,
        *,
        repair: bool = False,
        reserve: int = RESERVE,
    ) -> Verified:
        """What `verify` asks with `remote`, of some CNPJs: where several tokens serve them."""
        await self._store.check(focus.origin)
        with focus.sharing(reserve=reserve) as share:
            found = await check.compare(self._store, focus, cnpjs, repair=repair)
        return attrs.evolve(found, requests=share.requests)

    async def status(self, cnpj: str) -> Status:
        """How a CNPJ stands: what waits, what is late, what is silent. No request is sent."""
        return await standing.status(self._store, parse_cnpj(cnpj))

    async def purge(self, *, before: date, dry_run: bool = True) -> Purged:
        """Remove what was emitted before a date, rows and files, and keep a record of it.

        The numbers of the feed stay, without their contents; desacordos stay. What was removed does
        not come back with a later listing. Raises `LeaseHeld` while a CNPJ is being pulled.
        """
        return await purging.purge(self._store, self._folder, before, dry_run=dry_run)

    async def reprocess(self) -> int:
        """Read the items again that could not be used when they came; how many could now."""
        return await reprocessing.reprocess(self._store)

    async def informar_desacordo(
        self,
        focus: focus_cte.FocusCTe,
        chave: str,
        observacoes: str,
        *,
        actor: str,
        cnpj: str | None = None,
    ) -> Desacordo:
        """Check a desacordo, register it, and keep a record of both: who, when, and the answer.

        The intention is committed before anything is sent. When the outcome is not known, it stays
        open, and the next `sync` looks it up.

        Args:
            focus: an open client.
            chave: the document.
            observacoes: 15 to 255 characters, sent as they are.
            actor: who wants it, for the record.
            cnpj: who registers it; by default the tomador, where it is one of ours.

        Raises `DesacordoImpedido` where the check found something against it, and what
        `FocusCTe.informar_desacordo` raises.
        """
        await self._store.bind(focus.origin)
        return await trail.informar_desacordo(
            self._store, focus, chave, observacoes, actor=actor, cnpj=cnpj
        )

    async def desacordos(self, chave: str | None = None) -> tuple[Step, ...]:
        """What is recorded of the desacordos of a document, or of all, oldest first."""
        return await trail.desacordos(self._store, chave)
