"""What was known of a document at a moment, for `show --as-of`. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from focus_cte import CTeRecebida, InvalidArgument, Situacao

if TYPE_CHECKING:
    from focus_cte.mirror import Change, Documento

_OF_A_VERSION: Final = ("chave", "versao", "raw")
_OF_THE_LISTING: Final = (
    "situacao",
    "tipo_cte",
    "valor_total",
    "documento_emitente",
    "nome_emitente",
)
_OF_THE_XML: Final = (
    "tomador",
    "nome_tomador",
    "papel_tomador",
    "protocolo",
    "autorizado_em",
    "verificado",
)


def said(versoes: Sequence[CTeRecebida]) -> CTeRecebida:
    """What the listings have said by the last of these: the last word on each thing.

    What is cancelled stays so: another company's listing may be older.
    """
    values: dict[str, Any] = {}
    for versao in versoes:
        for field in attrs.fields(CTeRecebida):
            value = getattr(versao, field.name)
            if field.name not in _OF_A_VERSION and value is not None:
                values[field.name] = value
    if any(versao.situacao == Situacao.CANCELADA for versao in versoes):
        values["situacao"] = Situacao.CANCELADA
    return attrs.evolve(versoes[-1], **values)


def stored(changes: Iterable[Change]) -> dict[str, list[Mapping[str, Any]]]:
    """What the feed told of files, by kind, oldest first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        if "kind" in change.after:
            found.setdefault(change.after["kind"], []).append(change.after)
    return found


def then(
    document: Documento, last: CTeRecebida, changes: Iterable[Change], *, with_xml: bool
) -> Documento:
    """The document, of which the listings had said this, and the feed these changes."""
    values: dict[str, Any] = {
        "cnpjs": tuple(sorted({change.cnpj for change in changes})),
        "data_cancelamento": last.data_cancelamento,
        "data_carta_correcao": last.data_carta_correcao,
    }
    for name in _OF_THE_LISTING:  # or of the XML, where no listing says it
        if (value := getattr(last, name)) is not None:
            values[name] = value
    if not with_xml:
        emissao = last.data_emissao
        values |= dict.fromkeys(_OF_THE_XML) | {
            "problemas": (),
            "tem_xml": False,
            "valor_total": last.valor_total,
            "emissao": emissao,
            "competencia": None if emissao is None else f"{emissao:%Y-%m}",
            "prazo": _estimated(last),
            "prazo_estimado": True,
        }
    return attrs.evolve(document, **values)


def _estimated(last: CTeRecebida) -> datetime | None:
    from focus_cte.xml import prazo_desacordo

    try:
        return prazo_desacordo(last).limite
    except InvalidArgument:
        return None
