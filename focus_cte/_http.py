"""The thin layer over aiohttp: bounded bodies, headers of one request, errors in our own tree.

An aiohttp exception may hold headers and signed URLs, so none is chained: ours is raised outside
the `except` block, with the words that are safe.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import aiohttp
from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse
from aiohttp.http_exceptions import HttpProcessingError

from focus_cte.errors import FocusError, InvalidResponse, RequestTimeout, TransportError

T = TypeVar("T")

_NETWORK: Final = (
    aiohttp.ClientError,
    HttpProcessingError,
    TimeoutError,
    OSError,
    RuntimeError,  # of a stream whose session was closed meanwhile
)
_NEVER_LEFT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_DECOMPRESSION: Final = {"ContentEncodingError", "DecompressSizeError"}
"""By name: aiohttp removes the second in its version 4."""
_SECRET: Final = frozenset({"Authorization", "Cookie"})
_HARMLESS: Final = frozenset({"Host", "Accept", "Accept-Encoding", "User-Agent"})


def only(headers: Mapping[str, str], *, keep_others: bool) -> ClientMiddlewareType:
    """A middleware for one request that sets these headers, after aiohttp's and the session's own.

    Credentials and cookies of a borrowed session, from wherever they came, are always dropped;
    `keep_others` says whether its other default headers may go along.
    """

    async def send(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        for name in set(request.headers):
            if name.title() in _SECRET or not (keep_others or name.title() in _HARMLESS):
                request.headers.popall(name, None)
        request.headers.update(headers)
        return await handler(request)

    return send


async def translated(step: Awaitable[T], what: str) -> T:
    """Await a step of aiohttp's; its failure raises as `TransportError` or `InvalidResponse`."""
    try:
        return await step
    except _NETWORK as error:
        failure = _translate(error, what)
    raise failure


async def receive(
    response: ClientResponse,
    bound: int,
    what: str,
    sink: Callable[[bytes], Awaitable[object] | None],
) -> None:
    """Give the body to `sink` as it comes, decompressed; `InvalidResponse` past `bound` bytes."""
    size = 0
    while chunk := await translated(response.content.readany(), what):
        size += len(chunk)
        if size > bound:
            raise InvalidResponse(f"{what}: the body is larger than {bound} bytes", passing=False)
        if (pending := sink(chunk)) is not None:
            await pending


async def read(response: ClientResponse, bound: int, what: str) -> bytes:
    """The whole body, decompressed; `InvalidResponse` past `bound` bytes."""
    chunks: list[bytes] = []
    await receive(response, bound, what, chunks.append)
    return b"".join(chunks)


def _translate(error: BaseException, what: str) -> FocusError:
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return RequestTimeout(f"{what}: no answer in time ({name})", reached=not _unsent(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or type(error.os_error).__name__
        return TransportError(f"{what}: no connection to {error.host}: {reason}", reached=False)
    if isinstance(error, aiohttp.ClientResponseError) or _undecodable(error):
        return InvalidResponse(f"{what}: the answer is not readable as HTTP ({name})")
    return TransportError(f"{what}: the connection broke ({name})", reached=not _unsent(error))


def _unsent(error: BaseException) -> bool:
    return isinstance(error, _NEVER_LEFT)


def _undecodable(error: BaseException) -> bool:
    """Whether the body came but its compression is broken, or expands too far."""
    names = {type(e).__name__ for e in (error, error.__cause__, error.__context__)}
    return not names.isdisjoint(_DECOMPRESSION)
