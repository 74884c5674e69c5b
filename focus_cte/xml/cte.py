"""What a CT-e says: who takes part in it, who pays, what it is worth and what it carries."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

import attrs
from lxml import etree

from focus_cte import Ambiente, TipoCTe
from focus_cte.xml._parse import (
    Envelope,
    InvalidXML,
    find,
    find_all,
    local_name,
    quoted,
    read,
    text,
)
from focus_cte.xml._values import amount, is_chave, moment, parse_documento, shown

_AMBIENTES = {"1": Ambiente.PRODUCAO, "2": Ambiente.HOMOLOGACAO}
_RELATIONS = {"infCteSub": "substituido", "infCteComp": "complementado", "infCteAnu": "anulado"}


class Papel(StrEnum):
    """The parts that one can play in a CT-e."""

    EMITENTE = "emitente"
    REMETENTE = "remetente"
    EXPEDIDOR = "expedidor"
    RECEBEDOR = "recebedor"
    DESTINATARIO = "destinatario"
    TOMADOR = "tomador"


_ELEMENTS = {
    Papel.EMITENTE: "emit",
    Papel.REMETENTE: "rem",
    Papel.EXPEDIDOR: "exped",
    Papel.RECEBEDOR: "receb",
    Papel.DESTINATARIO: "dest",
}
_TOMADOR = {
    "0": Papel.REMETENTE,
    "1": Papel.EXPEDIDOR,
    "2": Papel.RECEBEDOR,
    "3": Papel.DESTINATARIO,
    "4": Papel.TOMADOR,
}
"""What the code `toma` means, in all layouts, but for a GTV-e, which has no expedidor."""
_OF_A_GTVE = _TOMADOR | {"1": Papel.DESTINATARIO}
_BY_CODE = ("ide/toma3", "ide/toma03", "ide/toma")
"""Where the tomador is one of the others: since 3.00, before it, in a GTV-e."""
_BY_NAME = ("ide/toma4", "ide/toma04", "ide/tomaTerceiro", "toma")
"""Where it has data of its own: since 3.00, before it, in a GTV-e; CT-e OS and Simplificado."""


@attrs.frozen
class Parte:
    """One part of a CT-e. Its repr hides a CPF."""

    papel: Papel
    documento: str | None = attrs.field(default=None, repr=shown)
    """CNPJ (14 characters) or CPF (11 digits)."""
    nome: str | None = None
    uf: str | None = None
    municipio: str | None = None


@attrs.frozen
class Protocolo:
    """SEFAZ's protocol, as it stands in the file."""

    numero: str | None = None
    recebido_em: datetime | None = None
    """When SEFAZ received and judged it (dhRecbto), aware."""
    status: str | None = None
    """SEFAZ's code (cStat): 100 and 150 mean authorized."""
    digest: str | None = None
    """digVal, in base64."""


@attrs.frozen
class CTeXML:
    """What a CT-e's XML says, of any model and layout from 1.04 to 4.00.

    Nothing here is proof: `verify` says whether it is what was signed.
    """

    chave: str
    """Access key, 44 characters."""
    modelo: str
    """"57" CT-e, "67" CT-e OS, "64" GTV-e."""
    layout: str | None
    """"4.00"."""
    tipo_cte: TipoCTe | str | None
    emissao: datetime | None
    """Aware. Layouts before 3.00 have no offset: the standard time of the issuer's UF is taken."""
    ambiente: Ambiente | None
    valor_total: Decimal | None
    """vTPrest, in reais: the price of the freight. A GTV-e has none."""
    valor_receber: Decimal | None
    """vRec (vTRec), in reais."""
    icms: Decimal | None
    """In reais: vICMS, vICMSOutraUF or, retained by substitution, vICMSSTRet."""
    emitente: Parte | None
    remetente: Parte | None
    expedidor: Parte | None
    recebedor: Parte | None
    destinatario: Parte | None
    tomador: Parte | None
    """Who hired the freight, as the part it plays, or as TOMADOR where it has data of its own.
    Only a CT-e OS may have none."""
    chaves_nfe: tuple[str, ...]
    """The keys of the NF-es carried, as written."""
    referencias: tuple[tuple[str, str], ...]
    """Other CT-es: ("substituido" | "complementado" | "anulado", key)."""
    protocolo: Protocolo | None
    """None in a file without SEFAZ's answer."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a cteProc, CTe, cteOSProc, CTeOS, cteSimpProc, CTeSimp, GTVeProc or GTVe.

        Raises `InvalidXML` for anything else, and for a field that cannot be read.
        """
        envelope = read(data)
        if envelope.is_event:
            raise InvalidXML("it is an event, not a CT-e: use Evento.parse")
        return cls._of(envelope)

    @classmethod
    def _of(cls, envelope: Envelope) -> Self:
        signed, root = envelope.signed, envelope.root
        ide = find(signed, "ide")
        if ide is None:
            raise InvalidXML("no ide in <infCte>")
        chave = chave_of(signed)
        uf = text(ide, "cUF") or chave[:2]
        partes = {papel: _parte(signed, papel) for papel in _ELEMENTS}
        return cls(
            chave=chave,
            modelo=text(ide, "mod") or chave[20:22],
            layout=signed.get("versao") or envelope.document.get("versao") or root.get("versao"),
            tipo_cte=_tipo(text(ide, "tpCTe")),
            emissao=moment(text(ide, "dhEmi"), uf=uf, name="dhEmi"),
            ambiente=_AMBIENTES.get(text(ide, "tpAmb") or ""),
            valor_total=_total(signed, "vTPrest", "vTPrest"),
            valor_receber=_total(signed, "vRec", "vTRec"),
            icms=_icms(signed),
            emitente=partes[Papel.EMITENTE],
            remetente=partes[Papel.REMETENTE],
            expedidor=partes[Papel.EXPEDIDOR],
            recebedor=partes[Papel.RECEBEDOR],
            destinatario=partes[Papel.DESTINATARIO],
            tomador=_tomador(envelope, partes),
            chaves_nfe=_chaves_nfe(signed),
            referencias=_referencias(signed),
            protocolo=_protocolo(envelope, uf),
        )

    def papeis(self, cnpj: str) -> tuple[Papel, ...]:
        """Every part that this CNPJ or CPF plays, formatted or not; () for none.

        Raises `InvalidArgument` for another shape.
        """
        documento = parse_documento(cnpj)
        played = {
            parte.papel
            for parte in (
                self.emitente,
                self.remetente,
                self.expedidor,
                self.recebedor,
                self.destinatario,
                self.tomador,
            )
            if parte is not None and parte.documento == documento
        }
        if self.tomador is not None and self.tomador.documento == documento:
            played.add(Papel.TOMADOR)
        return tuple(papel for papel in Papel if papel in played)


