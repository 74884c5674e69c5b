"""Numbered migrations: from whatever schema an archive has to this release's."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from focus_cte.mirror import schema
from focus_cte.mirror.errors import SchemaTooNew

# As SQL, and not by `schema`, which goes on.
_TO_SCHEMA_2 = (
    "ALTER TABLE recebimentos RENAME TO recebimentos_1",
    """
    CREATE TABLE recebimentos (
        chave VARCHAR(44) NOT NULL, cnpj VARCHAR(14) NOT NULL, versao BIGINT NOT NULL, papeis TEXT,
        first_seen VARCHAR(27) NOT NULL, origin TEXT NOT NULL, PRIMARY KEY (chave, cnpj)
    )
    """,
    """
    INSERT INTO recebimentos (chave, cnpj, versao, papeis, first_seen, origin)
    SELECT chave, cnpj, versao, papeis, first_seen, origin FROM recebimentos_1
    """,
    "DROP TABLE recebimentos_1",
    "CREATE INDEX recebimentos_cnpj ON recebimentos (cnpj, versao)",
    "ALTER TABLE versoes RENAME TO versoes_1",
    """
    CREATE TABLE versoes (
        cnpj VARCHAR(14) NOT NULL, versao BIGINT NOT NULL, chave VARCHAR(44) NOT NULL,
        raw TEXT NOT NULL, seen_at VARCHAR(27) NOT NULL, origin TEXT NOT NULL,
        PRIMARY KEY (cnpj, versao, chave)
    )
    """,
    """
    INSERT INTO versoes (cnpj, versao, chave, raw, seen_at, origin)
    SELECT cnpj, versao, chave, raw, seen_at, origin FROM versoes_1
    """,
    "DROP TABLE versoes_1",
    "ALTER TABLE changes RENAME TO changes_1",
    """
    CREATE TABLE changes (
        seq {number} NOT NULL, cnpj VARCHAR(14) NOT NULL, chave VARCHAR(44) NOT NULL,
        what TEXT NOT NULL, before TEXT, after TEXT, at VARCHAR(27) NOT NULL, origin TEXT NOT NULL,
        PRIMARY KEY (seq)
    )
    """,
    """
    INSERT INTO changes (seq, cnpj, chave, what, before, after, at, origin)
    SELECT seq, cnpj, chave, what, before, after, at, origin FROM changes_1
    """,
    "DROP TABLE changes_1",
    "CREATE INDEX changes_chave ON changes (chave)",
)


def _to_schema_2(connection: Connection) -> None:
    """Keys in the order in which rows come: a page changes fewer leaves of the database."""
    number = "INTEGER" if connection.dialect.name == "sqlite" else "BIGINT"
    for statement in _TO_SCHEMA_2:
        connection.exec_driver_sql(statement.format(number=number))


MIGRATIONS: dict[int, Callable[[Connection], None]] = {2: _to_schema_2}
"""By the version that it makes: what has to be done to the one before."""


async def migrate(engine: AsyncEngine, now: datetime) -> None:
    """Make the tables, or bring them up to `schema.VERSION`, all in one transaction.

    A file of SQLite is copied aside before. Raises `SchemaTooNew`, and then nothing was changed.
    """
    async with engine.connect() as connection:
        found = await connection.run_sync(_version)
    if found == schema.VERSION:
        return
    if found > schema.VERSION:
        raise SchemaTooNew(
            f"the archive has schema {found}, and this release of focus_cte knows"
            f" {schema.VERSION}: upgrade focus_cte"
        )
    if found and engine.dialect.name == "sqlite" and engine.url.database:
        await asyncio.to_thread(_copy_aside, Path(engine.url.database), found)
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # Another process may be here too.
            await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(2026112501)")
        await connection.run_sync(_apply, now)
        await connection.commit()


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table("archive"):
        return 0
    return connection.scalar(select(schema.archive.c.version)) or 0


def _apply(connection: Connection, now: datetime) -> None:
    found = _version(connection)
    if not found:
        schema.metadata.create_all(connection)
        row = {"id": 1, "version": schema.VERSION, "seq": 0, "created_at": now}
        connection.execute(schema.archive.insert(), row)
        return
    for version in range(found + 1, schema.VERSION + 1):
        MIGRATIONS[version](connection)
    connection.execute(update(schema.archive).values(version=schema.VERSION))


def _copy_aside(database: Path, version: int) -> None:
    import sqlite3

    aside = database.with_name(f"{database.name}.schema-{version}")
    if aside.exists():
        return
    part = aside.with_name(f".{aside.name}.part")
    part.touch(0o600)  # before anything is in it
    with sqlite3.connect(database) as source, sqlite3.connect(part) as copy:
        source.backup(copy)
    copy.close()
    source.close()
    shutil.copymode(database, part)
    part.replace(aside)
