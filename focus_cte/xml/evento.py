"""What an event says: a cancellation, a correction letter, a desacordo."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import attrs
from lxml import etree

from focus_cte.xml._parse import (
    Children,
    Envelope,
    InvalidXML,
    children,
    find,
    find_all,
    quoted,
    read,
    text,
)
from focus_cte.xml._values import is_chave, moment, shown
from focus_cte.xml.cte import documento_of

_PARTS = ("CNPJ", "CPF", "chCTe", "dhEvento", "tpEvento", "nSeqEvento")


@attrs.frozen
class Evento:
    """What the author of an event signed, and SEFAZ's answer. Its repr hides a CPF.

    Nothing here is proof: `verify` says whether it is what was signed.
    """

    tipo: str
    """"110110" carta de correção, "110111" cancelamento, "610110" desacordo, "610111" the
    cancellation of a desacordo; others as they come."""
    chave: str
    """Of the CT-e that it is about, as its author wrote it."""
    sequencia: int
    """From 1, as SEFAZ counts, among the events of one kind of a document."""
    data: datetime
    """When the author wrote it (dhEvento), aware; without an offset in it, see `CTeXML.emissao`."""
    protocolo: str | None
    """The number of SEFAZ's registration; None where SEFAZ's answer is not in the file."""
    status: str | None
    """SEFAZ's code (cStat): 134, 135 and 136 mean registered."""
    texto: str | None
    """The justification, the observation, or a line "group/field: value" for each correction."""
    autor: str | None = attrs.field(repr=shown)
    """CNPJ or CPF."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a procEventoCTe or eventoCTe. Raises `InvalidXML` for anything else."""
        envelope = read(data)
        if not envelope.is_event:
            raise InvalidXML("it is a CT-e, not an event: use CTeXML.parse")
        return cls._of(envelope)

    @classmethod
    def _of(cls, envelope: Envelope) -> Self:
        parts, answer = children(envelope.signed, *_PARTS), envelope.answer or {}
        chave = text(parts.get("chCTe")) or ""
        if not is_chave(chave):
            raise InvalidXML(f"chCTe {quoted(chave)} is not an access key")
        when = moment(text(parts.get("dhEvento")), uf=chave[:2], name="dhEvento")
        if when is None:
            raise InvalidXML("no dhEvento in <infEvento>")
        return cls(
            tipo=_digits(parts, "tpEvento", longest=6),
            chave=chave,
            sequencia=int(_digits(parts, "nSeqEvento", longest=3)),
            data=when,
            protocolo=text(answer.get("nProt")),
            status=text(answer.get("cStat")),
            texto=_texto(envelope.signed),
            autor=documento_of(parts),
        )


def _digits(parts: Children, name: str, *, longest: int) -> str:
    found = text(parts.get(name)) or ""
    if not (found.isascii() and found.isdecimal() and len(found) <= longest):
        raise InvalidXML(f"{name} {quoted(found)} is not 1 to {longest} digits")
    return found


def _texto(signed: etree._Element) -> str | None:
    detail = find(signed, "detEvento/*")
    if detail is None:
        return None
    corrections = [_correction(row) for row in find_all(detail, "infCorrecao")]
    return text(detail, "xJust") or text(detail, "xObs") or "\n".join(corrections) or None


def _correction(row: etree._Element) -> str:
    group, field, value = (
        text(row, name) or "" for name in ("grupoAlterado", "campoAlterado", "valorAlterado")
    )
    item = text(row, "nroItemAlterado")
    return f"{group}{f' {item}' if item else ''}/{field}: {value}"
