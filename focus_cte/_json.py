"""JSON to models, through cattrs with an explicit hook for every type that the vendor sends.

The hooks read leniently: what cannot be read becomes None and stays in `raw`. Only a listing item
without key or `versao` is an error, and it never takes its page with it. cattrs' own hooks would
make the string "None" of a null, and lose decimals through float.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

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
_COMPLETA: Final = {"mdfes": list, "requisicao": dict, "protocolo": dict}


def listing(request: Request, answer: Answer) -> list[CTeRecebida | InvalidDocument]:
    """The items of a listing, in the order they came."""
    items = _load(request, answer)
    if not isinstance(items, list):
        raise undocumented(request, answer, f"a list is expected, not {_kind(items)}")
    return [_item(item, request) for item in items]


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
    found = _item(said, request)
    if isinstance(found, InvalidDocument):
        found.versao = max(found.versao, 0)
        raise found
    if found.chave != chave:
        raise InvalidResponse(f"{request}: the answer is about another document, {found.chave}")
    return found


def _item(item: Any, request: Request) -> CTeRecebida | InvalidDocument:
    if not isinstance(item, dict):
        return _invalid(request, item, NO_VERSAO, f"it is {_kind(item)}, not an object")
    versao = _versao(item.get("versao"))
    chave = item.get("chave")
    if not (isinstance(chave, str) and is_chave(chave)):
        chave = next(filter(None, map(readable_chave, map(item.get, CHAVE_NAMES))), None)
    if chave is None:
        names = {name: item[name] for name in CHAVE_NAMES if name in item}
        return _invalid(request, item, versao, f"it has no usable key: {str(names)[:120]}")
    if versao == NO_VERSAO:
        seen = str(item.get("versao"))[:60]
        return _invalid(request, item, versao, f"{chave} has no usable versao: {seen}")
    return _cte({**item, "chave": chave, "versao": versao, "raw": item}, CTeRecebida)


def _invalid(request: Request, item: Any, versao: int, why: str) -> InvalidDocument:
    return InvalidDocument(
        f"{request}: an item cannot be used, since {why}", raw=item, versao=versao
    )


def _kind(value: Any) -> str:
    return {list: "a list", dict: "an object", str: "a string", type(None): "null"}.get(
        type(value), "a number or boolean"
    )


def _versao(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if type(value) is int and 0 <= value <= HIGHEST_VERSAO:
        return value
    return NO_VERSAO


def _str(value: Any, _: Any) -> str | None:
    return value if isinstance(value, str) else None


def _code(value: Any, _: Any) -> str | None:
    if type(value) is int:
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _decimal(value: Any, _: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    # A value of 10**999999999 reais is no value, and printing it would take all the memory.
    return number if number.is_finite() and -30 < number.adjusted() < 30 else None


def _datetime(value: Any, _: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def _situacao(value: Any, _: Any) -> Situacao | str | None:
    if not isinstance(value, str):
        return None
    return _SITUACOES.get(value) or _SITUACOES.get(fold(value).strip(), value)


def _tipo(value: Any, _: Any) -> TipoCTe | str | None:
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        return None
    return _TIPOS.get(value) or _TIPOS.get(fold(value).strip(), value)


def _as_it_came(value: Any, _: Any) -> Any:
    return value


def _converter() -> Converter:
    converter = Converter(detailed_validation=False)
    hooks: Iterable[tuple[Any, Any]] = (
        (str | None, _str),
        (Decimal | None, _decimal),
        (datetime | None, _datetime),
        (Situacao | str | None, _situacao),
        (TipoCTe | str | None, _tipo),
    )
    for kind, hook in hooks:
        converter.register_structure_hook(kind, hook)
    return converter


_CONVERTER: Final = _converter()
_cte: Final = make_dict_structure_fn(
    CTeRecebida,
    _CONVERTER,
    chave=override(struct_hook=_as_it_came),
    versao=override(struct_hook=_as_it_came),
    raw=override(struct_hook=_as_it_came),
)
_read_desacordo: Final = make_dict_structure_fn(
    Desacordo,
    _CONVERTER,
    status_sefaz=override(struct_hook=_code),
    protocolo=override(struct_hook=_code),
    raw=override(struct_hook=_as_it_came),
)


def _desacordo(said: dict[str, Any], kind: type[Desacordo]) -> Desacordo:
    return _read_desacordo({**said, "raw": said}, kind)
