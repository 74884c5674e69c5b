"""The database of an archive: one origin, one transaction at a time, whole or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from time import monotonic
from typing import Any

from sqlalchemy import Column, Insert, RowMapping, Table, event, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from focus_cte import InvalidArgument
from focus_cte.mirror import migrations, schema
from focus_cte.mirror.errors import OtherOrigin, StoreError
from focus_cte.mirror.models import What
from focus_cte.mirror.steady import SteadyConnection, to_the_end

_DIALECTS: Mapping[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_PATIENCE = 30.0
"""Seconds for another process's transaction to end."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # what is committed is there after a power cut too
    "wal_autocheckpoint=8000",  # pages of 4 KiB: one written often is copied over once
)
_BEGIN = {
    "sqlite": "BEGIN IMMEDIATE",
    # The lock is this package's own, of the database it is in. A process that is paused within a
    # transaction loses it after two minutes, so that the others go on.
    "postgresql": f"""
        SELECT set_config('lock_timeout', '{_PATIENCE:.0f}s', true),
            set_config('idle_in_transaction_session_timeout', '120s', true),
            pg_advisory_xact_lock({int.from_bytes(b"focuscte")})
    """,
}
_PER_STATEMENT = 500
"""Rows, and keys in an IN: SQLite takes 32,766 variables, PostgreSQL 32,767."""

Row = Mapping[str, Any]


