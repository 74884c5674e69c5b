"""What one writes with requests: documents as dicts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import requests


def _pages(session: requests.Session, url: str, cnpj: str) -> Iterator[list[dict[str, Any]]]:
    versao, more = "0", True
    while more:
        response = session.get(
            f"{url}/v2/ctes_recebidas", params={"cnpj": cnpj, "versao": versao}, timeout=30
        )
        items = response.json()
        yield items
        versao = response.headers["X-Max-Version"]
        more = int(response.headers["X-Total-Count"]) > len(items)


async def listing(url: str, token: str, cnpj: str) -> AsyncIterator[int | None]:
    with requests.Session() as session:
        session.auth = (token, "")
        next(_pages(session, url, cnpj))
        yield None
        count = 0
        for items in _pages(session, url, cnpj):
            for _ in items:
                count += 1
        yield count
