"""Signatures as issuers make them: RSA-SHA1 under a certificate like ICP-Brasil's e-CNPJ."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier
from markup import Element, attributed, canonical, el, prefixed

DSIG = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_HASHES = {
    "sha1": (hashes.SHA1(), f"{DSIG}sha1", f"{DSIG}rsa-sha1"),
    "sha256": (
        hashes.SHA256(),
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    ),
}
_CNPJ_OF_HOLDER = ObjectIdentifier("2.16.76.1.3.3")
_RESPONSIBLE = ObjectIdentifier("2.16.76.1.3.4")
_PERSON = ObjectIdentifier("2.16.76.1.3.1")
"""DOC-ICP-04 of ICP-Brasil: the CNPJ; birth and CPF of who answers for it; of a person's own."""
_PRINTABLE, _OCTETS = 0x13, 0x04


@dataclass(frozen=True)
class Signer:
    """A key and the certificate over it."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def text(self) -> str:
        return b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()


@cache
def signer(
    documento: str,
    *,
    named: str | None = None,
    told: str | None = None,
    years_ago: int = 0,
    octets: bool = False,
) -> Signer:
    """The holder of a CNPJ or CPF.

    named      the common name; "EMPRESA:CNPJ" if not given
    told       the number in the alternative name: `documento` if not given, "" for no such name
    years_ago  when it expired; 0: it is valid
    octets     DER's type of the number: both occur
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    common = f"EMPRESA:{documento}" if named is None else named
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    end = datetime.now(UTC) + timedelta(days=-365 * years_ago if years_ago else 300)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
    )
    number = documento if told is None else told
    if number:
        tag = _OCTETS if octets else _PRINTABLE
        names = [_other_name(_RESPONSIBLE, "01011970" + "52998224725" + "0" * 11, tag)]
        if len(number) == 14:
            names.append(_other_name(_CNPJ_OF_HOLDER, number, tag))
        else:
            names = [_other_name(_PERSON, f"01011970{number}" + "0" * 11, tag)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Signer(key, builder.sign(key, hashes.SHA256()))


def _other_name(kind: ObjectIdentifier, text: str, tag: int) -> x509.OtherName:
    return x509.OtherName(kind, bytes([tag, len(text)]) + text.encode())


def signature(
    above: Sequence[Element], target: Element, by: Signer, *, prefix: str = "", sha: str = "sha1"
) -> Element:
    """The Signature over `target`, which is to stand beside it: last in the last of `above`."""
    algorithm, digest_method, signature_method = _HASHES[sha]
    ident = dict(target.attributes)["Id"]
    digest = hashes.Hash(algorithm)
    digest.update(canonical((*above, target)))
    info = el(
        "SignedInfo",
        el("CanonicalizationMethod", Algorithm=C14N),
        el("SignatureMethod", Algorithm=signature_method),
        el(
            "Reference",
            el(
                "Transforms",
                el("Transform", Algorithm=f"{DSIG}enveloped-signature"),
                el("Transform", Algorithm=C14N),
            ),
            el("DigestMethod", Algorithm=digest_method),
            el("DigestValue", b64encode(digest.finalize()).decode()),
            URI=f"#{ident}",
        ),
    )
    info = prefixed(info, prefix)
    whole = prefixed(el("Signature"), prefix)
    whole = attributed(whole, (f"xmlns:{prefix}" if prefix else "xmlns", DSIG))
    value = by.key.sign(canonical((*above, whole, info)), padding.PKCS1v15(), algorithm)
    rest = (
        el("SignatureValue", b64encode(value).decode()),
        el("KeyInfo", el("X509Data", el("X509Certificate", by.text))),
    )
    return replace(whole, content=(info, *(prefixed(part, prefix) for part in rest)))
