"""Every root, model, layout and way of writing is read as what it is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from factory import cte, swapped
from freight import (
    CPF,
    DESTINATARIO,
    EMITENTE,
    EXPEDIDOR,
    LETTERS,
    MODELO,
    NFE,
    OTHER,
    RECEBEDOR,
    REMETENTE,
    ROOTS,
    TERCEIRO,
    TRANSPORTADORA,
    Freight,
    Person,
    icms,
)
from style import Style

from focus_cte import Ambiente, FocusError, InvalidArgument, InvalidResponse, TipoCTe
from focus_cte.xml import CTeXML, InvalidXML, Papel, Parte, Protocolo, verify

FORMS = [(root, "4.00") for root in ROOTS] + [
    ("cteProc", "1.04"),
    ("cteProc", "2.00"),
    ("cteProc", "3.00"),
    ("CTe", "1.04"),
    ("cteOSProc", "3.00"),
    ("GTVeProc", "3.00"),
]
STYLES = {
    "usual": Style(),
    "BOM": Style(bom=True),
    "no declaration": Style(declaration=False),
    "no namespace": Style(namespace=None),
    "no namespace, BOM, prefixed signature": Style(namespace=None, bom=True, ds="ds"),
    "prefix": Style(prefix="cte"),
    "prefixed signature": Style(ds="ds"),
    "both prefixes and xsi": Style(prefix="cte", ds="ds", xsi=True),
    "xsi on the root": Style(xsi=True),
    "laid out": Style(spaced=True),
    "laid out, both prefixes": Style(spaced=True, prefix="c", ds="s"),
    "SHA-256": Style(sha="sha256"),
}
PROTOCOLO = datetime.fromisoformat("2026-07-06T10:20:45-03:00")


def parte(person: Person, papel: Papel) -> Parte:
    return Parte(papel, person.documento, person.nome, person.uf, person.municipio)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("root", "layout"), FORMS)
def test_a_form_is_read_and_verifies_however_it_is_written(
    root: str, layout: str, style: str
) -> None:
    freight = Freight(root=root, layout=layout)
    data = cte(freight, style=STYLES[style])
    found = CTeXML.parse(data)
    assert (found.chave, found.layout) == (freight.chave, layout)
    assert found.modelo == MODELO[freight.inner]
    assert found.emitente == parte(TRANSPORTADORA, Papel.EMITENTE)
    assert found.tomador is not None
    assert found.emissao == datetime.fromisoformat("2026-07-06T10:20:30-03:00")
    assert found.ambiente is Ambiente.PRODUCAO
    check = verify(data, chave=freight.chave)
    assert check.problems == ()
    assert check.ok is check.digest is check.signature is check.chave is check.certificado is True
    assert check.protocolo is (True if "roc" in root else None)


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "UTF-32", "cp037"])
def test_what_is_not_utf_8_is_not_a_cte(encoding: str) -> None:
    """SEFAZ takes nothing else (rejection 402); and in another encoding a DTD could hide."""
    data = cte(style=Style(encoding=encoding))
    for read in (CTeXML.parse, verify):
        with pytest.raises(InvalidXML, match="UTF-8"):
            read(data)


def test_a_declaration_that_errs_about_utf_8_changes_nothing() -> None:
    data = swapped(cte(), b'encoding="UTF-8"', b'encoding="ISO-8859-1"')
    found = CTeXML.parse(data)
    assert found.emitente == parte(TRANSPORTADORA, Papel.EMITENTE), "Já, and not JÃ¡"
    assert verify(data).ok


@pytest.mark.parametrize("root", ROOTS)
def test_the_protocol_is_read_where_there_is_one(root: str) -> None:
    found = CTeXML.parse(cte(Freight(root=root))).protocolo
    if "roc" not in root:
        assert found is None
    else:
        assert found is not None
        expected = Protocolo("135260000000001", PROTOCOLO, "100", found.digest)
        assert found == expected
        assert found.digest is not None
        assert len(found.digest) == 28, "20 bytes in base64"


@pytest.mark.parametrize("tipo", [*TipoCTe, "9"])
def test_a_kind_is_told_and_one_not_known_is_kept(tipo: str) -> None:
    found = CTeXML.parse(cte(Freight(tipo=tipo))).tipo_cte
    assert found == tipo
    assert isinstance(found, TipoCTe) is (tipo != "9")


def test_a_gtve_is_of_a_kind_of_its_own() -> None:
    found = CTeXML.parse(cte(Freight(root="GTVeProc")))
    assert found.tipo_cte == "4"
    assert (found.valor_total, found.valor_receber, found.icms) == (None, None, None)
    assert found.chaves_nfe == ()


@pytest.mark.parametrize("root", ["cteProc", "cteOSProc", "cteSimpProc"])
def test_values_are_the_documents_and_exact(root: str) -> None:
    found = CTeXML.parse(cte(Freight(root=root, valor="9999999999999.99", receber="0.10")))
    assert (found.valor_total, found.valor_receber) == (
        Decimal("9999999999999.99"),
        Decimal("0.10"),
    )
    assert found.icms == Decimal("148.15")


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (icms("ICMS00", "00", vBC="1000.00", pICMS="12.00", vICMS="120.00"), "120.00"),
        (icms("ICMS20", "20", vBC="900.00", vICMS="108.00"), "108.00"),
        (icms("ICMS90", "90", vBC="900.00", vICMS="10.80", vCred="3.00"), "10.80"),
        (icms("ICMSOutraUF", "90", vBCOutraUF="9.00", vICMSOutraUF="1.08"), "1.08"),
        (icms("ICMS60", "60", vBCSTRet="9.00", vICMSSTRet="1.09", vCred="0.50"), "1.09"),
        (icms("ICMS45", "40"), None),
        (icms("ICMSSN", "90", indSN="1"), None),
    ],
)
def test_the_icms_is_that_of_its_group(group: object, expected: str | None) -> None:
    found = CTeXML.parse(cte(Freight(icms=group))).icms  # type: ignore[arg-type]
    assert found == (expected and Decimal(expected))


@pytest.mark.parametrize(
    ("root", "layout"),
    [("cteProc", "1.04"), ("CTe", "2.00"), ("cteProc", "3.00"), ("cteProc", "4.00"),
     ("cteSimpProc", "4.00")],
)  # fmt: skip
@pytest.mark.parametrize("notas", [(), (NFE,), (NFE, NFE[::-1], NFE.replace("55", "65"))])
def test_the_nfes_carried_are_told_in_order(root: str, layout: str, notas: tuple[str, ...]) -> None:
    found = CTeXML.parse(cte(Freight(root=root, layout=layout, notas=notas)))
    assert found.chaves_nfe == notas


@pytest.mark.parametrize(
    ("freight", "expected"),
    [
        (Freight(), ()),
        (Freight(tipo="3", substituido=OTHER), (("substituido", OTHER),)),
        (Freight(tipo="3", substituido=OTHER, layout="2.00"), (("substituido", OTHER),)),
        (Freight(root="CTeOS", tipo="3", substituido=OTHER), (("substituido", OTHER),)),
        (Freight(root="CTeSimp", tipo="6", substituido=OTHER), (("substituido", OTHER),)),
        (Freight(tipo="1", complementados=(OTHER,)), (("complementado", OTHER),)),
        (Freight(tipo="1", complementados=(OTHER,), layout="3.00"), (("complementado", OTHER),)),
        (Freight(tipo="1", complementados=(OTHER,), layout="2.00"), (("complementado", OTHER),)),
        (Freight(tipo="1", complementados=(OTHER,), layout="1.04"), (("complementado", OTHER),)),
        (
            Freight(tipo="1", complementados=(OTHER, OTHER[:-1] + "0")),
            (("complementado", OTHER), ("complementado", OTHER[:-1] + "0")),
        ),
        (Freight(tipo="2", anulado=OTHER, layout="3.00"), (("anulado", OTHER),)),
        (Freight(tipo="2", anulado=OTHER, layout="2.00"), (("anulado", OTHER),)),
    ],
)
def test_the_cte_that_it_is_about_is_told_with_the_relation(
    freight: Freight, expected: tuple[tuple[str, str], ...]
) -> None:
    assert CTeXML.parse(cte(freight)).referencias == expected


def test_letters_in_a_cnpj_are_kept_in_key_and_parts() -> None:
    person = Person(LETTERS, "Letras", "SP", "SANTOS")
    freight = Freight(emit=person, rem=person)
    data = cte(freight)
    found = CTeXML.parse(data)
    assert found.chave[6:20] == LETTERS
    assert found.emitente == parte(person, Papel.EMITENTE)
    assert found.papeis("12.abc.345/01de-35") == (Papel.EMITENTE, Papel.REMETENTE, Papel.TOMADOR)
    assert verify(data, chave=freight.chave).ok


def test_persons_take_part_by_their_cpf() -> None:
    driver = Person(CPF, "João Ninguém", "SP", "SANTOS")
    data = cte(Freight(emit=driver, dest=driver))
    found = CTeXML.parse(data)
    assert found.chave[6:20] == f"000{CPF}"
    assert found.destinatario == parte(driver, Papel.DESTINATARIO)
    assert found.papeis("529.982.247-25") == (Papel.EMITENTE, Papel.DESTINATARIO)
    assert verify(data).ok
    said = repr(found).replace(found.chave, "")
    assert CPF not in said, "it is personal data; that the key has it too is the law's doing"


def test_all_the_parts_are_told() -> None:
    found = CTeXML.parse(cte(Freight(exped=EXPEDIDOR, receb=RECEBEDOR)))
    assert found.remetente == parte(REMETENTE, Papel.REMETENTE)
    assert found.expedidor == parte(EXPEDIDOR, Papel.EXPEDIDOR)
    assert found.recebedor == parte(RECEBEDOR, Papel.RECEBEDOR)
    assert found.destinatario == parte(DESTINATARIO, Papel.DESTINATARIO)
    assert found.papeis(EMITENTE) == (Papel.EMITENTE,)
    assert found.papeis(TERCEIRO.documento) == ()


@pytest.mark.parametrize("text", ["", "123", "24.178.617/0001-1", "x" * 14])
def test_what_is_neither_cnpj_nor_cpf_plays_no_part_and_says_so(text: str) -> None:
    with pytest.raises(InvalidArgument):
        CTeXML.parse(cte()).papeis(text)


def test_it_is_frozen_and_its_error_is_one_of_the_tree() -> None:
    with pytest.raises(AttributeError):
        CTeXML.parse(cte()).chave = "x"  # type: ignore[misc]
    assert issubclass(InvalidXML, InvalidResponse)
    assert issubclass(InvalidXML, FocusError)
