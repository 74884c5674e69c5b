"""What every test has: nothing left behind, no memory of the last test, and the two fake APIs.

`mocked` answers single calls without a socket (it knows neither client middlewares nor time limits,
so no credentials are seen there); `sandbox` is a whole API on real sockets, and `focus` its client.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from aioresponses import aioresponses as Mocked
from hypothesis import settings

from focus_cte import FocusCTe, Retry, _accounts
from focus_cte.sandbox import Sandbox

T = TypeVar("T")

settings.register_profile(
    "focus_cte", deadline=None, max_examples=150, derandomize="CI" in os.environ
)
settings.load_profile("focus_cte")

_TICKS = 10
"""Loop ticks in which what was abandoned ends: each layer of an async generator takes a few."""
_PATIENCE = 1.0
"""Seconds for what needs the operating system: a socket that closes, a thread that ends."""


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a task, a connection, or an error that nobody saw.

    Set up before the fixtures that a test names, and so torn down after them.
    """
    # What there was before is looked at no more: it is not this test's, and it takes time.
    gc.collect()
    gc.freeze()
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("_nothing_left_in_the_loop")
    yield
    # pytest makes failures of what goes wrong in finalisers, ResourceWarning included.
    gc.collect()
    assert _open() == []


@pytest.fixture
async def _nothing_left_in_the_loop() -> AsyncIterator[None]:
    left = _Leftovers()
    yield
    await left.check()


@pytest.fixture(scope="session")
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run a coroutine in a loop of its own, with the checks that an async test gets."""

    async def checked(coroutine: Coroutine[Any, Any, T]) -> T:
        left = _Leftovers()
        try:
            return await asyncio.create_task(coroutine)
        finally:
            await left.check()

    return lambda coroutine: asyncio.run(checked(coroutine))


class _Leftovers:
    """What is left in the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unseen: list[dict[str, Any]] = []
        """What the loop's exception handler is told, such as exceptions never retrieved."""
        self._loop.set_exception_handler(lambda _, context: self._unseen.append(context))

    async def check(self) -> None:
        """Fail if anything is; what ends by itself has a moment to do so."""
        deadline = self._loop.time() + _PATIENCE
        while True:
            gc.collect()
            for _ in range(_TICKS):
                await asyncio.sleep(0)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            if not (tasks or _open()) or self._loop.time() > deadline:
                break
            await asyncio.sleep(0.005)
        gc.collect()  # that nobody saw an exception is known when its task is gone
        assert tasks == set()
        assert _open() == []
        assert self._unseen == []


def _open() -> list[object]:
    """The aiohttp sessions and the transports that nobody closed."""
    return [thing for thing in gc.get_objects() if _is_open(thing)]


def _is_open(thing: object) -> bool:
    # By type(): what pretends to be of another class, such as a mock, is not asked.
    kind = type(thing)
    if issubclass(kind, aiohttp.ClientSession):
        return not thing.closed
    return issubclass(kind, asyncio.BaseTransport) and not thing.is_closing()


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    """The process knows no token: neither its credits nor a refusal."""
    _accounts._accounts.clear()
    yield
    _accounts._accounts.clear()


class _Response(aiohttp.ClientResponse):
    """What aioresponses 0.7 makes, with what aiohttp 3.14 wants besides."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


def _reader(loop: Any = None) -> aiohttp.StreamReader:
    # The whole body is fed at once: past its limit the reader asks the protocol to pause.
    return aiohttp.StreamReader(Mock(_reading_paused=False), limit=2**16, loop=loop)


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mocked]:
    """aioresponses, for single calls without a socket. A URL that it does not know is refused."""
    monkeypatch.setattr(aioresponses.core, "ClientResponse", _Response)
    monkeypatch.setattr(aioresponses.core, "stream_reader_factory", _reader)
    with Mocked() as mocked:
        yield mocked


@pytest.fixture(scope="session")
def fast_retry() -> Retry:
    """As many tries as by default, with waits of milliseconds."""
    return Retry(attempts=4, total=5.0, initial=0.001, maximum=0.004)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A Focus API on real sockets: 250 documents, 100 credits a minute."""
    async with Sandbox(ctes=250) as opened:
        yield opened


@pytest.fixture
async def focus(sandbox: Sandbox, fast_retry: Retry) -> AsyncIterator[FocusCTe]:
    """A client of the sandbox."""
    async with FocusCTe(sandbox.token, base_url=sandbox.url, retry=fast_retry) as opened:
        yield opened
