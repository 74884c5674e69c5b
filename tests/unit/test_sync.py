"""The cursor's rules: over any server and any interruption, every document once, in rising order.

The server here is a function, not HTTP; `Sync` itself runs as it does in a client.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeAlias

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict
from samples import cte, invalid

from focus_cte import (
    ClientClosed,
    CTeRecebida,
    CursorStalled,
    FocusError,
    InvalidDocument,
    Page,
    ServerError,
    Sync,
    TransportError,
    UsageError,
)
from focus_cte.sync import Fetch, OnInvalid, advance, fresh, steps

Item: TypeAlias = CTeRecebida | InvalidDocument
Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]


def headers(**values: object) -> CIMultiDict[str]:
    names = {"highest": "X-Max-Version", "total": "X-Total-Count"}
    return CIMultiDict({names[name]: str(value) for name, value in values.items()})


def page(*items: Item, after: int = 0, **values: object) -> Page:
    return advance(after, list(items), headers(**values))


def make(
    fetch: Fetch, versao: int = 0, *, prefetch: bool = True, on_invalid: OnInvalid | None = None
) -> Sync:
    return Sync(fetch, versao, prefetch=prefetch, on_invalid=on_invalid, closed=asyncio.Event())


def versoes(items: object) -> list[int]:
    assert isinstance(items, list | tuple)
    return [item.versao for item in items]


def test_a_page_comes_in_rising_order() -> None:
    found = page(cte(3), cte(1), cte(2), highest=3)
    assert versoes(found.ctes) == [1, 2, 3]
    assert found.versao == 3


@pytest.mark.parametrize("told", [None, "", "abc", "-1", "1.5", "0", "2", "4", 2**63, "9" * 30])
def test_the_pages_highest_wins_over_the_header(
    told: object, caplog: pytest.LogCaptureFixture
) -> None:
    values = {} if told is None else {"highest": told}
    with caplog.at_level(logging.WARNING, "focus_cte"):
        assert page(cte(1), cte(3), **values).versao == 3
    (record,) = caplog.records
    assert "X-Max-Version" in record.getMessage()


def test_a_header_that_is_right_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "focus_cte"):
        page(cte(1), cte(3), highest=3)
        page()
        page(highest=9)
    assert caplog.records == []


@pytest.mark.parametrize("told", [None, "0", "7", "12"])
def test_an_empty_page_keeps_the_cursor_and_is_the_last(told: object) -> None:
    values = {} if told is None else {"highest": told}
    found = page(after=7, **values)
    assert (found.versao, found.last, found.ctes) == (7, True, ())


def test_the_cursor_never_moves_backwards() -> None:
    assert page(cte(3), after=7, highest=3).versao == 7


@pytest.mark.parametrize(
    ("total", "last"), [("2", True), ("3", False), ("1", False), ("", False), (None, False)]
)
def test_a_page_is_the_last_when_the_total_says_that_nothing_is_left(
    total: object, last: bool
) -> None:
    values = {} if total is None else {"total": total}
    found = page(cte(1), cte(2), highest=2, **values)
    assert found.last is last
    assert found.total == (int(str(total)) if total else None)


def test_invalid_items_count_for_cursor_and_total() -> None:
    found = page(cte(1), invalid(5), highest=5, total=2)
    assert (found.versao, found.last) == (5, True)
    assert versoes(found.invalid) == [5]


def test_an_item_without_versao_has_the_pages_cursor() -> None:
    raw = {"chave": "x"}
    found = page(invalid(raw=raw), cte(2), invalid(1), highest=2)
    assert versoes(found.invalid) == [1, 2]
    assert found.invalid[1].raw == raw
    assert str(found.invalid[1]) == "an item cannot be used"


def test_the_header_counts_where_no_item_has_a_versao() -> None:
    assert page(invalid(), after=3, highest=9).versao == 9
    assert page(invalid(), after=3, highest=2).versao == 3
    assert page(invalid(), after=3).versao == 3


def test_fresh_drops_what_is_not_after_the_cursor_and_what_is_repeated() -> None:
    found = page(cte(4), cte(7), cte(8), cte(8), invalid(2), invalid(9), highest=9)
    new = fresh(found, 5)
    assert versoes(new.ctes) == [7, 8]
    assert versoes(new.invalid) == [9]
    assert (new.versao, new.total, new.last) == (found.versao, found.total, found.last)


def test_fresh_leaves_a_good_page_alone() -> None:
    found = page(cte(6), cte(7), highest=7)
    assert fresh(found, 5) is found


def cut(found: Page) -> list[object]:
    return [
        part.versao if isinstance(part, InvalidDocument) else (versoes(part.ctes), part.versao)
        for part in steps(found)
    ]


@pytest.mark.parametrize(
    ("items", "parts"),
    [
        ([], []),
        ([cte(1), cte(2)], [([1, 2], 2)]),
        ([cte(1), invalid(2), cte(3)], [([1], 1), 2, ([3], 3)]),
        ([invalid(1), cte(2)], [1, ([2], 2)]),
        ([cte(1), invalid(2)], [([1], 1), 2, ([], 2)]),
        ([invalid(1), invalid(2)], [1, 2, ([], 2)]),
        ([cte(1), invalid(2), invalid(3), cte(4)], [([1], 1), 2, 3, ([4], 4)]),
        ([cte(1), invalid(), cte(2)], [([1, 2], 2), 2, ([], 2)]),
    ],
)
def test_a_page_is_cut_at_each_invalid_item(items: list[Item], parts: list[object]) -> None:
    assert cut(page(*items)) == parts


def test_only_the_last_part_of_a_cut_page_may_be_the_last() -> None:
    found = page(cte(1), invalid(2), cte(3), total=3)
    lasts = [part.last for part in steps(found) if isinstance(part, Page)]
    assert lasts == [False, True]
    assert all(not part.invalid for part in itertools.islice(steps(found), 1))


@attrs.define
class Server:
    """A vendor that keeps the contract in what it lists, and hardly in anything else."""

    items: list[Item]
    size: int = 100
    highest: str = "right"
    total: str = "after"
    shuffle: random.Random | None = None
    asked: list[int] = attrs.field(factory=list)

    async def fetch(self, versao: int) -> Page:
        self.asked.append(versao)
        await asyncio.sleep(0)
        known = sorted(self.items, key=lambda item: item.versao)
        after = [item for item in known if item.versao > versao]
        found = after[: self.size]
        top = max(versoes(found), default=versao)
        told = {
            "right": top,
            "absent": None,
            "garbage": "v12",
            "zero": 0,
            "too low": max(top - 1, 0),
            "too high": top + 1000,
            "before": versao,
        }[self.highest]
        counted = {"after": len(after), "all": len(known), "absent": None}[self.total]
        if self.shuffle is not None:
            self.shuffle.shuffle(found)
        values = {"highest": told, "total": counted}
        return advance(versao, found, headers(**{k: v for k, v in values.items() if v is not None}))

    def change(self, n: int) -> None:
        """The document at a place is changed, and so is listed anew, after all others."""
        old = self.items.pop(n)
        top = max(versoes([*self.items, old]))
        assert isinstance(old, CTeRecebida)
        self.items.append(attrs.evolve(old, versao=top + 1))

    def receive(self) -> None:
        top = max(versoes(self.items), default=0)
        self.items.append(cte(top + 1, 10**6 + top))


HIGHEST = ["right", "absent", "garbage", "zero", "too low", "too high", "before"]
TOTALS = ["after", "all", "absent"]


@st.composite
def servers(draw: st.DrawFn, bad: bool = False) -> Server:
    numbers = draw(st.lists(st.integers(1, 200), unique=True, max_size=25))
    spoilt = draw(st.sets(st.sampled_from(numbers))) if bad and numbers else set()
    return Server(
        items=[invalid(n) if n in spoilt else cte(n) for n in numbers],
        size=draw(st.integers(1, 12)),
        highest=draw(st.sampled_from(HIGHEST)),
        total=draw(st.sampled_from(TOTALS)),
        shuffle=random.Random(draw(st.integers(0, 99))),
    )


async def all_of(sync: Sync) -> list[int]:
    return [found.versao async for found in sync]


@given(servers(), st.booleans(), st.integers(0, 200))
def test_every_document_comes_once_in_rising_order(
    run: Run, server: Server, prefetch: bool, start: int
) -> None:
    sync = make(server.fetch, start, prefetch=prefetch)
    expected = [v for v in sorted(versoes(server.items)) if v > start]
    assert run(all_of(sync)) == expected
    assert sync.versao == max([start, *expected])
    assert len(server.asked) <= len(expected) // server.size + 2


@given(servers(), st.booleans(), st.lists(st.integers(1, 8), max_size=40), st.booleans())
def test_stopped_anywhere_and_resumed_none_is_missed_and_none_repeated(
    run: Run, server: Server, prefetch: bool, stops: list[int], from_sync: bool
) -> None:
    async def whole() -> list[int]:
        found: list[int] = []
        cursor = 0
        for stop in [*stops, 10**6]:
            sync = make(server.fetch, cursor, prefetch=prefetch)
            async with sync:
                async for one in sync:
                    found.append(one.versao)
                    stop -= 1
                    if not stop:
                        break
            cursor = sync.versao if from_sync else max(found, default=0)
        return found

    assert run(whole()) == sorted(versoes(server.items))


@given(servers(), st.booleans(), st.integers(1, 10))
def test_pages_join_up_to_the_same_documents(
    run: Run, server: Server, prefetch: bool, stop: int
) -> None:
    async def whole() -> list[Page]:
        sync = make(server.fetch, prefetch=prefetch)
        first = []
        async with sync:
            async for one in sync.pages():
                assert one.versao == sync.versao
                first.append(one)
                if len(first) == stop:
                    break
        return first + [one async for one in make(server.fetch, sync.versao).pages()]

    pages = run(whole())
    assert [v for one in pages for v in versoes(one.ctes)] == sorted(versoes(server.items))


@given(servers(), st.booleans(), st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12))
def test_what_changes_or_arrives_meanwhile_comes_too(
    run: Run, server: Server, prefetch: bool, events: list[tuple[int, bool]]
) -> None:
    async def whole() -> list[CTeRecebida]:
        found: list[CTeRecebida] = []
        coming = iter(events)
        async for one in make(server.fetch, prefetch=prefetch):
            found.append(one)
            for place, arrives in itertools.islice(coming, 1):
                server.receive() if arrives else server.change(place % len(server.items))
        # What came after the last page was listed is the next sync's.
        return found + [c async for c in make(server.fetch, max(versoes(found), default=0))]

    found = run(whole())
    assert versoes(found) == sorted(set(versoes(found)))
    assert {(c.chave, c.versao) for c in found} >= {(c.chave, c.versao) for c in server.items}


@given(servers(bad=True), st.booleans(), st.booleans(), st.booleans())
def test_invalid_items_are_told_at_their_place_and_the_sync_goes_on(
    run: Run, server: Server, prefetch: bool, awaited: bool, by_page: bool
) -> None:
    seen: list[Item] = []

    async def later(error: InvalidDocument) -> None:
        await asyncio.sleep(0)
        seen.append(error)

    async def whole() -> None:
        sync = make(server.fetch, prefetch=prefetch, on_invalid=later if awaited else seen.append)
        if by_page:
            async for one in sync.pages():
                seen.extend(one.ctes)
        else:
            async for cte in sync:
                seen.append(cte)
        assert sync.versao == max(versoes(server.items), default=0)

    run(whole())
    assert sorted(versoes(seen)) == versoes(seen) == sorted(versoes(server.items))
    kinds = {item.versao: type(item) for item in server.items}
    assert all(kinds[item.versao] is type(item) for item in seen)


@given(servers(bad=True), st.booleans(), st.booleans())
def test_whoever_resumes_past_an_invalid_item_misses_nothing_else(
    run: Run, server: Server, prefetch: bool, by_page: bool
) -> None:
    async def whole() -> list[Item]:
        seen: list[Item] = []
        cursor = 0
        while True:
            sync = make(server.fetch, cursor, prefetch=prefetch)
            try:
                if by_page:
                    async for one in sync.pages():
                        seen.extend(one.ctes)
                else:
                    async for cte in sync:
                        seen.append(cte)
            except InvalidDocument as error:
                seen.append(error)
                cursor = error.versao
            else:
                return seen

    assert versoes(run(whole())) == sorted(versoes(server.items))


def scripted(*answers: Page | Exception) -> tuple[Fetch, list[int]]:
    """A server that gives these answers in turn, and what it was asked."""
    asked: list[int] = []
    left = iter(answers)

    async def fetch(versao: int) -> Page:
        asked.append(versao)
        await asyncio.sleep(0)
        given = next(left)
        if isinstance(given, Exception):
            raise given
        return given

    return fetch, asked


async def gather(iterator: AsyncIterator[Any]) -> tuple[list[int], FocusError | None]:
    """What came, and the error that ended it."""
    found = []
    try:
        async for one in iterator:
            found.append(one.versao)
    except FocusError as error:
        return found, error
    return found, None


async def test_a_short_page_alone_does_not_end_it() -> None:
    fetch, asked = scripted(page(cte(1)), page(cte(2), after=1), page(after=2))
    assert await all_of(make(fetch)) == [1, 2]
    assert asked == [0, 1, 2]


async def test_a_total_that_says_that_nothing_is_left_saves_a_request() -> None:
    fetch, asked = scripted(page(cte(1), cte(2), total=2))
    assert await all_of(make(fetch)) == [1, 2]
    assert asked == [0]


async def test_the_total_is_that_of_the_first_page() -> None:
    fetch, _ = scripted(page(cte(1), total=2), page(cte(2), after=1, total=1))
    sync = make(fetch)
    assert sync.total is None
    await all_of(sync)
    assert sync.total == 2


@pytest.mark.parametrize("prefetch", [True, False])
async def test_a_server_that_ignores_versao_is_stopped_after_its_page_came_once(
    prefetch: bool,
) -> None:
    async def deaf(versao: int) -> Page:
        return page(cte(1), cte(2), after=versao)

    found, error = await gather(aiter(make(deaf, prefetch=prefetch)))
    assert found == [1, 2]
    assert isinstance(error, CursorStalled)


async def test_a_server_that_goes_back_is_stopped() -> None:
    fetch, asked = scripted(page(cte(5)), page(cte(3), after=5))
    found, error = await gather(aiter(make(fetch)))
    assert (found, type(error), asked) == ([5], CursorStalled, [0, 5])


@pytest.mark.parametrize("on_invalid", [None, lambda error: None])
async def test_a_page_of_nothing_but_unplaceable_items_does_not_loop(
    on_invalid: OnInvalid | None,
) -> None:
    fetch, asked = scripted(page(invalid(), after=4), page(invalid(), after=4))
    found, error = await gather(aiter(make(fetch, 4, on_invalid=on_invalid)))
    assert found == []
    assert type(error) is (InvalidDocument if on_invalid is None else CursorStalled)
    assert asked == [4]


async def test_overlapping_pages_repeat_nothing() -> None:
    fetch, _ = scripted(
        page(cte(1), cte(2)), page(cte(2), cte(3), after=2), page(cte(3), after=3, total=0)
    )
    found, error = await gather(aiter(make(fetch)))
    assert found == [1, 2, 3]
    assert isinstance(error, CursorStalled)


@pytest.mark.parametrize(
    "repeated",
    [
        [cte(1), cte(1), cte(2)],  # one document twice, and the third did not fit
        [invalid(1), invalid(1), cte(2)],
    ],
)
async def test_a_repeated_item_does_not_hide_that_something_is_left(repeated: list[Item]) -> None:
    fetch, _ = scripted(page(*repeated, total=3), page(cte(3), after=2, total=1))
    assert (await all_of(make(fetch, on_invalid=lambda error: None)))[-1] == 3


async def test_an_old_item_does_not_hide_that_something_is_left() -> None:
    # `versao` read as "from" instead of "after": the page has one that was handed out before.
    fetch, _ = scripted(page(cte(5), cte(6), after=5, total=2), page(cte(7), after=6, total=1))
    assert await all_of(make(fetch, 5)) == [6, 7]


async def test_the_same_document_twice_is_handed_out_once() -> None:
    fetch, _ = scripted(page(cte(1), cte(1), cte(2)), page(after=2))
    assert await all_of(make(fetch)) == [1, 2]


async def test_what_comes_before_an_invalid_item_comes_before_its_error() -> None:
    answer = page(cte(1), invalid(2), cte(3))
    sync = make(scripted(answer)[0])
    found, error = await gather(aiter(sync))
    assert (found, sync.versao) == ([1], 1)
    assert isinstance(error, InvalidDocument)
    assert error.versao == 2


async def test_pages_give_what_comes_before_an_invalid_item_as_a_page() -> None:
    sync = make(scripted(page(cte(1), cte(2), invalid(3), cte(4), total=4))[0])
    pages = sync.pages()
    first = await anext(pages)
    assert (versoes(first.ctes), first.versao, first.last) == ([1, 2], 2, False)
    with pytest.raises(InvalidDocument) as caught:
        await anext(pages)
    assert (caught.value.versao, sync.versao) == (3, 2)


async def test_an_item_without_versao_comes_after_all_the_others_of_its_page() -> None:
    fetch, _ = scripted(page(invalid(), cte(1), cte(2)))
    found, error = await gather(aiter(make(fetch)))
    assert found == [1, 2]
    assert isinstance(error, InvalidDocument)
    assert error.versao == 2


async def test_the_cursor_moves_past_an_invalid_item_only_after_it_was_dealt_with() -> None:
    at: list[int] = []

    async def deal(error: InvalidDocument) -> None:
        at.append(sync.versao)
        await asyncio.sleep(0)
        at.append(sync.versao)

    sync = make(scripted(page(cte(1), invalid(2), cte(3), total=3))[0], on_invalid=deal)
    after = [sync.versao async for _ in sync]
    assert (at, after) == ([1, 1], [1, 3])


async def test_an_error_of_on_invalid_ends_it_where_it_is() -> None:
    def refuse(error: InvalidDocument) -> None:
        raise KeyError("dead letters are full")

    sync = make(scripted(page(cte(1), invalid(2), cte(3)))[0], on_invalid=refuse)
    with pytest.raises(KeyError):
        await all_of(sync)
    assert sync.versao == 1


async def test_the_cursor_is_that_of_what_was_handed_out() -> None:
    sync = make(scripted(page(cte(1), cte(5), total=2))[0])
    assert sync.versao == 0
    assert [(c.versao, sync.versao) async for c in sync] == [(1, 1), (5, 5)]


class Pages:
    """A server of endless pages of one document, which notes when it is asked."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.asked: list[int] = []
        self.cancelled: list[int] = []
        self.fails_at = fails_at
        self.never = asyncio.Event()
        self.hangs_at: int | None = None

    async def fetch(self, versao: int) -> Page:
        self.asked.append(versao)
        try:
            await (self.never.wait() if versao == self.hangs_at else asyncio.sleep(0))
        except asyncio.CancelledError:
            self.cancelled.append(versao)
            raise
        if versao == self.fails_at:
            raise ServerError("down", status=503)
        return page(cte(versao + 1), after=versao)


