"""JSON to models, through cattrs with an explicit hook for every class that the vendor sends.

The hooks read leniently: what cannot be read becomes None and stays in `raw`. Only a listing item
without key or `versao` is an error, and it never takes its page with it. cattrs' own hooks would
make the string "None" of a null, and lose decimals through float. They run for every document of
a sync, in the loop that also serves the user's requests: hence `type() is`, and no generic layer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias, TypeVar

from cattrs import Converter

from focus_cte._wire import Answer, Request, fold
from focus_cte.chave import is_chave
from focus_cte.errors import InvalidDocument, InvalidResponse
from focus_cte.models import (
    CHAVE_NAMES,
    CTeCompleta,
    CTeRecebida,
    Desacordo,
    Situacao,
    TipoCTe,
    readable_chave,
)

T = TypeVar("T")
Hook: TypeAlias = Callable[[Any, type[T]], T]

HIGHEST_VERSAO: Final = 2**63 - 1
NO_VERSAO: Final = -1
"""`InvalidDocument.versao` until its place in the page is known."""
_SITUACOES: Final = {
    **{s.value: s for s in Situacao},
    **{s.value[:-1] + "o": s for s in Situacao},
}
_TIPOS: Final = {
    **{t.value: t for t in TipoCTe},
    **{t.name.lower(): t for t in TipoCTe},
}
_EVENT: Final = (
    "carta_correcao",
    "data_carta_correcao",
    "data_cancelamento",
    "justificativa_cancelamento",
)
"""The fields that few documents have."""
_NO_EVENT: Final = (None, None, None, None)
_NUMBERS: Final = frozenset({str, int, Decimal})
_COMPLETA: Final = {"mdfes": list, "requisicao": dict, "protocolo": dict}


def listing(request: Request, answer: Answer) -> list[CTeRecebida | InvalidDocument]:
    """The items of a listing, in the order they came."""
    items = _load(request, answer)
    if not isinstance(items, list):
        raise undocumented(request, answer, f"a list is expected, not {_kind(items)}")
    return _items(request, items)


def resumo(request: Request, answer: Answer, chave: str) -> CTeRecebida:
    """The consultation of one document."""
    return _one(request, _document(request, answer), chave)


def completa(request: Request, answer: Answer, chave: str) -> CTeCompleta:
    """The consultation of one document with `completa=1`."""
    said = _document(request, answer)
    parts = {name: said.pop(name) for name, t in _COMPLETA.items() if isinstance(said.get(name), t)}
    mdfes = parts.pop("mdfes", ())
    return CTeCompleta(
        _one(request, said, chave), tuple(m for m in mdfes if isinstance(m, dict)), **parts
    )


def desacordo(request: Request, answer: Answer) -> Desacordo:
    """SEFAZ's answer to a desacordo."""
    found = _desacordo(_document(request, answer), Desacordo)
    if found.status is None and found.status_sefaz is None:
        raise undocumented(request, answer, "it has neither status nor status_sefaz")
    return found


def undocumented(request: Request, answer: Answer, why: str) -> InvalidResponse:
    """The error for an answer that the API does not document."""
    kind = answer.headers.get("Content-Type", "no content type")
    return InvalidResponse(
        f"{request}: status {answer.status}, {kind[:80]}, {len(answer.body)} bytes: {why}"
    )


def _load(request: Request, answer: Answer) -> Any:
    try:
        return json.loads(answer.body, parse_float=_number, parse_constant=_number)
    except RecursionError:
        why = "the JSON is nested too deep"
    except ValueError:
        why = "it is not JSON, or not all of it"
    raise undocumented(request, answer, why)


