"""What both origins do with every request: note it, let it in or not, play a fault, answer."""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aiohttp import web

from .breakage import drop

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from .faults import Fault, Script

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived. `status` is None until, and unless, an answer is sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: CIMultiDictProxy[str] = field(repr=False)
    at: float
    status: int | None = None


class Call:
    """One request on its way, for the faults to act on."""

    def __init__(self, front: Front, request: web.Request, handler: Handler) -> None:
        self._front, self._handler = front, handler
        self._place = front.note(request)
        self.request = request
        self.target = (request.match_info.route.name or "other").partition(".")[0]
        self.headers: dict[str, str] = {}
        self.fault: Fault | None = None

    async def work(self) -> web.StreamResponse:
        """What the endpoint does when nothing goes wrong."""
        return await self._handler(self.request)

    async def pause(self, seconds: float) -> bool:
        """Waits; False if the sandbox closed meanwhile, and nothing more is to be done."""
        closing = self._front.closing
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), seconds)
        return not closing.is_set()

    def stamp(self, response: web.StreamResponse) -> None:
        """Puts on the headers of every answer, lets a fault change them, and notes the status."""
        response.headers.update(self.headers)
        if self.fault:
            self.fault.edit_headers(response)
        self._front.requests[self._place] = replace(
            self._front.requests[self._place], status=response.status
        )


class Front(ABC):
    """One origin: its routes, its requests, and who may come in."""

    def __init__(self, script: Script, latency: float) -> None:
        self._script, self._latency = script, latency
        self.requests: list[Seen] = []
        self.closing = asyncio.Event()

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """The endpoints; the name of each, up to a dot, is what a fault calls it."""

    @abstractmethod
    def admit(self, call: Call) -> web.Response | None:
        """None to let a request in, or the refusal."""

    def application(self) -> web.Application:
        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._serve(Call(self, request, handler))

        app = web.Application(middlewares=[middleware])
        app.add_routes(self.routes())
        return app

    def note(self, request: web.Request) -> int:
        seen = Seen(
            request.method, request.path, dict(request.query), request.headers, time.monotonic()
        )
        self.requests.append(seen)
        return len(self.requests) - 1

    async def _serve(self, call: Call) -> web.StreamResponse:
        call.fault = self._script.peek(call.target)
        refusal = self.admit(call)
        if refusal:
            call.fault = None
            call.stamp(refusal)
            return refusal
        if call.fault:
            self._script.take(call.target)
        elif self._script.chance:
            call.fault = self._script.chance.meet(call.target, call.request)
        # A client that goes away takes an unread body with it, and a slow answer must still do its
        # work.
        try:
            await call.request.read()
        except ConnectionError:
            return drop(call.request)
        if not await call.pause(self._latency):
            return drop(call.request)
        response = await (call.fault.answer(call) if call.fault else call.work())
        if (
            not response.prepared
            and call.request.transport is not None
            and not call.request.transport.is_closing()
        ):
            call.stamp(response)
        return response


def answer(
    data: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """JSON as the vendor writes it."""
    text = json.dumps(data, ensure_ascii=False)
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


def error(status: int, codigo: str, mensagem: str) -> web.Response:
    return answer({"codigo": codigo, "mensagem": mensagem}, status)


def denied() -> web.Response:
    """A refused token is answered in HTML, before the API itself is reached."""
    return web.Response(
        text="HTTP Basic: Access denied.\n",
        status=401,
        content_type="text/html",
        headers={"WWW-Authenticate": 'Basic realm="Application"'},
    )
