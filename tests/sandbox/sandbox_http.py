"""A plain HTTP client, so that these tests know the sandbox as any program would."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from focus_cte.sandbox import Sandbox

BASE = "/v2/ctes_recebidas"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Plain:
    """One connection a request, so that aiohttp never asks again on its own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def send(
        self,
        sandbox: Sandbox,
        path: str,
        *,
        method: str = "GET",
        token: str | None = None,
        params: dict[str, Any] | None = None,
        **options: Any,
    ) -> Reply:
        """`path` after /v2/ctes_recebidas; a token of "" sends none."""
        token = sandbox.token if token is None else token
        headers = {"Authorization": basic(token)} if token else {}
        return await self.fetch(
            sandbox.url + BASE + path, method=method, params=params, headers=headers, **options
        )

    async def fetch(self, url: str, *, method: str = "GET", **options: Any) -> Reply:
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Reply(response.status, response.headers.copy(), await response.read())

    async def listing(self, sandbox: Sandbox, versao: int | None = None, **options: Any) -> Reply:
        params = {"cnpj": sandbox.cnpj} | ({} if versao is None else {"versao": versao})
        return await self.send(sandbox, "", params=params, **options)

    async def everything(self, sandbox: Sandbox) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        versao = 0
        while page := (await self.listing(sandbox, versao)).json():
            assert page[0]["versao"] > versao
            versao = page[-1]["versao"]
            found += page
        return found


def basic(token: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{token}:{password}".encode()).decode()


async def until(condition: Callable[[], object]) -> None:
    """Waits for what happens inside the sandbox, which tells nobody."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
