"""What an item of the listing means for the archive: columns, changes, files to fetch. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from focus_cte import CTeRecebida, Situacao
from focus_cte.mirror.models import Kind, What
from focus_cte.mirror.schema import instant

TERM = timedelta(days=45)
"""Of a desacordo, here from the emission: it is never before the authorization's end."""
_CORRECTION = ("carta_correcao", "data_carta_correcao")
_CANCELLATION = ("situacao", "data_cancelamento", "justificativa_cancelamento")
_OTHERS = (
    "tipo_cte",
    "valor_total",
    "documento_emitente",
    "nome_emitente",
    "emissao",
    "digest_value",
)

_PUNCTUATION = str.maketrans("", "", " ./-")

Row = Mapping[str, Any]


def columns(cte: CTeRecebida) -> dict[str, Any]:
    """The columns of `ctes` that the listing fills, but for those of the term."""
    emissao = cte.data_emissao
    return {
        "chave": cte.chave,
        "situacao": None if cte.situacao is None else str(cte.situacao),
        "tipo_cte": None if cte.tipo_cte is None else str(cte.tipo_cte),
        "valor_total": cte.valor_total,
        "documento_emitente": _bare(cte.documento_emitente),
        "nome_emitente": cte.nome_emitente,
        **instant("emissao", emissao),
        "competencia": None if emissao is None else f"{emissao.year:04}-{emissao.month:02}",
        "digest_value": cte.digest_value,
        "carta_correcao": cte.carta_correcao,
        **instant("data_carta_correcao", cte.data_carta_correcao),
        **instant("data_cancelamento", cte.data_cancelamento),
        "justificativa_cancelamento": cte.justificativa_cancelamento,
    }


def _bare(documento: str | None) -> str | None:
    """A CNPJ or CPF without its punctuation, where it came with it."""
    return documento and documento.translate(_PUNCTUATION)


def merged(known: Row | None, new: Row) -> dict[str, Any]:
    """The row to store: what the listing says now, else what was known.

    What is cancelled stays so: another CNPJ's listing may be older than ours.
    """
    old = known or {"prazo": None, "prazo_estimado": True}
    row = dict(new)
    if known:
        row |= {name: known[name] for name, value in new.items() if value is None}
    if known and known["situacao"] == Situacao.CANCELADA:
        row["situacao"] = known["situacao"]
    estimated = old["prazo_estimado"] or old["prazo"] is None
    row["prazo_estimado"] = estimated
    row["prazo"] = _term(row["emissao"]) if estimated else old["prazo"]
    return row


def _term(emissao: datetime | None) -> datetime | None:
    try:
        return None if emissao is None else emissao + TERM
    except OverflowError:
        return None


def wanted(known: Row | None, row: Row) -> Iterator[Kind]:
    """The files to be fetched because of what is new in this row."""
    if known is None:
        yield Kind.XML
    if row["situacao"] == Situacao.CANCELADA and _differs(known, row, _CANCELLATION[:1]):
        yield Kind.CANCELAMENTO
    if any(row[name] is not None for name in _CORRECTION) and _differs(known, row, _CORRECTION):
        yield Kind.CARTA_CORRECAO


def news(before: CTeRecebida | None, versao: int, said: Row) -> Iterator[tuple[What, Row, Row]]:
    """What to tell the feed of a CNPJ that had `before` of a document, and now these `columns`."""
    new = {**said, "versao": versao}
    if before is None:
        yield What.RECEIVED, {}, shown(new, ("versao", "situacao", *_OTHERS))
        return
    old = {**columns(before), "versao": before.versao}
    told = False
    for what, names in ((What.CANCELLED, _CANCELLATION), (What.CORRECTED, _CORRECTION)):
        happened = what is What.CORRECTED or new["situacao"] == Situacao.CANCELADA
        if happened and _differs(old, new, names):
            told = True
            yield what, shown(old, ("versao", *names)), shown(new, ("versao", *names))
    rest = [*_OTHERS, *(() if new["situacao"] == Situacao.CANCELADA else _CANCELLATION)]
    changed = [name for name in rest if old[name] != new[name]]
    if changed or not told:
        yield What.CHANGED, shown(old, ("versao", *changed)), shown(new, ("versao", *changed))


def _differs(old: Row | None, new: Row, names: tuple[str, ...]) -> bool:
    return old is None or any(old[name] != new[name] for name in names)


def shown(row: Row, names: tuple[str, ...]) -> dict[str, Any]:
    """Some columns as JSON has them."""
    return {
        name: value if type(value) is str else _plain(value)
        for name in names
        if (value := row[name]) is not None
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def is_before(chave: str, emissao: datetime | None, day: str) -> bool:
    """Whether a document was emitted before a local day; without a date, by its key's month."""
    if emissao is None:
        return f"20{chave[2:4]}-{chave[4:6]}" < day[:7]
    return emissao.date().isoformat() < day


def identity(cnpj: str, raw: Any) -> str:
    """Of an item that cannot be used, so that it is kept once."""
    text = json.dumps([cnpj, raw], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
