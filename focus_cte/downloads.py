"""XML and PDF files: redirects by hand, bounded bodies, whole-or-absent files.

The DACTe lies at a storage host behind a pre-signed URL. That host refuses credentials and must
not see them, and the URL is a secret itself: neither logged nor named in an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import attrs
from aiohttp import ClientResponse, ClientTimeout, hdrs
from yarl import URL

from focus_cte import _http
from focus_cte._files import check_target, off_loop, replacing
from focus_cte._origin import is_loopback
from focus_cte._retry import Budget
from focus_cte._wire import Request
from focus_cte.errors import ApiError, InvalidResponse, NotFound, ServerError
from focus_cte.gate import Lane
from focus_cte.session import CONNECT_TIMEOUT, Session

T = TypeVar("T")

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_LONGEST: Final = 600.0
_MIB: Final = 2**20
_ENDS: Final = 1024
_HTML: Final = re.compile(rb"<(!doctype\s+html|html)", re.IGNORECASE)


@attrs.frozen
class Kind:
    """One of the files that a document may have."""

    suffix: str
    bound: int
    """Bytes, after decompression."""
    check: Callable[[bytes, bytes], bool]
    """Whether the first and the last bytes are those of such a file."""


def _is_xml(head: bytes, tail: bytes) -> bool:
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    end = tail.replace(b"\0", b"").rstrip()
    return start.startswith(b"<") and end.endswith(b">") and not _HTML.match(start)


def _is_pdf(head: bytes, tail: bytes) -> bool:
    return b"%PDF-" in head


XML: Final = Kind(".xml", 16 * _MIB, _is_xml)
XML_CANCELAMENTO: Final = Kind("/cancelamento.xml", 16 * _MIB, _is_xml)
XML_CARTA_CORRECAO: Final = Kind("/carta_correcao.xml", 16 * _MIB, _is_xml)
DACTE: Final = Kind(".pdf", 64 * _MIB, _is_pdf)


async def download(
    session: Session, chave: str, kind: Kind, cnpj: str | None, to: str | os.PathLike[str] | None
) -> bytes | Path:
    """The file's bytes, untouched; or, with `to`, the path where they are now."""
    request = session.endpoints.document(chave, kind.suffix, cnpj)
    if to is None:

        async def keep(response: ClientResponse) -> bytes:
            chunks: list[bytes] = []
            await _receive(response, kind, str(request), chunks.append)
            return b"".join(chunks)

        return await session.insist(lambda budget: _once(session, request, budget, keep))
    target = await off_loop(lambda: check_target(to))

    async def save(response: ClientResponse) -> Path:
        async with replacing(target) as file:
            write = file.write
            await _receive(
                response, kind, str(request), lambda chunk: off_loop(partial(write, chunk))
            )
        return target

    return await session.insist(lambda budget: _once(session, request, budget, save))


async def _once(
    session: Session,
    request: Request,
    budget: Budget,
    receive: Callable[[ClientResponse], Awaitable[T]],
) -> T:
    """Follow the redirects: to the API with a grant of its own each, elsewhere within the last."""
    limit = ClientTimeout(
        total=max(_LONGEST, session.timeout),
        sock_connect=CONNECT_TIMEOUT,
        sock_read=session.timeout,
    )
    hop = request
    async with AsyncExitStack() as slot:
        for _ in range(1 + _MOST_REDIRECTS):
            grant = None
            if session.owns(hop.url):
                # With one slot, waiting for a grant while holding one would be for ever.
                await slot.aclose()
                grant = await slot.enter_async_context(session.admitted(hop, Lane.BULK, budget))
            async with session.open(hop, limit, grant) as response:
                if response.status not in _REDIRECTS:
                    if grant is not None:
                        await session.check(hop, response)
                    else:
                        _check_storage(hop, response)
                    return await receive(response)
                hop = _next_hop(session, request, hop, response.headers.get(hdrs.LOCATION, ""))
    why = f"{request}: redirected more than {_MOST_REDIRECTS} times"
    raise InvalidResponse(why, passing=False)


def _next_hop(session: Session, request: Request, hop: Request, location: str) -> Request:
    try:
        url = hop.url.join(URL(location.strip(), encoded=location.isascii()))
        host = url.host
    except ValueError:
        url, host = URL(), None
    if not location or not host or url.user is not None or url.password is not None:
        raise InvalidResponse(f"{hop}: redirected without a usable Location")
    local = is_loopback(session.endpoints.base_url) and is_loopback(url) and url.scheme == "http"
    if url.scheme != "https" and not local:
        raise InvalidResponse(f"{hop}: redirected to {host} without https")
    if session.owns(url):
        return Request("GET", url, request.subject)
    return Request("GET", url, f"{request.subject}, storage at {host}")


def _check_storage(hop: Request, response: ClientResponse) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    kind = ServerError if status >= 500 else NotFound if status == 404 else ApiError
    raise kind(f"{hop}: the storage answered {status}", status=status)


async def _receive(
    response: ClientResponse,
    kind: Kind,
    what: str,
    sink: Callable[[bytes], Awaitable[object] | None],
) -> None:
    """Give the body to `sink`; `InvalidResponse` at its end if it is no whole file of its kind."""
    head = tail = b""

    def look(chunk: bytes) -> Awaitable[object] | None:
        nonlocal head, tail
        head = head if len(head) >= _ENDS else (head + chunk)[:_ENDS]
        tail = (tail + chunk[-_ENDS:])[-_ENDS:]
        return sink(chunk)

    await _http.receive(response, kind.bound, what, look)
    if not kind.check(head, tail):
        seen = response.headers.get(hdrs.CONTENT_TYPE, "no content type")[:80]
        raise InvalidResponse(f"{what}: the answer ({seen}) is not a whole {kind.suffix[-3:]} file")
