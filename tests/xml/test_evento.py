"""An event is read as what its author wrote and SEFAZ answered, in every layout and way of writing.

The signature is no matter here, so files are altered after they were signed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from factory import DETALHE, Happening, cte, evento, swapped
from freight import CPF, EMITENTE, LETTERS, ROOTS, TERCEIRO, Freight, Person, with_digit
from hypothesis import given
from hypothesis import strategies as st
from markup import Element, el, source
from style import Style

from focus_cte.xml import Evento, InvalidXML

TIPOS = tuple(DETALHE)
LAYOUTS = ("2.00", "3.00", "4.00")
ROOT = {"procEventoCTe": ("135260000000002", "135"), "eventoCTe": (None, None)}
"""SEFAZ's protocol and code in a file with its answer, and in one without."""
STYLES = {
    "usual": Style(),
    "BOM": Style(bom=True),
    "no declaration": Style(declaration=False),
    "no namespace, BOM": Style(namespace=None, bom=True),
    "prefix": Style(prefix="cte"),
    "both prefixes and xsi": Style(prefix="cte", ds="ds", xsi=True),
    "laid out, prefix, BOM": Style(spaced=True, prefix="c", bom=True),
}
TEXTO = {
    "110110": "compl/xObs: Placa ABC1D23",
    "110111": "Emissão em duplicidade & engano",
    "610110": "A carga chegou com avaria",
    "610111": None,
}
HOURS = dict.fromkeys("11 13 14 50 51".split(), -4) | {"12": -5}
UFS = "11 12 13 14 15 16 17 21 22 23 24 25 26 27 28 29 31 32 33 35 41 42 43 50 51 52 53".split()


class ByAPerson(Happening):
    """One whose author has a CPF."""

    @property
    def autor(self) -> str:
        return CPF


def without_ret(data: bytes) -> bytes:
    """SEFAZ's infEvento bare, as programs wrote it before layout 3.00."""
    data = swapped(data, '<retEventoCTe versao="2.00">', "")
    return swapped(data, "</retEventoCTe>", "")


def told(event: Happening, protocolo: str | None, status: str | None) -> tuple[object, ...]:
    """What is to be read, with SEFAZ's answer."""
    when, texto = datetime.fromisoformat(event.data), TEXTO[event.tipo]
    said = (event.tipo, event.chave, event.sequencia, when, texto, event.autor)
    return (*said, protocolo, status)


def read(data: bytes) -> tuple[object, ...]:
    found = Evento.parse(data)
    said = (found.tipo, found.chave, found.sequencia, found.data, found.texto, found.autor)
    return (*said, found.protocolo, found.status)


