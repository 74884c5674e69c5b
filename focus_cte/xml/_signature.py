"""The signature of a CT-e or event: XMLDSig, as SEFAZ's schema (xmldsig-core-schema) has it.

One Reference, to the element that is read and to no other; transforms that change nothing of it.
Each `*_problem` says what is wrong, or None.
"""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha1, sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID
from lxml import etree

from focus_cte.xml._parse import find, find_all, local_name

_DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
_C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_TRANSFORMS: Final = frozenset({f"{_DSIG}enveloped-signature", _C14N})
_DIGESTS: Final = {f"{_DSIG}sha1": sha1, "http://www.w3.org/2001/04/xmlenc#sha256": sha256}
_SIGNATURES: Final = {
    f"{_DSIG}rsa-sha1": hashes.SHA1,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256,
}
_CNPJ: Final = x509.ObjectIdentifier("2.16.76.1.3.3")
_CPF: Final = x509.ObjectIdentifier("2.16.76.1.3.1")
"""otherNames of ICP-Brasil (DOC-ICP-04): a company's CNPJ; a person's date of birth, then CPF."""
_same_id = etree.XPath("count(//*[@Id = $ident])")
# What is parsed again was parsed once within bounds; escaped, it may be longer than they allow.
_again = etree.XMLParser(encoding="utf-8", resolve_entities=False, huge_tree=True)


def canonical(element: etree._Element) -> bytes:
    """Canonical XML 1.0 of an element, with the namespaces and xml: attributes in scope there."""
    # As a document of its own: in place, lxml loses the namespaces that ancestors declare.
    apex = etree.fromstring(etree.tostring(element, encoding="utf-8", with_tail=False), _again)
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if str(name).startswith(_XML) and name not in apex.attrib:
                apex.set(name, value)
    return etree.tostring(apex, method="c14n", with_comments=False)


def placement_problem(document: etree._Element) -> str | None:
    """Whether the one Signature stands where the schema has it: beside what it signs."""
    root = document.getroottree().getroot()
    found = list(root.iter("{*}Signature"))
    # SEFAZ may sign its own answer. That signature is not looked at.
    ours = [each for each in found if local_name(_parent(each)) not in ("protCTe", "retEventoCTe")]
    if len(ours) != 1:
        return f"{len(ours)} Signatures, and there must be one"
    (signature,) = ours
    if signature.getparent() is not document:
        return f"the Signature is in <{local_name(_parent(signature))}>, not beside what it signs"
    if signature.tag != f"{{{_DSIG}}}Signature":
        return f"the Signature is not in the namespace {_DSIG}"
    if len(find_all(signature, "SignedInfo")) != 1:
        return f"{len(find_all(signature, 'SignedInfo'))} SignedInfo, and there must be one"
    return None


def digest_value(signature: etree._Element) -> bytes | None:
    """DigestValue, decoded."""
    return decode(_content(signature, "SignedInfo/Reference/DigestValue"))


def digest_problem(signed: etree._Element, signature: etree._Element) -> str | None:
    """Whether the Reference is to `signed`, and its digest that of `signed`."""
    references = find_all(signature, "SignedInfo/Reference")
    if len(references) != 1:
        return f"{len(references)} References, and there must be one"
    (reference,) = references
    name, ident = local_name(signed), signed.get("Id")
    if not ident or reference.get("URI") != f"#{ident}":
        return f"the signature is of {reference.get('URI')!r}, not of the {name} {ident!r}"
    if _same_id(signed, ident=ident) != 1:
        return f"more than one element has the Id {ident!r}"
    for transform in find_all(reference, "Transforms/Transform"):
        if transform.get("Algorithm") not in _TRANSFORMS:
            return f"unknown Transform {transform.get('Algorithm')!r}"
    method = _algorithm(reference, "DigestMethod")
    if method not in _DIGESTS:
        return f"unknown DigestMethod {method!r}"
    said = digest_value(signature)
    if said is None:
        return "DigestValue is not base64"
    if _DIGESTS[method](canonical(signed)).digest() != said:
        return f"{name} is not what was signed: its digest differs from DigestValue"
    return None


def signature_problem(
    signature: etree._Element, certificate: x509.Certificate | None
) -> str | None:
    """Whether SignedInfo was signed with the certificate's key."""
    if certificate is None:
        return "the signature cannot be checked without its certificate"
    (info,) = find_all(signature, "SignedInfo")
    if (c14n := _algorithm(info, "CanonicalizationMethod")) != _C14N:
        return f"unknown CanonicalizationMethod {c14n!r}"
    method = _algorithm(info, "SignatureMethod")
    if method not in _SIGNATURES:
        return f"unknown SignatureMethod {method!r}"
    value = decode(_content(signature, "SignatureValue"))
    if value is None:
        return "SignatureValue is not base64"
    try:
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            return f"the certificate's key is not RSA: {type(key).__name__}"
        key.verify(value, canonical(info), PKCS1v15(), _SIGNATURES[method]())
    except InvalidSignature:
        return "SignedInfo was not signed with the key of the certificate inside"
    except (UnsupportedAlgorithm, ValueError) as error:
        return f"the signature cannot be checked: {error}"
    return None


def certificate_of(signature: etree._Element) -> x509.Certificate:
    """The signer's certificate. ValueError says why there is none.

    Some certificates of ICP-Brasil are not strict DER, which cryptography refuses.
    """
    found = find_all(signature, "KeyInfo/X509Data/X509Certificate")
    if len(found) != 1:
        raise ValueError(f"{len(found)} X509Certificates, and there must be one")
    der = decode(_content(signature, "KeyInfo/X509Data/X509Certificate"))
    if der is None:
        raise ValueError("X509Certificate is not base64")
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise ValueError(f"the certificate cannot be read: {error}") from None


def holder(certificate: x509.Certificate) -> str | None:
    """The CNPJ or CPF that a certificate was issued to, as ICP-Brasil writes it.

    In an otherName, or else after the colon at the end of the common name.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        others = {name.type_id: name.value for name in names.get_values_for_type(x509.OtherName)}
        subject = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except x509.ExtensionNotFound:
        others = {}
        subject = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    # Two bytes of DER, tag and length, come before the text.
    if _CNPJ in others:
        return others[_CNPJ][2:].decode("ascii", "replace")
    if _CPF in others:
        return others[_CPF][10:21].decode("ascii", "replace")
    return str(subject[-1].value).rpartition(":")[2] if subject else None


def decode(value: str | None) -> bytes | None:
    """Base64, white space aside; None for anything else."""
    try:
        return b64decode("".join((value or "").split()), validate=True) or None
    except ValueError:
        return None


def _algorithm(element: etree._Element, name: str) -> str | None:
    found = find(element, name)
    return None if found is None else found.get("Algorithm")


def _content(signature: etree._Element, path: str) -> str | None:
    found = find(signature, path)
    return None if found is None else found.text


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    return element if parent is None else parent