async def ticks() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_never_more_than_one_page_is_asked_for_ahead() -> None:
    server = Pages()
    async for one in make(server.fetch):
        await ticks()
        assert server.asked == list(range(one.versao + 1))
        if one.versao == 5:
            break


async def test_without_prefetch_nothing_is_asked_for_ahead() -> None:
    server = Pages()
    async for one in make(server.fetch, prefetch=False):
        await ticks()
        assert server.asked == list(range(one.versao))
        if one.versao == 5:
            break


async def test_nothing_is_asked_before_the_iteration_begins() -> None:
    server = Pages()
    sync = make(server.fetch)
    iterator = aiter(sync)
    await ticks()
    assert server.asked == []
    await sync.aclose()
    assert [one async for one in iterator] == []


@pytest.mark.parametrize("how", ["last", "stalled", "invalid"])
async def test_no_request_is_wasted_where_none_can_follow(how: str) -> None:
    answer = {
        "last": page(cte(6), after=5, total=1),
        "stalled": page(cte(5), after=5),
        "invalid": page(cte(6), invalid(7), after=5),
    }[how]
    fetch, asked = scripted(answer)
    with suppress(CursorStalled, InvalidDocument):
        async for _ in make(fetch, 5).pages():
            await ticks()
    assert asked == [5]


