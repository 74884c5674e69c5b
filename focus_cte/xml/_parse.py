"""Bytes into elements, safely: nothing of the document's own choosing is fetched or expanded.

What C14N leaves out (comments) is left out before anything is read, so that a text is never read
otherwise than it was signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import attrs
from lxml import etree

from focus_cte import InvalidArgument, InvalidResponse

_LARGEST = 2 * 1024 * 1024
"""Bytes. What SEFAZ itself takes is far smaller (rejection 214)."""
_MARKS = 100_000
"""`<` and `=`, at most: an element or an attribute takes memory however short it is written."""
_ATTRIBUTES = 64
"""Of one element: C14N sorts them in quadratic time."""
_SCOPE = 20_000_000
"""Of C14N's work on namespaces: for each element, the square of how many are declared there."""
_USUAL = 1_000
"""Attributes of a document, below which they are not looked at."""

_DOCUMENTS = {
    "cteProc": "CTe",
    "cteOSProc": "CTeOS",
    "cteSimpProc": "CTeSimp",
    "GTVeProc": "GTVe",
    "procEventoCTe": "eventoCTe",
}
"""The element that SEFAZ's protocol comes in, and the document inside. Each may also stand alone:
the document as its author signed it."""
_EVENT = "eventoCTe"
_ANSWERED = ("chCTe", "tpEvento", "nSeqEvento", "dhRecbto", "nProt", "digVal", "cStat")

Children = Mapping[str, etree._Element]
"""The first child of each name."""


class InvalidXML(InvalidResponse):
    """Not one CT-e or event that can be read: not XML, another document, a part of it missing."""

    passing: bool = False


@attrs.frozen
class Envelope:
    """A document and what is around it."""

    kind: str
    """CTe, CTeOS, CTeSimp, GTVe or eventoCTe."""
    document: etree._Element
    """The element of that name: the parent of what is signed."""
    signed: etree._Element
    """infCte or infEvento, the only one."""
    answer: Children | None
    """Of SEFAZ's infProt, or its infEvento, what is `_ANSWERED`; None where the document stands
    alone."""

    @property
    def is_event(self) -> bool:
        return self.kind == _EVENT

    @property
    def root(self) -> etree._Element:
        return self.document.getroottree().getroot()


def read(data: bytes) -> Envelope:
    """The document in these bytes. Raises `InvalidXML`, or `InvalidArgument` for another type.

    Names count without their namespace: files without one, and with a wrong one, are in use.
    """
    root = parse(data)
    name = local_name(root)
    kind = _DOCUMENTS.get(name, name)
    if kind not in _DOCUMENTS.values():
        raise InvalidXML(f"<{name[:60]}> is neither a CT-e nor an event")
    document = root if kind == name else only(root, kind)
    signed = only(document, "infEvento" if kind == _EVENT else "infCte")
    if kind != _EVENT and sum(1 for _ in root.iter("{*}infCte")) > 1:
        raise InvalidXML(f"more than one infCte in <{name}>")
    answer = None if root is document else _answer(root, kind)
    answered = None if answer is None else children(answer, *_ANSWERED)
    return Envelope(kind, document, signed, answered)


def _answer(root: etree._Element, kind: str) -> etree._Element | None:
    if kind != _EVENT:
        return at_most_one(root, "protCTe/infProt")
    # Layouts before 3.00 have SEFAZ's infEvento without the retEventoCTe around it.
    path = "retEventoCTe/infEvento" if find(root, "retEventoCTe") is not None else "infEvento"
    return at_most_one(root, path)


