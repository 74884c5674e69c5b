"""The database of an archive: one origin, one transaction at a time, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Delete, Insert, RowMapping, Table, Update, bindparam, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from focus_cte import InvalidArgument
from focus_cte.mirror import dialects, migrations, schema
from focus_cte.mirror.engine import BEGIN, connect, driven, probe, translated
from focus_cte.mirror.errors import OtherOrigin, StoreError
from focus_cte.mirror.models import What
from focus_cte.mirror.steady import SteadyConnection, to_the_end

_PER_STATEMENT = 500
"""Rows, and keys in an IN: SQLite takes 32,766 variables, PostgreSQL 32,767."""

# Statements of every transaction are kept: SQLAlchemy takes longer to make one than to run it.
_NUMBERING = (
    update(schema.archive)
    .values(seq=schema.archive.c.seq + bindparam("count"))
    .returning(schema.archive.c.seq)
)

Row = Mapping[str, Any]
_NOTHING: Final[Row] = {}


class Store:
    """Opens with `open`, closes with `close`; transactions by `reading` and `writing`."""

    def __init__(self, url: str | URL, *, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = clock or (lambda: datetime.now(UTC))
        self.url = driven(url)
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
        """Connect, and bring the schema up to date. Raises `StoreError`, `SchemaTooNew`;
        `InvalidArgument` for an option of the URL that its driver does not know.
        """
        self._engine = connect(self.url)
        try:
            with translated(self.url):
                await probe(self.url)
                await migrations.migrate(self._engine, self.clock())
            async with self.reading() as connection:
                self.origin = await connection.scalar(select(schema.archive.c.origin))
        except BaseException as error:
            await self.close()
            if isinstance(error, TypeError) and "unexpected keyword" in str(error):
                # asyncpg's, whose options are not all of libpq's
                raise InvalidArgument(f"database_url: {error}; ssl=require asks for TLS") from None
            raise

    async def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await to_the_end(engine.dispose())

    async def check(self, origin: str) -> None:
        """Raise `OtherOrigin` unless the archive is of this API, or of none yet."""
        if self.origin is None:  # another process may have bound it by now
            async with self.reading() as connection:
                self.origin = await connection.scalar(select(schema.archive.c.origin))
        if self.origin not in (None, origin):
            raise OtherOrigin(
                f"the archive is of {self.origin}, and the client of {origin}: make another archive"
            )

    async def bind(self, origin: str) -> None:
        """Make the archive one of this API, for ever."""
        await self.check(origin)
        if self.origin is None:
            unbound = update(schema.archive).where(schema.archive.c.origin.is_(None))
            async with self.writing() as writer:
                await writer.connection.execute(unbound.values(origin=origin))
            await self.check(origin)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read by; each statement sees what is committed by then."""
        with translated(self.url):
            async with SteadyConnection(self.engine) as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writer]:
        """One transaction: all that the block wrote is there when it ends well, else nothing.

        One at a time in the whole archive: documents of two CNPJs are locked in no two orders, and
        what a transaction read is so until it ends.
        """
        with translated(self.url):
            async with self._writer, SteadyConnection(self.engine) as connection:
                await connection.exec_driver_sql(BEGIN[self.url.get_backend_name()])
                origin = self.origin or await connection.scalar(select(schema.archive.c.origin))
                writer = Writer(connection, self.clock(), origin or "")
                try:
                    yield writer
                    await writer.number_changes()
                    await connection.commit()
                except BaseException:
                    with suppress(SQLAlchemyError):  # what went wrong first says more
                        await connection.rollback()
                    raise


