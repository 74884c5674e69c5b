"""Keys, CNPJs and the generated companies."""

from __future__ import annotations

import re

import pytest

from focus_cte.sandbox import Sandbox
from focus_cte.sandbox.keys import (
    CHAVE,
    build_chave,
    check_digit,
    issuer_of,
    valid_cnpj,
    with_cnpj_digits,
    with_cpf_digits,
)


def by_hand(text: str) -> str:
    """The rule of NT Conjunta DFe 2025.001 once more, spelled out for the check digit of a key."""
    total, weight = 0, 2
    for character in reversed(text):
        total += (ord(character) - 48) * weight
        weight = 2 if weight == 9 else weight + 1
    rest = total % 11
    return "0" if rest in (0, 1) else str(11 - rest)


def test_the_examples_of_the_technical_note() -> None:
    assert with_cnpj_digits("12ABC34501DE") == "12ABC34501DE35"
    assert check_digit("35260712ABC34501DE3555001000000001100000001") == "4"


@pytest.mark.parametrize("chave", ["41150302618946000141570010000000521000000497"])
def test_a_real_key(chave: str) -> None:
    assert check_digit(chave[:-1]) == chave[-1]
    parts = {"uf": "41", "aamm": "1503", "issuer": "02618946000141", "modelo": "57"}
    assert build_chave(**parts, serie=1, numero=52, codigo="00000049") == chave


def test_a_cpf_has_digits_of_its_own_rule() -> None:
    assert with_cpf_digits("529982247") == "52998224725"


@pytest.mark.parametrize("text", ["00000000000000", "99999999999999", "12ABC34501DE36", "1234"])
def test_masked_and_wrong_cnpjs_are_not_valid(text: str) -> None:
    assert not valid_cnpj(text)


def test_the_issuer_of_a_key() -> None:
    assert issuer_of("35260712ABC34501DE35550010000000011000000014") == "12ABC34501DE35"
    person = build_chave(
        uf="35",
        aamm="2607",
        issuer="52998224725",
        modelo="57",
        serie=920,
        numero=1,
        codigo="12345678",
    )
    assert issuer_of(person) == "52998224725"


@pytest.mark.parametrize("seed", [1, 2, 7])
async def test_every_generated_key_is_right(seed: int) -> None:
    async with Sandbox(ctes=400, seed=seed) as sandbox:
        chaves = sandbox.chaves
    assert len(set(chaves)) == 400
    for chave in chaves:
        assert CHAVE.fullmatch(chave)
        assert by_hand(chave[:-1]) == chave[-1]
        issuer = issuer_of(chave)
        if len(issuer) == 14:
            assert valid_cnpj(issuer)
        else:
            assert with_cpf_digits(issuer[:9]) == issuer
    letters = sum(bool(re.search("[A-Z]", chave)) for chave in chaves)
    assert 15 < letters < 80  # about one issuer in ten


def test_our_cnpj_is_valid_and_follows_from_the_seed() -> None:
    assert valid_cnpj(Sandbox(seed=1).cnpj)
    assert Sandbox(seed=1).cnpj == Sandbox(seed=1, ctes=3).cnpj
    assert Sandbox(seed=1).cnpj != Sandbox(seed=2).cnpj
    assert Sandbox(seed=1).token != Sandbox(seed=2).token
