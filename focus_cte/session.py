"""Session: the only place that sends requests to the API.

Around each request it puts a grant, the credentials, the time limit and the retries. The token
goes to the origin of `base_url`, set on the single request; never into a session's defaults.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Final, NoReturn, TypeVar

import aiohttp
from aiohttp import ClientMiddlewareType, ClientResponse, ClientTimeout, hdrs
from yarl import URL

from focus_cte import _accounts, _http, _wire
from focus_cte._retry import Budget
from focus_cte._wire import Answer, Endpoints, Request
from focus_cte.errors import (
    CLOSED,
    AuthenticationError,
    ClientClosed,
    FocusError,
    InvalidResponse,
    RateLimited,
    TransportError,
    UsageError,
)
from focus_cte.gate import Gate, Grant, Lane
from focus_cte.models import Credits, Retry, Share

T = TypeVar("T")
_log = logging.getLogger("focus_cte")

CONNECT_TIMEOUT: Final = 10.0
_JSON_BOUND: Final = 32 * 2**20
_ERROR_BOUND: Final = 2**20
_HEADERS: Final[dict[str, str]] = {
    hdrs.USER_AGENT: "focus-cte",
    hdrs.ACCEPT: "*/*",
    hdrs.ACCEPT_ENCODING: "gzip, deflate",
}
_ELSEWHERE: Final = _http.only(_HEADERS, keep_others=False)

_share: ContextVar[Mapping[Session, Share]] = ContextVar("focus_cte share", default={})  # noqa: B039


class Session:
    """The API at one origin with one token, over an aiohttp session borrowed or made here."""

    def __init__(
        self,
        token: str,
        endpoints: Endpoints,
        *,
        http: aiohttp.ClientSession | None,
        timeout: float,
        retry: Retry,
        max_concurrency: int,
        reserve: int,
    ) -> None:
        self.endpoints = endpoints
        self.timeout = timeout
        self._limit = ClientTimeout(total=timeout, sock_connect=CONNECT_TIMEOUT)
        self._retry = retry
        self._slots = max_concurrency
        self._reserve = reserve
        self._http = http
        self._owned = http is None
        self.closed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gates: dict[int, Gate] = {}  # by their reserve
        self._under_way: set[asyncio.Timeout] = set()
        basic = base64.b64encode(f"{token}:".encode()).decode()
        self._with_token = _http.only(
            {**_HEADERS, hdrs.AUTHORIZATION: f"Basic {basic}"}, keep_others=True
        )
        self._without_secrets = _eraser(token, basic)
        self._account = _accounts.account(str(endpoints.base_url.origin()), token)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a FocusCTe cannot be pickled: it holds a token and open connections")

    @property
    def credits(self) -> Credits:
        """What is known of the token's credits."""
        return self._account.credits

    def owns(self, url: URL) -> bool:
        """Whether a URL is of the origin that the token belongs to."""
        return url.origin() == self.endpoints.base_url.origin()

    def budget(self) -> Budget:
        """The tries of one call, from now on."""
        return Budget(self._retry, self._account.clock)

    def check_open(self) -> None:
        """Raise `ClientClosed` after `close`, `UsageError` in another event loop than before."""
        if self.closed.is_set():
            raise ClientClosed(CLOSED)
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise UsageError("used from a second event loop: make one client in each loop")

    async def close(self) -> None:
        """End all that is under way; the aiohttp session is closed only if it was made here."""
        self.closed.set()
        for gate in self._gates.values():
            gate.close()
        for until_closed in self._under_way:
            until_closed.reschedule(0)
        if self._owned and self._http is not None:
            await self._http.close()

    async def fetch(
        self, request: Request, read: Callable[[Request, Answer], T], *, lane: Lane = Lane.PROMPT
    ) -> T:
        """Send a GET, again where that may help, and read its answer with `read`."""

        async def once(budget: Budget) -> T:
            return read(request, await self.answer(request, lane, budget))

        return await self.insist(once)

    async def insist(self, once: Callable[[Budget], Awaitable[T]]) -> T:
        """Await `once`, and again while that may help and the budget lasts."""
        budget = self.budget()
        while True:
            try:
                return await once(budget)
            except FocusError as error:
                failure = error
            self.check_open()
            delay = budget.again(failure)
            if delay is None:
                # Without the inner frames: error reporters show local variables, and those hold
                # answers and addresses as they came.
                raise failure.with_traceback(None)
            await self.back_off(failure, delay)

    async def back_off(self, failure: FocusError, delay: float) -> None:
        """Wait before the next try. A 429 makes every request of the token wait, at the gate."""
        _log.warning("trying again in %.1f s: %s", delay, failure)
        if isinstance(failure, RateLimited):
            self._account.throttled(delay)
        else:
            await asyncio.sleep(delay)

    async def answer(self, request: Request, lane: Lane, budget: Budget) -> Answer:
        """Send a request once and read its answer; a refusal raises what it means."""
        async with (
            self.admitted(request, lane, budget) as grant,
            self.open(request, self._limit, grant) as response,
        ):
            await self.check(request, response)
            body = await _http.read(response, _JSON_BOUND, str(request))
            return Answer(response.status, response.headers, self._without_secrets(body))

    @contextmanager
    def sharing(self, share: Share) -> Iterator[Share]:
        """Have the requests of this block, and of the tasks it starts, be of this share."""
        token = _share.set({**_share.get(), self: share})
        try:
            yield share
        finally:
            _share.reset(token)

    @asynccontextmanager
    async def admitted(self, request: Request, lane: Lane, budget: Budget) -> AsyncIterator[Grant]:
        """A slot and a credit, for one request to the API."""
        self.check_open()
        share = _share.get().get(self)
        async with self._gate(share).admit(str(request), lane, budget) as grant:
            if share is not None:
                share.requests += 1
            try:
                async with asyncio.timeout(None) as until_closed:
                    self._under_way.add(until_closed)
                    yield grant
            except TimeoutError:
                if not until_closed.expired():
                    raise
            finally:
                self._under_way.discard(until_closed)
        if until_closed.expired():
            raise TransportError(f"{request}: cut, since the client was closed")

    def _gate(self, share: Share | None) -> Gate:
        # A queue of its own for each reserve: who leaves more must not hold up who leaves less.
        reserve = max(self._reserve, share.reserve if share else 0)
        if reserve not in self._gates:
            self._loop = asyncio.get_running_loop()
            self._gates[reserve] = Gate(self._account, slots=self._slots, reserve=reserve)
        return self._gates[reserve]

    @asynccontextmanager
    async def open(
        self, request: Request, limit: ClientTimeout, grant: Grant | None
    ) -> AsyncIterator[ClientResponse]:
        """Send a request: with a grant to the API, without one elsewhere and with no credentials.

        The block has the answer's status and headers, and reads its body.
        """
        try:
            response = await self._send(request, limit, self._with_token if grant else _ELSEWHERE)
        except TransportError as error:
            if grant is not None and not error.reached:
                grant.never_left()
            raise
        async with response:
            if grant is not None and response.status == 401:
                # Before its body is read: nobody may send this token meanwhile.
                self._account.refused(AuthenticationError(f"{request}: 401", status=401))
                await self.check(request, response)
            if grant is not None:
                grant.answered(response.headers)
            _log.debug("%s: %d", request, response.status)
            yield response

    async def check(self, request: Request, response: ClientResponse) -> None:
        """Raise what the API's answer means, unless it is 2xx."""
        if 200 <= response.status < 300:
            self._account.accepted()
            return
        body = b""
        # The status is the answer; that its words did not come must not hide it.
        with suppress(TransportError, InvalidResponse):
            body = await _http.read(response, _ERROR_BOUND, str(request))
        answer = Answer(response.status, response.headers, self._without_secrets(body))
        refusal = _wire.refusal(request, answer)
        if isinstance(refusal, AuthenticationError):
            self._account.refused(refusal)
        elif isinstance(refusal, RateLimited):
            # Also where it is raised: the calls that follow must not insist.
            self._account.throttled(refusal.retry_after or 0.0)
        elif 400 <= response.status < 500:
            self._account.accepted()
        raise refusal

    async def _send(
        self, request: Request, limit: ClientTimeout, middleware: ClientMiddlewareType
    ) -> ClientResponse:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        if self._http.closed:
            raise ClientClosed(f"{request}: the aiohttp session is closed")
        sending = self._http.request(
            request.method,
            request.url,
            data=request.body,
            headers=None if request.body is None else {hdrs.CONTENT_TYPE: "application/json"},
            allow_redirects=False,
            raise_for_status=False,
            auto_decompress=True,
            timeout=limit,
            middlewares=(middleware,),
        )
        try:
            return await _http.translated(sending, str(request))
        except ValueError as error:
            reason = str(error)
        raise UsageError(f"{request}: the aiohttp session that was given cannot send it: {reason}")


def _eraser(*secrets: str) -> Callable[[bytes], bytes]:
    """A function that erases the secrets from what a server echoes."""

    def erase(body: bytes) -> bytes:
        for secret in secrets:
            # The vendor's tokens have 32 characters; a short one of a test may be a common word.
            if len(secret) >= 8:
                body = body.replace(secret.encode(), b"***")
        return body

    return erase
