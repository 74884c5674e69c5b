"""A CT-e as elements, in the order of SEFAZ's schemas from 1.04 to 4.00, as far as one reads it.

Around what is read stand things of the same name that are not it: the prices of one delivery, the
keys of documents carried before, the taxes of the state of destination.
"""

from __future__ import annotations

from dataclasses import replace

from freight import NFE, OLD, OTHER, Freight
from markup import Element, el


def infcte(cte: Freight) -> Element:
    """The part that is signed."""
    emit, *others = _parts(cte)
    body: tuple[Element | None, ...]
    match cte.inner:
        case "CTe":
            body = (emit, *others, _prices(cte), _imp(cte), *_kinds(cte))
        case "CTeOS":
            toma = cte.tomador and cte.tomador.element("toma", "enderToma")
            body = (emit, toma, _prices(cte), _imp(cte), *_kinds(cte))
        case "CTeSimp":
            toma = cte.tomador and cte.tomador.element("toma", "enderToma", cte.toma)
            body = (emit, toma, *_deliveries(cte), _imp(cte), *_totals(cte))
        case _:
            money = el("infEspecie", el("tpEspecie", "1"), el("vEspecie", "90000.00"))
            body = (emit, *others, el("detGTV", money, el("qCarga", "1.0000")))
    return el("infCte", _ide(cte), *body, versao=cte.layout, Id=f"CTe{cte.chave}")


def protocol(cte: Freight) -> Element:
    """SEFAZ's answer, with a digVal yet empty."""
    fields = {
        "tpAmb": cte.ambiente,
        "verAplic": "SP-CTe",
        "chCTe": cte.chave,
        "dhRecbto": _time(cte, cte.recebimento),
        "nProt": "135260000000001",
        "digVal": "",
        "cStat": "100",
        "xMotivo": "Autorizado o uso do CT-e",
        **cte.prot,
    }
    return el("protCTe", el("infProt", *_fields(fields)), versao=cte.layout)


def _fields(fields: dict[str, str]) -> tuple[Element, ...]:
    return tuple(el(name, value) if value else el(name) for name, value in fields.items())


def _time(cte: Freight, text: str) -> str:
    return text[:19] if cte.layout in OLD else text


def _ide(cte: Freight) -> Element:
    fields = {
        "cUF": cte.chave[:2],
        "cCT": cte.chave[35:43],
        "CFOP": "6353",
        "mod": cte.modelo,
        "serie": "1",
        "nCT": "52",
        "dhEmi": _time(cte, cte.emissao),
        "cDV": cte.chave[43],
        "tpAmb": cte.ambiente,
        "tpCTe": "4" if cte.inner == "GTVe" else cte.tipo,
        "xMunEnv": "SAO PAULO",
        "UFEnv": "SP",
    }
    return el("ide", *_fields(fields), _toma(cte))


def _toma(cte: Freight) -> Element | None:
    """The group in `ide` that says who pays."""
    zero = "0" if cte.layout in OLD else ""
    groups = {"CTe": (f"toma{zero}3", f"toma{zero}4"), "GTVe": ("toma", "tomaTerceiro")}
    if cte.inner not in groups or cte.toma is None:
        return None
    by_code, of_its_own = groups[cte.inner]
    if cte.toma == "4" and cte.tomador:
        return cte.tomador.element(of_its_own, "enderToma", "4")
    return el(by_code, el("toma", cte.toma))


def _parts(cte: Freight) -> list[Element | None]:
    rem = cte.rem and cte.rem.element("rem", "enderReme")
    if rem and cte.layout == "1.04":  # which has the NF-es with their sender
        rem = replace(rem, content=(*rem.content, *_infnfe(cte, "chave")))
    return [
        cte.emit.element("emit", "enderEmit"),
        rem,
        cte.exped and cte.exped.element("exped", "enderExped"),
        cte.receb and cte.receb.element("receb", "enderReceb"),
        cte.dest and cte.dest.element("dest", "enderDest"),
    ]


def _infnfe(cte: Freight, name: str) -> list[Element]:
    return [el("infNFe", el(name, nota), el("PIN", "123")) for nota in cte.notas]


def _prices(cte: Freight) -> Element:
    component = el("Comp", el("xNome", "FRETE PESO"), el("vComp", "1.00"))
    return el("vPrest", el("vTPrest", cte.valor), el("vRec", cte.receber), component)


def _imp(cte: Freight) -> Element:
    of_destination = el("ICMSUFFim", el("vICMSUFFim", "7.77"), el("vICMSUFIni", "8.88"))
    return el("imp", el("ICMS", cte.icms), el("vTotTrib", "9.99"), of_destination)


def _kinds(cte: Freight) -> list[Element]:
    """infCTeNorm, infCteComp or infCteAnu."""
    if cte.complementados:
        name = "chave" if cte.layout in OLD else "chCTe"
        return [el("infCteComp", el(name, chave)) for chave in cte.complementados]
    if cte.anulado:
        return [el("infCteAnu", el("chCte", cte.anulado), el("dEmi", "2026-07-01"))]
    sub = cte.substituido and el(
        "infCteSub", el("chCte", cte.substituido), el("tomaICMS", el("refNFe", NFE))
    )
    if cte.inner == "CTeOS":
        return [el("infCTeNorm", sub or None)]
    cargo = el("infCarga", el("vCarga", "41663.05"), el("proPred", 'RÉGUA 19" <PRETA>'))
    notas = () if cte.layout == "1.04" else _infnfe(cte, "chave")
    carried_before = el("idDocAnt", el("idDocAntEle", el("chCTe", OTHER)))
    return [
        el(
            "infCTeNorm",
            cargo,
            el("infDoc", *notas) if notas else None,
            el("docAnt", el("emiDocAnt", carried_before)),
            sub or None,
        )
    ]


def _deliveries(cte: Freight) -> list[Element]:
    prices = (el("vPrest", "1.00"), el("vRec", "1.00"))
    return [
        el("det", *prices, nota, nItem=str(i)) for i, nota in enumerate(_infnfe(cte, "chNFe"), 1)
    ]


def _totals(cte: Freight) -> list[Element | None]:
    sub = cte.substituido
    return [
        el("total", el("vTPrest", cte.valor), el("vTRec", cte.receber)),
        el("infCteSub", el("chCte", sub), el("indAlteraToma", "1")) if sub else None,
    ]
