"""An archive's database, in each dialect that is at hand."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from focus_cte.mirror.store import Store

POSTGRES = "FOCUS_CTE_TEST_POSTGRES"


@pytest.fixture(scope="session")
def made() -> Iterator[str | None]:
    """A database of the server with all tables, to be copied: that is quicker than to make them."""
    if POSTGRES not in os.environ:
        yield None
        return
    name = _new_name()

    async def make() -> None:
        await _run(f"CREATE DATABASE {name}")
        store = Store(_url(name))
        await store.open()
        await store.close()

    asyncio.run(make())
    yield name
    asyncio.run(_run(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, made: str | None
) -> AsyncIterator[str]:
    """A database that nothing was stored in."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'acervo.db'}"
        return
    if made is None:
        pytest.skip(f"{POSTGRES} names no PostgreSQL")
    name = _new_name()
    # An empty one is wanted where making the tables is what is tried.
    empty = request.node.get_closest_marker("empty_database")
    await _run(f"CREATE DATABASE {name}" if empty else f"CREATE DATABASE {name} TEMPLATE {made}")
    yield _url(name)
    await _run(f"DROP DATABASE {name} WITH (FORCE)")


def _new_name() -> str:
    return f"focus_cte_{secrets.token_hex(6)}"


def _url(name: str) -> str:
    server = make_url(os.environ[POSTGRES])
    return server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


async def _run(statement: str) -> None:
    server = make_url(os.environ[POSTGRES]).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(statement))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open one, of a made-up API."""
    store = Store(database_url)
    await store.open()
    await store.bind("https://api.example")
    yield store
    await store.close()
