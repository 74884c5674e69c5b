"""RSA-SHA1 signatures and certificates of issuers, so that the sandbox's XML verifies.

The key is for tests: it is in the source, the same for all issuers, and short, to be quick without
a dependency. Each certificate says who made it and that it is none of ICP-Brasil.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha1, sha256
from math import prod

# Thirty-five, where there are two as a rule (RFC 8017, 3.2): who verifies sees no difference, and
# each is one digit of Python's own integers, with which signing is quick. They are the largest
# below 2**30 and below 2**29 that make 1,024 bits together.
_PRIMES = (
    *(2**30 - below for below in (35, 41, 83, 101, 105, 107, 135, 153, 161)),
    *(
        2**29 - below
        for below in (
            *(3, 33, 43, 63, 73, 75, 93, 99, 121, 133, 145, 169, 183),
            *(189, 195, 211, 229, 255, 271, 285, 301, 309, 313, 339, 343, 349),
        )
    ),
)
_N, _E = prod(_PRIMES), 65537
_SIZE = 128  # bytes of the modulus
# For each prime: the private exponent there, and what its remainder weighs in the whole.
_PARTS = [(p, pow(_E, -1, p - 1), _N // p * pow(_N // p, -1, p)) for p in _PRIMES]

# DER of the AlgorithmIdentifier in front of a digest (RFC 8017, 9.2, note 1).
_SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
# The contents of object identifiers.
_RSA = bytes.fromhex("2a864886f70d010101")
_SHA256_WITH_RSA = bytes.fromhex("2a864886f70d01010b")
_COMMON_NAME = bytes.fromhex("550403")

_SEQUENCE, _SET, _INTEGER, _BITS, _NULL, _OID, _UTF8, _TIME = 48, 49, 2, 3, 5, 6, 12, 23
_MAKER = "focus_cte sandbox: not of ICP-Brasil"


@lru_cache(maxsize=1024)
def sign(message: bytes) -> str:
    """RSA-SHA1 (PKCS #1 v1.5) in base64."""
    return b64encode(_sign(_SHA1 + sha1(message, usedforsecurity=False).digest())).decode()


@lru_cache(maxsize=1024)
def certificate(documento: str) -> str:
    """X.509, DER in base64, whose common name ends, as ICP-Brasil's, with ":" and CNPJ or CPF."""
    algorithm = _der(_SEQUENCE, _der(_OID, _SHA256_WITH_RSA), _der(_NULL))
    rsa = _der(_SEQUENCE, _der(_OID, _RSA), _der(_NULL))
    key = _der(_SEQUENCE, _integer(_N), _integer(_E))
    body = _der(
        _SEQUENCE,
        _integer(1),
        algorithm,
        _name(_MAKER),
        _der(_SEQUENCE, _der(_TIME, b"260101000000Z"), _der(_TIME, b"361231235959Z")),
        _name(f"EMITENTE FICTICIO:{documento}"),
        _der(_SEQUENCE, rsa, _der(_BITS, b"\0", key)),
    )
    signature = _sign(_SHA256 + sha256(body).digest())
    return b64encode(_der(_SEQUENCE, body, algorithm, _der(_BITS, b"\0", signature))).decode()


def _sign(info: bytes) -> bytes:
    padding = b"\xff" * (_SIZE - 3 - len(info))
    message = int.from_bytes(b"\0\1" + padding + b"\0" + info, "big")
    # By the Chinese remainder theorem.
    whole = sum(pow(message, exponent, prime) * weight for prime, exponent, weight in _PARTS)
    return (whole % _N).to_bytes(_SIZE, "big")


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 + len(length))) + length + content


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _name(common: str) -> bytes:
    value = _der(_SEQUENCE, _der(_OID, _COMMON_NAME), _der(_UTF8, common.encode()))
    return _der(_SEQUENCE, _der(_SET, value))
