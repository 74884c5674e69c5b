"""How each kind of database is connected to, and how a transaction begins there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from focus_cte import InvalidArgument
from focus_cte.mirror.errors import FilesError, StoreError

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_PATIENCE = 30.0
"""Seconds for another process's transaction to end."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # what is committed is there after a power cut too
    "wal_autocheckpoint=8000",  # pages of 4 KiB: one written often is copied over once
)
BEGIN = {
    "sqlite": "BEGIN IMMEDIATE",
    # The lock is this package's own, of the database it is in. A process that is paused within a
    # transaction loses it after two minutes, so that the others go on.
    "postgresql": f"""
        SELECT set_config('lock_timeout', '{_PATIENCE:.0f}s', true),
            set_config('idle_in_transaction_session_timeout', '120s', true),
            pg_advisory_xact_lock({int.from_bytes(b"focuscte")})
    """,
}


def driven(url: str | URL) -> URL:
    """With the driver that is used here. Raises `InvalidArgument` for another kind of database."""
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, KeyError):
        shown = url.split(":")[0][:20] if isinstance(url, str) else type(url).__name__
        raise InvalidArgument(
            f"database_url must begin with sqlite:/// or postgresql://, not {shown!r}"
        ) from None
    except ValueError:
        raise InvalidArgument("database_url: its port is no number") from None
    return parsed.set(drivername=driver)


def sqlite_in(folder: Path, *, group: bool) -> URL:
    """SQLite's `acervo.db` in a folder; both are made where they are not there.

    Raises `FilesError` where they cannot be.
    """
    database = folder / "acervo.db"
    try:
        folder.mkdir(mode=0o750 if group else 0o700, parents=True, exist_ok=True)
        if not database.exists():
            # What SQLite puts beside its file has the file's mode.
            database.touch()
            database.chmod(0o640 if group else 0o600)
    except OSError as error:
        raise FilesError(f"{folder}: {error.strerror}: no archive can be made there") from None
    return URL.create("sqlite", database=str(database))


def connect(url: URL) -> AsyncEngine:
    """Nothing is opened yet."""
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": _PATIENCE})

    # SQLite's driver begins transactions by itself, too late; here `writing` does.
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            _insist(connection, partial(cursor.execute, f"PRAGMA {pragma}"))
        cursor.close()

    return engine


async def probe(url: URL) -> None:
    """Raise where no SQLite is to be had: aiosqlite would leave its thread to a loop that ends."""
    if url.get_backend_name() == "sqlite":
        await asyncio.to_thread(_open_and_close, url.database or ":memory:")


def _open_and_close(database: str) -> None:
    sqlite3.connect(database).close()


def _insist(connection: Any, work: Callable[[], object]) -> None:
    """Where two make one database WAL at once, SQLite does not wait by itself."""
    until = monotonic() + _PATIENCE
    while True:
        try:
            work()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
        connection.run_async(lambda _: asyncio.sleep(0.05))


class translated:
    """Make a `StoreError` of whatever the database raises."""

    def __init__(self, url: URL) -> None:
        # Without the options: a password may stand among them too.
        self._where = url.set(query={}).render_as_string(hide_password=True)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # Not the statement's parameters: documents, thousands of them.
        if isinstance(error, StatementError):
            raise StoreError(f"{self._where}: {error.orig}") from None
        if isinstance(error, SQLAlchemyError | sqlite3.Error | OSError):
            raise StoreError(f"{self._where}: {error}") from None
