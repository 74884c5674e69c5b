"""Small fake servers, for what the sandbox cannot do and for a second reading of the vendor's API.

`serving` puts one aiohttp handler behind a socket; `wire` leaves every byte to the test.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from focus_cte import FocusCTe, Retry

TOKEN = "x7Qm2Kd9Lr4Tz8Vb1Np6Hs3Wf5Jc0YgA"
CNPJ = "24178617000110"
CHAVE = "35260712ABC34501DE35570010000000011000000014"
TEXTO = "A carga chegou com avarias em tres volumes"
PDF = b"%PDF-1.4\n" + b"1 0 obj <<>> endobj\n" * 20 + b"%%EOF\n"
XML = '<?xml version="1.0" encoding="UTF-8"?>\n<cteProc><a>é</a></cteProc>\n'.encode()
QUICK = Retry(attempts=4, total=5.0, initial=0.001, maximum=0.004)
ONCE = Retry(attempts=1, total=5.0, initial=0.001, maximum=0.004)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api(Protocol):
    """What a client needs to know of a server: ours, or the sandbox."""

    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str: ...


def client_of(api: Api, **settings: Any) -> FocusCTe:
    """A client that does not wait long."""
    return FocusCTe(api.token, **{"base_url": api.url, "retry": QUICK, **settings})


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case; the values of one that came more than once are joined."""

    @property
    def secrets(self) -> set[str]:
        """Which of the headers that may hold a secret came along."""
        return {"authorization", "cookie", "proxy-authorization"} & set(self.headers)


@dataclass
class Origin:
    """A running server and what it was asked."""

    url: str
    token: str = TOKEN
    requests: list[Seen] = field(default_factory=list)

    def count(self, method: str) -> int:
        return sum(seen.method == method for seen in self.requests)


@asynccontextmanager
async def serving(
    handler: Handler,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Origin]:
    """An origin whose every request goes to `handler`."""
    origin = Origin("")

    async def noted(request: web.BaseRequest) -> web.StreamResponse:
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        origin.requests.append(Seen(request.method, request.path, dict(request.query), headers))
        return await handler(request)

    runner = web.ServerRunner(
        web.Server(noted, handler_cancellation=True, access_log=None), shutdown_timeout=0.05
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        origin.url = f"http{'s' if tls else ''}://{host}:{runner.addresses[0][1]}"
        yield origin
    finally:
        await runner.cleanup()


def always(body: bytes | str, **settings: Any) -> Handler:
    """A handler with one answer."""

    async def handler(request: web.Request) -> web.StreamResponse:
        data = body.encode() if isinstance(body, str) else body
        return web.Response(body=data, **settings)

    return handler


def redirecting(location: str | None, status: int = 302) -> Handler:
    """A handler that sends everybody elsewhere."""
    return always(b"", status=status, headers={} if location is None else {"Location": location})


def reset(request: web.BaseRequest) -> web.Response:
    """Resets the connection. The response returned has nowhere to go."""
    assert request.transport is not None
    linger = struct.pack("ii", 1, 0)
    request.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, linger
    )
    request.transport.abort()
    return web.Response()


async def cut(request: web.Request, body: bytes, *, status: int = 200) -> web.StreamResponse:
    """Promises a longer body than it sends, and closes."""
    response = web.StreamResponse(status=status)
    response.content_length = len(body) + 1000
    await response.prepare(request)
    await response.write(body)
    assert request.transport is not None
    request.transport.close()
    return response


