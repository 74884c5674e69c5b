"""Answers that break on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import zlib
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from .front import Call

_BLOCK = 1 << 20
_PADDING = {
    "listing": (b"[", b" ", b"]", "application/json"),
    "xml": (b"<a>", b" ", b"</a>", "application/xml"),
    "cancellation": (b"<a>", b" ", b"</a>", "application/xml"),
    "correction": (b"<a>", b" ", b"</a>", "application/xml"),
    "storage": (b"%PDF-1.4\n", b" ", b"%%EOF\n", "application/pdf"),
}
_OBJECT = (b"{", b" ", b"}", "application/json")


def drop(request: web.Request) -> web.Response:
    """Resets the connection. The response returned has nowhere to go; aiohttp sees that."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        # With a linger of zero seconds, close() sends RST rather than FIN.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return web.Response()


async def cut(call: Call, whole: web.StreamResponse, keep: int | None) -> web.StreamResponse:
    """Promises the whole body, sends `keep` bytes of it (half, if None), and closes."""
    body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
    size = max(len(body), 1)
    part = web.StreamResponse(status=whole.status, headers=whole.headers)
    part.content_length = size
    call.stamp(part)
    try:
        await part.prepare(call.request)
        await part.write(body[: min(len(body) // 2 if keep is None else keep, size - 1)])
    except ConnectionError:
        return part
    if call.request.transport is not None:
        call.request.transport.close()
    return part


async def bomb(call: Call, size: int) -> web.StreamResponse:
    """A small gzip body that becomes `size` bytes of blanks, and is valid to its last byte."""
    head, blank, tail, content_type = _PADDING.get(call.target, _OBJECT)
    response = web.StreamResponse(
        headers={"Content-Encoding": "gzip", "Content-Type": content_type}
    )
    call.stamp(response)
    packer = zlib.compressobj(9, wbits=31)
    left = max(size - len(head) - len(tail), 0)
    block = blank * min(left, _BLOCK)
    try:
        await response.prepare(call.request)
        await response.write(packer.compress(head))
        while left > 0:
            await response.write(packer.compress(block[:left]))
            left -= min(left, _BLOCK)
            # Blanks fill the socket so slowly that write() hardly ever lets others run.
            await asyncio.sleep(0)
        await response.write(packer.compress(tail) + packer.flush())
    except ConnectionError:
        # The client had enough, which is what it should do.
        pass
    return response
