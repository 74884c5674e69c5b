"""C14N of an element inside a document, against the standard's rules applied to what was written.

The documents are made from a plan, and their canonical form from the same plan, so the expectation
owes nothing to libxml2.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focus_cte.xml._parse import parse
from focus_cte.xml._signature import canonical

URIS = ("urn:a", "urn:b", "http://www.portalfiscal.inf.br/cte")
PREFIXES = ("", "p", "q")
TEXTS = ("", "x", "a < b & c > d", "\r\n\t \r", '"aspas"', "Ação ½ €", "]]>")
Scope = dict[str, str]


def escaped(text: str, extra: dict[str, str]) -> str:
    for char, reference in {"&": "&amp;", "<": "&lt;", "\r": "&#xD;", **extra}.items():
        text = text.replace(char, reference)
    return text


def in_text(text: str) -> str:
    return escaped(text, {">": "&gt;"})


def in_attribute(text: str) -> str:
    return escaped(text, {'"': "&quot;", "\t": "&#x9;", "\n": "&#xA;"})


class Plan:
    """One element: what is declared on it, and what is in scope there."""

    def __init__(self, rnd: Random, scope: Scope, depth: int) -> None:
        self.declared = {p: rnd.choice(URIS) for p in PREFIXES if rnd.random() < 0.3}
        if rnd.random() < 0.2:
            self.declared[""] = ""
        self.scope = {**scope, **self.declared}
        self.name = self._qualified(rnd, "e", [p for p in PREFIXES if not p or p in self.scope])
        self.attributes = {self._qualified(rnd, n, [""]): rnd.choice(TEXTS) for n in "ba"}
        if prefixed := [p for p in PREFIXES if p and p in self.scope]:
            self.attributes[self._qualified(rnd, "c", prefixed)] = rnd.choice(TEXTS)
        self.language = rnd.choice(["pt", "en"]) if rnd.random() < 0.2 else None
        self.text = rnd.choice(TEXTS)
        count = rnd.randrange(3) if depth else 0
        self.children = [Plan(rnd, self.scope, depth - 1) for _ in range(count)]

    def _qualified(self, rnd: Random, local: str, prefixes: list[str]) -> str:
        prefix = rnd.choice(prefixes)
        return f"{prefix}:{local}" if prefix else local

    def written(self) -> str:
        """As an emitter may write it: a comment, CDATA, single quotes, an empty-element tag."""
        names = {f"xmlns:{p}" if p else "xmlns": uri for p, uri in self.declared.items()}
        names |= self.attributes | ({"xml:lang": self.language} if self.language else {})
        tag = self.name + "".join(
            f"\n {n}='{in_attribute(v).replace(chr(39), '&#39;')}'" for n, v in names.items()
        )
        inner = in_text(self.text) + "".join(child.written() for child in self.children)
        if not inner:
            return f"<{tag} />"
        return f"<{tag} ><!-- c --><![CDATA[]]>{inner}</{self.name} >"

    def canonical(self, around: Scope | None = None, language: str | None = None) -> str:
        """`around`: what the parent's output has in scope; None for the apex."""
        spaces = [(p, uri) for p, uri in self.scope.items() if (around or {}).get(p, "") != uri]
        tag = self.name + "".join(
            f' {f"xmlns:{p}" if p else "xmlns"}="{uri}"' for p, uri in sorted(spaces)
        )
        if self.language or (around is None and language):
            attributes = {**self.attributes, "xml:lang": self.language or language or ""}
        else:
            attributes = self.attributes
        tag += "".join(f' {n}="{in_attribute(attributes[n])}"' for n in self._in_order(attributes))
        inner = in_text(self.text) + "".join(c.canonical(self.scope) for c in self.children)
        return f"<{tag}>{inner}</{self.name}>"

    def _in_order(self, names: dict[str, str]) -> list[str]:
        """By namespace, those without one first, and then by local name."""

        def place(name: str) -> tuple[str, str]:
            prefix, _, local = name.rpartition(":")
            xml = "http://www.w3.org/XML/1998/namespace"
            return (xml if prefix == "xml" else self.scope[prefix] if prefix else ""), local

        return sorted(names, key=place)


def paths(plan: Plan, language: str | None = None) -> list[tuple[Plan, str | None]]:
    """Each element in document order, with the language of what is around it."""
    inner = plan.language or language
    return [(plan, language), *(found for c in plan.children for found in paths(c, inner))]


@given(st.integers(0, 2**64))
def test_an_element_in_place_has_the_canonical_form_of_the_standard(seed: int) -> None:
    plan = Plan(Random(seed), {}, depth=3)
    root = parse(plan.written().encode())
    for element, (expected, language) in zip(root.iter("{*}*"), paths(plan), strict=True):
        assert canonical(element).decode() == expected.canonical(None, language)


def test_a_namespace_that_is_a_relative_uri_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match="no canonical form"):
        canonical(parse(b'<a xmlns="u"/>'))
