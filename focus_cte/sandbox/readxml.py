"""What one stored XML file says: a CT-e of any kind, or an event. Lenient on all but the key."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .documents import Document, Event
from .keys import CHAVE, issuer_of

_DOCUMENTS = frozenset(
    {"cteProc", "CTe", "cteOSProc", "CTeOS", "cteSimpProc", "CTeSimp", "GTVe", "GTVeProc"}
)
_DENIED = frozenset({"110", "205", "301", "302", "303", "304", "305", "306"})
_CORRECTION, _CANCELLATION = "110110", "110111"
# Where the code of toma3 (layouts before 3.00: toma03) points; toma4 brings its own company.
_HIRERS = {"0": "rem", "1": "exped", "2": "receb", "3": "dest"}


class Unusable(ValueError):
    """Why a file is not served."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    document: Document
    parties: tuple[str, ...]  # CNPJ of the tomador and of the addressee, where known


@dataclass(frozen=True, slots=True)
class StoredEvent:
    chave: str
    cancels: bool
    number: int
    event: Event


def read(content: bytes) -> StoredDocument | StoredEvent:
    """Raises Unusable with the reason."""
    root = _parse(content)
    if root.tag in _DOCUMENTS:
        return _document(root)
    if root.tag == "procEventoCTe":
        return _event(root, content)
    raise Unusable(f"root element {root.tag} is not served")


def from_key(chave: str) -> Document:
    """All that is known of a document whose own XML is missing."""
    return Document(
        chave=chave,
        nome_emitente=None,
        documento_emitente=issuer_of(chave),
        valor_total=None,
        data_emissao=None,
        situacao="autorizada",
        tipo_cte=None,
        digest_value=None,
    )


class _Plain(ET.TreeBuilder):
    """Names without namespaces, which files leave out or get wrong; no DTD, so no entities."""

    def start(self, tag: Any, attrs: Any) -> ET.Element:
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: Any) -> ET.Element:
        return super().end(tag.rpartition("}")[2])

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise Unusable("it has a document type declaration (DTD)")


def _parse(content: bytes) -> ET.Element:
    try:
        parser = ET.XMLParser(target=_Plain())  # noqa: S314 - _Plain takes no DTD
        root: ET.Element = ET.fromstring(content, parser)  # noqa: S314
    except (ET.ParseError, LookupError, ValueError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"not well-formed XML: {error}") from None
    return root


def _document(root: ET.Element) -> StoredDocument:
    signed = next(root.iter("infCte"), None)
    if signed is None:
        raise Unusable("no infCte")
    chave = _chave((signed.get("Id") or "").removeprefix("CTe"))
    protocol = next(root.iter("infProt"), None)
    digest = _text(root, ".//Signature/SignedInfo/Reference/DigestValue") or _text(
        protocol, "digVal"
    )
    document = Document(
        chave=chave,
        nome_emitente=_text(signed, "emit/xNome"),
        documento_emitente=_text(signed, "emit/CNPJ")
        or _text(signed, "emit/CPF")
        or issuer_of(chave),
        valor_total=_text(signed, "vPrest/vTPrest") or _text(signed, "total/vTPrest"),
        data_emissao=_date(_text(signed, "ide/dhEmi")),
        situacao="denegada" if _text(protocol, "cStat") in _DENIED else "autorizada",
        tipo_cte=_text(signed, "ide/tpCTe"),
        digest_value=digest,
        protocolo=_text(protocol, "nProt"),
    )
    parties = (_tomador(signed), _text(signed, "dest/CNPJ"))
    return StoredDocument(document, tuple(dict.fromkeys(party for party in parties if party)))


def _tomador(signed: ET.Element) -> str | None:
    # CT-e OS, Simplificado; third party of a CT-e, of the older layouts and of a GTV-e.
    for path in ("toma", "ide/toma4", "ide/toma04", "ide/tomaTerceiro"):
        if found := _text(signed, f"{path}/CNPJ"):
            return found
    code = (
        _text(signed, "ide/toma3/toma")
        or _text(signed, "ide/toma03/toma")
        or _text(signed, "ide/toma/toma")
    )
    return _text(signed, f"{_HIRERS.get(code or '', '-')}/CNPJ")


def _event(root: ET.Element, content: bytes) -> StoredEvent:
    # The signed half; SEFAZ's own half may name another document (see the samples).
    info = root.find("eventoCTe/infEvento")
    if info is None:
        raise Unusable("no eventoCTe/infEvento")
    kind = _text(info, "tpEvento")
    if kind not in (_CORRECTION, _CANCELLATION):
        raise Unusable(f"event {kind} is not served")
    texto = _text(info, ".//xJust") if kind == _CANCELLATION else _corrections(info)
    number = _text(info, "nSeqEvento") or ""
    return StoredEvent(
        chave=_chave(_text(info, "chCTe") or ""),
        cancels=kind == _CANCELLATION,
        number=int(number) if number.isdecimal() else 0,
        event=Event(texto, _date(_text(info, "dhEvento")), lambda: content),
    )


def _corrections(info: ET.Element) -> str:
    """One line for each field put right. How the vendor joins them is not documented."""
    rows = [
        tuple(
            _text(row, name) or "" for name in ("grupoAlterado", "campoAlterado", "valorAlterado")
        )
        for row in info.iter("infCorrecao")
    ]
    return "\n".join(f"{grupo}/{campo}: {valor}" for grupo, campo, valor in rows)


def _chave(text: str) -> str:
    if not CHAVE.fullmatch(text):
        raise Unusable(f"no access key of 44 characters: {text[:60]!r}")
    return text


def _text(element: ET.Element | None, path: str) -> str | None:
    text = element.findtext(path) if element is not None else None
    return text.strip() or None if text else None


def _date(text: str | None) -> str | None:
    """As it was written; with Brasília's offset if it had none."""
    try:
        naive = text is not None and datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return text
    return f"{text}-03:00" if naive else text
