"""What a mirror tells, as frozen attrs classes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from focus_cte import Situacao, TipoCTe
from focus_cte.xml import Papel

RESERVE = 20
"""Credits of each window left to whoever else uses the token: it may be issuing invoices."""


class Kind(StrEnum):
    """The files of a document."""

    XML = "xml"
    CANCELAMENTO = "cancelamento"
    CARTA_CORRECAO = "carta_correcao"
    DACTE = "dacte"


class State(StrEnum):
    """Of a file."""

    WANTED = "wanted"
    """To be fetched; with attempts, it was not there yet, or failed."""
    STORED = "stored"
    REJECTED = "rejected"
    """What came is not it: kept beside as `.rejected`, and asked for again."""
    DROPPED = "dropped"
    """Looked at and not kept: another one's freight, under `keep="tomador"`."""
    MISSING = "missing"
    """Not there after sixty days: asked for no more."""


class What(StrEnum):
    """Kinds of changes."""

    RECEIVED = "received"
    CANCELLED = "cancelled"
    CORRECTED = "corrected"
    CHANGED = "changed"
    """Anything else of the listing's."""
    XML = "xml"
    """A file is stored: `after` says which, and what it says."""
    DESACORDO = "desacordo"


@attrs.frozen
class Report:
    """What one `Mirror.sync` did."""

    cnpj: str
    new: int = 0
    """Documents not known before."""
    changed: int = 0
    """Documents with a higher `versao` than known."""
    files: int = 0
    """Files stored."""
    pending: int = 0
    """Files wanted and not there: not yet, or failed."""
    overdue: int = 0
    """Those of them wanted for more than a day."""
    invalid: int = 0
    """Items of the listing that cannot be used, kept for `Mirror.reprocess`."""
    rejected: tuple[str, ...] = ()
    """A sentence for each file that is not what was asked for, kept beside as `.rejected`."""
    unverified: tuple[str, ...] = ()
    """A sentence for each file stored though its digest or signature is wrong."""
    failed: tuple[str, ...] = ()
    """A sentence for each kind of failure because of which files are pending, 404 aside."""
    versao: int = 0
    """The cursor."""
    requests: int = 0
    """Requests sent, repeated ones included."""


@attrs.frozen
class Progress:
    """How far one `Mirror.sync` is."""

    cnpj: str
    documents: int = 0
    """Of the listing, those dealt with: up to 50 known ones come first."""
    total: int | None = None
    """Of them, how many there were when the listing began; None where the API did not tell."""
    files: int = 0
    """Files stored."""
    wanted: int | None = None
    """Files due when fetching began, DACTEs from when their turn comes; None before. Some may not
    be there yet, or not be kept: then `files` does not get there."""


@attrs.frozen
class Change:
    """One entry of the feed."""

    seq: int
    """From 1, without a gap: `changes(after=seq)` goes on behind it."""
    cnpj: str
    chave: str
    what: What | str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    at: datetime
    """When the mirror saw it, in UTC."""


@attrs.frozen
class Documento:
    """A CT-e as the archive has it."""

    chave: str
    cnpjs: tuple[str, ...]
    """Which of ours received it."""
    situacao: Situacao | str | None = None
    tipo_cte: TipoCTe | str | None = None
    valor_total: Decimal | None = None
    emissao: datetime | None = None
    """Aware, with the offset it came with."""
    competencia: str | None = None
    """AAAA-MM of the emission, local."""
    documento_emitente: str | None = None
    nome_emitente: str | None = None
    tomador: str | None = None
    """CNPJ or CPF; None until the XML is there."""
    nome_tomador: str | None = None
    papel_tomador: Papel | str | None = None
    protocolo: str | None = None
    autorizado_em: datetime | None = None
    prazo: datetime | None = None
    """The last moment for a desacordo."""
    prazo_estimado: bool = True
    data_cancelamento: datetime | None = None
    data_carta_correcao: datetime | None = None
    verificado: bool | None = None
    """Whether the XML is what was signed; None until it is there."""
    problemas: tuple[str, ...] = ()
    """Of the XML, as `verify` told them."""
    tem_xml: bool = False


@attrs.frozen
class Evento:
    """An event of a document that the archive holds."""

    chave: str
    tipo: str
    sequencia: int
    at: datetime
    protocolo: str | None
    sha256: str
    path: str


@attrs.frozen
class Status:
    """How one CNPJ stands. No news is not good news: see `silent`."""

    cnpj: str
    versao: int
    checked_at: datetime | None
    """The last listing that ended well."""
    changed_at: datetime | None
    """The last one that had news."""
    last_document: datetime | None
    """Of the latest document, its date of issue."""
    documents: int
    """How many it received."""
    files: int
    """How many files of them are stored."""
    backlog: Mapping[int, int]
    """Files wanted, by rank: 1 within the term, 2 their events, 3 this month and the last, 4 the
    rest, 5 DACTEs."""
    overdue: int
    rejected: int
    missing: int
    invalid: int
    nearest_prazo: datetime | None
    """The nearest end of a term among documents whose tomador is this CNPJ, or not known yet."""
    days_left: int | None
    """Whole days until then."""
    blocked: str | None
    """Why the last listing was refused (token, permission), until one goes well."""
    silent: bool
    """Quiet far longer than its own history makes likely."""


@attrs.frozen
class Damage:
    """One thing that `Mirror.verify` found."""

    chave: str
    kind: str
    why: str
    repaired: bool = False


@attrs.frozen
class Verified:
    """What `Mirror.verify` looked at and found."""

    files: int = 0
    documents: int = 0
    """Compared with the API's listing; 0 without `remote`."""
    damages: tuple[Damage, ...] = ()
    requests: int = 0

    @property
    def ok(self) -> bool:
        return all(damage.repaired for damage in self.damages)

    def __add__(self, other: Verified) -> Verified:
        """What both looked at."""
        return Verified(
            files=self.files + other.files,
            documents=self.documents + other.documents,
            damages=(*self.damages, *other.damages),
            requests=self.requests + other.requests,
        )


@attrs.frozen
class Purged:
    """What `Mirror.purge` removed, or would remove."""

    before: date
    documents: int
    files: int
    bytes: int
    dry_run: bool
