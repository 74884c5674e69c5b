"""JSON to models, through cattrs with an explicit hook for every class that the vendor sends.

The hooks read leniently: what cannot be read becomes None and stays in `raw`. Only a listing item
without key or `versao` is an error, and it never takes its page with it. cattrs' own hooks would
make the string "None" of a null, and lose decimals through float.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias, TypeVar

from cattrs import Converter

from focus_cte._cte import Unusable, kind, read_cte, read_page, text
from focus_cte._wire import Answer, Request
from focus_cte.errors import InvalidDocument, InvalidResponse
from focus_cte.models import CTeCompleta, CTeRecebida, Desacordo

T = TypeVar("T")
Hook: TypeAlias = Callable[[Any, type[T]], T]

_COMPLETA: Final = {"mdfes": list, "requisicao": dict, "protocolo": dict}


def listing(request: Request, answer: Answer) -> list[CTeRecebida | InvalidDocument]:
    """The items of a listing, in the order they came."""
    items = _load(request, answer)
    if not isinstance(items, list):
        raise undocumented(request, answer, f"a list is expected, not {kind(items)}")
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
        encoding = json.detect_encoding(answer.body)
        return _DECODER.decode(answer.body.decode(encoding, "surrogatepass"))
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


_DECODER: Final = json.JSONDecoder(parse_float=_number, parse_constant=_number)


def _document(request: Request, answer: Answer) -> dict[str, Any]:
    said = _load(request, answer)
    if not isinstance(said, dict):
        raise undocumented(request, answer, f"an object is expected, not {kind(said)}")
    return said


def _one(request: Request, said: dict[str, Any], chave: str) -> CTeRecebida:
    (found,) = _items(request, [said])
    if isinstance(found, InvalidDocument):
        found.versao = max(found.versao, 0)
        raise found
    if found.chave != chave:
        raise InvalidResponse(f"{request}: the answer is about another document, {found.chave}")
    return found


def _items(request: Request, items: list[Any]) -> list[CTeRecebida | InvalidDocument]:
    usual = read_page(items)
    return [_item(request, item) for item in items] if usual is None else [*usual]


def _item(request: Request, item: Any) -> CTeRecebida | InvalidDocument:
    try:
        return _cte(item, CTeRecebida)
    except Unusable as unusable:
        return _invalid(f"{request}: an item", item, *unusable.args)


def read_item(item: Any) -> CTeRecebida:
    """One item of the listing, such as `json.loads` gives it: from a webhook, or kept for later.

    Raises `InvalidDocument` where its key or `versao` cannot be used.
    """
    try:
        return _cte(item, CTeRecebida)
    except Unusable as unusable:
        why, versao = unusable.args
    raise _invalid("the item", item, why, max(versao, 0))


def _invalid(what: str, item: Any, why: str, versao: int) -> InvalidDocument:
    return InvalidDocument(f"{what} cannot be used, since {why}", raw=item, versao=versao)


def _code(value: Any) -> str | None:
    if type(value) is int:
        return str(value)
    return value.strip() or None if type(value) is str else None


def _structure_desacordo(said: dict[str, Any], _: type[Desacordo]) -> Desacordo:
    get = said.get
    return Desacordo(
        text(get("status")),
        _code(get("status_sefaz")),
        text(get("mensagem_sefaz")),
        _code(get("protocolo")),
        said,
    )


def _converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(CTeRecebida, lambda item, _: read_cte(item))
    converter.register_structure_hook(Desacordo, _structure_desacordo)
    return converter


_CONVERTER: Final = _converter()
_cte: Final[Hook[CTeRecebida]] = _CONVERTER.get_structure_hook(CTeRecebida)
_desacordo: Final[Hook[Desacordo]] = _CONVERTER.get_structure_hook(Desacordo)
