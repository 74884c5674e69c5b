"""Waiting for more: a listing every two hours or when woken, through failures that may pass."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from focus_cte.errors import (
    FocusError,
    InvalidArgument,
    InvalidDocument,
    InvalidResponse,
    RateLimited,
    ServerError,
    TransportError,
)
from focus_cte.models import Page

_log = logging.getLogger("focus_cte")

_AFTER_FAILURE: Final = 60.0
_BETWEEN_WAKES: Final = 5.0


class Patient:
    """Fetches pages as the listing does, but returns only once there is something new.

    It survives `TransportError`, `ServerError`, `RateLimited` and `InvalidResponse`, waiting from a
    minute up to `every`. It ends with the error that `fetch` raises once `closed` is set.
    """

    def __init__(
        self,
        fetch: Callable[[int], Awaitable[Page]],
        *,
        every: timedelta,
        wake: asyncio.Event | None,
        closed: asyncio.Event,
    ) -> None:
        if not isinstance(every, timedelta) or every <= timedelta(0):
            raise InvalidArgument(f"every must be a timedelta above 0, not {every!r}")
        self._fetch = fetch
        self._every = every.total_seconds()
        self._wake = wake if wake is not None else asyncio.Event()
        self._closed = closed
        self._failures = 0
        self._listed_at = float("-inf")
        self._exhausted = False

    async def __call__(self, versao: int) -> Page:
        """The next page with documents after `versao`."""
        while True:
            if self._exhausted:
                await self._until_woken(self._every * random.uniform(1, 1.1))  # noqa: S311
            self._exhausted = True
            page = await self._list(versao)
            if page is not None and (page.ctes or page.invalid):
                self._exhausted = page.last
                return page

    async def _list(self, versao: int) -> Page | None:
        self._wake.clear()
        self._listed_at = time.monotonic()
        try:
            page = await self._fetch(versao)
        except InvalidDocument:
            raise
        except (TransportError, ServerError, RateLimited, InvalidResponse) as error:
            failure = error
        else:
            self._failures = 0
            return page
        await self._after(failure)
        self._exhausted = False
        return None

    async def _after(self, failure: FocusError) -> None:
        wait = min(_AFTER_FAILURE * 2.0 ** min(self._failures, 20), self._every)
        wait = max(wait, getattr(failure, "retry_after", None) or 0.0)
        self._failures += 1
        _log.warning("listing again in %.0f s: %s", wait, failure)
        await self._pause(wait, self._closed)

    async def _until_woken(self, seconds: float) -> None:
        least = min(_BETWEEN_WAKES, seconds) - (time.monotonic() - self._listed_at)
        await self._pause(least, self._closed)
        await self._pause(seconds - max(least, 0), self._closed, self._wake)

    async def _pause(self, seconds: float, *events: asyncio.Event) -> None:
        """Wait so long, or until one of the events is set."""
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