@pytest.mark.parametrize("tipo", TIPOS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("root", ROOT)
def test_each_kind_is_read_in_each_layout_with_and_without_an_answer(
    tipo: str, layout: str, root: str
) -> None:
    event = Happening(tipo=tipo, layout=layout, root=root)
    assert read(evento(event)) == told(event, *ROOT[root])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("root", ROOT)
def test_it_is_read_however_it_is_written(style: str, root: str) -> None:
    event = Happening(root=root)
    assert read(evento(event, style=STYLES[style])) == told(event, *ROOT[root])


@pytest.mark.parametrize("tipo", TIPOS)
def test_before_layout_3_the_answer_may_stand_bare(tipo: str) -> None:
    event = Happening(tipo=tipo, layout="2.00", ret={"cStat": "136"})
    assert read(without_ret(evento(event))) == told(event, "135260000000002", "136")


def test_a_kind_without_a_name_here_is_kept() -> None:
    data = evento().replace(b"<tpEvento>110111<", b"<tpEvento>240170<")
    assert Evento.parse(data).tipo == "240170"


@given(sequencia=st.integers(1, 999), layout=st.sampled_from(LAYOUTS))
def test_the_place_in_the_sequence_is_a_number_of_up_to_three_digits(
    sequencia: int, layout: str
) -> None:
    assert (
        Evento.parse(evento(Happening(sequencia=sequencia, layout=layout))).sequencia == sequencia
    )


def test_zeros_before_the_place_in_the_sequence_are_nothing() -> None:
    data = swapped(evento(Happening(root="eventoCTe")), "<nSeqEvento>1<", "<nSeqEvento>001<")
    assert Evento.parse(data).sequencia == 1


def corrected(*rows: tuple[str, str, str, str | None]) -> bytes:
    """A correction letter with these, and no others: group, field, value, item."""
    names = ("grupoAlterado", "campoAlterado", "valorAlterado", "nroItemAlterado")
    letter = evento(Happening(tipo="110110"))
    usual = source(next(e for e in DETALHE["110110"].elements if e.name == "infCorrecao"))
    written = "".join(
        source(el("infCorrecao", *(el(n, v) for n, v in zip(names, row, strict=True) if v)))
        for row in rows
    )
    return swapped(letter, usual, written)


def test_each_correction_is_a_line_in_the_order_of_the_letter() -> None:
    data = corrected(
        ("ide", "cfop", "6353", None),
        ("infQ", "qCarga", "12.0000", "1"),
        ("infQ", "qCarga", "<7> & 1/2", "02"),
        ("compl", "xObs", "Não: é outra", None),
    )
    assert Evento.parse(data).texto == (
        "ide/cfop: 6353\ninfQ 1/qCarga: 12.0000\ninfQ 02/qCarga: <7> & 1/2\n"
        "compl/xObs: Não: é outra"
    )


def test_a_letter_without_a_correction_has_no_text() -> None:
    assert Evento.parse(corrected()).texto is None


def test_what_a_correction_leaves_out_is_left_blank() -> None:
    assert Evento.parse(corrected(("compl", "xObs", "", None))).texto == "compl/xObs: "


def detailed(tipo: str, *content: Element) -> bytes:
    """An event whose details are these alone."""
    return swapped(
        evento(Happening(tipo=tipo)), source(DETALHE[tipo]), source(el("evOutro", *content))
    )


@pytest.mark.parametrize("name", ["xJust", "xObs"])
def test_a_text_is_stripped_and_otherwise_as_written(name: str) -> None:
    data = detailed("110111", el(name, '\n  Frete <a> "pago"\n  & devolvido \t'))
    assert Evento.parse(data).texto == 'Frete <a> "pago"\n  & devolvido'


@pytest.mark.parametrize("content", [(), (el("xJust"),), (el("xObs", "  "),), (el("nProt", "1"),)])
def test_an_event_that_says_nothing_has_no_text(content: tuple[Element, ...]) -> None:
    assert Evento.parse(detailed("610110", *content)).texto is None


def test_without_details_there_is_no_text() -> None:
    whole = el("detEvento", DETALHE["110111"], versaoEvento="4.00")
    for left in ("", "<detEvento/>"):
        assert Evento.parse(swapped(evento(), source(whole), left)).texto is None


@pytest.mark.parametrize("uf", UFS)
def test_a_date_without_an_offset_is_of_the_standard_time_of_the_keys_uf(uf: str) -> None:
    event = Happening(layout="2.00", chave=Freight(uf=uf).chave, data="2013-01-15T09:00:00")
    found = Evento.parse(evento(event)).data
    assert found.replace(tzinfo=None) == datetime.fromisoformat(event.data)
    assert found.utcoffset() == timedelta(hours=HOURS.get(uf, -3))


@pytest.mark.parametrize("offset", ["-05:00", "-02:00", "+00:00", "+14:00"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_date_with_an_offset_keeps_it(layout: str, offset: str) -> None:
    event = Happening(layout=layout, data=f"2026-07-07T09:00:00{offset}")
    found = Evento.parse(evento(event)).data
    assert found.isoformat() == event.data, "and not only the same moment"


@pytest.mark.parametrize("tipo", TIPOS)
@pytest.mark.parametrize("root", ROOT)
def test_a_person_as_author_is_told_and_kept_out_of_the_repr(root: str, tipo: str) -> None:
    found = Evento.parse(evento(ByAPerson(tipo=tipo, root=root)))
    assert found.autor == CPF
    assert CPF not in repr(found)


def test_a_company_as_author_is_shown() -> None:
    assert TERCEIRO.documento in repr(Evento.parse(evento(Happening(tipo="610110"))))


def test_letters_in_the_authors_cnpj_and_in_the_key_are_kept() -> None:
    chave = Freight(emit=Person(LETTERS, "Letras", "SP", "SANTOS")).chave
    data = evento(Happening(chave=chave))
    found = Evento.parse(swapped(data, f"<CNPJ>{EMITENTE}<", f"<CNPJ>{LETTERS}<"))
    assert (found.chave, found.autor) == (chave, LETTERS)


def test_an_event_without_an_author_has_none() -> None:
    data = swapped(evento(), f"<CNPJ>{EMITENTE}</CNPJ>", "")
    assert Evento.parse(data).autor is None


def test_what_sefaz_answers_of_another_event_changes_nothing_of_what_the_author_wrote() -> None:
    other = with_digit("4" * 20 + "57" + "1" * 21)
    ret = {"chCTe": other, "tpEvento": "110110", "nSeqEvento": "7", "cStat": "631", "nProt": ""}
    event = Happening(ret=ret)
    assert read(evento(event)) == told(event, None, "631"), "a refusal has no number"


@pytest.mark.parametrize("root", ROOTS)
def test_a_cte_is_none_and_the_error_says_what_reads_it(root: str) -> None:
    with pytest.raises(InvalidXML, match=r"CTeXML\.parse"):
        Evento.parse(cte(Freight(root=root)))


BARE = evento(Happening(root="eventoCTe"))
KEY = Happening().chave
TIME = Happening().data
WRONG = {
    "chCTe": (KEY, ["", KEY[:43], KEY + "0", "X" * 44, f"{KEY[:6]}ab{KEY[8:]}", KEY + "<a/>"]),
    "dhEvento": (TIME, ["", "07/07/2026", "2026-02-30T09:00:00-03:00", "2026-07-07T25:00:00-03:00",
                        "2026-07-07T09:00:00-3", "0001-01-01T00:00:00+14:00",
                        "9999-12-31T23:59:59-03:00", "ontem", TIME + "<a/>"]),
    "tpEvento": ("110111", ["", "1101110", "11011A", "-10111", "1101.1", "١١٠", "²", "110111<a/>"]),
    "nSeqEvento": ("1", ["", "1000", "-1", "+1", "1.0", "1e2", "²", "١", "1 2", "x", "1<a/>"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [(name, right, wrong) for name, (right, wrongs) in WRONG.items() for wrong in wrongs],
)
def test_a_field_that_cannot_be_read_is_named_with_its_value(
    name: str, right: str, wrong: str
) -> None:
    data = swapped(BARE, f"<{name}>{right}<", f"<{name}>{wrong}<")
    with pytest.raises(InvalidXML) as caught:
        Evento.parse(data)
    assert name in str(caught.value)
    assert "<" in wrong or wrong in str(caught.value)


@pytest.mark.parametrize("name", WRONG)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    data = swapped(BARE, f"<{name}>{WRONG[name][0]}</{name}>", "")
    with pytest.raises(InvalidXML, match=name):
        Evento.parse(data)


@pytest.mark.parametrize("name", WRONG)
def test_a_value_without_end_is_not_repeated_whole(name: str) -> None:
    data = swapped(BARE, f"<{name}>{WRONG[name][0]}<", f"<{name}>{'z' * 5000}<")
    with pytest.raises(InvalidXML) as caught:
        Evento.parse(data)
    assert "zzz" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<eventoCTe/>", "no infEvento in <eventoCTe>"),
        (b"<procEventoCTe/>", "no eventoCTe in <procEventoCTe>"),
        (b"<procEventoCTe><eventoCTe/></procEventoCTe>", "no infEvento in <eventoCTe>"),
        (b"<eventoCTe><infEvento/><infEvento/></eventoCTe>", "2 infEvento"),
        (BARE.replace(b"eventoCTe", b"evento"), "<evento> is neither a CT-e nor an event"),
        (swapped(evento(), "</retEventoCTe>", "<infEvento/></retEventoCTe>"), "2 .*infEvento"),
        (swapped(evento(), "<retEventoCTe ", "<eventoCTe/><retEventoCTe "), "2 eventoCTe"),
        (BARE[:-1], "not well-formed"),
        (b"", "not well-formed"),
    ],
)
def test_what_is_not_one_event_says_what_is_wrong(data: bytes, why: str) -> None:
    with pytest.raises(InvalidXML, match=why):
        Evento.parse(data)


@given(
    name=st.sampled_from(tuple(WRONG)),
    value=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=50)
    | st.text("0123456789-+:.TZW ", max_size=30),
)
def test_any_text_in_a_field_is_read_or_refused(name: str, value: str) -> None:
    data = swapped(BARE, source(el(name, WRONG[name][0])), source(el(name, value)))
    try:
        said, found = "", Evento.parse(data)
    except InvalidXML as error:
        said, found = str(error), None
    assert found is None or found.data.utcoffset() is not None
    assert found or name in said or "well-formed" in said
