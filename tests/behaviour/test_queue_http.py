"""Waiting for slots and credits: who goes first, and that waiting is never a failure."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from servers import CHAVE, CNPJ, PDF, QUICK, TEXTO, always, client_of, eventually, serving

from focus_cte import NotFound, RateLimited, Retry, ServerError, UsageError
from focus_cte.sandbox import Sandbox


def told(remaining: int, reset: int, limit: int = 100) -> dict[str, str]:
    """The headers of a window."""
    return {
        "Rate-Limit-Limit": str(limit),
        "Rate-Limit-Remaining": str(remaining),
        "Rate-Limit-Reset": str(reset),
    }


def statuses(sandbox: Sandbox) -> Counter[int | None]:
    return Counter(seen.status for seen in sandbox.requests)


@pytest.mark.parametrize("slots", [1, 8])
async def test_30_downloads_behind_an_exhausted_window_do_not_hold_back_a_listing(
    slots: int,
) -> None:
    async with (
        Sandbox(ctes=40, credits=4, window=1) as sandbox,
        client_of(sandbox, max_concurrency=slots) as client,
    ):
        for chave in sandbox.chaves[:4]:
            await client.consultar(chave)
        downloads = [asyncio.create_task(client.baixar_xml(chave)) for chave in sandbox.chaves[:30]]
        await asyncio.sleep(0.02)
        before = len(sandbox.requests)
        assert (await client.listar(sandbox.cnpj)).ctes
        done = sum(task.done() for task in downloads)
        for task in downloads:
            task.cancel()
        await asyncio.gather(*downloads, return_exceptions=True)
        paths = [seen.path for seen in sandbox.requests[before:]]
        assert paths.index("/v2/ctes_recebidas") <= 1
        assert done <= 5
        assert statuses(sandbox)[429] == 0


async def test_downloads_keep_a_share_while_listings_go_on() -> None:
    async with (
        Sandbox(ctes=5, credits=None) as sandbox,
        client_of(sandbox, max_concurrency=1) as client,
    ):
        calls = [asyncio.create_task(client.consultar(sandbox.chaves[1])) for _ in range(50)]
        await asyncio.sleep(0)
        await client.baixar_xml(sandbox.chaves[0])
        assert not calls[-1].done()
        await asyncio.gather(*calls)


async def test_time_in_the_queue_never_makes_a_call_fail() -> None:
    retry = Retry(attempts=1, total=0.05, initial=0.001)
    async with (
        Sandbox(ctes=3, credits=5, window=1.0) as sandbox,
        client_of(sandbox, timeout=0.3, retry=retry) as client,
    ):
        calls: list[Any] = [client.consultar(sandbox.chaves[0]) for _ in range(4)]
        calls += [client.baixar_dacte(sandbox.chaves[0]), client.listar(sandbox.cnpj)]
        calls += [client.informar_desacordo(sandbox.chaves[0], TEXTO)]
        await asyncio.gather(*calls)
        assert statuses(sandbox)[429] == 0
        assert sum(seen.method == "POST" for seen in sandbox.requests) == 1


async def test_time_in_the_queue_is_not_taken_from_the_retries() -> None:
    retry = Retry(attempts=2, total=0.5, initial=0.001, maximum=0.001)
    async with Sandbox(ctes=3, credits=2, window=1.0) as sandbox, client_of(sandbox) as other:
        await other.consultar(sandbox.chaves[0])
        await other.consultar(sandbox.chaves[0])
        sandbox.fail("html", on="listing")
        async with client_of(sandbox, retry=retry) as client:
            assert (await client.listar(sandbox.cnpj)).ctes
        assert sandbox.faults_left == 0


async def test_time_in_the_queue_for_a_slot_never_makes_a_call_fail() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.06)
        return web.Response(text="[]", content_type="application/json")

    retry = Retry(attempts=1, total=0.1, initial=0.001)
    async with (
        serving(slow) as api,
        client_of(api, timeout=0.25, max_concurrency=1, retry=retry) as client,
    ):
        await asyncio.gather(*(client.listar(CNPJ) for _ in range(10)))
    assert len(api.requests) == 10


async def test_a_429_waits_as_long_as_it_asks_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    at: list[float] = []

    async def once(request: web.Request) -> web.StreamResponse:
        at.append(loop.time())
        if len(at) == 1:
            return web.json_response(
                {"codigo": "limite_excedido", "mensagem": "x"}, status=429, headers=told(0, 1)
            )
        return web.Response(text="[]", headers=told(99, 60))

    async with serving(once) as api, client_of(api) as client:
        await asyncio.gather(client.listar(CNPJ), client.listar(CNPJ))
    assert len(at) == 3
    assert at[1] - at[0] >= 1
    assert any(record.levelno == logging.WARNING for record in caplog.records)


async def test_no_other_request_leaves_while_a_429_is_waited_for() -> None:
    refused = {"status": 429, "headers": {"Retry-After": "3"}}
    async with serving(always("{}", **refused)) as api, client_of(api) as client:
        first = asyncio.create_task(client.listar(CNPJ))
        await eventually(lambda: len(api.requests) == 1)
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(client.listar(CNPJ)) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert len(api.requests) == 1
        for task in (first, *others):
            task.cancel()
        await asyncio.wait([first, *others])


@pytest.mark.parametrize("header", ["Rate-Limit-Reset", "Retry-After"])
@pytest.mark.parametrize("call", ["listar", "baixar_dacte"])
async def test_a_wait_longer_than_the_total_is_raised_with_its_length(
    call: str, header: str
) -> None:
    refused = {"status": 429, "headers": {header: "3600"}}
    async with serving(always("{}", **refused)) as api, client_of(api) as client:
        with pytest.raises(RateLimited) as caught:
            await getattr(client, call)(CNPJ if call == "listar" else CHAVE)
        assert caught.value.retry_after == 3600
        assert len(api.requests) == 1


@pytest.mark.parametrize("header", ["Rate-Limit-Reset", "Retry-After"])
async def test_a_wait_that_was_raised_is_kept_by_the_calls_that_follow(header: str) -> None:
    """Who insists on a 429 is blocked; a wait that was only raised is not over."""
    refused = {"status": 429, "headers": {header: "3600"}}
    async with serving(always("{}", **refused)) as api, client_of(api) as client:
        with pytest.raises(RateLimited):
            await client.listar(CNPJ)
        following = asyncio.create_task(client.listar(CNPJ))
        await asyncio.sleep(0.05)
        following.cancel()
        await asyncio.wait([following])
        assert len(api.requests) == 1


@pytest.mark.parametrize("wait", [None, "0", "-1", "soon", "9" * 30])
async def test_a_429_without_a_usable_wait_backs_off_and_goes_on(wait: str | None) -> None:
    tries: list[int] = []

    async def twice(request: web.Request) -> web.StreamResponse:
        tries.append(1)
        if len(tries) < 3:
            headers = {} if wait is None else {"Rate-Limit-Reset": wait}
            return web.json_response({}, status=429, headers=headers)
        return web.Response(text="[]")

    async with serving(twice) as api, client_of(api) as client:
        assert (await client.listar(CNPJ)).ctes == ()
    assert len(tries) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_5xx_is_tried_again_after_a_backoff_not_after_the_credit_window(
    status: int, sandbox: Sandbox
) -> None:
    """Every answer of the API tells when its window ends: that is no wait that it asks for."""
    sandbox.fail("status", on="listing", status=status)
    async with client_of(sandbox) as client:
        assert (await client.listar(sandbox.cnpj)).ctes
    assert len(sandbox.requests) == 2


async def test_a_503_that_asks_for_a_wait_longer_than_the_total_is_raised() -> None:
    down = always("{}", status=503, headers={"Retry-After": "3600"})
    async with serving(down) as api, client_of(api) as client:
        with pytest.raises(ServerError):
            await client.listar(CNPJ)
        assert len(api.requests) == 1


@pytest.mark.parametrize(("rounding", "clients"), [("up", 1), ("down", 2), ("nearest", 1)])
async def test_many_calls_meet_no_429_and_are_all_done(rounding: Any, clients: int) -> None:
    async with Sandbox(ctes=30, credits=20, window=2, rounding=rounding, latency=0.002) as sandbox:
        several = [client_of(sandbox) for _ in range(clients)]
        calls = [
            several[number % clients].consultar(chave)
            for number, chave in enumerate(sandbox.chaves)
        ]
        found = await asyncio.gather(*calls)
        assert [cte.chave for cte in found] == list(sandbox.chaves)
        assert statuses(sandbox) == {200: 30}
        for client in several:
            await client.close()


async def test_two_clients_of_one_token_share_what_the_window_has_left() -> None:
    async with (
        Sandbox(ctes=10, credits=10, window=60) as sandbox,
        client_of(sandbox) as first,
        client_of(sandbox) as second,
    ):
        for chave in sandbox.chaves[:6]:
            await first.consultar(chave)
        assert (second.credits.limit, second.credits.remaining) == (10, 4)
        calls = [
            asyncio.create_task(client.consultar(chave))
            for client in (first, second)
            for chave in sandbox.chaves
        ]
        await asyncio.sleep(0.1)
        assert len(sandbox.requests) <= 10
        assert statuses(sandbox)[429] == 0
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_a_token_of_another_origin_has_its_own_window() -> None:
    spent = always("[]", headers=told(0, 3600))
    async with (
        serving(spent) as one,
        serving(always("[]")) as other,
        client_of(one) as first,
        client_of(other) as second,
    ):
        await first.listar(CNPJ)
        await asyncio.wait_for(second.listar(CNPJ), 2)
        assert first.credits.remaining == 0
        assert second.credits.remaining is None


async def test_a_sandbox_without_credits_headers_is_not_throttled() -> None:
    busy = most = 0

    async def counting(request: web.Request) -> web.StreamResponse:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.02)
        busy -= 1
        return web.Response(text="[]")

    async with serving(counting) as api, client_of(api, max_concurrency=8) as client:
        await asyncio.wait_for(asyncio.gather(*(client.listar(CNPJ) for _ in range(60))), 5)
        assert client.credits.remaining is None
    assert most == 8


async def test_no_more_than_max_concurrency_are_under_way_from_the_first_moment() -> None:
    async with (
        Sandbox(ctes=3, credits=None, latency=0.02) as sandbox,
        client_of(sandbox, max_concurrency=3) as client,
    ):
        calls = [asyncio.create_task(client.consultar(sandbox.chaves[0])) for _ in range(12)]
        while not all(call.done() for call in calls):
            answered = sum(seen.status is not None for seen in sandbox.requests)
            assert len(sandbox.requests) - answered <= 3
            await asyncio.sleep(0.002)


async def test_the_reserve_is_left_to_desacordos() -> None:
    async with (
        Sandbox(ctes=10, credits=5, window=60) as sandbox,
        client_of(sandbox, reserve=3) as client,
    ):
        calls = [asyncio.create_task(client.consultar(c)) for c in sandbox.chaves]
        await asyncio.sleep(0.1)
        assert len(sandbox.requests) <= 2
        found = await asyncio.wait_for(
            client.informar_desacordo(sandbox.chaves[0], TEXTO), timeout=2
        )
        assert found.registrado
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_a_lost_connection_gives_its_slot_back() -> None:
    async with Sandbox(ctes=3, credits=None) as sandbox:
        sandbox.fail("reset", times=20)
        retry = Retry(attempts=30, total=5, initial=0.001, maximum=0.001)
        async with client_of(sandbox, max_concurrency=1, retry=retry) as client:
            await asyncio.wait_for(
                asyncio.gather(*(client.consultar(c) for c in sandbox.chaves)), 5
            )


async def test_a_slot_is_free_while_a_call_backs_off() -> None:
    retry = Retry(attempts=2, total=60, initial=20, maximum=20)
    async with Sandbox(ctes=3, credits=None) as sandbox:
        sandbox.fail("html", on="listing")
        async with client_of(sandbox, max_concurrency=1, retry=retry) as client:
            waiting = asyncio.create_task(client.listar(sandbox.cnpj))
            await eventually(lambda: len(sandbox.requests) == 1)
            found = client.consultar(sandbox.chaves[0])
            assert (await asyncio.wait_for(found, 2)).chave == sandbox.chaves[0]
            waiting.cancel()
            await asyncio.wait([waiting])


async def test_a_closed_client_wakes_who_waits_for_credits() -> None:
    async with serving(always("[]", headers=told(0, 3600))) as api:
        client = client_of(api)
        await client.listar(CNPJ)
        calls = [asyncio.create_task(client.listar(CNPJ)) for _ in range(3)]
        calls += [asyncio.create_task(client.baixar_xml(CHAVE)) for _ in range(3)]
        await asyncio.sleep(0.01)
        await client.close()
        results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 2)
    assert {type(result).__name__ for result in results} == {"ClientClosed"}
    assert len(api.requests) == 1


async def test_another_client_goes_on_when_one_is_closed_or_cancelled_in_the_queue() -> None:
    """What a waiter that went away was granted, the next one gets."""
    async with Sandbox(ctes=3, credits=None, latency=0.01) as sandbox:
        first, second = client_of(sandbox, max_concurrency=1), client_of(sandbox)
        calls = [asyncio.create_task(first.consultar(sandbox.chaves[0])) for _ in range(5)]
        await asyncio.sleep(0.005)
        for call in calls[1:4]:
            call.cancel()
        await asyncio.wait_for(calls[4], 2)
        await first.close()
        assert (await asyncio.wait_for(second.listar(sandbox.cnpj), 2)).ctes
        await second.close()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_two_event_loops_in_two_threads_share_one_token() -> None:
    async with Sandbox(ctes=20, credits=20, window=1, latency=0.002) as sandbox:

        async def work() -> list[str]:
            async with client_of(sandbox) as client:
                found = await asyncio.gather(*(client.consultar(c) for c in sandbox.chaves))
                return [cte.chave for cte in found]

        def run() -> list[str]:
            return asyncio.run(asyncio.wait_for(work(), 20))

        found = await asyncio.gather(asyncio.to_thread(run), asyncio.to_thread(run))
        assert found == [list(sandbox.chaves)] * 2
        assert statuses(sandbox) == {200: 40}


async def test_a_client_used_in_a_second_event_loop_says_so() -> None:
    async with serving(always("[]")) as api, client_of(api) as client:
        await client.listar(CNPJ)
        with pytest.raises(UsageError, match="second event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.listar(CNPJ)))
        await client.listar(CNPJ)
        assert len(api.requests) == 2


@pytest.mark.parametrize("value", ["", "-5", "1e9", "x", "9" * 400, " 7", "0x10", "٣"])
async def test_credits_headers_that_lie_break_nothing(value: str) -> None:
    headers = {f"Rate-Limit-{name}": value for name in ("Limit", "Remaining", "Reset")}
    async with serving(always("[]", headers=headers)) as api, client_of(api) as client:
        await asyncio.wait_for(asyncio.gather(*(client.listar(CNPJ) for _ in range(20))), 5)
    assert len(api.requests) == 20


async def test_a_download_of_a_file_that_is_not_there_gives_slot_and_credit_back() -> None:
    async with (
        serving(always("{}", status=404)) as api,
        client_of(api, max_concurrency=1, retry=QUICK) as client,
    ):
        for _ in range(5):
            with pytest.raises(NotFound):
                await asyncio.wait_for(client.baixar_dacte(CHAVE), 2)
    async with serving(always(PDF)) as api, client_of(api, max_concurrency=1) as client:
        assert await client.baixar_dacte(CHAVE) == PDF
