"""`python -m benchmarks.server KIND SETTINGS`: the server's process.

It first tells its address, and then at each line of its input what it was asked since the last.
KIND "sandbox" is `focus_cte.sandbox` with those settings. KIND "listing" lists `ctes` documents,
the sandbox's first thousand over and over, at less CPU than the sandbox can, so that the
contenders have the machine; it answers after `latency` seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from math import ceil
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.with_aiohttp import headers
from focus_cte.sandbox import Sandbox

_PAGE = 100
_WINDOW = 60
_CREDITS = 10_000_000
_MARK = '"versao": '


@asynccontextmanager
async def sandbox(**settings: Any) -> AsyncIterator[tuple[dict[str, Any], list[Any]]]:
    async with Sandbox(**settings) as running:
        yield (
            {
                "url": running.url,
                "token": running.token,
                "cnpj": running.cnpj,
                "chaves": running.chaves,
            },
            running.requests,
        )


@asynccontextmanager
async def listing(
    *, ctes: int, latency: float = 0.0
) -> AsyncIterator[tuple[dict[str, Any], list[Any]]]:
    """Documents with the versoes 1 to `ctes`."""
    async with sandbox(ctes=1000, page=1000) as (about, _):
        items = [json.dumps(item, ensure_ascii=False) for item in await _items(about)]
    parts = [item.partition(_MARK) for item in items]
    halves = [(before + _MARK, after.partition(",")[2]) for before, _, after in parts]
    seen: list[Any] = []
    numbers = count(1)

    async def answer(request: web.Request) -> web.Response:
        now = time.monotonic()
        first = int(request.query.get("versao", "0")) + 1
        end = min(first + _PAGE, ctes + 1)
        body = ", ".join(_item(halves, versao) for versao in range(first, end))
        await asyncio.sleep(latency)
        seen.append(_Seen(now, request.path))
        return web.Response(
            text=f"[{body}]",
            content_type="application/json",
            headers={
                "X-Total-Count": str(max(ctes + 1 - first, 0)),
                "X-Max-Version": str(end - 1),
                "Rate-Limit-Limit": str(_CREDITS),
                "Rate-Limit-Remaining": str(_CREDITS - next(numbers)),
                "Rate-Limit-Reset": str(ceil(_WINDOW - now % _WINDOW)),
            },
        )

    app = web.Application()
    app.router.add_get("/v2/ctes_recebidas", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield {**about, "url": f"http://127.0.0.1:{runner.addresses[0][1]}"}, seen
    await runner.cleanup()


class _Seen:
    def __init__(self, at: float, path: str) -> None:
        self.at, self.path, self.status = at, path, 200


def _item(halves: list[tuple[str, str]], versao: int) -> str:
    before, after = halves[versao % len(halves)]
    return f"{before}{versao},{after}"


async def _items(about: dict[str, Any]) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(about["url"], headers=headers(about["token"])) as session,
        session.get("/v2/ctes_recebidas", params={"cnpj": about["cnpj"]}) as response,
    ):
        items: list[dict[str, Any]] = await response.json()
        return items


async def main() -> None:
    kind, settings = map(json.loads, sys.argv[1:])
    async with {"sandbox": sandbox, "listing": listing}[kind](**settings) as (about, seen):
        print(json.dumps(about), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps([(s.at, s.path, s.status) for s in seen]), flush=True)
            seen.clear()


if __name__ == "__main__":
    asyncio.run(main())
