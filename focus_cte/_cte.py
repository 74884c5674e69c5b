"""The vendor's items to `CTeRecebida`: leniently one by one, and a usual page in one go.

What cannot be read becomes None and stays in `raw`; only an item without key or `versao` is an
error. A sync does this for every document, in the loop that also serves the user's requests: so a
page whose items are all as usual is read a field at a time, with the loops in C. Both ways give
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, Final

import attrs

from focus_cte._wire import fold
from focus_cte.chave import are_chaves, is_chave
from focus_cte.models import CHAVE_NAMES, CTeRecebida, Situacao, TipoCTe, readable_chave

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
_USUAL: Final = (
    "chave",
    "versao",
    "situacao",
    "tipo_cte",
    "valor_total",
    "data_emissao",
    "nome_emitente",
    "documento_emitente",
    "cnpj_destinatario",
    "digest_value",
)
"""The fields that every document has."""
_usual: Final = itemgetter(*_USUAL)
_NUMBERS: Final = frozenset({str, int, Decimal})
_LARGEST: Final = 30
"""Digits before or after the point: 10**999999999 reais is no value, and printing it takes all the
memory."""
_tzinfo: Final = attrgetter("tzinfo")
_Thawed: Final[Any] = attrs.make_class(
    "_Thawed", [field.name for field in attrs.fields(CTeRecebida)], slots=False
)
"""A CTeRecebida that can still be assigned to: it is filled in half the time, and then frozen."""


class Unusable(Exception):
    """An item without key or `versao`: why, and its `versao` if it has one."""


def read_page(items: Sequence[Any]) -> list[CTeRecebida] | None:
    """All the items in one go, or None where one is out of the usual: then read one by one."""
    try:
        return _read_columns(items)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _read_columns(items: Sequence[Any]) -> list[CTeRecebida]:
    chaves, versoes, situacoes, tipos, valores, datas, *texts = zip(
        *map(_usual, items), strict=True
    )
    "".join(chain(*texts))  # a TypeError where one is no text
    emissoes = list(map(datetime.fromisoformat, datas))
    if not (
        are_chaves(chaves)
        and set(map(type, versoes)) == {int}
        and 0 <= min(versoes) <= max(versoes) <= HIGHEST_VERSAO
        and max(map(len, valores)) < _LARGEST
        and not "".join(valores).encode("ascii", "replace").translate(None, b"0123456789.-")
        and all(map(_tzinfo, emissoes))
    ):
        raise ValueError("out of the usual")
    ctes = list(
        map(
            _Thawed,
            chaves,
            versoes,
            map(_SITUACOES.__getitem__, situacoes),
            map(_TIPOS.__getitem__, tipos),
            map(Decimal, valores),
            emissoes,
            *texts,
            *_events(items),
            items,
        )
    )
    for cte in ctes:
        cte.__class__ = CTeRecebida
    return ctes


def _events(items: Sequence[dict[str, Any]]) -> Iterable[Iterable[Any]]:
    columns: list[list[Any]] = [[None] * len(items) for _ in range(4)]
    for place, item in enumerate(items):
        if len(item) > len(_USUAL):
            for column, value in zip(columns, _event(item), strict=True):
                column[place] = value
    return columns


def read_cte(item: Any) -> CTeRecebida:
    """One item, or `Unusable`."""
    if type(item) is not dict:
        raise Unusable(f"it is {kind(item)}, not an object", NO_VERSAO)
    get = item.get
    versao = get("versao")
    if type(versao) is not int or not 0 <= versao <= HIGHEST_VERSAO:
        versao = _other_versao(versao)
    chave = get("chave")
    if type(chave) is not str or not is_chave(chave):
        chave = _other_chave(item, versao)
    if versao == NO_VERSAO:
        seen = str(get("versao"))[:60]
        raise Unusable(f"{chave} has no usable versao: {seen}", NO_VERSAO)
    return CTeRecebida(
        chave,
        versao,
        _situacao(get("situacao")),
        _tipo(get("tipo_cte")),
        _decimal(get("valor_total")),
        _datetime(get("data_emissao")),
        text(get("nome_emitente")),
        text(get("documento_emitente")),
        text(get("cnpj_destinatario")),
        text(get("digest_value")),
        *_event(item),
        item,
    )


def _event(
    item: dict[str, Any],
) -> tuple[str | None, datetime | None, datetime | None, str | None]:
    """What few documents have: a correction, a cancellation."""
    get = item.get
    return (
        text(get("carta_correcao")),
        _datetime(get("data_carta_correcao")),
        _datetime(get("data_cancelamento")),
        text(get("justificativa_cancelamento")),
    )


def _other_chave(item: dict[str, Any], versao: int) -> str:
    """The key under another of its names, or in other clothes."""
    for name in CHAVE_NAMES:
        if (chave := readable_chave(item.get(name))) is not None:
            return chave
    names = {name: item[name] for name in CHAVE_NAMES if name in item}
    raise Unusable(f"it has no usable key: {str(names)[:120]}", versao)


def kind(value: Any) -> str:
    return {list: "a list", dict: "an object", str: "a string", type(None): "null"}.get(
        type(value), "a number or boolean"
    )


def _other_versao(value: Any) -> int:
    """A `versao` that is no int in range: one in digits, or none at all."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        number = int(value)
        return number if number <= HIGHEST_VERSAO else NO_VERSAO
    return NO_VERSAO


def text(value: Any) -> str | None:
    return value if type(value) is str else None


def _decimal(value: Any) -> Decimal | None:
    if type(value) not in _NUMBERS:
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < _LARGEST else None


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
