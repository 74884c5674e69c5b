"""A sandbox, and a plain HTTP client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from sandbox_http import Plain

from focus_cte.sandbox import Sandbox


@pytest.fixture
async def plain() -> AsyncIterator[Plain]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Plain(session)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(ctes=12, credits=None) as opened:
        yield opened