def parse(data: bytes) -> etree._Element:
    """The root element of a document in UTF-8, as SEFAZ wants it (rejection 402), without a DTD."""
    if not isinstance(data, bytes):
        raise InvalidArgument(f"data must be bytes, as downloaded, not {type(data).__name__}")
    if len(data) > _LARGEST:
        raise InvalidXML(f"{len(data):,} bytes are more than a CT-e can have ({_LARGEST:,})")
    tags, attributes = data.count(b"<"), data.count(b"=")
    if tags + attributes > _MARKS:
        raise InvalidXML(f"more than {_MARKS:,} tags and attributes: no CT-e has as many")
    # The encoding is given below, so a DTD cannot hide behind another one.
    if b"<!DOCTYPE" in data:
        raise InvalidXML("it has a document type declaration (DTD), which a CT-e must not have")
    parser = etree.XMLParser(
        encoding="utf-8",
        load_dtd=False,
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidXML(f"not well-formed XML in UTF-8: {error}") from None
    if attributes > _USUAL or data.count(b"xmlns") ** 2 * tags > _SCOPE:
        _check_bounds(root)
    # lxml passes over some: an undeclared entity, an undeclared prefix before a mere warning.
    if errors := parser.error_log.filter_from_errors():
        raise InvalidXML(f"not well-formed XML in UTF-8: {errors[0].message}")
    return root


def _check_bounds(root: etree._Element) -> None:
    scope = work = 0
    for event, element in etree.iterwalk(root, events=("start", "start-ns", "end-ns")):
        if event == "start":
            work += scope * scope
            if len(element.attrib) > _ATTRIBUTES:
                raise InvalidXML(f"more than {_ATTRIBUTES} attributes of one element")
        else:
            scope += 1 if event == "start-ns" else -1
        if work > _SCOPE:
            raise InvalidXML("more namespaces are declared in it than can be looked at")


def local_name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


@lru_cache(maxsize=256)
def _tags(*names: str) -> tuple[str, ...]:
    return tuple(f"{{*}}{name}" for name in names)


@lru_cache(maxsize=256)
def _split(path: str) -> tuple[str, str]:
    """The tag of a path's first step, and the rest of it."""
    step, _, rest = path.partition("/")
    return f"{{*}}{step}", rest


def quoted(value: str | None) -> str:
    """What a document says, for a message: at most 60 characters."""
    return repr(value if value is None else value[:60])


def find(element: etree._Element | None, path: str) -> etree._Element | None:
    """The first element at a path such as `ide/toma3/toma`."""
    if element is None:
        return None
    tag, rest = _split(path)
    # In place of element.find, which takes twice as long, and a CT-e is dozens of them.
    found = element.iterchildren(tag)
    if not rest:
        return next(found, None)
    for child in found:
        if (deeper := find(child, rest)) is not None:
            return deeper
    return None


def find_all(element: etree._Element, path: str) -> list[etree._Element]:
    found = [element]
    while path:
        tag, path = _split(path)
        found = [child for each in found for child in each.iterchildren(tag)]
    return found


def children(element: etree._Element | None, *names: str) -> Children:
    """The first child of each of these names, or of any, in the document's order.

    It takes less than a `find` for each where there are several. Without names it may be as large
    as the document: not to be kept.
    """
    found: dict[str, etree._Element] = {}
    if element is not None:
        for child in element.iterchildren(*_tags(*names)) if names else element:
            found.setdefault(str(child.tag).rpartition("}")[2], child)
    return found


def at_most_one(element: etree._Element, path: str) -> etree._Element | None:
    found = find_all(element, path)
    if len(found) > 1:
        raise InvalidXML(f"{len(found)} {path} in <{local_name(element)}>")
    return found[0] if found else None


def only(element: etree._Element, path: str) -> etree._Element:
    found = at_most_one(element, path)
    if found is None:
        raise InvalidXML(f"no {path} in <{local_name(element)}>")
    return found


def text(element: etree._Element | None, path: str = "") -> str | None:
    """The text of the first element at a path, stripped; None where it is absent or empty.

    Raises `InvalidXML` for an element that holds more than text.
    """
    found = find(element, path) if path else element
    if found is None:
        return None
    if len(found):
        raise InvalidXML(f"{path or local_name(found)} holds more than text")
    return (found.text or "").strip() or None
