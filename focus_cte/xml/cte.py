"""What a CT-e says: who takes part in it, who pays, what it is worth and what it carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

import attrs
from lxml import etree

from focus_cte import Ambiente, TipoCTe
from focus_cte.xml._parse import (
    Children,
    Envelope,
    InvalidXML,
    children,
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


_PAPEIS = {
    "emit": Papel.EMITENTE,
    "rem": Papel.REMETENTE,
    "exped": Papel.EXPEDIDOR,
    "receb": Papel.RECEBEDOR,
    "dest": Papel.DESTINATARIO,
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
_BY_CODE = ("toma3", "toma03", "toma")
"""What in ide says that the tomador is one of the others: since 3.00, before it, in a GTV-e."""
_BY_NAME = ("toma4", "toma04", "tomaTerceiro")
"""What in ide has data of its own of the tomador, likewise."""
_IN_IDE = ("cUF", "mod", "dhEmi", "tpAmb", "tpCTe", *_BY_CODE, *_BY_NAME)
_TIPOS = {tipo.value: tipo for tipo in TipoCTe}


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
        ides = [children(ide, *_IN_IDE) for ide in find_all(signed, "ide")]
        if not ides:
            raise InvalidXML("no ide in <infCte>")
        ide = ides[0]
        chave = chave_of(signed)
        uf = text(ide.get("cUF")) or chave[:2]
        found = children(signed, *_PAPEIS)
        partes = {
            papel: _parte(found[name], papel) for name, papel in _PAPEIS.items() if name in found
        }
        return cls(
            chave=chave,
            modelo=text(ide.get("mod")) or chave[20:22],
            layout=signed.get("versao") or envelope.document.get("versao") or root.get("versao"),
            tipo_cte=_tipo(text(ide.get("tpCTe"))),
            emissao=moment(text(ide.get("dhEmi")), uf=uf, name="dhEmi"),
            ambiente=_AMBIENTES.get(text(ide.get("tpAmb")) or ""),
            valor_total=_total(signed, "vTPrest", "vTPrest"),
            valor_receber=_total(signed, "vRec", "vTRec"),
            icms=_icms(signed),
            emitente=partes.get(Papel.EMITENTE),
            remetente=partes.get(Papel.REMETENTE),
            expedidor=partes.get(Papel.EXPEDIDOR),
            recebedor=partes.get(Papel.RECEBEDOR),
            destinatario=partes.get(Papel.DESTINATARIO),
            tomador=_tomador(envelope, ides, partes),
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


def documento_of(parts: Children) -> str | None:
    return text(parts.get("CNPJ")) or text(parts.get("CPF"))


def _parte(element: etree._Element, papel: Papel) -> Parte:
    parts = children(element)
    # enderEmit, enderReme, …: the address is called otherwise in each part.
    address = next((parts[name] for name in parts if name.startswith("ender")), None)
    places = children(address, "UF", "xMun")
    return Parte(
        papel=papel,
        documento=documento_of(parts),
        nome=text(parts.get("xNome")),
        uf=text(places.get("UF")),
        municipio=text(places.get("xMun")),
    )


def _tomador(
    envelope: Envelope,
    ides: Sequence[Children],
    partes: Mapping[Papel, Parte],
) -> Parte | None:
    codes = _OF_A_GTVE if envelope.kind == "GTVe" else _TOMADOR
    # Of several ide, what the first has counts.
    groups = {name: group for ide in reversed(ides) for name, group in ide.items()}
    for element in (*map(groups.get, _BY_NAME), find(envelope.signed, "toma")):
        if element is not None:
            # A CT-e OS has no code: the group itself is the tomador.
            return _parte(element, _papel(text(element, "toma") or "4", codes))
    for element in map(groups.get, _BY_CODE):
        if element is not None:
            papel = _papel(text(element, "toma"), codes)
            if (parte := partes.get(papel)) is None:
                raise InvalidXML(f"the tomador is the {papel}, and there is none in the document")
            return parte
    if envelope.kind == "CTeOS":
        return None
    raise InvalidXML("no tomador: a CT-e says who hired it (ide/toma3, ide/toma4)")


def _papel(code: str | None, codes: dict[str, Papel]) -> Papel:
    if code not in codes:
        raise InvalidXML(f"the tomador's code (toma) {quoted(code)} is not one of 0 to 4")
    return codes[code]


def _tipo(code: str | None) -> TipoCTe | str | None:
    return _TIPOS.get(code or "", code)


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
    notas = map(children, signed.iter("{*}infNFe", "{*}infNFeTranspParcial"))
    found = (text(nota.get("chave")) or text(nota.get("chNFe")) for nota in notas)
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
        numero=text(answer.get("nProt")),
        recebido_em=moment(text(answer.get("dhRecbto")), uf=uf, name="dhRecbto"),
        status=text(answer.get("cStat")),
        digest=text(answer.get("digVal")),
    )
