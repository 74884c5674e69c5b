"""Opening, closing, and what is left behind."""

from __future__ import annotations

import ast
import asyncio
import gc
import socket
import sys
from pathlib import Path

import aiohttp
import pytest
from sandbox_http import BASE, Plain, basic, until

import focus_cte.sandbox
from focus_cte.sandbox import Sandbox, Seen


async def assert_nothing_left() -> None:
    """No task but this one; -W error turns a socket that was not closed into a failure."""
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nothing_is_left_behind() -> None:
    async with aiohttp.ClientSession() as session:
        async with Sandbox(ctes=2) as sandbox:
            headers = {"Authorization": basic(sandbox.token)}
            url = f"{sandbox.url}{BASE}/{sandbox.chaves[0]}.pdf"
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                location = response.headers["Location"]
            async with session.get(location) as response:
                await response.read()
            ports = [int(origin.rsplit(":")[2]) for origin in (sandbox.url, sandbox.storage_url)]
        # The session still keeps its connections.
        await assert_nothing_left()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("latency", [600.0, 0.0])
async def test_it_closes_at_once_though_a_handler_waits(plain: Plain, latency: float) -> None:
    async with asyncio.timeout(20):
        async with Sandbox(ctes=1, latency=latency) as sandbox:
            if not latency:
                sandbox.fail("slow", seconds=600)
            path = f"/{sandbox.chaves[0]}/desacordo"
            body = {"observacoes": "Frete cobrado em duplicidade"}
            task = asyncio.create_task(plain.send(sandbox, path, method="POST", json=body))
            await until(lambda: sandbox.requests)
    with pytest.raises(aiohttp.ClientConnectionError):
        await task
    assert not sandbox.desacordos
    await assert_nothing_left()


async def test_it_closes_at_once_though_a_bomb_is_on_its_way() -> None:
    async with asyncio.timeout(20):
        async with Sandbox(ctes=1) as sandbox:
            sandbox.fail("gzip_bomb", size=2**40)
            port = int(sandbox.url.split(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"GET {BASE} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(sandbox.token)}"
            writer.write(head.encode() + b"\r\n\r\n")
            await until(lambda: sandbox.requests and sandbox.requests[0].status)
    writer.transport.abort()
    await assert_nothing_left()


async def test_a_client_that_leaves_is_no_error(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"POST {BASE}/x/desacordo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
    head += f"Authorization: {basic(sandbox.token)}\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.split(":")[2]))
    writer.write(head.encode() + b"{")
    await until(lambda: sandbox.requests)
    handlers = asyncio.all_tasks() - {asyncio.current_task()}
    writer.transport.abort()
    await until(lambda: all(task.done() for task in handlers))
    assert [seen.status for seen in sandbox.requests] == [None]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_two_at_a_time(plain: Plain) -> None:
    async with Sandbox(seed=1) as one, Sandbox(seed=2) as two:
        assert len({one.url, two.url, one.storage_url, two.storage_url}) == 4
        assert one.token != two.token
        assert (await plain.listing(one)).status == (await plain.listing(two)).status == 200
        assert (await plain.listing(one, token=two.token)).status == 401


def test_there_is_no_url_before_it_is_open() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="async with"):
        _ = sandbox.url
    with pytest.raises(RuntimeError, match="async with"):
        _ = sandbox.storage_url


async def test_it_is_opened_once() -> None:
    sandbox = Sandbox(ctes=1)
    async with sandbox:
        with pytest.raises(RuntimeError, match="once"):
            await sandbox.__aenter__()
    with pytest.raises(RuntimeError, match="once"):
        await sandbox.__aenter__()


async def test_a_port_of_ones_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)):
            await Sandbox(port=port).__aenter__()
    await assert_nothing_left()
    async with Sandbox(port=port) as sandbox:
        assert sandbox.url == f"http://127.0.0.1:{port}"


async def test_what_was_seen(plain: Plain, sandbox: Sandbox) -> None:
    await plain.listing(sandbox, 7)
    path = f"/{sandbox.chaves[0]}/desacordo"
    await plain.send(sandbox, path, method="POST", json={})
    first, second = sandbox.requests
    assert isinstance(first, Seen)
    assert (first.method, first.path, first.status) == ("GET", BASE, 200)
    assert first.query == {"cnpj": sandbox.cnpj, "versao": "7"}
    assert first.headers["authorization"] == basic(sandbox.token)
    assert (second.method, second.path, second.status) == ("POST", BASE + path, 400)
    assert first.at <= second.at
    assert sandbox.token not in repr(first)
    with pytest.raises(AttributeError):
        first.status = 500  # type: ignore[misc]


def test_the_sandbox_stands_alone() -> None:
    """It depends on the standard library and aiohttp, and imports nothing of the client."""
    folder = Path(focus_cte.sandbox.__file__).parent
    allowed = set(sys.stdlib_module_names) | {"aiohttp"}
    outside = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level < 2:
                names = [] if node.level else [node.module or ""]
            elif isinstance(node, ast.ImportFrom):
                names = ["focus_cte"]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            outside |= {name.split(".")[0] for name in names} - allowed
    assert outside <= {"multidict"}  # aiohttp's own, for a type