async def test_the_lookaheads_error_comes_after_the_page_in_hand() -> None:
    server = Pages(fails_at=1)
    iterator = aiter(make(server.fetch))
    assert (await anext(iterator)).versao == 1
    await ticks()
    assert server.asked == [0, 1]
    with pytest.raises(ServerError):
        await anext(iterator)


async def test_a_failed_lookahead_that_nobody_asks_for_is_no_news() -> None:
    server = Pages(fails_at=1)
    async for _ in make(server.fetch):
        await ticks()
        break
    assert server.asked == [0, 1]


def leavings() -> Iterator[Callable[[Sync], Awaitable[None]]]:
    async def by_break(sync: Sync) -> None:
        async for _ in sync:
            break

    async def by_error(sync: Sync) -> None:
        with suppress(KeyError):
            async for _ in sync:
                raise KeyError

    async def by_aclose(sync: Sync) -> None:
        iterator = aiter(sync)
        await anext(iterator)
        await sync.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)

    async def by_async_with(sync: Sync) -> None:
        async with sync:
            async for _ in sync:
                break

    async def by_cancellation(sync: Sync) -> None:
        async def loop() -> None:
            async for _ in sync:
                pass

        task = asyncio.create_task(loop())
        await ticks()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def by_pages(sync: Sync) -> None:
        async for _ in sync.pages():
            break

    async def by_forgetting(sync: Sync) -> None:
        await anext(aiter(sync))

    yield from (by_break, by_error, by_aclose, by_async_with, by_cancellation, by_pages)
    yield by_forgetting


