"""Cancelled, or closed, at every moment: nothing is left, and neither slot nor credit is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from servers import QUICK, TEXTO, client_of, eventually, in_use

from focus_cte import ClientClosed, FocusCTe, OutcomeUnknown, desacordo
from focus_cte.sandbox import Sandbox

Operation = Callable[[FocusCTe, Sandbox, Path], Awaitable[object]]


async def sync(client: FocusCTe, sandbox: Sandbox, folder: Path) -> object:
    return [cte async for cte in client.sync(sandbox.cnpj)]


async def pages(client: FocusCTe, sandbox: Sandbox, folder: Path) -> object:
    async with client.sync(sandbox.cnpj, prefetch=False) as sync:
        return [page async for page in sync.pages()]


OPERATIONS: dict[str, Operation] = {
    "listar": lambda client, sandbox, _: client.listar(sandbox.cnpj),
    "sync": sync,
    "pages": pages,
    "consultar": lambda client, sandbox, _: client.consultar(sandbox.chaves[0]),
    "consultar_completa": lambda client, sandbox, _: client.consultar_completa(sandbox.chaves[0]),
    "informar_desacordo": lambda client, sandbox, _: client.informar_desacordo(
        sandbox.chaves[0], TEXTO
    ),
    "consultar_desacordo": lambda client, sandbox, _: client.consultar_desacordo(sandbox.chaves[1]),
    "baixar_xml": lambda client, sandbox, _: client.baixar_xml(sandbox.chaves[0]),
    "baixar_xml to": lambda client, sandbox, folder: client.baixar_xml(
        sandbox.chaves[0], to=folder / "a.xml"
    ),
    "baixar_dacte": lambda client, sandbox, _: client.baixar_dacte(sandbox.chaves[0]),
    "baixar_dacte to": lambda client, sandbox, folder: client.baixar_dacte(
        sandbox.chaves[0], to=folder / "a.pdf"
    ),
    "reenviar_notificacao": lambda client, sandbox, _: client.reenviar_notificacao(
        sandbox.chaves[0]
    ),
}
FAULTS: dict[str, list[dict[str, Any]]] = {
    "well": [],
    "badly": [{"kind": "reset_after"}, {"kind": "html"}, {"kind": "cut"}],
}
MOST = 50_000_000
"""Turns of the loop, far more than any machine needs: a test must end."""


def start_anew(sandbox: Sandbox, faults: list[dict[str, Any]]) -> None:
    """As if nothing had been asked before, and with these faults to come."""
    sandbox.desacordos.pop(sandbox.chaves[0], None)
    sandbox._script._entries.clear()
    for fault in faults:
        sandbox.fail(**fault)


async def some_ticks(many: int, task: asyncio.Future[object]) -> None:
    """So many rounds of the loop, or as many as the task takes."""
    for _ in range(many):
        if task.done():
            break
        await asyncio.sleep(0)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name not in ("a.xml", "a.pdf")]


@pytest.fixture(autouse=True)
def _look_ups_follow_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desacordo, "_CLOSEST", 0.001)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("going", FAULTS)
async def test_a_call_cancelled_at_any_moment_leaves_nothing_and_loses_no_slot(
    going: str, name: str, tmp_path: Path
) -> None:
    async with (
        Sandbox(ctes=7, page=3, credits=None) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        client = client_of(sandbox, session=session, max_concurrency=1)
        # What the first call learns, every other one knows.
        await client.informar_desacordo(sandbox.chaves[1], TEXTO)
        tasks = asyncio.all_tasks()
        ticks = 0
        while True:
            start_anew(sandbox, FAULTS[going])
            task = asyncio.ensure_future(OPERATIONS[name](client, sandbox, tmp_path))
            await some_ticks(ticks, task)
            if task.done():
                break
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or task.exception() is None, f"after {ticks} ticks"
            await eventually(lambda: in_use(session) == 0)
            assert leftovers(tmp_path) == []
            start_anew(sandbox, [])
            following = client.consultar(sandbox.chaves[2])
            assert (await asyncio.wait_for(following, 5)).chave == sandbox.chaves[2]
            ticks += 1 + ticks // 8
            assert ticks < MOST
        await asyncio.wait([task])
        assert task.exception() is None
        assert ticks > 5
        ours = {t for t in asyncio.all_tasks() - tasks if "focus_cte" in t.get_name()}
        assert ours == set()
        assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_client_closed_at_any_moment_ends_its_call_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    async with Sandbox(ctes=7, page=3, credits=None) as sandbox:
        ticks = 0
        while True:
            start_anew(sandbox, [])
            client = client_of(sandbox, max_concurrency=1)
            task = asyncio.ensure_future(OPERATIONS[name](client, sandbox, tmp_path))
            await some_ticks(ticks, task)
            finished = task.done()
            await client.close()
            await asyncio.wait([task], timeout=2)
            assert task.done(), f"after {ticks} ticks it goes on"
            error = task.exception()
            if finished:
                break
            expected = (ClientClosed, OutcomeUnknown, type(None))
            assert isinstance(error, expected), f"after {ticks} ticks"
            assert leftovers(tmp_path) == []
            ticks += 1 + ticks // 8
            assert ticks < MOST


async def test_waiters_cancelled_at_any_moment_pass_their_turn_on() -> None:
    async with Sandbox(ctes=3, credits=None) as sandbox:
        client = client_of(sandbox, max_concurrency=1, retry=QUICK)
        await client.listar(sandbox.cnpj)
        for ticks in range(120):
            calls = [asyncio.create_task(client.consultar(sandbox.chaves[0])) for _ in range(3)]
            for _ in range(ticks):
                await asyncio.sleep(0)
            calls[0].cancel()
            calls[1].cancel()
            assert (await asyncio.wait_for(calls[2], 5)).chave == sandbox.chaves[0]
            await asyncio.wait(calls)
        await client.close()


async def test_a_client_closed_while_another_learns_the_credits_leaves_no_session() -> None:
    """Its grant comes in the moment in which it is closed."""
    async with Sandbox(ctes=3, credits=None) as sandbox:
        for ticks in range(120):
            first, second = client_of(sandbox), client_of(sandbox)
            leading = asyncio.create_task(first.listar(sandbox.cnpj))
            following = asyncio.create_task(second.listar(sandbox.cnpj))
            for _ in range(ticks):
                await asyncio.sleep(0)
            await second.close()
            await asyncio.wait([leading, following], timeout=5)
            await first.close()
            assert second._session._http is None or second._session._http.closed
            assert isinstance(following.exception(), ClientClosed | None)


async def test_credits_of_cancelled_calls_are_counted_until_the_window_starts_again() -> None:
    """A cancelled request may have been counted by the API: it is spent, and no more than it."""
    async with Sandbox(ctes=10, credits=12, window=60) as sandbox:
        client = client_of(sandbox, max_concurrency=1)
        await client.listar(sandbox.cnpj)
        for ticks in (0, 1, 2, 30):
            task = asyncio.create_task(client.consultar(sandbox.chaves[0]))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        remaining = client.credits.remaining
        assert remaining is not None
        assert 12 - 1 - 4 <= remaining <= 12 - len(sandbox.requests)
        await client.close()
