"""The incremental iterator: from a `versao` to the end of what the API has.

`advance` is the cursor's rules over one page, without I/O; `Sync` asks for page after page and
hands the documents out, so that each one handed out is a safe place to resume from.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from operator import attrgetter
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

import attrs

from focus_cte._cte import NO_VERSAO
from focus_cte._wire import header_int
from focus_cte.errors import CLOSED, ClientClosed, CursorStalled, InvalidDocument, UsageError
from focus_cte.models import CTeRecebida, Page

_log = logging.getLogger("focus_cte")

T = TypeVar("T")
OnInvalid: TypeAlias = Callable[[InvalidDocument], Awaitable[None] | None]
Fetch: TypeAlias = Callable[[int], Awaitable[Page]]


def advance(
    cursor: int, items: list[CTeRecebida | InvalidDocument], headers: Mapping[str, str]
) -> Page:
    """The page that an answer to "after `cursor`" is: each item once, rising, and the next cursor.

    The next cursor is the page's highest `versao`, which X-Max-Version is by the vendor's contract;
    the header counts only where no item has one. It never moves backwards.
    """
    ctes = [item for item in items if type(item) is CTeRecebida]
    odd = len(ctes) < len(items)
    invalid = [item for item in items if isinstance(item, InvalidDocument)] if odd else []
    versoes = list(map(_versao, ctes))
    if versoes != sorted(set(versoes)):
        ctes = sorted(dict.fromkeys(ctes), key=_versao)
    told = header_int(headers, "X-Max-Version")
    highest = [error.versao for error in invalid if error.versao != NO_VERSAO]
    seen = max([*highest, ctes[-1].versao] if ctes else highest, default=None)
    if items and seen is not None and told != seen:
        _log.warning(
            "X-Max-Version is %r where the page's highest versao is %d: going on from the page's",
            headers.get("X-Max-Version"),
            seen,
        )
    versao = max(cursor, (told or 0) if seen is None else seen) if items else cursor
    total = header_int(headers, "X-Total-Count")
    placed = [_placed(error, versao) for error in invalid]
    return Page(
        ctes=tuple(ctes),
        versao=versao,
        total=total,
        last=not items or (total == len(items) and _all_new(items, cursor)),
        invalid=tuple(sorted(placed, key=_versao)),
    )


def _all_new(items: list[CTeRecebida | InvalidDocument], cursor: int) -> bool:
    versoes = {item.versao for item in items}
    return len(versoes) == len(items) and min(versoes) > cursor


def fresh(page: Page, cursor: int) -> Page:
    """The page without what is not after `cursor`.

    A server that answers with more than it was asked for must not make documents come twice.
    """
    if not page.invalid and (not page.ctes or page.ctes[0].versao > cursor):
        return page
    ctes = (c for c in page.ctes if c.versao > cursor)
    invalid = (e for e in page.invalid if e.versao >= cursor)
    return attrs.evolve(page, ctes=tuple(ctes), invalid=tuple(invalid))


def steps(page: Page) -> Iterator[Page | InvalidDocument]:
    """The page cut at each invalid item, so that what was before it is handed out before it."""
    if not page.invalid:
        if page.ctes:
            yield page
        return
    left = page.ctes
    for error in page.invalid:
        before = tuple(cte for cte in left if cte.versao <= error.versao)
        if before:
            yield attrs.evolve(page, ctes=before, versao=before[-1].versao, last=False, invalid=())
        left = left[len(before) :]
        yield error
    yield attrs.evolve(page, ctes=left)


def _placed(error: InvalidDocument, versao: int) -> InvalidDocument:
    if error.versao != NO_VERSAO:
        return error
    return InvalidDocument(*error.args, raw=error.raw, versao=versao)


_versao: Callable[[CTeRecebida | InvalidDocument], int] = attrgetter("versao")


class Sync:
    """The documents after a `versao`, until the result set is exhausted; iterates once.

    `async for cte in sync` gives documents in rising `versao`, `sync.pages()` gives pages. Save
    `cte.versao` (or `page.versao`) with the document, after processing it: whoever resumes from
    there misses none and repeats none. A document that changes meanwhile comes again, with its new
    `versao`: upsert by `chave`.

    The vendor's order is trusted: if it made a lower `versao` visible after a higher one, no cursor
    would ever see it. Who cannot rule that out reads again from a little below the cursor.
    """

    def __init__(
        self,
        fetch: Fetch,
        versao: int,
        *,
        prefetch: bool,
        on_invalid: OnInvalid | None,
        closed: asyncio.Event,
        for_ever: bool = False,
    ) -> None:
        self.versao = versao
        """Everything up to here was handed out."""
        self.total: int | None = None
        """X-Total-Count of the first page, for progress bars."""
        self._fetch = fetch
        self._prefetch = prefetch
        self._on_invalid = on_invalid
        self._closed = closed
        self._for_ever = for_ever
        self._started = False
        self._entered = False
        self._running: Callable[[], AsyncGenerator[object, None] | None] = lambda: None

    def __aiter__(self) -> AsyncIterator[CTeRecebida]:
        return self._begin(self._items())

    def pages(self) -> AsyncIterator[Page]:
        """Pages instead of documents; an invalid item ends a page before it."""
        return self._begin(self._pages())

    async def aclose(self) -> None:
        """End the iteration: no request stays under way. `async with sync` does it too."""
        self._started = True
        if (running := self._running()) is not None:
            await running.aclose()

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _begin(self, generator: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        if self._started:
            raise UsageError(f"a Sync iterates once: make another with versao={self.versao}")
        self._started = True
        # Weakly, so that a loop left with `break` frees the generator, and that its lookahead;
        # but `async with` closes it itself, so that nothing is under way when it ends.
        self._running = (lambda: generator) if self._entered else weakref.ref(generator)
        return generator

    async def _items(self) -> AsyncGenerator[CTeRecebida, None]:
        closed = self._closed.is_set
        async with aclosing(self._steps()) as pages:
            async for page in pages:
                for cte in page.ctes:
                    if closed():
                        raise ClientClosed(CLOSED)
                    self.versao = cte.versao
                    yield cte
                self.versao = page.versao

    async def _pages(self) -> AsyncGenerator[Page, None]:
        async with aclosing(self._steps()) as pages:
            async for page in pages:
                if self._closed.is_set():
                    raise ClientClosed(CLOSED)
                self.versao = page.versao
                yield page

    async def _steps(self) -> AsyncGenerator[Page, None]:
        async with aclosing(self._answers()) as answers:
            async for answer in answers:
                for step in steps(answer):
                    if isinstance(step, Page):
                        yield step
                    elif self._on_invalid is None:
                        raise step
                    else:
                        pending = self._on_invalid(step)
                        if inspect.isawaitable(pending):
                            await pending
                        self.versao = max(self.versao, step.versao)

    async def _answers(self) -> AsyncGenerator[Page, None]:
        """Page after page as the API gives them, the next one asked for ahead of time."""
        cursor = self.versao
        ahead: _Lookahead | None = None
        try:
            while True:
                page = await (self._fetch(cursor) if ahead is None else ahead.page())
                ahead = None
                if self.total is None:
                    self.total = page.total
                stalled = page.versao <= cursor and bool(page.ctes or page.invalid)
                raises = bool(page.invalid) and self._on_invalid is None
                if self._prefetch and not (page.last or stalled or raises):
                    ahead = _Lookahead(self._fetch, page.versao)
                yield fresh(page, cursor)
                if stalled:
                    raise CursorStalled(
                        f"the API answered with documents up to versao {page.versao} to a request"
                        f" for those after {cursor}: asking again would loop for ever"
                    )
                if page.last and not self._for_ever:
                    return
                cursor = page.versao
        finally:
            if ahead is not None:
                await ahead.cancel()


class _Lookahead:
    """The next page, asked for as soon as the caller gives the event loop a turn.

    A caller that never does would gain nothing from the task, and is spared it.
    """

    def __init__(self, fetch: Fetch, versao: int) -> None:
        self._fetch = fetch
        self._versao = versao
        self._task: asyncio.Task[Page] | None = None
        self._turn = asyncio.get_running_loop().call_soon(self._start)

    async def page(self) -> Page:
        """The page, whether it was asked for or not."""
        self._turn.cancel()
        return await (self._fetch(self._versao) if self._task is None else self._task)

    async def cancel(self) -> None:
        """Leave nothing under way."""
        self._turn.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _start(self) -> None:
        self._task = asyncio.create_task(self._ask(), name="focus_cte lookahead")
        # An error that nobody waits for any more is no news.
        self._task.add_done_callback(lambda done: None if done.cancelled() else done.exception())

    async def _ask(self) -> Page:
        return await self._fetch(self._versao)
