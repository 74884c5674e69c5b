"""The access key (chave de acesso) and the CNPJ: shape, parts and check digits.

Since July 2026 both may hold letters (IN RFB 2.229/2024, NT Conjunta DFe 2025.001). The shape is
checked strictly; a wrong check digit is only told, never refused: the vendor's own example has one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Self

import attrs

from focus_cte.errors import InvalidArgument

_CHAVE = re.compile(r"[0-9]{6}[A-Z0-9]{12}[0-9]{26}")
_CNPJ = re.compile(r"[A-Z0-9]{12}[0-9]{2}")
_SEPARATORS = str.maketrans("", "", " ./-")
_UF = dict(
    zip(
        "11 12 13 14 15 16 17 21 22 23 24 25 26 27 28 29 31 32 33 35 41 42 43 50 51 52 53".split(),
        "RO AC AM RR PA AP TO MA PI CE RN PB PE AL SE BA MG ES RJ SP PR SC RS MS MT GO DF".split(),
        strict=True,
    )
)


def is_chave(text: str) -> bool:
    """Whether `text` is 44 characters in the shape of an access key."""
    return _CHAVE.fullmatch(text) is not None


def are_chaves(texts: Collection[str]) -> bool:
    """Whether every one `is_chave`: all at once, for a page of them."""
    joined = "".join(texts).encode("ascii", "replace")
    letters = joined.translate(None, b"0123456789")
    # Every 44th character from the 7th to the 18th: the issuers, where alone letters may stand.
    issuers = b"".join([joined[place::44] for place in range(6, 18)])
    return (
        set(map(len, texts)) == {44}
        and len(letters) == len(issuers.translate(None, b"0123456789"))
        and (not letters or (letters.isalpha() and letters.isupper()))
    )


def parse_chave(text: str) -> str:
    """The key's 44 characters, from a text that may hold spaces, dots and lower-case letters.

    Raises `InvalidArgument` when the shape is wrong.
    """
    if isinstance(text, str) and is_chave(text):
        return text  # as nearly all are
    chave = _compact(text, "an access key")
    if not is_chave(chave):
        raise InvalidArgument(
            f"{text[:60]!r} is not an access key: 44 characters are expected, digits but for the"
            f" issuer's CNPJ (7th to 18th), and there are {len(chave)}"
        )
    return chave


def parse_cnpj(text: str) -> str:
    """The CNPJ's 14 characters, from "24.178.617/0001-10" or "12abc34501de35".

    Raises `InvalidArgument` when the shape is wrong.
    """
    cnpj = _compact(text, "a CNPJ")
    if not _CNPJ.fullmatch(cnpj):
        hint = (
            "; a CPF cannot be used here: persons act on gov.br"
            if re.fullmatch("[0-9]{11}", cnpj)
            else ""
        )
        raise InvalidArgument(
            f"{text[:60]!r} is not a CNPJ: 12 digits or letters and 2 digits are expected{hint}"
        )
    return cnpj


def check_digit(text: str) -> int:
    """The mod 11 digit of `text`: weights 2 to 9 from the right, again and again.

    A character is worth its ASCII code minus 48; a remainder of 0 or 1 gives 0 (NT Conjunta DFe
    2025.001).
    """
    total = sum((ord(c) - 48) * (2 + i % 8) for i, c in enumerate(reversed(text)))
    return 0 if total % 11 < 2 else 11 - total % 11


def _compact(text: str, what: str) -> str:
    if not isinstance(text, str):
        raise InvalidArgument(f"{what} must be a str, not {type(text).__name__}")
    # Folding case only in ASCII: "ı".upper() is "I", and would make a key that nobody wrote.
    return text.translate(_SEPARATORS).upper() if text.isascii() else text


@attrs.frozen(kw_only=True)
class ChaveAcesso:
    """An access key taken apart. `str(chave)` is its 44 characters."""

    texto: str
    uf: str
    """The issuer's state, "SP"; the two digits as they are where they name none."""
    emissao: str
    """Year and month of emission, "2026-07"."""
    emitente: str
    """The issuer's CNPJ, 14 characters; a CPF is filled with "000" on the left."""
    modelo: str
    """"57" CT-e, "67" CT-e OS, "64" GTV-e."""
    serie: int
    numero: int
    dv: int
    """The check digit as written."""
    dv_ok: bool
    """Whether it is the right one."""

    @classmethod
    def parse(cls, texto: str) -> Self:
        """Take a key apart; `InvalidArgument` for a wrong shape, never for a wrong check digit."""
        chave = parse_chave(texto)
        return cls(
            texto=chave,
            uf=_UF.get(chave[:2], chave[:2]),
            emissao=f"20{chave[2:4]}-{chave[4:6]}",
            emitente=chave[6:20],
            modelo=chave[20:22],
            serie=int(chave[22:25]),
            numero=int(chave[25:34]),
            dv=int(chave[43]),
            dv_ok=check_digit(chave[:43]) == int(chave[43]),
        )

    def __str__(self) -> str:
        return self.texto
