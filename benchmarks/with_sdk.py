"""What one writes with this SDK: typed documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from focus_cte import FocusCTe


async def listing(url: str, token: str, cnpj: str) -> AsyncIterator[int | None]:
    async with FocusCTe(token, base_url=url) as focus:
        await focus.listar(cnpj)
        yield None
        count = 0
        async for _ in focus.sync(cnpj):
            count += 1
        yield count


async def xmls_one_by_one(url: str, token: str, cnpj: str) -> AsyncIterator[int | None]:
    async with FocusCTe(token, base_url=url) as focus:
        await focus.listar(cnpj)
        yield None
        files = [await focus.baixar_xml(cte.chave) async for cte in focus.sync(cnpj)]
        yield len(set(files))


async def xmls(url: str, token: str, cnpj: str) -> AsyncIterator[int | None]:
    async with FocusCTe(token, base_url=url) as focus:
        await focus.listar(cnpj)
        yield None
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(focus.baixar_xml(cte.chave)) async for cte in focus.sync(cnpj)
            ]
        yield len({task.result() for task in tasks})


async def credits(url: str, token: str, cnpj: str, chaves: list[str]) -> AsyncIterator[int | None]:
    async with FocusCTe(token, base_url=url) as focus:
        yield None
        files = await asyncio.gather(*map(focus.baixar_xml, chaves), return_exceptions=True)
        yield len({file for file in files if isinstance(file, bytes)})


async def pages(
    url: str, token: str, cnpj: str, work: float, prefetch: bool
) -> AsyncIterator[int | None]:
    async with FocusCTe(token, base_url=url) as focus:
        await focus.listar(cnpj)
        yield None
        count = 0
        async for page in focus.sync(cnpj, prefetch=prefetch).pages():
            await asyncio.sleep(work)
            count += len(page.ctes)
        yield count
