"""Who pays: resolved in each layout's way."""

from __future__ import annotations

import pytest
from factory import cte, swapped
from freight import (
    CPF,
    DESTINATARIO,
    EMITENTE,
    EXPEDIDOR,
    LETTERS,
    RECEBEDOR,
    REMETENTE,
    TERCEIRO,
    Freight,
    Person,
)

from focus_cte.xml import CTeXML, InvalidXML, Papel, Parte

CODES = {
    "0": (REMETENTE, Papel.REMETENTE),
    "1": (EXPEDIDOR, Papel.EXPEDIDOR),
    "2": (RECEBEDOR, Papel.RECEBEDOR),
    "3": (DESTINATARIO, Papel.DESTINATARIO),
    "4": (TERCEIRO, Papel.TOMADOR),
}


def parte(person: Person, papel: Papel) -> Parte:
    return Parte(papel, person.documento, person.nome, person.uf, person.municipio)


@pytest.mark.parametrize("toma", CODES)
@pytest.mark.parametrize("layout", ["1.04", "2.00", "3.00", "4.00"])
@pytest.mark.parametrize("root", ["cteProc", "CTe"])
def test_it_is_the_part_that_the_code_names(root: str, layout: str, toma: str) -> None:
    """toma03 and toma04 before layout 3.00, toma3 and toma4 since."""
    freight = Freight(root=root, layout=layout, toma=toma, exped=EXPEDIDOR, receb=RECEBEDOR)
    found = CTeXML.parse(cte(freight))
    person, papel = CODES[toma]
    assert found.tomador == parte(person, papel)
    own = () if toma == "4" else (papel,)
    assert found.papeis(person.documento) == (*own, Papel.TOMADOR)


@pytest.mark.parametrize("toma", CODES)
def test_of_two_ide_the_first_counts_and_the_first_that_names_it(toma: str) -> None:
    data = cte(Freight(toma=toma, exped=EXPEDIDOR, receb=RECEBEDOR))
    before = CTeXML.parse(swapped(data, "<ide>", "<ide><mod>67</mod></ide><ide>"))
    behind = CTeXML.parse(swapped(data, "</ide>", "</ide><ide><mod>67</mod><toma3/></ide>"))
    assert (before.modelo, before.emissao) == ("67", None)
    assert (behind.modelo, behind.tipo_cte) == ("57", CTeXML.parse(data).tipo_cte)
    assert before.tomador == behind.tomador == CTeXML.parse(data).tomador


@pytest.mark.parametrize("toma", CODES)
def test_a_simplificado_shows_it_with_its_code(toma: str) -> None:
    found = CTeXML.parse(cte(Freight(root="cteSimpProc", toma=toma)))
    assert found.tomador == parte(TERCEIRO, CODES[toma][1])
    assert Papel.TOMADOR in found.papeis(TERCEIRO.documento)


@pytest.mark.parametrize("layout", ["3.00", "4.00"])
@pytest.mark.parametrize(
    ("toma", "expected"),
    [
        ("0", parte(REMETENTE, Papel.REMETENTE)),
        ("1", parte(DESTINATARIO, Papel.DESTINATARIO)),
        ("4", parte(TERCEIRO, Papel.TOMADOR)),
    ],
)
def test_a_gtve_has_codes_of_its_own(layout: str, toma: str, expected: Parte) -> None:
    """Its schema knows 0 and 1 only: a GTV-e has no expedidor, so 1 is the addressee."""
    found = CTeXML.parse(cte(Freight(root="GTVeProc", layout=layout, toma=toma)))
    assert found.tomador == expected


@pytest.mark.parametrize("layout", ["3.00", "4.00"])
def test_a_cte_os_shows_it_or_has_none(layout: str) -> None:
    with_it = Freight(root="cteOSProc", layout=layout)
    assert CTeXML.parse(cte(with_it)).tomador == parte(TERCEIRO, Papel.TOMADOR)
    without = Freight(root="cteOSProc", layout=layout, tomador=None)
    found = CTeXML.parse(cte(without))
    assert found.tomador is None
    assert found.papeis(EMITENTE) == (Papel.EMITENTE,)


@pytest.mark.parametrize("documento", [CPF, LETTERS])
@pytest.mark.parametrize("root", ["cteProc", "cteOSProc", "cteSimpProc", "GTVeProc"])
def test_it_may_be_a_person_or_have_letters(root: str, documento: str) -> None:
    person = Person(documento, "Quem Paga", "SP", "SANTOS")
    found = CTeXML.parse(cte(Freight(root=root, toma="4", tomador=person)))
    assert found.tomador == parte(person, Papel.TOMADOR)
    assert Papel.TOMADOR in found.papeis(documento)


@pytest.mark.parametrize(
    "freight",
    [
        Freight(toma="1"),
        Freight(toma="2"),
        Freight(toma="3", dest=None),
        Freight(toma="0", rem=None),
        Freight(toma="9"),
        Freight(toma=None),
        Freight(toma="4", tomador=None),
        Freight(root="cteSimpProc", tomador=None),
        Freight(root="GTVeProc", toma=None),
    ],
    ids=lambda freight: f"{freight.root} toma={freight.toma}",
)
def test_one_that_its_layout_demands_and_that_is_not_there_is_an_error(freight: Freight) -> None:
    """None would be taken for "nobody pays"."""
    with pytest.raises(InvalidXML, match="toma"):
        CTeXML.parse(cte(freight))
