"""The tables. Instants are text in UTC, all of one width, so that they sort; the offset they came
with stands beside where it means something. Amounts are text, and so exact everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

VERSION = 2
"""Of the schema: `migrations` knows how to get there from older ones."""

metadata = MetaData()
R = TypeVar("R")
# SQLite keeps a table in the order of an INTEGER key, without an index, and in no other type's.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_ENCODER = json.JSONEncoder(default=str)


def _optional(convert: Callable[[Any], R]) -> Callable[[Any], R | None]:
    return lambda value: None if value is None else convert(value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as "2026-07-06T13:20:30.000000Z"."""

    impl = String(27)
    cache_ok = True

    # Processors, and not the two `process_…` methods: every value of a page goes through them.
    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        return _optional(utc_text)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | None], datetime | None]:
        return _optional(datetime.fromisoformat)


class Money(TypeDecorator[Decimal]):
    """Exact, as written."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], str | None]:
        return _optional("{:f}".format)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | None], Decimal | None]:
        return _optional(Decimal)


class Words(TypeDecorator[str]):
    """Text that somebody else wrote; what no database takes is U+FFFD: NUL, half a surrogate."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        return _storable


class Json(TypeDecorator[Any]):
    """JSON as text, in ASCII; a Decimal as a string."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        return _optional(_ENCODER.encode)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:
        return _optional(json.loads)


@lru_cache(64)  # the moment of a transaction is in each of its rows
def utc_text(value: datetime) -> str:
    return f"{value.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


def _storable(value: str | None) -> str | None:
    if value is None or (value.isascii() and "\0" not in value):
        return value
    whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "\ufffd")


def offset_of(value: datetime) -> int | None:
    """Minutes east of UTC."""
    shift = value.utcoffset()
    return None if shift is None else round(shift / timedelta(minutes=1))


def with_offset(value: datetime | None, minutes: int | None) -> datetime | None:
    """An instant as it came."""
    if value is None or minutes is None:
        return value
    return value.astimezone(timezone(timedelta(minutes=minutes)))


def instant(name: str, value: datetime | None) -> Mapping[str, Any]:
    """The two columns of an instant that came with an offset; None past the ends of time."""
    offset = None
    try:
        if value is not None:
            value.astimezone(UTC)
            offset = offset_of(value)
    except OverflowError:
        value = None
    return {name: value, f"{name}_offset": offset}


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, metadata, *columns, Column("origin", Text, nullable=False))


def _came(name: str) -> tuple[Column[datetime], Column[int]]:
    return Column(name, Instant), Column(f"{name}_offset", Integer)


archive = Table(
    "archive",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("origin", Text),  # None until the first sync
    Column("seq", BigInteger, nullable=False, default=0),
    Column("purged_before", String(10)),
    Column("created_at", Instant, nullable=False),
)
ctes = _table(
    "ctes",
    Column("chave", String(44), primary_key=True),
    Column("situacao", Words),
    Column("tipo_cte", Words),
    Column("valor_total", Money),
    Column("documento_emitente", Words),
    Column("nome_emitente", Words),
    *_came("emissao"),
    Column("competencia", String(7)),
    Column("digest_value", Words),
    Column("carta_correcao", Words),
    *_came("data_carta_correcao"),
    *_came("data_cancelamento"),
    Column("justificativa_cancelamento", Words),
    # What only the XML says.
    Column("tomador", Words),
    Column("nome_tomador", Words),
    Column("papel_tomador", Words),
    Column("valor_receber", Money),
    Column("icms", Money),
    *_came("autorizado_em"),
    Column("protocolo", Words),
    Column("prazo", Instant),
    Column("prazo_estimado", Boolean, nullable=False, default=True),
    Column("verificado", Boolean),
    Column("problemas", Json),
    Index("ctes_emissao", "emissao"),
    Index("ctes_competencia", "competencia"),
    Index("ctes_tomador", "tomador"),
    Index("ctes_emitente", "documento_emitente"),
)
recebimentos = _table(
    "recebimentos",
    Column("chave", String(44), primary_key=True),
    Column("cnpj", String(14), primary_key=True),
    Column("versao", BigInteger, nullable=False),
    Column("papeis", Words),  # None until the XML is there
    Column("first_seen", Instant, nullable=False),
    Index("recebimentos_cnpj", "cnpj", "versao"),
)
versoes = _table(  # by number, as they come: a document's are found by what the feed told of it
    "versoes",
    Column("cnpj", String(14), primary_key=True),
    Column("versao", BigInteger, primary_key=True, autoincrement=False),
    Column("chave", String(44), primary_key=True),
    Column("raw", Json, nullable=False),
    Column("seen_at", Instant, nullable=False),
)
eventos = _table(
    "eventos",
    Column("chave", String(44), primary_key=True),
    Column("tipo", String(6), primary_key=True),
    Column("sequencia", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), primary_key=True),
    *_came("at"),
    Column("protocolo", Words),
    Column("status", Words),
    Column("texto", Words),
    Column("path", Words, nullable=False),
    Column("seen_at", Instant, nullable=False),
)
referencias = _table(
    "referencias",
    Column("chave", String(44), primary_key=True),
    Column("relacao", Words, primary_key=True),
    Column("outra", String(44), primary_key=True),
    Index("referencias_outra", "outra"),
)
nfes = _table(
    "nfes",
    Column("chave", String(44), primary_key=True),
    Column("chave_nfe", String(60), primary_key=True),
    Index("nfes_chave_nfe", "chave_nfe"),
)
files = _table(
    "files",
    Column("chave", String(44), primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("wanted_at", Instant, nullable=False),
    Column("next_try", Instant),  # None where nothing is to be fetched
    Column("path", Words),  # below the folder of files
    Column("sha256", String(64)),
    Column("size", BigInteger),
    Column("why", Words),  # of the last attempt that failed
    Index("files_next_try", "state", "next_try"),
)
cursors = _table(
    "cursors",
    Column("cnpj", String(14), primary_key=True),
    Column("versao", BigInteger, nullable=False),
    Column("changed_at", Instant),
    Column("checked_at", Instant),
    Column("blocked", Words),
)
changes = _table(
    "changes",
    Column("seq", _NUMBER, primary_key=True, autoincrement=False),
    Column("cnpj", String(14), nullable=False),
    Column("chave", String(44), nullable=False),
    Column("what", Words, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Column("at", Instant, nullable=False),
    Index("changes_chave", "chave"),
)
invalid = _table(
    "invalid",
    Column("id", String(64), primary_key=True),  # sha256 of CNPJ and item
    Column("cnpj", String(14), nullable=False),
    Column("raw", Json),
    Column("why", Words, nullable=False),
    Column("versao", BigInteger, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("resolved_at", Instant),
)
desacordos = _table(
    "desacordos",
    Column("id", String(32), primary_key=True),  # of the intention
    Column("step", Words, primary_key=True),  # "intention", then "outcome"
    Column("chave", String(44), nullable=False),
    Column("cnpj", String(14), nullable=False),
    Column("actor", Words, nullable=False),
    Column("observacoes", Words, nullable=False),
    Column("outcome", Words),  # "registered", "refused", "not sent", "unknown"
    Column("answer", Json),
    Column("at", Instant, nullable=False),
    Index("desacordos_chave", "chave"),
    Index("desacordos_cnpj", "cnpj"),
)
leases = _table(
    "leases",
    Column("cnpj", String(14), primary_key=True),
    Column("owner", Words, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
purges = _table(
    "purges",
    Column("at", Instant, primary_key=True),
    Column("before", String(10), nullable=False),
    Column("documents", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
