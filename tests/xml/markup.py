"""XML as trees of names as written, their source, and their canonical form.

`canonical` is written from the text of REC-xml-c14n-20010315, sections 2.3 and 4.6, without lxml,
which the code under test has. That it is right is for `test_markup.py` to show: it gives the very
digests that three issuers, of whose programs nobody here knows anything, have signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.parsers import expat

BOM = b"\xef\xbb\xbf"

_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}
_VALUE = {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}


@dataclass(frozen=True)
class Element:
    """An element; names are qualified as they are written, declarations are attributes."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    content: tuple[Element | str, ...] = ()

    @property
    def namespaces(self) -> dict[str, str]:
        """What it declares: URI by prefix, "" being the default's."""
        return {
            name[6:]: value
            for name, value in self.attributes
            if name == "xmlns" or name.startswith("xmlns:")
        }

    @property
    def elements(self) -> tuple[Element, ...]:
        return tuple(child for child in self.content if isinstance(child, Element))

    def path(self, name: str) -> tuple[Element, ...]:
        """From here down to the first element of that local name."""
        if self.name.split(":")[-1] == name:
            return (self,)
        for child in self.elements:
            if below := child.path(name):
                return (self, *below)
        return ()


def el(name: str, *content: Element | str | None, **attributes: str) -> Element:
    """An element; a None in its content is left out, and so can be optional."""
    return Element(name, tuple(attributes.items()), tuple(c for c in content if c is not None))


def attributed(element: Element, *attributes: tuple[str, str]) -> Element:
    """The element with these attributes before its own."""
    return replace(element, attributes=(*attributes, *element.attributes))


def prefixed(element: Element, prefix: str) -> Element:
    """The element and all below it under a prefix; "" for none."""
    return replace(
        element,
        name=f"{prefix}:{element.name}" if prefix else element.name,
        content=tuple(
            prefixed(c, prefix) if isinstance(c, Element) else c for c in element.content
        ),
    )


def spaced(element: Element, depth: int = 0) -> Element:
    """The element as an editor lays it out: white space between elements, which is signed too."""
    if not element.elements:
        return element
    content: list[Element | str] = []
    for child in element.elements:
        content += ["\n" + "\t" * (depth + 1), spaced(child, depth + 1)]
    return replace(element, content=(*content, "\n" + "\t" * depth))


def source(element: Element) -> str:
    """How a program writes it: attributes as they come, and `<a/>` where there is nothing."""
    head = element.name + "".join(f' {n}="{_escaped(v, _VALUE)}"' for n, v in element.attributes)
    if not element.content:
        return f"<{head}/>"
    inside = "".join(
        source(c) if isinstance(c, Element) else _escaped(c, _TEXT) for c in element.content
    )
    return f"<{head}>{inside}</{element.name}>"


def canonical(path: Sequence[Element]) -> bytes:
    """The canonical form of the last element of a path that begins with the document's."""
    scope: dict[str, str] = {}
    for above in path[:-1]:
        scope |= above.namespaces
    return "".join(_canonical(path[-1], scope, {})).encode()


def _canonical(element: Element, scope: dict[str, str], written: dict[str, str]) -> Iterator[str]:
    scope = scope | element.namespaces
    yield f"<{element.name}"
    # A namespace is written where the nearest element written above has it not: on top, all are.
    for prefix in sorted(scope):
        if written.get(prefix, "") != scope[prefix]:
            name = f"xmlns:{prefix}" if prefix else "xmlns"
            yield f' {name}="{_escaped(scope[prefix], _VALUE)}"'
    for _, _, name, value in sorted(_ordered(element, scope)):
        yield f' {name}="{_escaped(value, _VALUE)}"'
    yield ">"
    for child in element.content:
        if isinstance(child, Element):
            yield from _canonical(child, scope, scope)
        else:
            yield _escaped(child, _TEXT)
    yield f"</{element.name}>"


def _ordered(element: Element, scope: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """The attributes with what they are sorted by: namespace (none for no prefix), local name."""
    for name, value in element.attributes:
        prefix, _, local = name.rpartition(":")
        if name != "xmlns" and prefix != "xmlns":
            yield scope[prefix] if prefix else "", local, name, value


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def read(data: bytes) -> Element:
    """The tree of a file: expat's, names as written, comments and instructions left out."""
    parser = expat.ParserCreate()
    parser.ordered_attributes = parser.buffer_text = True
    open_: list[tuple[str, list[str], list[Element | str]]] = [("", [], [])]

    def start(name: str, attributes: list[str]) -> None:
        open_.append((name, attributes, []))

    def end(_: str) -> None:
        name, attributes, content = open_.pop()
        pairs = tuple(zip(attributes[::2], attributes[1::2], strict=True))
        open_[-1][2].append(Element(name, pairs, tuple(content)))

    parser.StartElementHandler, parser.EndElementHandler = start, end  # type: ignore[assignment]
    parser.CharacterDataHandler = lambda text: open_[-1][2].append(text)
    parser.Parse(data, True)
    (root,) = (child for child in open_[0][2] if isinstance(child, Element))
    return root
