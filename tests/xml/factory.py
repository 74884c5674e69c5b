"""CT-es and events as bytes, from a small description, signed as their issuers sign them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from freight import EMITENTE, INNER, TERCEIRO, Freight
from markup import Element, el
from schema import infcte, protocol
from signing import Signer, signer
from style import Style, finished

USUAL = Style()


def cte(
    freight: Freight | None = None,
    *,
    style: Style = USUAL,
    by: Signer | None = None,
    unsigned: bool = False,
    change: Callable[[Element], Element] = lambda infcte: infcte,
) -> bytes:
    """The file of a CT-e, signed `by` its issuer if nobody is named.

    `change` alters the infCte before it is signed.
    """
    freight = freight or Freight()
    documento = freight.emit.documento
    # A CT-e has no `versao` of its own: infCte has it; CTeOS, CTeSimp and GTVe have both.
    versao = {} if freight.inner == "CTe" else {"versao": freight.layout}
    root = el(freight.inner, change(infcte(freight)), **versao)
    if freight.root in INNER:
        root = el(freight.root, root, protocol(freight), versao=freight.layout)
    return finished(root, "infCte", documento, style, None if unsigned else by or signer(documento))


CANCELAMENTO = el(
    "evCancCTe",
    el("descEvento", "Cancelamento"),
    el("nProt", "135260000000001"),
    el("xJust", "Emissão em duplicidade & engano"),
)
CORRECAO = el(
    "evCCeCTe",
    el("descEvento", "Carta de Correcao"),
    el(
        "infCorrecao",
        el("grupoAlterado", "compl"),
        el("campoAlterado", "xObs"),
        el("valorAlterado", "Placa ABC1D23"),
    ),
    el("xCondUso", "A Carta de Correcao e disciplinada pelo Art. 58-B"),
)
DESACORDO = el(
    "evPrestDesacordo",
    el("descEvento", "Prestacao do Servico em Desacordo"),
    el("indDesacordoOper", "1"),
    el("xObs", "A carga chegou com avaria"),
)
DESISTENCIA = el(
    "evCancPrestDesacordo",
    el("descEvento", "Cancelamento Prestacao do Servico em Desacordo"),
    el("nProtEvPrestDes", "135260000000007"),
)
DETALHE = {
    "110110": CORRECAO,
    "110111": CANCELAMENTO,
    "610110": DESACORDO,
    "610111": DESISTENCIA,
}


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An event of a CT-e. Those of the tomador (61…) are his, the others the issuer's."""

    tipo: str = "110111"
    root: str = "procEventoCTe"
    layout: str = "4.00"
    chave: str = field(default_factory=lambda: Freight().chave)
    sequencia: int = 1
    data: str = "2026-07-07T09:00:00-03:00"
    ret: dict[str, str] = field(default_factory=dict)
    """Fields of SEFAZ's answer that are to be as nobody would expect."""

    @property
    def autor(self) -> str:
        return TERCEIRO.documento if self.tipo.startswith("61") else EMITENTE


def evento(
    happening: Happening | None = None,
    *,
    style: Style = USUAL,
    by: Signer | None = None,
    unsigned: bool = False,
) -> bytes:
    """The file of an event, signed `by` its author if nobody is named."""
    event = happening or Happening()
    said = {"chCTe": event.chave, "tpEvento": event.tipo, "nSeqEvento": str(event.sequencia)}
    # Two places for the number until 3.00, three since 4.00.
    number = f"{event.sequencia:03}" if event.layout >= "4.00" else f"{event.sequencia:02}"
    info = el(
        "infEvento",
        el("cOrgao", "35"),
        el("tpAmb", "1"),
        el("CNPJ" if len(event.autor) == 14 else "CPF", event.autor),
        el("chCTe", event.chave),
        el("dhEvento", event.data),
        el("tpEvento", event.tipo),
        el("nSeqEvento", str(event.sequencia)),
        el("detEvento", DETALHE[event.tipo], versaoEvento=event.layout),
        Id=f"ID{event.tipo}{event.chave}{number}",
    )
    root = el("eventoCTe", info, versao=event.layout)
    if event.root == "procEventoCTe":
        status = {"cStat": "135", "xMotivo": "Evento registrado e vinculado a CT-e"}
        end = {"dhRegEvento": "2026-07-07T09:00:05-03:00", "nProt": "135260000000002"}
        answer = {"tpAmb": "1", "cOrgao": "35", **status, **said, **end, **event.ret}
        info_ret = el("infEvento", *(el(name, value) for name, value in answer.items()))
        root = el(
            event.root, root, el("retEventoCTe", info_ret, versao=event.layout), versao=event.layout
        )
    author = by or signer(event.autor)
    return finished(root, "infEvento", event.autor, style, None if unsigned else author)


def swapped(data: bytes, old: str | bytes, new: str | bytes) -> bytes:
    """The file with what stands in it once, and only once, replaced."""
    old, new = (text.encode() if isinstance(text, str) else text for text in (old, new))
    assert data.count(old) == 1, f"{old!r} stands {data.count(old)} times"
    return data.replace(old, new)
