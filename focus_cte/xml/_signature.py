"""The signature of a CT-e or event: XMLDSig, as SEFAZ's schema (xmldsig-core-schema) has it.

One Reference, to the element that is read and to no other; transforms that change nothing of it.
Each `*_problem` says what is wrong, or None.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import copy
from hashlib import sha1, sha256
from typing import Any, Final

import attrs
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from lxml import etree

from focus_cte.xml._certificate import Certificate, load
from focus_cte.xml._parse import find, find_all, local_name, quoted

_DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
_C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_TRANSFORMS: Final = frozenset({f"{_DSIG}enveloped-signature", _C14N})
_DIGESTS: Final = {f"{_DSIG}sha1": sha1, "http://www.w3.org/2001/04/xmlenc#sha256": sha256}
_SIGNATURES: Final = {
    f"{_DSIG}rsa-sha1": hashes.SHA1,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256,
}
_ids: Callable[[etree._Element], Any] = etree.XPath(
    "/descendant::*/@Id", regexp=False, smart_strings=False
)
# What is parsed again was parsed once within bounds; escaped, it may be longer than they allow.
_again = etree.XMLParser(encoding="utf-8", resolve_entities=False, huge_tree=True)


def canonical(element: etree._Element) -> bytes:
    """Canonical XML 1.0 of an element, with the namespaces and xml: attributes in scope there.

    ValueError where the standard has none: a namespace that is a relative URI.
    """
    try:
        # As a document of its own: in place, lxml loses the namespaces that ancestors declare.
        # Every copy of lxml's is a deep one; `deepcopy` only takes longer to ask for it.
        apex = copy(element)
        apex.tail = None
        if apex.nsmap != element.nsmap:
            # A copy keeps what it declares itself and what it uses; here more is in scope.
            source = etree.tostring(element, encoding="utf-8", with_tail=False)
            apex = etree.fromstring(source, _again)
        for ancestor in element.iterancestors():
            for name, value in ancestor.items():
                if str(name).startswith(_XML) and name not in apex.attrib:
                    apex.set(name, value)
        return etree.tostring(apex, method="c14n", with_comments=False)
    except (etree.C14NError, etree.XMLSyntaxError):
        raise ValueError(f"{local_name(element)} has no canonical form") from None


def _forms(element: etree._Element, seal: Seal) -> Iterator[bytes]:
    """Canonical forms of an element: as it stands, and as it stood before SEFAZ's answer was added.

    Whoever put the two into one file may have declared namespaces around them that nothing uses
    (xmlns:xsi, xmlns:xsd), and of which the author, who signed before, knew nothing.
    """
    yield canonical(element)
    document = seal.element.getparent()
    if document is not None and document.getparent() is not None:
        path = etree.ElementTree(document).getelementpath(element)
        # A copy keeps what it declares itself and what it uses.
        alone = copy(document).find(path)
        if alone is not None:
            yield canonical(alone)


@attrs.frozen
class Seal:
    """The Signature of a document."""

    element: etree._Element
    info: etree._Element
    """SignedInfo, the only one."""
    digest: bytes | None
    """DigestValue, decoded."""


def seal_of(document: etree._Element) -> Seal | None:
    """None where nothing at all is signed.

    ValueError unless there is one Signature, where the schema has it: beside what it signs.
    """
    found = list(document.getroottree().getroot().iter("{*}Signature"))
    # SEFAZ may sign its own answer. That signature is not looked at.
    ours = [each for each in found if _place(each) not in ("protCTe", "retEventoCTe")]
    if not ours:
        return None
    if len(ours) > 1:
        raise ValueError(f"{len(ours)} Signatures, and there must be one")
    (signature,) = ours
    if signature.getparent() is not document:
        raise ValueError(f"the Signature is in <{_place(signature)}>, not beside what it signs")
    if signature.tag != f"{{{_DSIG}}}Signature":
        raise ValueError(f"the Signature is not in the namespace {_DSIG}")
    infos = find_all(signature, "SignedInfo")
    if len(infos) != 1:
        raise ValueError(f"{len(infos)} SignedInfo instead of one")
    (info,) = infos
    return Seal(signature, info, decode(_content(info, "Reference/DigestValue")))


def digest_problem(signed: etree._Element, seal: Seal) -> str | None:
    """Whether the Reference is to `signed`, and its digest that of `signed`."""
    references = find_all(seal.info, "Reference")
    if len(references) != 1:
        return f"{len(references)} References, and there must be one"
    (reference,) = references
    name, ident = local_name(signed), signed.get("Id")
    if not ident or reference.get("URI") != f"#{ident}":
        return (
            f"the signature is of {quoted(reference.get('URI'))}, not of the {name} {quoted(ident)}"
        )
    if _ids(signed).count(ident) != 1:
        return f"more than one element has the Id {quoted(ident)}"
    for transform in find_all(reference, "Transforms/Transform"):
        if transform.get("Algorithm") not in _TRANSFORMS:
            return f"unknown Transform {quoted(transform.get('Algorithm'))}"
    method = _algorithm(reference, "DigestMethod")
    if method not in _DIGESTS:
        return f"unknown DigestMethod {quoted(method)}"
    if seal.digest is None:
        return "DigestValue is not base64"
    try:
        if any(_DIGESTS[method](form).digest() == seal.digest for form in _forms(signed, seal)):
            return None
    except ValueError as error:
        return str(error)
    return f"{name} is not what was signed: its digest differs from DigestValue"


def signature_problem(seal: Seal, certificate: Certificate | None) -> str | None:
    """Whether SignedInfo was signed with the certificate's key."""
    if certificate is None:
        return "the signature cannot be checked without its certificate"
    if (c14n := _algorithm(seal.info, "CanonicalizationMethod")) != _C14N:
        return f"unknown CanonicalizationMethod {quoted(c14n)}"
    method = _algorithm(seal.info, "SignatureMethod")
    if method not in _SIGNATURES:
        return f"unknown SignatureMethod {quoted(method)}"
    value = decode(_content(seal.element, "SignatureValue"))
    if value is None:
        return "SignatureValue is not base64"
    try:
        key = certificate.rsa_key
        for form in _forms(seal.info, seal):
            with suppress(InvalidSignature):
                key.verify(value, form, PKCS1v15(), _SIGNATURES[method]())
                return None
    except (UnsupportedAlgorithm, ValueError) as error:
        return f"the signature cannot be checked: {error}"
    return "SignedInfo was not signed with the key of the certificate inside"


def certificate_of(seal: Seal) -> Certificate:
    """The signer's certificate. ValueError says why there is none."""
    found = find_all(seal.element, "KeyInfo/X509Data/X509Certificate")
    if len(found) != 1:
        raise ValueError(f"{len(found)} X509Certificates, and there must be one")
    der = decode(found[0].text)
    if der is None:
        raise ValueError("X509Certificate is not base64")
    return load(der)


def decode(value: str | None) -> bytes | None:
    """Base64, white space aside; None for anything else."""
    try:
        return b64decode("".join((value or "").split()), validate=True) or None
    except ValueError:
        return None


def _algorithm(element: etree._Element, name: str) -> str | None:
    found = find(element, name)
    return None if found is None else found.get("Algorithm")


def _content(element: etree._Element, path: str) -> str | None:
    found = find(element, path)
    return None if found is None else found.text


def _place(element: etree._Element) -> str:
    """The name of the element around it."""
    parent = element.getparent()
    return "" if parent is None else local_name(parent)
