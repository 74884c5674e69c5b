"""The sync over real sockets: every document once, whatever the server says of its cursor."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from aiohttp import web
from servers import (
    CNPJ,
    Api,
    Vendor,
    always,
    client_of,
    cut,
    eventually,
    in_use,
    reset,
    serving,
    silent,
)

from focus_cte import (
    ClientClosed,
    CTeRecebida,
    CursorStalled,
    FocusCTe,
    InvalidDocument,
    InvalidResponse,
    NotFound,
    Page,
    ServerError,
)
from focus_cte.sandbox import Sandbox

T = TypeVar("T")
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


async def everything(client: FocusCTe, cnpj: str, **options: Any) -> list[CTeRecebida]:
    return [cte async for cte in client.sync(cnpj, **options)]


async def collect(items: AsyncIterable[T], into: list[T]) -> None:
    """Everything up to the end or the error."""
    async for item in items:
        into.append(item)


def keys(ctes: list[CTeRecebida]) -> list[str]:
    return [cte.chave for cte in ctes]


@asynccontextmanager
async def many(documents: int, server: str) -> AsyncIterator[tuple[Api, str, list[str], list[Any]]]:
    """So many documents on the sandbox or on the stand-in: server, CNPJ, keys, its requests."""
    if server == "sandbox":
        async with Sandbox(ctes=documents, credits=None) as sandbox:
            yield sandbox, sandbox.cnpj, list(sandbox.chaves), sandbox.requests
    else:
        vendor = Vendor(documents)
        async with serving(vendor) as origin:
            yield origin, CNPJ, list(vendor.state), origin.requests


@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("server", ["sandbox", "stand-in"])
async def test_1234_documents_cost_exactly_13_listings_and_come_once_each(
    server: str, prefetch: bool
) -> None:
    async with many(1234, server) as (api, cnpj, chaves, requests), client_of(api) as client:
        ctes = await everything(client, cnpj, prefetch=prefetch)

        assert keys(ctes) == chaves
        assert len(requests) == 13
        assert [cte.versao for cte in ctes] == sorted({cte.versao for cte in ctes})


async def test_a_sync_stopped_at_any_item_and_resumed_from_its_versao_repeats_and_misses_none() -> (
    None
):
    async with Sandbox(ctes=23, page=5, credits=None) as sandbox, client_of(sandbox) as client:
        for stop in range(24):
            got: list[str] = []
            sync = client.sync(sandbox.cnpj)
            async with sync:
                async for cte in sync:
                    if len(got) == stop:
                        break
                    got.append(cte.chave)
                    done = cte.versao
            resumed = await everything(client, sandbox.cnpj, versao=done if got else 0)
            assert got + keys(resumed) == list(sandbox.chaves), f"stopped at {stop}"


@pytest.mark.parametrize("stop", [1, 50, 99, 100, 101, 1200, 1233, 1234])
async def test_1234_documents_resume_from_sync_versao(stop: int) -> None:
    vendor = Vendor(1234)
    async with serving(vendor) as origin, client_of(origin) as client:
        sync = client.sync(CNPJ)
        got = []
        async with sync:
            async for cte in sync:
                got.append(cte.chave)
                if len(got) == stop:
                    break
        resumed = await everything(client, CNPJ, versao=sync.versao)
        assert got + keys(resumed) == list(vendor.state)


async def test_pages_resume_from_their_versao() -> None:
    vendor = Vendor(330)
    async with serving(vendor) as origin, client_of(origin) as client:
        pages = [page async for page in client.sync(CNPJ).pages()]
        assert [len(page.ctes) for page in pages] == [100, 100, 100, 30]
        for before, page in pairwise(pages):
            assert (await client.listar(CNPJ, versao=before.versao)).ctes == page.ctes


@pytest.mark.parametrize("total", ["after", "all", None, "0", "1", "many", "-1", "1e3", "9" * 40])
async def test_no_x_total_count_loses_a_document(total: str | None) -> None:
    vendor = Vendor(250, total=total)
    async with serving(vendor) as origin, client_of(origin) as client:
        assert keys(await everything(client, CNPJ)) == list(vendor.state)
        # A place where "after" and "all" differ, in the middle of the last page.
        late = sorted(vendor.state.values())[240]
        assert len(await everything(client, CNPJ, versao=late)) == 9


@pytest.mark.parametrize(
    "maximum",
    [
        pytest.param(lambda highest: None, id="absent"),
        pytest.param(lambda highest: "garbage", id="garbage"),
        pytest.param(lambda highest: "", id="empty"),
        pytest.param(lambda highest: f"{highest}.0", id="decimal"),
        pytest.param(lambda highest: "-1", id="negative"),
        pytest.param(lambda highest: "9" * 40, id="huge"),
        pytest.param(lambda highest: "٣", id="digits of another script"),
        pytest.param(lambda highest: "0", id="zero"),
        pytest.param(lambda highest: str(highest - 100), id="too low"),
        pytest.param(lambda highest: str(highest - 1), id="one too low"),
        pytest.param(lambda highest: str(highest + 1), id="one beyond"),
        pytest.param(lambda highest: str(highest + 10**9), id="beyond the page"),
    ],
)
@pytest.mark.parametrize("total", ["after", "all", None])
async def test_no_x_max_version_loses_or_repeats_a_document(
    maximum: Any, total: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    vendor = Vendor(250, total=total, maximum=maximum)
    async with serving(vendor) as origin, client_of(origin) as client:
        assert keys(await everything(client, CNPJ)) == list(vendor.state)
        told = [r for r in caplog.records if "X-Max-Version" in r.message]
        assert told
        assert {r.levelno for r in told} == {logging.WARNING}


@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("total", ["after", None])
async def test_a_server_that_ignores_versao_raises_after_the_first_page_was_handed_out_once(
    total: str | None, prefetch: bool
) -> None:
    vendor = Vendor(250, obeys=False, total=total)
    async with serving(vendor) as origin, client_of(origin) as client:
        got: list[CTeRecebida] = []
        with pytest.raises(CursorStalled, match="loop"):
            await collect(client.sync(CNPJ, prefetch=prefetch), got)
        assert keys(got) == list(vendor.state)[:100]
        assert len(origin.requests) == 2


async def test_pages_of_a_server_that_ignores_versao_come_once() -> None:
    vendor = Vendor(250, obeys=False)
    async with serving(vendor) as origin, client_of(origin) as client:
        pages: list[Page] = []
        with pytest.raises(CursorStalled):
            await collect(client.sync(CNPJ).pages(), pages)
        assert [len(page.ctes) for page in pages] == [100]


async def test_a_stalled_cursor_is_seen_from_a_stored_versao_too() -> None:
    vendor = Vendor(250, obeys=False)
    highest = max(vendor.state.values())
    async with serving(vendor) as origin, client_of(origin) as client:
        with pytest.raises(CursorStalled):
            await everything(client, CNPJ, versao=highest)


FAULTS = {
    "cut": {},
    "cut at once": {"kind": "cut", "keep": 0},
    "reset": {},
    "reset_after": {},
    "status": {"status": 503},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>"},
    "504": {"kind": "status", "status": 504},
    "html": {},
    "null": {"kind": "status", "status": 200, "body": "null"},
    "an object": {"kind": "status", "status": 200, "body": "{}"},
    "empty": {"kind": "status", "status": 200, "body": ""},
}


@pytest.mark.parametrize("page", [0, 1, 2])
@pytest.mark.parametrize("name", FAULTS)
async def test_a_page_that_came_broken_is_asked_for_again(name: str, page: int) -> None:
    fault = dict(FAULTS[name])
    async with Sandbox(ctes=12, page=5, credits=None) as sandbox, client_of(sandbox) as client:
        got = []
        sync = client.sync(sandbox.cnpj, prefetch=False)
        async with sync:
            if page == 0:
                sandbox.fail(fault.pop("kind", name), on="listing", **fault)
            async for cte in sync:
                got.append(cte.chave)
                if len(got) == 5 * page:
                    sandbox.fail(fault.pop("kind", name), on="listing", **fault)
        assert got == list(sandbox.chaves)
        assert len(sandbox.requests) == 4
        assert sandbox.faults_left == 0


@pytest.mark.parametrize("kind", ["unsorted", "chave_cte", "chave_acesso"])
async def test_documents_come_in_rising_versao_whatever_the_page_looks_like(kind: str) -> None:
    async with Sandbox(ctes=250, credits=None) as sandbox, client_of(sandbox) as client:
        sandbox.fail(kind, on="listing", times=3)
        assert keys(await everything(client, sandbox.cnpj)) == list(sandbox.chaves)
        assert sandbox.faults_left == 0


async def test_a_page_that_repeats_what_was_handed_out_gives_only_the_rest() -> None:
    vendor = Vendor(150, total=None)

    async def overlapping(request: web.Request) -> web.StreamResponse:
        """Answers with what is greater than *or equal to* `versao`, and some of it twice."""
        answer = await vendor(request)
        items = json.loads(answer.text or "")
        after = int(request.query["versao"])
        repeated = [
            {"chave": chave, "versao": versao}
            for chave, versao in vendor.state.items()
            if after - 9 < versao <= after
        ]
        answer.text = json.dumps(items[:2] + repeated + items)
        return answer

    async with serving(overlapping) as origin, client_of(origin) as client:
        got: list[CTeRecebida] = []
        # At its end such a server says what was there already, for ever.
        with pytest.raises(CursorStalled):
            await collect(client.sync(CNPJ), got)
        assert keys(got) == list(vendor.state)


async def test_documents_that_arrive_or_change_during_the_sync_come_at_their_new_versao() -> None:
    async with Sandbox(ctes=12, page=5, credits=None) as sandbox, client_of(sandbox) as client:
        got: list[CTeRecebida] = []
        first, *_, last = sandbox.chaves
        async for cte in client.sync(sandbox.cnpj):
            got.append(cte)
            if len(got) == 2:
                sandbox.correct(first)
                sandbox.correct(last)
                new = sandbox.receive(2)
        newest = {cte.chave: cte for cte in got}
        assert set(newest) == {*sandbox.chaves}
        assert set(new) <= set(newest)
        assert newest[first].carta_correcao
        assert newest[last].carta_correcao
        assert keys(got).count(first) == 2
        assert [cte.versao for cte in got] == sorted({cte.versao for cte in got})
        assert await everything(client, sandbox.cnpj, versao=got[-1].versao) == []


async def test_only_what_changed_comes_after_the_stored_versao() -> None:
    async with Sandbox(ctes=250, credits=None) as sandbox, client_of(sandbox) as client:
        stored = (await everything(client, sandbox.cnpj))[-1].versao
        changed = [sandbox.chaves[0], sandbox.chaves[1], sandbox.chaves[2]]
        sandbox.correct(changed[0])
        sandbox.correct(changed[1])
        sandbox.cancel(changed[2])
        changed += sandbox.receive(3)
        assert keys(await everything(client, sandbox.cnpj, versao=stored)) == changed


async def test_an_empty_listing_without_x_max_version_keeps_the_cursor() -> None:
    async with serving(Vendor(0)) as origin, client_of(origin) as client:
        sync = client.sync(CNPJ, versao=77)
        assert [cte async for cte in sync] == []
        assert sync.versao == 77
        page = await client.listar(CNPJ, versao=77)
        assert (page.versao, page.last) == (77, True)


async def test_an_item_without_a_key_raises_at_its_place_and_names_where_to_resume() -> None:
    async with Sandbox(ctes=12, page=5, credits=None) as sandbox, client_of(sandbox) as client:
        sandbox.fail("item", on="listing", index=2, fields={"chave": "35"})
        got: list[CTeRecebida] = []
        with pytest.raises(InvalidDocument) as caught:
            await collect(client.sync(sandbox.cnpj), got)
        assert keys(got) == list(sandbox.chaves[:2])
        assert caught.value.raw["chave"] == "35"
        rest = await everything(client, sandbox.cnpj, versao=caught.value.versao)
        assert keys(rest) == list(sandbox.chaves[3:])


async def test_with_on_invalid_the_sync_goes_on_past_the_item() -> None:
    async with Sandbox(ctes=12, page=5, credits=None) as sandbox, client_of(sandbox) as client:
        sandbox.fail("item", on="listing", index=2, replace=None)
        seen: list[InvalidDocument] = []

        async def keep(error: InvalidDocument) -> None:
            seen.append(error)

        got = keys(await everything(client, sandbox.cnpj, on_invalid=keep))
        assert got == [*sandbox.chaves[:2], *sandbox.chaves[3:]]
        assert [error.raw for error in seen] == [None]


async def test_the_lookaheads_error_waits_until_the_page_in_hand_was_given_out() -> None:
    async with Sandbox(ctes=12, page=5, credits=None) as sandbox, client_of(sandbox) as client:
        got: list[CTeRecebida] = []
        documents = aiter(client.sync(sandbox.cnpj))
        got.append(await anext(documents))
        sandbox.fail("status", on="listing", status=503, times=9)
        await asyncio.sleep(0.05)  # what was asked for ahead has failed by now
        with pytest.raises(ServerError):
            await collect(documents, got)
        assert keys(got) == list(sandbox.chaves[:5])


async def never_answered_again(request: web.Request) -> web.StreamResponse:
    """The first page, and silence instead of the second."""
    if request.query["versao"] == "0":
        return await Vendor(150)(request)
    return await silent(request, b"[")


def lookaheads() -> int:
    return sum("focus_cte" in task.get_name() for task in asyncio.all_tasks())


class Stop(Exception):
    pass


@pytest.mark.parametrize("way", ["break", "exception", "cancellation", "aclose", "forgotten"])
async def test_a_loop_that_is_left_leaves_no_task_and_no_connection(way: str) -> None:
    async with serving(never_answered_again) as origin, aiohttp.ClientSession() as session:
        client = client_of(origin, session=session)

        async def loop() -> None:
            sync = client.sync(CNPJ)
            async for _ in sync:
                await eventually(lambda: len(origin.requests) == 2)
                assert lookaheads() == 1
                if way == "break":
                    break
                if way == "exception":
                    raise Stop
                if way == "cancellation":
                    await asyncio.Event().wait()
                if way == "aclose":
                    await sync.aclose()
                if way == "forgotten":
                    return

        task = asyncio.create_task(loop())
        await eventually(lambda: len(origin.requests) == 2)
        if way == "cancellation":
            task.cancel()
        await asyncio.wait([task])
        if way in ("exception", "cancellation"):
            with pytest.raises((Stop, asyncio.CancelledError)):
                task.result()
        gc.collect()
        await eventually(lambda: lookaheads() == 0 and in_use(session) == 0)
        assert len(origin.requests) == 2
        assert not session.closed
        await client.close()


async def test_a_loop_that_is_left_before_the_lookahead_began_leaves_no_coroutine(
    sandbox: Sandbox,
) -> None:
    async with client_of(sandbox) as client:
        sync = client.sync(sandbox.cnpj)
        documents = aiter(sync)
        await anext(documents)
        await sync.aclose()
        assert len(sandbox.requests) == 1


async def test_an_iterator_that_nobody_finishes_is_cleaned_up_by_the_garbage_collector() -> None:
    async with serving(never_answered_again) as origin, aiohttp.ClientSession() as session:
        client = client_of(origin, session=session)
        iterator = aiter(client.sync(CNPJ))
        await anext(iterator)
        await eventually(lambda: len(origin.requests) == 2)
        del iterator
        gc.collect()
        await eventually(lambda: lookaheads() == 0 and in_use(session) == 0)
        assert len(origin.requests) == 2


async def test_a_loop_cancelled_while_it_waits_for_a_page_leaves_nothing() -> None:
    async with serving(never_answered_again) as origin, aiohttp.ClientSession() as session:
        client = client_of(origin, session=session)
        task = asyncio.create_task(everything(client, CNPJ))
        await eventually(lambda: len(origin.requests) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: lookaheads() == 0 and in_use(session) == 0)


@pytest.mark.parametrize(("prefetch", "most"), [(True, 2), (False, 1)])
async def test_a_break_wastes_at_most_one_request_and_none_without_lookahead(
    prefetch: bool, most: int
) -> None:
    async with Sandbox(ctes=250, credits=None) as sandbox, client_of(sandbox) as client:
        async for _ in client.sync(sandbox.cnpj, prefetch=prefetch):
            await asyncio.sleep(0.02)
            break
        assert len(sandbox.requests) <= most


@pytest.mark.parametrize("prefetch", [True, False])
async def test_nothing_is_held_open_while_the_caller_works(prefetch: bool) -> None:
    async with Sandbox(ctes=250, credits=None) as sandbox, aiohttp.ClientSession() as session:
        client = client_of(sandbox, session=session)
        async for page in client.sync(sandbox.cnpj, prefetch=prefetch).pages():
            await eventually(lambda: in_use(session) == 0)
            assert page.ctes


@pytest.mark.parametrize("prefetch", [True, False])
async def test_a_client_closed_in_the_middle_of_a_loop_raises_at_its_next_item(
    prefetch: bool,
) -> None:
    async with Sandbox(ctes=250, credits=None) as sandbox, client_of(sandbox) as client:
        documents = aiter(client.sync(sandbox.cnpj, prefetch=prefetch))
        assert (await anext(documents)).chave == sandbox.chaves[0]
        await client.close()
        with pytest.raises(ClientClosed):
            await anext(documents)


@pytest.mark.parametrize("wait", ["for the headers", "for the body"])
@pytest.mark.parametrize("borrowed", [False, True])
async def test_closing_the_client_ends_what_is_under_way(borrowed: bool, wait: str) -> None:
    async def never_whole(request: web.Request) -> web.StreamResponse:
        return await silent(request, b"[" if wait == "for the body" else None)

    async with serving(never_whole) as origin, aiohttp.ClientSession() as session:
        client = client_of(origin, session=session if borrowed else None)
        task = asyncio.create_task(everything(client, CNPJ))
        await eventually(lambda: len(origin.requests) == 1)
        await asyncio.sleep(0.02)  # for the headers to arrive
        await client.close()
        done, _ = await asyncio.wait([task], timeout=1)
        task.cancel()
        assert done, "it goes on until its time limit"
        with pytest.raises(ClientClosed):
            task.result()
        assert not session.closed


async def test_a_listing_of_another_shape_says_whose_and_where() -> None:
    page = always("<html>", content_type="text/html")
    async with serving(page) as origin, client_of(origin) as client:
        with pytest.raises(InvalidResponse) as caught:
            await client.listar(CNPJ)
    assert CNPJ in str(caught.value)
    assert origin.url in str(caught.value)
    assert "text/html" in str(caught.value)


async def test_a_page_cut_and_reset_and_cut_again_is_whole_in_the_end() -> None:
    vendor = Vendor(30)
    breakage = [cut, reset, cut]

    async def unlucky(request: web.Request) -> web.StreamResponse:
        if not breakage:
            return await vendor(request)
        kind = breakage.pop()
        if kind is reset:
            return reset(request)
        whole = await vendor(request)
        assert isinstance(whole.body, bytes)
        return await cut(request, whole.body[:500])

    async with serving(unlucky) as origin, client_of(origin) as client:
        assert keys(await everything(client, CNPJ)) == list(vendor.state)


async def test_real_files_come_back_byte_for_byte() -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"{SAMPLES} does not exist")
    files = {path.name: path.read_bytes() for path in SAMPLES.glob("*.xml")}
    async with Sandbox(acervo=SAMPLES, credits=None) as sandbox, client_of(sandbox) as client:
        ctes = await everything(client, sandbox.cnpj)
        assert keys(ctes) == list(sandbox.chaves)
        back = set()
        for cte in ctes:
            for download in (
                client.baixar_xml,
                client.baixar_xml_cancelamento,
                client.baixar_xml_carta_correcao,
            ):
                with suppress(NotFound):
                    back.add(await download(cte.chave))
    for name, content in files.items():
        assert (content in back) != (name in sandbox.skipped), name
    assert any(content in back for content in files.values())
    print(f"given back byte for byte: {len(back)} files; skipped: {sandbox.skipped}")