def _number(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent past all bounds
        return text


def _document(request: Request, answer: Answer) -> dict[str, Any]:
    said = _load(request, answer)
    if not isinstance(said, dict):
        raise undocumented(request, answer, f"an object is expected, not {_kind(said)}")
    return said


def _one(request: Request, said: dict[str, Any], chave: str) -> CTeRecebida:
    (found,) = _items(request, [said])
    if isinstance(found, InvalidDocument):
        found.versao = max(found.versao, 0)
        raise found
    if found.chave != chave:
        raise InvalidResponse(f"{request}: the answer is about another document, {found.chave}")
    return found


class _Unusable(Exception):
    """A listing item without key or `versao`: why, and its `versao` if it has one."""


def _items(request: Request, items: list[Any]) -> list[CTeRecebida | InvalidDocument]:
    read: list[CTeRecebida | InvalidDocument] = []
    for item in items:
        try:
            read.append(_cte(item, CTeRecebida))
        except _Unusable as unusable:
            read.append(_invalid(request, item, *unusable.args))
    return read


def _invalid(request: Request, item: Any, why: str, versao: int) -> InvalidDocument:
    return InvalidDocument(
        f"{request}: an item cannot be used, since {why}", raw=item, versao=versao
    )


def _structure_cte(item: Any, _: type[CTeRecebida]) -> CTeRecebida:
    if type(item) is not dict:
        raise _Unusable(f"it is {_kind(item)}, not an object", NO_VERSAO)
    get = item.get
    versao = get("versao")
    if type(versao) is not int or not 0 <= versao <= HIGHEST_VERSAO:
        versao = _other_versao(versao)
    chave = get("chave")
    if type(chave) is not str or not is_chave(chave):
        chave = _other_chave(item, versao)
    if versao == NO_VERSAO:
        seen = str(get("versao"))[:60]
        raise _Unusable(f"{chave} has no usable versao: {seen}", NO_VERSAO)
    nome, documento = get("nome_emitente"), get("documento_emitente")
    cnpj, digest = get("cnpj_destinatario"), get("digest_value")
    return CTeRecebida(
        chave,
        versao,
        _situacao(get("situacao")),
        _tipo(get("tipo_cte")),
        _decimal(get("valor_total")),
        _datetime(get("data_emissao")),
        nome if type(nome) is str else None,
        documento if type(documento) is str else None,
        cnpj if type(cnpj) is str else None,
        digest if type(digest) is str else None,
        *(_NO_EVENT if item.keys().isdisjoint(_EVENT) else _event(item)),
        item,
    )


def _event(item: dict[str, Any]) -> tuple[str | None, datetime | None, datetime | None, str | None]:
    get = item.get
    return (
        _str(get("carta_correcao")),
        _datetime(get("data_carta_correcao")),
        _datetime(get("data_cancelamento")),
        _str(get("justificativa_cancelamento")),
    )


def _other_chave(item: dict[str, Any], versao: int) -> str:
    """The key under another of its names, or in other clothes."""
    for name in CHAVE_NAMES:
        if (chave := readable_chave(item.get(name))) is not None:
            return chave
    names = {name: item[name] for name in CHAVE_NAMES if name in item}
    raise _Unusable(f"it has no usable key: {str(names)[:120]}", versao)


def _kind(value: Any) -> str:
    return {list: "a list", dict: "an object", str: "a string", type(None): "null"}.get(
        type(value), "a number or boolean"
    )


def _other_versao(value: Any) -> int:
    """A `versao` that is no int in range: one in digits, or none at all."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        number = int(value)
        return number if number <= HIGHEST_VERSAO else NO_VERSAO
    return NO_VERSAO


def _str(value: Any) -> str | None:
    return value if type(value) is str else None


def _code(value: Any) -> str | None:
    if type(value) is int:
        return str(value)
    return value.strip() or None if type(value) is str else None


def _decimal(value: Any) -> Decimal | None:
    if type(value) not in _NUMBERS:
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    # A value of 10**999999999 reais is no value, and printing it would take all the memory.
    return number if number.is_finite() and -30 < number.adjusted() < 30 else None


def _datetime(value: Any) -> datetime | None:
    if type(value) is not str:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def _situacao(value: Any) -> Situacao | str | None:
    if type(value) is not str:
        return None
    return _SITUACOES.get(value) or _SITUACOES.get(fold(value).strip(), value)


def _tipo(value: Any) -> TipoCTe | str | None:
    if type(value) is int:
        value = str(value)
    if type(value) is not str:
        return None
    return _TIPOS.get(value) or _TIPOS.get(fold(value).strip(), value)


def _structure_desacordo(said: dict[str, Any], _: type[Desacordo]) -> Desacordo:
    get = said.get
    return Desacordo(
        _str(get("status")),
        _code(get("status_sefaz")),
        _str(get("mensagem_sefaz")),
        _code(get("protocolo")),
        said,
    )


def _converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(CTeRecebida, _structure_cte)
    converter.register_structure_hook(Desacordo, _structure_desacordo)
    return converter


_CONVERTER: Final = _converter()
_cte: Final[Hook[CTeRecebida]] = _CONVERTER.get_structure_hook(CTeRecebida)
_desacordo: Final[Hook[Desacordo]] = _CONVERTER.get_structure_hook(Desacordo)
