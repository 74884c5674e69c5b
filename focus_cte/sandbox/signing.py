"""RSA-SHA1 signatures and certificates of issuers, so that the sandbox's XML verifies.

The key is for tests: it is in the source, the same for all issuers, and short, to be quick without
a dependency. Each certificate says who made it and that it is none of ICP-Brasil.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha1, sha256

_P = int(
    "e464fa010bb4bdb75f334cea3af6bb705d257f97d99161b551ad359abdb3ec81"
    "a761a426d30a9e0101d7a668780d1fb6ab6a702789a03f0f72e6a726f9659225",
    16,
)
_Q = int(
    "d88a3b78ffb423057edd465b50bb34b7f562318e10a1e955b6ac55b35feb37c8"
    "616475961652f7b4bda1f85902506c1b0e0fda566d723767a710f7fc452dd453",
    16,
)
_N, _E = _P * _Q, 65537
_D = pow(_E, -1, (_P - 1) * (_Q - 1))
_DP, _DQ, _Q_INVERSE = _D % (_P - 1), _D % (_Q - 1), pow(_Q, -1, _P)
_SIZE = 128  # bytes of the modulus

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
    # By the Chinese remainder theorem: four times as quick as pow(message, _D, _N).
    low = pow(message, _DQ, _Q)
    high = (pow(message, _DP, _P) - low) * _Q_INVERSE % _P
    return (low + high * _Q).to_bytes(_SIZE, "big")


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