@pytest.mark.parametrize("leave", [*leavings()], ids=lambda leave: leave.__name__)
async def test_however_it_is_left_no_request_stays_under_way(
    leave: Callable[[Sync], Awaitable[None]],
) -> None:
    server = Pages()
    server.hangs_at = 1
    await leave(make(server.fetch))
    await ticks()
    assert server.cancelled == [versao for versao in server.asked if versao == 1]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_lookahead_that_did_not_begin_is_dropped_without_a_warning() -> None:
    server = Pages()
    sync = make(server.fetch)
    iterator = aiter(sync)
    await anext(iterator)
    await sync.aclose()
    assert server.asked == [0]


async def test_cancelled_while_the_first_page_is_under_way_it_leaves_nothing() -> None:
    server = Pages()
    server.hangs_at = 0
    task = asyncio.create_task(all_of(make(server.fetch)))
    await ticks()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.cancelled == [0]


@pytest.mark.parametrize("by_page", [True, False])
async def test_when_async_with_ends_nothing_is_under_way_any_more(by_page: bool) -> None:
    server = Pages()
    server.hangs_at = 1
    async with make(server.fetch) as sync:
        async for _ in sync.pages() if by_page else sync:
            await ticks()
            break
    assert server.cancelled == [1]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_it_iterates_once() -> None:
    for begin in (aiter, Sync.pages):
        for again in (aiter, Sync.pages):
            sync = make(scripted(page(cte(1), total=1))[0])
            await gather(begin(sync))
            with pytest.raises(UsageError, match="versao=1"):
                again(sync)


