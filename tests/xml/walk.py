"""Every text and attribute inside an element of a file, and the file with one of them changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markup import Element, read

_TOKEN = re.compile(rb"""<(?P<tag>(?:[^<>"']|"[^"]*"|'[^']*')*)>|(?P<text>[^<]+)""")
_ATTRIBUTE = re.compile(rb"""[\w:.-]+\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_CHARACTER = re.compile(rb"&[^;]*;|[\x00-\x7f]|[\xc2-\xf4][\x80-\xbf]+")


@dataclass(frozen=True)
class Place:
    """Where a text or the value of an attribute stands, in bytes."""

    start: int
    end: int

    def changes(self, data: bytes) -> Iterator[bytes]:
        """The file with one character of it another one, and nothing else: for each in turn."""
        for one in _CHARACTER.finditer(data, self.start, self.end):
            other = b"1" if one[0] == b"0" else b"0"
            yield data[: one.start()] + other + data[one.end() :]

    def changed(self, data: bytes) -> bytes:
        """The file with the character in the middle of it another one, and nothing else."""
        every = list(self.changes(data))
        return every[len(every) // 2]

    def shown(self, data: bytes) -> str:
        """With what stands before it, for the message of a failure."""
        return data[max(0, self.start - 30) : self.end].decode(errors="replace")


def places(data: bytes, name: str) -> list[Place]:
    """All inside the first element of that name, its own attributes included."""
    opened = re.search(rb"<((?:\w+:)?%s)[\s>]" % name.encode(), data)
    assert opened, f"no {name}"
    end = data.index(b"</%s>" % opened[1], opened.start())
    found = list(_places(data, opened.start(), end))
    # That none was passed over is known from another reader, expat.
    assert len(found) == _count(read(data).path(name)[-1]) > 0
    return found


def _places(data: bytes, start: int, end: int) -> Iterator[Place]:
    for token in _TOKEN.finditer(data, start, end):
        if token["text"]:
            yield Place(*token.span("text"))
            continue
        for attribute in _ATTRIBUTE.finditer(data, *token.span("tag")):
            group = 1 if attribute[1] is not None else 2
            if attribute[group]:
                yield Place(*attribute.span(group))


def _count(element: Element) -> int:
    values = sum(1 for _, value in element.attributes if value)
    return values + sum(_count(c) if isinstance(c, Element) else 1 for c in element.content)
