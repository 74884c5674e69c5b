"""The canonical form of the tests' own is the one that issuers sign."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

import pytest
from known import SIGNED, sample
from markup import canonical, el, read, source


@pytest.mark.parametrize("name", SIGNED)
def test_it_has_the_digest_that_an_issuer_signed(name: str) -> None:
    root = read(sample(name))
    signed = "infCte" if root.path("infCte") else "infEvento"
    digest = b64encode(sha1(canonical(root.path(signed))).digest()).decode()
    assert root.path("DigestValue")[-1].content == (digest,)


def test_it_is_the_example_of_the_standard_for_names_and_attributes() -> None:
    """Section 3.3, the part without a DTD."""
    text = (
        '<doc><e1/><e3 name="elem3" id="elem3"/>'
        '<e5 a:attr="out" b:attr="sorted" attr2="all" attr="I\'m"'
        ' xmlns:b="http://www.ietf.org" xmlns:a="http://www.w3.org" xmlns="http://example.org"/>'
        '<e6 xmlns="" xmlns:a="http://www.w3.org"><e7 xmlns="http://www.ietf.org">'
        '<e8 xmlns="" xmlns:a="http://www.w3.org"/></e7></e6></doc>'
    )
    expected = (
        '<doc><e1></e1><e3 id="elem3" name="elem3"></e3>'
        '<e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org"'
        ' attr="I\'m" attr2="all" b:attr="sorted" a:attr="out"></e5>'
        '<e6 xmlns:a="http://www.w3.org"><e7 xmlns="http://www.ietf.org">'
        '<e8 xmlns=""></e8></e7></e6></doc>'
    )
    assert canonical((read(text.encode()),)).decode() == expected


def test_what_is_written_is_what_is_read() -> None:
    tree = el("a", el("b", 'x < "y" & z >\t'), el("c"), v='<"&\t\n')
    assert read(source(tree).encode()) == tree