class Writer:
    """A transaction under way."""

    def __init__(self, connection: SteadyConnection, now: datetime, origin: str) -> None:
        self.connection = connection
        self.now = now
        self._origin = origin
        self._changes: list[dict[str, Any]] = []

    async def insert(self, table: Table, rows: Iterable[Row], same: Row = _NOTHING) -> None:
        """Insert what is not there; rows that are there stay as they are.

        All rows have the same keys, and besides them the `same` values.
        """
        await self._insert(rows, same, lambda dialect, _: _insertion(dialect, table))

    async def upsert(
        self,
        table: Table,
        rows: Iterable[Row],
        same: Row = _NOTHING,
        *,
        keep: Sequence[str] = (),
        newer: str = "",
    ) -> None:
        """Insert, or update what is there, but for the columns to `keep`; rows as of `insert`.

        With `newer`, only rows are updated whose value in that column is lower.
        """
        kept = tuple(keep)
        await self._insert(
            rows, same, lambda dialect, names: _upsertion(dialect, table, names, kept, newer)
        )

    async def _insert(
        self, rows: Iterable[Row], same: Row, statement: Callable[[str, tuple[str, ...]], Insert]
    ) -> None:
        if wanted := list(rows):
            same = {**same, "origin": self._origin}
            kept = statement(self.connection.dialect.name, (*wanted[0], *same))
            await self.each(kept, wanted, same)

    async def run(self, statement: Update, values: Row) -> Sequence[Any]:
        """Run a statement that is kept; the rows that it returns."""
        if self.connection.dialect.name != "sqlite":
            return list(await self.connection.execute(statement, values))
        text, bind = _bare(statement, tuple(values))
        return await self.connection.fetchall(text, *bind([values], _NOTHING))

    async def each(
        self, statement: Insert | Update | Delete, rows: Sequence[Row], same: Row = _NOTHING
    ) -> None:
        """Run a statement for each of these rows, with the `same` values in all of them.

        It is a statement that is kept, and all rows have the same keys.
        """
        if not rows:
            return
        if self.connection.dialect.name == "sqlite":
            text, bind = _bare(statement, (*rows[0], *same))
            await self.connection.executemany(text, bind(rows, same))
        else:
            await self.connection.execute(statement, [{**row, **same} for row in rows])

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
                "before": before or None,
                "after": after or None,
            }
        )

    async def number_changes(self) -> None:
        # There is one writer: whoever reads the feed never sees a number before those below it.
        if not self._changes:
            return
        ((top,),) = await self.run(_NUMBERING, {"count": len(self._changes)})
        first = top - len(self._changes) + 1
        rows = [{"seq": seq, **row} for seq, row in enumerate(self._changes, first)]
        await self.insert(schema.changes, rows, {"at": self.now})


@cache
def _insertion(dialect: str, table: Table) -> Insert:
    statement: Insert = dialects.insertion(dialect, table).on_conflict_do_nothing()
    return statement


@cache
def _upsertion(
    dialect: str, table: Table, names: tuple[str, ...], keep: tuple[str, ...], newer: str
) -> Insert:
    inserting = dialects.insertion(dialect, table)
    new, key = inserting.excluded, [column.name for column in table.primary_key]
    statement: Insert = inserting.on_conflict_do_update(
        index_elements=key,
        set_={name: new[name] for name in names if name not in (*key, *keep)},
        where=new[newer] > table.c[newer] if newer else None,
    )
    return statement


@cache
def _bare(
    statement: Insert | Update | Delete, names: tuple[str, ...]
) -> tuple[str, Callable[[Sequence[Row], Row], list[tuple[Any, ...]]]]:
    """A statement as SQLite's driver takes it, and how rows of these names are bound to it.

    As SQLAlchemy does both, but column by column, and without a look at each value's place.
    """
    dialect = dialects.module("sqlite").dialect()
    compiled = statement.compile(dialect=dialect, column_keys=names)
    order = compiled.positiontup or []
    types = (compiled.binds[name].type.dialect_impl(dialect) for name in order)
    processors = [each.bind_processor(dialect) for each in types]
    table: Any = statement.table
    defaults = {name: table.c[name].default.arg for name in order if name not in names}

    def bind(rows: Sequence[Row], same: Row) -> list[tuple[Any, ...]]:
        once = {**defaults, **same}
        columns: list[list[Any]] = []
        for name, process in zip(order, processors, strict=True):
            if name in once:
                value = once[name] if process is None else process(once[name])
                columns.append([value] * len(rows))
            elif process is None:
                columns.append([row[name] for row in rows])
            else:
                columns.append([process(row[name]) for row in rows])
        return list(zip(*columns, strict=True))

    return str(compiled), bind


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