def chave_of(signed: etree._Element) -> str:
    """The key in the Id of an infCte, or `InvalidXML`."""
    ident = signed.get("Id") or ""
    chave = ident.removeprefix("GTVe" if ident.startswith("GTVe") else "CTe")
    if chave == ident or not is_chave(chave):
        raise InvalidXML(f"the Id {quoted(ident)} of infCte is not CTe and an access key")
    return chave


def documento_of(element: etree._Element | None) -> str | None:
    return text(element, "CNPJ") or text(element, "CPF")


def _parte(signed: etree._Element, papel: Papel) -> Parte | None:
    element = find(signed, _ELEMENTS[papel])
    return None if element is None else _named(element, papel)


def _named(element: etree._Element, papel: Papel) -> Parte:
    # enderEmit, enderReme, …: the address is called otherwise in each part.
    address = next((child for child in element.iterchildren("{*}*") if _is_address(child)), None)
    return Parte(
        papel=papel,
        documento=documento_of(element),
        nome=text(element, "xNome"),
        uf=text(address, "UF"),
        municipio=text(address, "xMun"),
    )


def _is_address(element: etree._Element) -> bool:
    return local_name(element).startswith("ender")


def _tomador(envelope: Envelope, partes: dict[Papel, Parte | None]) -> Parte | None:
    signed, name = envelope.signed, local_name(envelope.document)
    codes = _OF_A_GTVE if name == "GTVe" else _TOMADOR
    for path in _BY_NAME:
        element = find(signed, path)
        if element is not None:
            # A CT-e OS has no code: the group itself is the tomador.
            return _named(element, _papel(text(element, "toma") or "4", codes))
    for path in _BY_CODE:
        element = find(signed, path)
        if element is not None:
            papel = _papel(text(element, "toma"), codes)
            if (parte := partes.get(papel)) is None:
                raise InvalidXML(f"the tomador is the {papel}, and there is none in the document")
            return parte
    if name == "CTeOS":
        return None
    raise InvalidXML("no tomador: a CT-e says who hired it (ide/toma3, ide/toma4)")


def _papel(code: str | None, codes: dict[str, Papel]) -> Papel:
    if code not in codes:
        raise InvalidXML(f"the tomador's code (toma) {quoted(code)} is not one of 0 to 4")
    return codes[code]


def _tipo(code: str | None) -> TipoCTe | str | None:
    return next((tipo for tipo in TipoCTe if tipo.value == code), code)


def _total(signed: etree._Element, name: str, simplificado: str) -> Decimal | None:
    found = text(signed, f"vPrest/{name}") or text(signed, f"total/{simplificado}")
    return amount(found, name=name)


def _icms(signed: etree._Element) -> Decimal | None:
    for group in find_all(signed, "imp/ICMS/*"):
        for name in ("vICMS", "vICMSOutraUF", "vICMSSTRet"):
            if (found := text(group, name)) is not None:
                return amount(found, name=name)
    return None


def _chaves_nfe(signed: etree._Element) -> tuple[str, ...]:
    # infDoc since 2.00, rem in 1.04, det in a Simplificado, which also carries parts of an NF-e.
    notas = signed.iter("{*}infNFe", "{*}infNFeTranspParcial")
    found = (text(nota, "chave") or text(nota, "chNFe") for nota in notas)
    return tuple(filter(None, found))


def _referencias(signed: etree._Element) -> tuple[tuple[str, str], ...]:
    found = []
    for group in signed.iter(*(f"{{*}}{name}" for name in _RELATIONS)):
        # chCTe, chCte or chave: the layouts do not agree.
        chave = text(group, "chCTe") or text(group, "chCte") or text(group, "chave")
        if chave is not None:
            found.append((_RELATIONS[local_name(group)], chave))
    return tuple(found)


def _protocolo(envelope: Envelope, uf: str) -> Protocolo | None:
    answer = envelope.answer
    if answer is None:
        return None
    return Protocolo(
        numero=text(answer, "nProt"),
        recebido_em=moment(text(answer, "dhRecbto"), uf=uf, name="dhRecbto"),
        status=text(answer, "cStat"),
        digest=text(answer, "digVal"),
    )
