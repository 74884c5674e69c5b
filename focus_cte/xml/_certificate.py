"""What is needed of a signer's certificate: its key, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Final

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from focus_cte import InvalidArgument
from focus_cte.xml._values import parse_documento

_CNPJ: Final = x509.ObjectIdentifier("2.16.76.1.3.3")
_CPF: Final = x509.ObjectIdentifier("2.16.76.1.3.1")
"""otherNames of ICP-Brasil (DOC-ICP-04): a company's CNPJ; a person's date of birth, then CPF."""
_USUAL: Final = 8 * 1024
"""Bytes, at most, of a certificate that is kept."""


@attrs.frozen(slots=False)  # a cached_property keeps its value in the __dict__
class Certificate:
    """A signer's certificate. What is asked of it is read once, and kept with it."""

    _x509: x509.Certificate

    @cached_property
    def rsa_key(self) -> RSAPublicKey:
        """ValueError for another kind of key, or one that cannot be read."""
        with _reading("the certificate's key cannot be read"):
            key = self._x509.public_key()
        if not isinstance(key, RSAPublicKey):
            raise ValueError(f"the certificate's key is not RSA: {type(key).__name__}")
        return key

    @cached_property
    def holder(self) -> str:
        """The CNPJ or CPF that it was issued to, or ValueError.

        ICP-Brasil has it in an otherName; older certificates, after the colon at the end of the
        common name.
        """
        with _reading("the certificate's holder cannot be read"):
            found = _written(self._x509)
        try:
            return parse_documento(found)
        except InvalidArgument:
            raise ValueError("the certificate names no CNPJ or CPF") from None


def load(der: bytes) -> Certificate:
    """ValueError for what cryptography does not take, such as DER that is not strict."""
    return _load(der) if len(der) <= _USUAL else _load.__wrapped__(der)


@lru_cache(maxsize=128)  # a carrier signs what it issues in a year with one
def _load(der: bytes) -> Certificate:
    with _reading("the certificate cannot be read"):
        return Certificate(x509.load_der_x509_certificate(der))


def _written(certificate: x509.Certificate) -> str:
    others = _other_names(certificate)
    # Two bytes of DER, tag and length, come before the text.
    if _CNPJ in others:
        return others[_CNPJ][2:].decode("ascii")
    if _CPF in others:
        return others[_CPF][10:21].decode("ascii")
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[-1].value).rpartition(":")[2] if common else ""


def _other_names(certificate: x509.Certificate) -> dict[x509.ObjectIdentifier, bytes]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {}
    return {name.type_id: name.value for name in names.get_values_for_type(x509.OtherName)}


@contextmanager
def _reading(failure: str) -> Iterator[None]:
    """Make a ValueError of whatever cryptography raises for a certificate that is malformed.

    Besides ValueError these are KeyError, TypeError, exceptions of its own without a common parent,
    and its warnings where warnings are errors.
    """
    try:
        yield
    except Exception as error:
        raise ValueError(f"{failure}: {type(error).__name__}: {error}") from None
