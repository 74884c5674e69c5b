"""Database work that a cancellation does not tear: it is raised when the statement has ended.

A driver that is left in the middle of a statement would keep its transaction open, and with it the
lock on the database, for as long as the process lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


async def to_the_end(work: Awaitable[T]) -> T:
    """Await work that must not stop half-way; a cancellation is raised after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


def first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the others."""
    for error in group.exceptions:
        return first(error) if isinstance(error, BaseExceptionGroup) else error
    return group


class SteadyConnection(AsyncConnection):
    """A connection of SQLAlchemy whose every call is seen through to its end."""

    _own: Any = None

    async def start(self, is_ctxmanager: bool = False) -> Self:
        try:
            await to_the_end(super().start(is_ctxmanager))
        except asyncio.CancelledError:
            await self.close()
            raise
        return self

    async def __aenter__(self) -> Self:
        return await self.start(is_ctxmanager=True)

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        await to_the_end(super().close())

    async def commit(self) -> None:
        await to_the_end(super().commit())

    async def rollback(self) -> None:
        await to_the_end(super().rollback())

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        return await to_the_end(super().execute(*arguments, **options))

    async def exec_driver_sql(self, *arguments: Any, **options: Any) -> Any:
        return await to_the_end(super().exec_driver_sql(*arguments, **options))

    async def executemany(self, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Have SQLite's driver itself run a statement for each of these rows, in one trip to it."""
        await to_the_end((await self._driver()).executemany(text, rows))

    async def fetchall(self, text: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Have SQLite's driver itself run a statement, and tell what it returns, in one trip."""
        return list(await to_the_end((await self._driver()).execute_fetchall(text, values)))

    async def _driver(self) -> Any:
        if self._own is None:
            self._own = (await self.get_raw_connection()).driver_connection
        return self._own
