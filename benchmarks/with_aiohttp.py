"""What one writes with aiohttp and json alone: documents as dicts."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

LISTING = "/v2/ctes_recebidas"


def headers(token: str) -> dict[str, str]:
    basic = base64.b64encode(f"{token}:".encode()).decode()
    return {"Authorization": f"Basic {basic}"}


@asynccontextmanager
async def _session(url: str, token: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url, headers=headers(token)) as session:
        yield session


async def _pages(session: aiohttp.ClientSession, cnpj: str) -> AsyncIterator[list[dict[str, Any]]]:
    versao, more = "0", True
    while more:
        async with session.get(LISTING, params={"cnpj": cnpj, "versao": versao}) as response:
            items = await response.json()
        yield items
        versao = response.headers["X-Max-Version"]
        more = int(response.headers["X-Total-Count"]) > len(items)


async def listing(url: str, token: str, cnpj: str) -> AsyncIterator[int | None]:
    async with _session(url, token) as session:
        await anext(_pages(session, cnpj))
        yield None
        count = 0
        async for items in _pages(session, cnpj):
            for _ in items:
                count += 1
        yield count


async def xmls(url: str, token: str, cnpj: str, at_once: int) -> AsyncIterator[int | None]:
    free = asyncio.Semaphore(at_once)

    async def download(chave: str) -> bytes:
        async with free, session.get(f"{LISTING}/{chave}.xml") as response:
            return await response.read()

    async with _session(url, token) as session:
        await anext(_pages(session, cnpj))
        yield None
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(download(item["chave"]))
                async for items in _pages(session, cnpj)
                for item in items
            ]
        yield len({task.result() for task in tasks})


async def credits(
    url: str, token: str, cnpj: str, chaves: list[str], at_once: int
) -> AsyncIterator[int | None]:
    """The plain policy: on a 429, sleep what Rate-Limit-Reset says, and try again."""
    free = asyncio.Semaphore(at_once)

    async def download(chave: str) -> bytes:
        async with free:
            while True:
                async with session.get(f"{LISTING}/{chave}.xml") as response:
                    if response.status != 429:
                        return await response.read()
                await asyncio.sleep(int(response.headers["Rate-Limit-Reset"]))

    async with _session(url, token) as session:
        yield None
        yield len(set(await asyncio.gather(*map(download, chaves))))