async def drip(request: web.Request, head: bytes, *, every: float = 0.01) -> web.StreamResponse:
    """A body that goes on for ever, byte after byte, and is never silent for long."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(head)
    while True:
        await response.write(b" ")
        await asyncio.sleep(every)


async def silent(request: web.Request, head: bytes | None = None) -> web.StreamResponse:
    """An answer that does not come; or, with `head`, begins and never ends."""
    response = web.StreamResponse()
    if head is not None:
        await response.prepare(request)
        await response.write(head)
    await asyncio.Event().wait()
    return response


def bomb(size: int, *, status: int = 200) -> web.Response:
    """A small body that becomes `size` blanks."""
    return web.Response(
        status=status,
        body=gzip.compress(b" " * size),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )


Bytes = Callable[[int, str, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def wire(answer: Bytes) -> AsyncIterator[Origin]:
    """An origin that writes what it wants: `answer(number of the request, head, writer)`.

    Every connection serves one request and is closed after it.
    """
    origin = Origin("")
    writers: list[asyncio.StreamWriter] = []
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            method, path, _ = first.split(" ")
            headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
            origin.requests.append(Seen(method, path, {}, headers))
            await answer(len(origin.requests), head, writer)
            await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    origin.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield origin
    finally:
        server.close()
        for task in serving:
            task.cancel()
        for writer in writers:
            writer.close()
        await asyncio.gather(*serving)


def chave_of(number: int) -> str:
    """A key of the right shape."""
    return f"35260724178617000110570010{number:08d}1{number:08d}0"


class Vendor:
    """The listing, read from FOCUS_API.md a second time: one number a document, the rest follows.

    total     what X-Total-Count says: documents "after" `versao`, "all" of them, or any other text;
              None leaves it out
    maximum   X-Max-Version for the page's highest `versao`; None leaves it out
    obeys     whether `versao` is looked at
    """

    def __init__(
        self,
        documents: int = 0,
        *,
        total: Literal["after", "all"] | str | None = "after",
        maximum: Callable[[int], str | None] = str,
        obeys: bool = True,
    ) -> None:
        self._versoes: dict[int, int] = {}
        self._highest = 100
        self.total, self.maximum, self.obeys = total, maximum, obeys
        for _ in range(documents):
            self.touch(len(self._versoes))

    def touch(self, number: int) -> int:
        """A document arrives or changes: its new `versao`, above all others."""
        self._highest += 1 + self._highest % 3
        self._versoes[number] = self._highest
        return self._highest

    def arrive(self) -> int:
        return self.touch(len(self._versoes))

    @property
    def state(self) -> dict[str, int]:
        """The `versao` of every key."""
        return {chave_of(number): versao for number, versao in self._versoes.items()}

    async def __call__(self, request: web.Request) -> web.Response:
        after = int(request.query.get("versao", "0")) if self.obeys else 0
        newer = sorted((v, n) for n, v in self._versoes.items() if v > after)
        page = newer[:100]
        headers = {}
        counts = {"after": str(len(newer)), "all": str(len(self._versoes))}
        if self.total is not None:
            headers["X-Total-Count"] = counts.get(self.total, self.total)
        if page and (told := self.maximum(page[-1][0])) is not None:
            headers["X-Max-Version"] = told
        items = [{"chave": chave_of(n), "versao": v, "valor_total": "1.10"} for v, n in page]
        return web.Response(
            text=json.dumps(items), content_type="application/json", headers=headers
        )


class Names(AbstractResolver):
    """Every host name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


def any_host() -> aiohttp.ClientSession:
    """A session for which every host is this machine, and every certificate good."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Names(), ssl=False))


def tls() -> ssl.SSLContext:
    """For a server: a certificate of nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(_CERTIFICATE)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def in_use(session: aiohttp.ClientSession) -> int:
    """How many of a session's connections are busy."""
    assert session.connector is not None
    return len(session.connector._acquired)


async def eventually(holds: Callable[[], bool], patience: float = 5.0) -> None:
    """Wait until it holds; a failure if it does not for so long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while not holds():
        assert loop.time() < deadline, "it never came to hold"
        await asyncio.sleep(0.001)


_CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgR18tQGrduWrsWtsg
gu7qXjFv25lRCtU+tm/aNGw1snmhRANCAAQzThpiYoXXGFSZMBqhXPzU3/pYovt/
0buCbx01vxMbmAGtKahTA3su/y5TVPdb7oN53nvXZvDyrZHBZ/zWm1kG
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBijCCAS+gAwIBAgIURxErit7MCoJUX6nfP6IC67n75NwwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwObm9ib2R5LmludmFsaWQwIBcNMjYxMTI0MDM1MzM0WhgPMjEy
NjEwMzEwMzUzMzRaMBkxFzAVBgNVBAMMDm5vYm9keS5pbnZhbGlkMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEM04aYmKF1xhUmTAaoVz81N/6WKL7f9G7gm8dNb8T
G5gBrSmoUwN7Lv8uU1T3W+6Ded5712bw8q2RwWf81ptZBqNTMFEwHQYDVR0OBBYE
FAeA2pKB9Y4fbVm6MmKLxphx0+PgMB8GA1UdIwQYMBaAFAeA2pKB9Y4fbVm6MmKL
xphx0+PgMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAJGLq13j
qkfLJ9lq4m5aNfvgwC4bFCtwB/P51Vt2kjmOAiEAyLbCJBWKkK+QJPr891MVotlK
hIBJ401lA0XqTQW/uIY=
-----END CERTIFICATE-----
"""
