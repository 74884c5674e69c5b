"""What the archive knows: one document, many of them, their events, what was known when."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from focus_cte import (
    CTeRecebida,
    InvalidArgument,
    Situacao,
    TipoCTe,
    parse_chave,
    parse_cnpj,
    read_item,
)
from focus_cte.mirror import schema
from focus_cte.mirror.feed import versoes_of
from focus_cte.mirror.models import Documento, Evento, Kind, State
from focus_cte.mirror.schema import files, nfes, recebimentos, versoes, with_offset
from focus_cte.mirror.store import Store
from focus_cte.xml import Papel

PAGE = 500
_COMPETENCIA = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_CPF = re.compile(r"[0-9]{11}", re.ASCII)
_SITUACOES = {f"{s[:-1]}{end}": str(s) for s in Situacao for end in "ao"}
"""In either gender, as the vendor writes them."""

T = TypeVar("T", bound=StrEnum)


async def get(store: Store, chave: str) -> Documento | None:
    """One document; None where the archive has none of this key."""
    key = parse_chave(chave)
    async with store.reading() as connection:
        found = await connection.execute(select(schema.ctes).where(schema.ctes.c.chave == key))
        documents = await _documents(connection, found.all())
    return documents[0] if documents else None


def ctes(
    store: Store,
    *,
    cnpj: str | None = None,
    situacao: str | None = None,
    tomador: str | None = None,
    emitente: str | None = None,
    competencia: str | None = None,
    nfe: str | None = None,
    due_after: datetime | None = None,
    due_before: datetime | None = None,
) -> AsyncGenerator[Documento, None]:
    """The documents that meet all that is given, the newest emission first, then by key.

    Those whose emission is not known come last. Nothing is open while the caller works on one.
    Raises `InvalidArgument` at once.
    """
    table, wanted = schema.ctes.c, list[ColumnElement[bool]]()
    if cnpj is not None:
        ours = recebimentos.c.cnpj == parse_cnpj(cnpj)
        wanted.append(exists().where(recebimentos.c.chave == table.chave, ours))
    if situacao is not None:
        wanted.append(table.situacao == _situacao(situacao))
    if tomador is not None:
        wanted.append(table.tomador == _documento("tomador", tomador))
    if emitente is not None:
        wanted.append(table.documento_emitente == _documento("emitente", emitente))
    if competencia is not None:
        wanted.append(_of_month(_competencia(competencia)))
    if nfe is not None:
        carried = nfes.c.chave_nfe == parse_chave(nfe)
        wanted.append(exists().where(nfes.c.chave == table.chave, carried))
    if due_after is not None:
        wanted.append(table.prazo > _aware("due_after", due_after))
    if due_before is not None:
        wanted.append(table.prazo <= _aware("due_before", due_before))
    return _ctes(store, wanted)


async def eventos(store: Store, chave: str) -> tuple[Evento, ...]:
    """The events whose XML the archive has, oldest first: every correction letter that it saw."""
    table = schema.eventos
    key = parse_chave(chave)
    async with store.reading() as connection:
        found = await connection.execute(
            select(table)
            .where(table.c.chave == key)
            .order_by(table.c.at, table.c.tipo, table.c.sequencia, table.c.seen_at)
        )
        rows = found.all()
    return tuple(
        Evento(
            chave=row.chave,
            tipo=row.tipo,
            sequencia=row.sequencia,
            at=with_offset(row.at, row.at_offset) or row.seen_at,
            protocolo=row.protocolo,
            sha256=row.sha256,
            path=row.path,
        )
        for row in rows
    )


async def historico(
    store: Store, chave: str, *, as_of: datetime | None = None
) -> tuple[CTeRecebida, ...]:
    """What the listings said of a document, oldest first; with `as_of`, what was known then.

    A document that two of our CNPJs received is there for each of them.
    """
    key = parse_chave(chave)
    table = versoes.c
    wanted = [table.chave == key]
    if as_of is not None:
        wanted.append(table.seen_at <= _aware("as_of", as_of))
    async with store.reading() as connection:
        told = await versoes_of(connection, [key])
        wanted.append(table.cnpj.in_([each["cnpj"] for each in told]))
        wanted.append(table.versao.in_([each["versao"] for each in told]))
        found = await connection.scalars(
            select(table.raw).where(*wanted).order_by(table.seen_at, table.versao, table.cnpj)
        )
        items = found.all()
    return tuple(map(read_item, items))


async def _ctes(
    store: Store, wanted: Sequence[ColumnElement[bool]]
) -> AsyncGenerator[Documento, None]:
    # Those without emission apart: NULL comes first here and last there.
    table = schema.ctes.c
    for order in ([table.emissao.desc(), table.chave], [table.chave]):
        dated = len(order) > 1
        kind = table.emissao.is_not(None) if dated else table.emissao.is_(None)
        last: Any = None
        while True:
            async with store.reading() as connection:
                behind = [] if last is None else [_behind(last, dated=dated)]
                found = await connection.execute(
                    select(schema.ctes).where(kind, *wanted, *behind).order_by(*order).limit(PAGE)
                )
                rows = found.all()
                documents = await _documents(connection, rows)
            for document in documents:
                yield document
            if len(rows) < PAGE:
                break
            last = rows[-1]


def _behind(last: Any, *, dated: bool) -> ColumnElement[bool]:
    table = schema.ctes.c
    later: ColumnElement[bool] = table.chave > last.chave
    if not dated:
        return later
    # The first half says nothing new, but lets an index be used.
    return and_(
        table.emissao <= last.emissao,
        or_(table.emissao < last.emissao, later),
    )


async def _documents(connection: AsyncConnection, rows: Sequence[Any]) -> list[Documento]:
    """At most a page of them."""
    chaves = [row.chave for row in rows]
    received = await connection.execute(
        select(recebimentos.c.chave, recebimentos.c.cnpj)
        .where(recebimentos.c.chave.in_(chaves))
        .order_by(recebimentos.c.cnpj)
    )
    cnpjs: dict[str, list[str]] = {}
    for chave, cnpj in received:
        cnpjs.setdefault(chave, []).append(cnpj)
    stored = await connection.scalars(
        select(files.c.chave).where(
            files.c.chave.in_(chaves),
            files.c.kind == str(Kind.XML),
            files.c.state == str(State.STORED),
        )
    )
    with_xml = set(stored)
    return [
        _documento_of(row, cnpjs.get(row.chave, ()), tem_xml=row.chave in with_xml) for row in rows
    ]


def _documento_of(row: Any, cnpjs: Iterable[str], *, tem_xml: bool) -> Documento:
    return Documento(
        chave=row.chave,
        cnpjs=tuple(cnpjs),
        situacao=_known(Situacao, row.situacao),
        tipo_cte=_known(TipoCTe, row.tipo_cte),
        valor_total=row.valor_total,
        emissao=with_offset(row.emissao, row.emissao_offset),
        competencia=row.competencia,
        documento_emitente=row.documento_emitente,
        nome_emitente=row.nome_emitente,
        tomador=row.tomador,
        nome_tomador=row.nome_tomador,
        papel_tomador=_known(Papel, row.papel_tomador),
        protocolo=row.protocolo,
        autorizado_em=with_offset(row.autorizado_em, row.autorizado_em_offset),
        prazo=row.prazo,
        prazo_estimado=row.prazo_estimado,
        data_cancelamento=with_offset(row.data_cancelamento, row.data_cancelamento_offset),
        data_carta_correcao=with_offset(row.data_carta_correcao, row.data_carta_correcao_offset),
        verificado=row.verificado,
        problemas=tuple(row.problemas or ()),
        tem_xml=tem_xml,
    )


def _known(kind: type[T], value: str | None) -> T | str | None:
    with suppress(ValueError):
        return None if value is None else kind(value)
    return value


def _situacao(value: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"situacao must be a text such as 'autorizada', not {value!r}")
    return _SITUACOES.get(value.strip().lower(), value.strip())


def _documento(name: str, value: str) -> str:
    """The characters of a CNPJ or CPF."""
    bare = re.sub(r"[ ./-]", "", value) if isinstance(value, str) else ""
    if _CPF.fullmatch(bare):
        return bare
    try:
        return parse_cnpj(value)
    except InvalidArgument as error:
        raise InvalidArgument(f"{name}: {error}; a CPF has 11 digits") from None


def _competencia(value: str) -> str:
    if not isinstance(value, str) or not _COMPETENCIA.fullmatch(value):
        raise InvalidArgument(f"competencia must be 'AAAA-MM', such as '2026-07', not {value!r}")
    return value


def _of_month(competencia: str) -> ColumnElement[bool]:
    """By the emission; where that is not known, by the key, as `facts.is_before` goes."""
    table = schema.ctes.c
    by_key = literal("20") + func.substr(table.chave, 3, 4) == competencia.replace("-", "")
    return or_(table.competencia == competencia, and_(table.competencia.is_(None), by_key))


def _aware(name: str, value: datetime) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidArgument(f"{name} must be a datetime with an offset, not {value!r}")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidArgument(f"{name}={value!r} is past the ends of time in UTC") from None