async def test_it_does_not_begin_after_it_was_closed() -> None:
    sync = make(scripted()[0])
    await sync.aclose()
    await sync.aclose()
    with pytest.raises(UsageError):
        aiter(sync)


async def test_a_client_closed_meanwhile_ends_it_at_the_next_item() -> None:
    for begin in (aiter, Sync.pages):
        closed = asyncio.Event()
        fetch, _ = scripted(page(cte(1), cte(2)), page(cte(3), after=2))
        sync = Sync(fetch, 0, prefetch=True, on_invalid=None, closed=closed)
        iterator = begin(sync)
        await anext(iterator)
        closed.set()
        with pytest.raises(ClientClosed):
            await anext(iterator)


async def test_a_failure_leaves_a_cursor_to_resume_from() -> None:
    fetch, _ = scripted(page(cte(1), cte(2)), TransportError("reset"))
    sync = make(fetch)
    found, error = await gather(aiter(sync))
    assert (found, sync.versao, type(error)) == ([1, 2], 2, TransportError)


@given(
    st.lists(
        st.integers(0, 30).map(cte) | st.none().map(invalid) | st.integers(0, 30).map(invalid)
    ),
    st.integers(0, 40),
    st.text(max_size=5) | st.integers(-2, 60).map(str),
    st.text(max_size=5) | st.integers(-2, 60).map(str),
)
@example([], 3, "9", "0")
def test_any_answer_makes_a_page_whose_parts_are_all_of_it(
    items: list[Item], cursor: int, highest: str, total: str
) -> None:
    found = advance(cursor, items, headers(highest=highest, total=total))
    assert found.versao >= cursor
    assert len(found.ctes) == len(set(found.ctes))
    assert set(found.ctes) == {item for item in items if isinstance(item, CTeRecebida)}
    assert len(found.invalid) == sum(isinstance(item, InvalidDocument) for item in items)
    assert versoes(found.ctes) == sorted(versoes(found.ctes))
    assert all(error.versao >= 0 for error in found.invalid)
    parts = list(steps(found))
    ctes = [one for part in parts if isinstance(part, Page) for one in part.ctes]
    assert tuple(ctes) == found.ctes
    assert tuple(part for part in parts if not isinstance(part, Page)) == found.invalid
    order = [v for p in parts for v in (versoes(p.ctes) if isinstance(p, Page) else [p.versao])]
    assert order == sorted(order)
