"""The access key and the CNPJ: a strict shape, and check digits that are only told."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from samples import ALPHANUMERIC, ALPHANUMERIC_CNPJ, CHAVE, CNPJ

from focus_cte import ChaveAcesso, InvalidArgument
from focus_cte.chave import are_chaves, check_digit, is_chave, parse_chave, parse_cnpj

KEYS = st.from_regex(r"[0-9]{6}[A-Z0-9]{12}[0-9]{26}", fullmatch=True)
CNPJS = st.from_regex(r"[A-Z0-9]{12}[0-9]{2}", fullmatch=True)
AT_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def test_a_key_is_taken_apart() -> None:
    chave = ChaveAcesso.parse(CHAVE)
    assert str(chave) == chave.texto == CHAVE
    assert (chave.uf, chave.emissao, chave.emitente) == ("SP", "2019-10", "08165642000152")
    assert (chave.modelo, chave.serie, chave.numero) == ("57", 2, 420183)
    assert (chave.dv, chave.dv_ok) == (9, False)


def test_an_alphanumeric_key_is_taken_apart() -> None:
    chave = ChaveAcesso.parse(ALPHANUMERIC)
    assert (chave.uf, chave.emissao, chave.emitente) == ("SP", "2026-07", ALPHANUMERIC_CNPJ)
    assert (chave.modelo, chave.serie, chave.numero) == ("55", 1, 1)
    assert (chave.dv, chave.dv_ok) == (4, True)


def test_the_digits_of_an_unknown_state_are_kept() -> None:
    assert ChaveAcesso.parse("99" + CHAVE[2:]).uf == "99"


@pytest.mark.parametrize(
    "text",
    [
        ALPHANUMERIC,
        ALPHANUMERIC.lower(),
        " ".join(ALPHANUMERIC[i : i + 4] for i in range(0, 44, 4)),
        "35.2607.12.ABC.345/01DE-35.55.001.000.000.001.1.00000001-4",
        f"  {ALPHANUMERIC} ",
    ],
)
def test_a_formatted_key_is_read(text: str) -> None:
    assert parse_chave(text) == ALPHANUMERIC


@pytest.mark.parametrize(
    ("text", "cnpj"),
    [
        ("24.178.617/0001-10", CNPJ),
        (CNPJ, CNPJ),
        ("12.ABC.345/01DE-35", ALPHANUMERIC_CNPJ),
        ("12.abc.345/01de-35", ALPHANUMERIC_CNPJ),
    ],
)
def test_a_formatted_cnpj_is_read(text: str, cnpj: str) -> None:
    assert parse_cnpj(text) == cnpj


def test_check_digits_follow_the_technical_note() -> None:
    assert check_digit(ALPHANUMERIC[:43]) == 4
    assert check_digit(ALPHANUMERIC_CNPJ[:12]) == 3
    assert check_digit(ALPHANUMERIC_CNPJ[:13]) == 5


@pytest.mark.parametrize("remainder", ["0", "1"])
def test_a_remainder_below_two_gives_zero(remainder: str) -> None:
    text = {"0": "0000", "1": "0006"}[remainder]  # 6 * 2 = 12 = 11 + 1
    assert check_digit(text) == 0


def test_a_wrong_check_digit_is_told_and_accepted() -> None:
    wrong = ALPHANUMERIC[:43] + "5"
    assert parse_chave(wrong) == wrong
    assert not ChaveAcesso.parse(wrong).dv_ok
    assert parse_cnpj("24178617000199") == "24178617000199"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        CHAVE[:43],
        CHAVE + "0",
        CHAVE[:43] + "A",
        "A" + CHAVE[1:],
        CHAVE[:18] + "AB" + CHAVE[20:],
        CHAVE + "\n",
        "\n" + CHAVE,
        CHAVE[:22] + "\n" + CHAVE[22:],
        CHAVE[:43] + "\n",
        CHAVE + "\0",
        CHAVE + "\t",
        CHAVE[:43] + "\u0664",
        CHAVE[:43] + "²",
        CHAVE.translate(AT_FULL_WIDTH),
        ALPHANUMERIC.replace("D", "ı"),
        ALPHANUMERIC.replace("D", "ſ"),
        CHAVE + "\u200b",
        CHAVE[:43] + "\ud800",
        CHAVE + ".json",
        f"{CHAVE}/../{CHAVE}",
        f"../{CHAVE}.xml",
        f"\\..\\{CHAVE}",
        f"{CHAVE}?cnpj=1",
        f"{CHAVE}#",
        f"%2e{CHAVE}",
        CHAVE[:40] + "%2F1",
        "CTe" + CHAVE,
    ],
)
def test_what_has_another_shape_is_no_key(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_chave(text)
    with pytest.raises(InvalidArgument):
        ChaveAcesso.parse(text)
    assert not is_chave(text)


def test_nothing_of_a_path_is_left_in_a_key() -> None:
    assert parse_chave(f"../../{CHAVE}/") == CHAVE
    assert parse_cnpj(f"../{CNPJ}/.") == CNPJ


@pytest.mark.parametrize(
    "text",
    [
        "",
        CNPJ[:13],
        CNPJ + "0",
        CNPJ[:13] + "A",
        CNPJ + "\n",
        CNPJ[:13] + "\n",
        CNPJ[:13] + "\u0660",
        CNPJ.translate(AT_FULL_WIDTH),
        "12ıBC34501DE35",
        f"{CNPJ}&versao=1",
        "24,178,617/0001-10",
    ],
)
def test_what_has_another_shape_is_no_cnpj(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_cnpj(text)


@pytest.mark.parametrize("value", [None, 35, 3.5, CHAVE.encode(), [CHAVE], True])
def test_what_is_no_text_is_refused(value: object) -> None:
    for parse in (parse_chave, parse_cnpj, ChaveAcesso.parse):
        with pytest.raises(InvalidArgument, match=type(value).__name__):
            parse(value)


def test_the_error_shows_what_was_given_and_how_long_it_is() -> None:
    with pytest.raises(InvalidArgument, match=r"'3519'.*44 characters.*there are 4"):
        parse_chave("3519")


def test_the_error_of_a_long_text_is_short() -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_chave("x" * 10_000)
    assert len(str(caught.value)) < 300


def test_a_cpf_is_answered_with_where_persons_go() -> None:
    with pytest.raises(InvalidArgument, match=r"CPF.*gov\.br"):
        parse_cnpj("123.456.789-09")


def test_keys_can_be_copied_compared_and_stored() -> None:
    chave = ChaveAcesso.parse(CHAVE)
    assert pickle.loads(pickle.dumps(chave)) == copy.deepcopy(chave) == chave
    assert {chave: 1}[ChaveAcesso.parse(CHAVE.lower())] == 1


@given(st.text() | st.text("0123456789ABCı٤ ./-\n", max_size=60) | KEYS)
def test_any_text_is_a_key_or_an_invalid_argument(text: str) -> None:
    try:
        chave = ChaveAcesso.parse(text)
    except InvalidArgument:
        return
    assert is_chave(str(chave))
    assert str(chave) == text.translate(str.maketrans("", "", " ./-")).upper()


@given(st.text() | st.text("0123456789ABCı٤ ./-\n", max_size=20) | CNPJS)
def test_any_text_is_a_cnpj_or_an_invalid_argument(text: str) -> None:
    try:
        cnpj = parse_cnpj(text)
    except InvalidArgument:
        return
    assert len(cnpj) == 14
    assert cnpj.isascii()
    assert cnpj.isalnum()


@given(KEYS)
def test_exactly_one_last_digit_is_the_right_one(key: str) -> None:
    right = [d for d in "0123456789" if ChaveAcesso.parse(key[:43] + d).dv_ok]
    assert right == [str(check_digit(key[:43]))]


@given(st.lists(KEYS, min_size=1))
def test_keys_are_told_all_at_once(keys: list[str]) -> None:
    assert are_chaves(keys)


@given(st.lists(KEYS | st.text("0A", min_size=43, max_size=45) | st.text(), min_size=1))
@example([CHAVE, CHAVE[:-1] + "A"])
@example([CHAVE, CHAVE[:-1] + "é"])
@example([CHAVE, CHAVE[:-1] + "a"])
@example([CHAVE[:-1], CHAVE + "0"])
@example([CHAVE[:6] + "é" + CHAVE[7:]])
@example([CHAVE[:6] + "z" + CHAVE[7:]])
@example([CHAVE.translate(AT_FULL_WIDTH)])
def test_all_at_once_and_one_by_one_agree(texts: list[str]) -> None:
    assert are_chaves(texts) == all(map(is_chave, texts))