class Store:
    """Opens with `open`, closes with `close`; transactions by `reading` and `writing`."""

    def __init__(self, url: str | URL, *, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = clock or (lambda: datetime.now(UTC))
        self.url = _driven(url)
        self.origin: str | None = None
        """The API that the archive is bound to; None until the first sync."""
        self._engine: AsyncEngine | None = None
        self._writer = asyncio.Lock()

    @property
    def engine(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreError("the mirror is not open: use `async with`")
        return self._engine

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Raises `StoreError`, `SchemaTooNew`."""
        self._engine = _engine(self.url)
        try:
            with _translated(self.url):
                if self.url.get_backend_name() == "sqlite":
                    await asyncio.to_thread(_probe, self.url.database or ":memory:")
                await migrations.migrate(self._engine, self.clock())
            async with self.reading() as connection:
                self.origin = await connection.scalar(select(schema.archive.c.origin))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await to_the_end(engine.dispose())

    def check(self, origin: str) -> None:
        """Raise `OtherOrigin` unless the archive is of this API, or of none yet."""
        _agree(self.origin, origin)

    async def bind(self, origin: str) -> None:
        """Make the archive one of this API, for ever."""
        self.check(origin)
        if self.origin is None:
            async with self.writing() as writer:
                _agree(await writer.connection.scalar(select(schema.archive.c.origin)), origin)
                await writer.connection.execute(update(schema.archive).values(origin=origin))
            self.origin = origin  # not before it is stored

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read by; each statement sees what is committed by then."""
        with _translated(self.url):
            async with SteadyConnection(self.engine) as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writer]:
        """One transaction: all that the block wrote is there when it ends well, else nothing.

        One at a time in the whole archive: documents of two CNPJs are locked in no two orders, and
        what a transaction read is so until it ends.
        """
        with _translated(self.url):
            async with self._writer, SteadyConnection(self.engine) as connection:
                await connection.exec_driver_sql(_BEGIN[self.url.get_backend_name()])
                writer = Writer(connection, self.clock(), self.origin or "")
                try:
                    yield writer
                    await writer.number_changes()
                    await connection.commit()
                except BaseException:
                    await connection.rollback()
                    raise


class Writer:
    """A transaction under way."""

    def __init__(self, connection: AsyncConnection, now: datetime, origin: str) -> None:
        self.connection = connection
        self.now = now
        self._origin = origin
        self._changes: list[dict[str, Any]] = []

    async def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert what is not there; rows that are there stay as they are. Same keys in each row."""
        await self._insert(rows, lambda dialect, _: _insertion(dialect, table))

    async def upsert(
        self, table: Table, rows: Iterable[Row], *, keep: Sequence[str] = (), newer: str = ""
    ) -> None:
        """Insert, or update what is there, but for the columns to `keep`. Same keys in each row.

        With `newer`, only rows are updated whose value in that column is lower.
        """
        kept = tuple(keep)
        await self._insert(
            rows, lambda dialect, names: _upsertion(dialect, table, names, kept, newer)
        )

    async def _insert(
        self, rows: Iterable[Row], statement: Callable[[str, tuple[str, ...]], Insert]
    ) -> None:
        wanted = [{**row, "origin": self._origin} for row in rows]
        if wanted:
            dialect = self.connection.dialect.name
            await self.connection.execute(statement(dialect, tuple(wanted[0])), wanted)

    def change(
        self,
        cnpj: str,
        chave: str,
        what: What | str,
        *,
        before: Row | None = None,
        after: Row | None = None,
    ) -> None:
        """Tell the feed, when the transaction ends well."""
        self._changes.append(
            {
                "cnpj": cnpj,
                "chave": chave,
                "what": str(what),
                "before": before or {},
                "after": after or {},
                "at": self.now,
            }
        )

    async def number_changes(self) -> None:
        # There is one writer: whoever reads the feed never sees a number before those below it.
        if not self._changes:
            return
        top = await self.connection.scalar(
            update(schema.archive)
            .values(seq=schema.archive.c.seq + len(self._changes))
            .returning(schema.archive.c.seq)
        )
        first = (top or 0) - len(self._changes) + 1
        rows = [{"seq": seq, **row} for seq, row in enumerate(self._changes, first)]
        await self.insert(schema.changes, rows)


# Once for each table: SQLAlchemy takes longer to make one than to run it.
@cache
def _insertion(dialect: str, table: Table) -> Insert:
    statement: Insert = _DIALECTS[dialect].insert(table).on_conflict_do_nothing()
    return statement


@cache
def _upsertion(
    dialect: str, table: Table, names: tuple[str, ...], keep: tuple[str, ...], newer: str
) -> Insert:
    insertion = _DIALECTS[dialect].insert(table)
    new, key = insertion.excluded, [column.name for column in table.primary_key]
    statement: Insert = insertion.on_conflict_do_update(
        index_elements=key,
        set_={name: new[name] for name in names if name not in (*key, *keep)},
        where=new[newer] > table.c[newer] if newer else None,
    )
    return statement


async def rows_by_key(
    connection: AsyncConnection,
    columns: Sequence[Column[Any]],
    key: Column[Any],
    values: Iterable[str],
) -> list[RowMapping]:
    """The rows whose `key` is one of these, however many."""
    found: list[RowMapping] = []
    wanted = list(values)
    for start in range(0, len(wanted), _PER_STATEMENT):
        some = select(*columns).where(key.in_(wanted[start : start + _PER_STATEMENT]))
        found += (await connection.execute(some)).mappings().all()
    return found


def _agree(bound: str | None, origin: str) -> None:
    if bound not in (None, origin):
        raise OtherOrigin(
            f"the archive is of {bound}, and the client of {origin}: make another archive"
        )


def _driven(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, KeyError):
        shown = url.split(":")[0][:20] if isinstance(url, str) else type(url).__name__
        raise InvalidArgument(
            f"database_url must begin with sqlite:/// or postgresql://, not {shown!r}"
        ) from None
    return parsed.set(drivername=driver)


def _engine(url: URL) -> AsyncEngine:
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


def _probe(database: str) -> None:
    """Raise where there is none to be had: aiosqlite would leave its thread to a loop that ends."""
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


class _translated:
    """Make a `StoreError` of whatever the database raises."""

    def __init__(self, url: URL) -> None:
        # Without the options: a password may stand among them too.
        self._where = url.set(query={}).render_as_string(hide_password=True)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DBAPIError):
            raise StoreError(f"{self._where}: {error.orig}") from None
        if isinstance(error, SQLAlchemyError | sqlite3.Error | OSError):
            raise StoreError(f"{self._where}: {error}") from None
