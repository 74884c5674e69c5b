"""Files made to do harm; as a program, the heavy ones, judged within bounds.

    python hostile.py junk

A bound on time is the processor's, and on memory the address space's: a breach ends the process.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from factory import cte, swapped

from focus_cte.xml import InvalidXML, verify

MIB = 2**20
SECONDS, MEMORY = 2, 100 * MIB
MOST = 2 * MIB - 8192
"""About as much as is read at all: junk of 16 MiB says little, for its size is enough to refuse."""


def judged(data: bytes) -> str:
    """Why it is refused, or is not what was signed. That it is accepted is an AssertionError."""
    try:
        check = verify(data)
    except InvalidXML as error:
        return str(error)
    assert not check.ok, "it was accepted"
    assert check.problems, "it was refused without a word"
    return "\n".join(check.problems)


def with_dtd(inside: str, *, use: str = "", head: str = "") -> bytes:
    """The usual CT-e behind a DTD; `use` stands in a text."""
    data = swapped(cte(), "Hi-Top &amp; Filhos", f"Hi-Top {use}").decode()
    head = head or '<?xml version="1.0" encoding="UTF-8"?>'
    return (head + f"<!DOCTYPE cteProc {inside}>" + data[data.index("<cteProc") :]).encode()


def laughs(levels: int = 12) -> str:
    """A billion of them, and more."""
    lines = ['<!ENTITY l0 "ha">']
    lines += [f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, levels)]
    return f"[{''.join(lines)}]"


def quadratic() -> bytes:
    return with_dtd(f'[<!ENTITY a "{"a" * 100_000}">]', use="&a;" * 60_000)


def inside(attributes: bytes = b"", content: bytes = b"") -> bytes:
    """The usual signed CT-e with these in its infCte, so that all of them is digested."""
    return re.sub(
        rb"<infCte ([^>]*)>", lambda m: b"<infCte %s %s>%s" % (m[1], attributes, content), cte()
    )


def _many(pattern: bytes, count: int) -> bytes:
    return b" ".join(pattern % i for i in range(count))


_KINDS: dict[str, Callable[[int], bytes]] = {
    "tags opened": lambda n: b"<" * n,
    "letters": lambda n: b"a" * n,
    "elements opened": lambda n: b"<a>" * (n // 3),
    "a long attribute": lambda n: b'<cteProc a="' + b"a" * n + b'"/>',
    "a long text": lambda n: b"<cteProc>" + b"a" * n + b"</cteProc>",
    "many attributes": lambda n: b"<cteProc " + b'a="" ' * (n // 5) + b"/>",
    "a long name": lambda n: b"<" + b"a" * n + b"/>",
    "zeros": lambda n: b"\0" * n,
    "ampersands": lambda n: b"<cteProc>" + b"&" * n + b"</cteProc>",
    "white space": lambda n: b" " * n,
    "a comment": lambda n: b"<!--" + b"a" * n + b"-->",
}


HEAVY: dict[str, dict[str, Callable[[], bytes]]] = {
    "junk": {
        **{f"{name}, 16 MiB": partial(kind, 16 * MIB) for name, kind in _KINDS.items()},
        **{f"{name}, 2 MiB": partial(kind, MOST) for name, kind in _KINDS.items()},
        "laughs": lambda: with_dtd(laughs(), use="&l11;"),
        "laughs in UTF-16": lambda: with_dtd(laughs(), use="&l11;").decode().encode("utf-16"),
        "laughs in an attribute": lambda: with_dtd(laughs()).replace(b'ao="4', b'ao="&l11;4', 1),
        "quadratic": quadratic,
        "quadratic in UTF-16": lambda: quadratic().decode().encode("utf-16-le"),
        "10,000 levels": lambda: b"<a>" * 10_000 + b"</a>" * 10_000,
        "10,000 levels inside": lambda: inside(content=b"<a>" * 10_000 + b"</a>" * 10_000),
        "60,000 levels, unclosed": lambda: b"<cteProc>" * 60_000,
    },
    "elements": {
        "elements": lambda: inside(content=b"<a/>" * 95_000),
        "names": lambda: inside(content=_many(b"<a%d/>", 95_000)),
    },
    "attributes": {
        "attributes": lambda: inside(_many(b'a%d=""', 95_000)),
        "attributes everywhere": lambda: inside(content=b"<a %s/>" % _many(b'a%d=""', 60) * 1500),
        "few attributes": lambda: inside(_many(b'a%d=""', 900)),
    },
    "namespaces": {
        "namespaces": lambda: inside(_many(b'xmlns:n%d="urn:x"', 1000), b"<a/>" * 4000),
        "few namespaces": lambda: inside(_many(b'xmlns:n%d="urn:x"', 14), b"<a/>" * 95_000),
        "few namespaces, unseen": lambda: inside(_many(b'xmlns:n%d="urn:x"', 900), b"<a/>" * 9000),
        "deep": lambda: inside(content=b'<a xmlns="urn:a">' * 240 + b"<a/>" * 9000 + b"</a>" * 240),
    },
    "escapes": {"escapes": lambda: inside(b"a='" + b'"' * MOST + b"'")},
}


@contextmanager
def bounded() -> Iterator[None]:
    """So much time and memory beyond what is used already."""
    used, pages = resource.getrusage(resource.RUSAGE_SELF), Path("/proc/self/statm").read_text()
    bounds = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + 1 + SECONDS,
        resource.RLIMIT_AS: int(pages.split()[0]) * resource.getpagesize() + MEMORY,
    }
    limits = {kind: resource.getrlimit(kind) for kind in bounds}
    for kind, bound in bounds.items():
        resource.setrlimit(kind, (bound, limits[kind][1]))
    yield
    for kind, limit in limits.items():
        resource.setrlimit(kind, limit)


def main(group: str) -> None:
    touched: list[str] = []
    armed = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if armed and (event == "open" or event.startswith(("socket.", "urllib."))):
            touched.append(f"{event} {arguments}")
            raise PermissionError(f"{event} {arguments}")

    # What is loaded when it is first used is loaded now.
    assert verify(cte()).ok
    assert judged(cte().decode().encode("utf-16"))
    assert judged(cte().decode().encode("utf-16-le"))
    sys.addaudithook(hook)
    with bounded():
        armed = True
        for name, made in HEAVY[group].items():
            print(name, end=": ", flush=True)
            print(judged(made()).replace("\n", " "), flush=True)
        armed = False
    assert touched == []


if __name__ == "__main__":
    main(sys.argv[1])
