"""Access keys and CNPJs with right check digits.

IN RFB 2.229/2024 and NT Conjunta DFe 2025.001 let a CNPJ, and so a key, hold letters: each
character is worth its ASCII code minus 48.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import cycle, islice
from operator import mul

CHAVE = re.compile(r"[0-9]{6}[A-Z0-9]{12}[0-9]{26}", re.ASCII)
CNPJ = re.compile(r"[A-Z0-9]{12}[0-9]{2}", re.ASCII)

_LONGEST = 43  # characters in front of a check digit: a key's
_WEIGHTS = {
    highest: tuple(islice(cycle(range(2, highest + 1)), _LONGEST)) for highest in (9, 10, 11)
}
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Draw:
    """A short, cheap run of pseudo-random choices, the same for the same words on every Python."""

    __slots__ = ("_left",)

    def __init__(self, *words: object) -> None:
        text = "/".join(map(str, words)).encode()
        self._left = int.from_bytes(blake2b(text, digest_size=48).digest(), "big")

    def below(self, limit: int) -> int:
        """An integer from 0 up to but not including `limit`; good for some 350 bits in all."""
        self._left, value = divmod(self._left, limit)
        return value

    def digits(self, count: int) -> str:
        return str(self.below(10**count)).zfill(count)

    def letters(self, count: int) -> str:
        return "".join(_ALPHANUMERIC[self.below(36)] for _ in range(count))


def check_digit(text: str, highest: int = 9) -> str:
    """Mod 11 with weights 2..`highest` from the right; a remainder of 0 or 1 gives 0."""
    # A listing of the sandbox is made of these: no loop of Python's own.
    weights = _WEIGHTS[highest][: len(text)]
    rest = (sum(map(mul, weights, reversed(text.encode()))) - 48 * sum(weights)) % 11
    return "0" if rest < 2 else str(11 - rest)


def with_cnpj_digits(base: str) -> str:
    """A CNPJ from its first 12 characters."""
    first = base + check_digit(base)
    return first + check_digit(first)


def with_cpf_digits(base: str) -> str:
    """A CPF from its first 9 digits; its weights do not start again after 9."""
    first = base + check_digit(base, 10)
    return first + check_digit(first, 11)


def valid_cnpj(text: str) -> bool:
    """Whether a CNPJ could exist: right shape, right digits, not one character repeated."""
    return bool(CNPJ.fullmatch(text)) and with_cnpj_digits(text[:12]) == text and len(set(text)) > 1


def build_chave(
    *, uf: str, aamm: str, issuer: str, modelo: str, serie: int, numero: int, codigo: str
) -> str:
    """A key of 44 characters; an issuer with a CPF is filled with zeros on the left."""
    body = f"{uf}{aamm}{issuer.zfill(14)}{modelo}{serie:03}{numero:09}1{codigo}"
    return body + check_digit(body)


def issuer_of(chave: str) -> str:
    """The CNPJ or CPF in a key. Series 920 to 969 belong to people, who have a CPF."""
    field, serie = chave[6:20], int(chave[22:25])
    return field[3:] if field.startswith("000") and 920 <= serie <= 969 else field
