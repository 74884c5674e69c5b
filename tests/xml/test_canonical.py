"""A canonical form is that of the element as a document of its own, whatever is in scope there."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known import SIGNED, UNSIGNED, sample
from lxml import etree
from markup import Element, el, source

from focus_cte.xml import InvalidXML
from focus_cte.xml._parse import parse
from focus_cte.xml._signature import canonical

PREFIXES = ("", "p", "q")
URIS = ("urn:a", "urn:b", "http://a/b", "../relative")
XML = "{http://www.w3.org/XML/1998/namespace}"


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> Element:
    """Any tree of few names, so that they clash; declarations, used or not, on any level."""
    attributes = {
        f"xmlns:{prefix}" if prefix else "xmlns": draw(st.sampled_from(URIS))
        for prefix in draw(st.sets(st.sampled_from(PREFIXES)))
    }
    if draw(st.integers(0, 4)) == 0:
        attributes["xmlns"] = ""
    for name in draw(st.sets(st.sampled_from(("a", "p:a", "q:b", "xml:lang", "xml:space")))):
        attributes[name] = draw(st.sampled_from(("", "default", "\r\n\t<&\"'>", "é")))
    content: list[Element | str] = []
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        content.append(draw(elements(depth - 1)))
        content.append(draw(st.sampled_from(("", "\r\n\t", "x < y & z > ]]", "\U0001f69a"))))
    return el(draw(st.sampled_from(("e", "p:e", "q:e"))), *content, **attributes)


def reread(element: etree._Element) -> bytes | None:
    """Written with all that is in scope, read again, and canonicalized; None where it cannot be."""
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, huge_tree=True)
    written = etree.tostring(element, encoding="utf-8", with_tail=False)
    try:
        apex = etree.fromstring(written, parser)
        for ancestor in element.iterancestors():
            for name, value in ancestor.attrib.items():
                if str(name).startswith(XML) and name not in apex.attrib:
                    apex.set(name, value)
        return etree.tostring(apex, method="c14n", with_comments=False)
    except (etree.C14NError, etree.XMLSyntaxError):
        return None


def ours(element: etree._Element) -> bytes | None:
    with suppress(ValueError):
        return canonical(element)
    return None


def assert_same(root: etree._Element) -> None:
    before = etree.tostring(root)
    for element in root.iter("*"):
        assert ours(element) == reread(element)
    assert etree.tostring(root) == before


@given(elements())
@settings(max_examples=200)
def test_it_is_that_of_the_element_written_and_read_again(tree: Element) -> None:
    declared = {f"xmlns:{prefix}": "urn:a" for prefix in "pq"}
    for text in (source(tree), source(el("top", tree, "tail", **declared))):
        with suppress(InvalidXML):  # a prefix that nothing declares
            assert_same(parse(text.encode()))


@pytest.mark.parametrize("name", [*SIGNED, *UNSIGNED])
def test_it_is_so_in_every_element_of_what_issuers_sent(name: str) -> None:
    assert_same(parse(sample(name)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<t xmlns="urn:a"><e/> tail</t>', '<e xmlns="urn:a"></e>'),
        ('<t xmlns:p="urn:a"><e/></t>', '<e xmlns:p="urn:a"></e>'),
        ('<t xmlns:p="urn:a"><e><p:f/></e></t>', '<e xmlns:p="urn:a"><p:f></p:f></e>'),
        ('<t xml:lang="pt" xmlns="urn:a"><e/></t>', '<e xmlns="urn:a" xml:lang="pt"></e>'),
        ("<t><e><?in side?></e><?be hind?></t>", "<e><?in side?></e>"),
    ],
)
def test_what_is_in_scope_belongs_to_it_and_what_stands_behind_does_not(
    text: str, expected: str
) -> None:
    assert canonical(parse(text.encode())[0]).decode() == expected
