"""Archives of older schemas, and of newer ones."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from archives import Archive, sync
from sqlalchemy import Connection, inspect, make_url, select, text, update

from focus_cte.mirror import Mirror, migrations, schema
from focus_cte.mirror.errors import SchemaTooNew, StoreError
from focus_cte.mirror.schema import archive
from focus_cte.mirror.store import Store
from focus_cte.sandbox import Sandbox

NEXT = schema.VERSION + 1

BACK_TO_1 = """
    ALTER TABLE recebimentos RENAME TO newer;
    CREATE TABLE recebimentos (
        cnpj VARCHAR(14) NOT NULL, chave VARCHAR(44) NOT NULL, versao BIGINT NOT NULL, papeis TEXT,
        first_seen VARCHAR(27) NOT NULL, origin TEXT NOT NULL, PRIMARY KEY (cnpj, chave)
    );
    INSERT INTO recebimentos SELECT cnpj, chave, versao, papeis, first_seen, origin FROM newer;
    DROP TABLE newer;
    CREATE INDEX recebimentos_chave ON recebimentos (chave);
    ALTER TABLE versoes RENAME TO newer;
    CREATE TABLE versoes (
        cnpj VARCHAR(14) NOT NULL, chave VARCHAR(44) NOT NULL, versao BIGINT NOT NULL,
        raw TEXT NOT NULL, seen_at VARCHAR(27) NOT NULL, origin TEXT NOT NULL,
        PRIMARY KEY (cnpj, chave, versao)
    );
    INSERT INTO versoes SELECT cnpj, chave, versao, raw, seen_at, origin FROM newer;
    DROP TABLE newer;
    ALTER TABLE changes RENAME TO newer;
    CREATE TABLE changes (
        seq BIGINT NOT NULL, cnpj VARCHAR(14) NOT NULL, chave VARCHAR(44) NOT NULL,
        what TEXT NOT NULL, before TEXT, after TEXT, at VARCHAR(27) NOT NULL, origin TEXT NOT NULL,
        PRIMARY KEY (seq)
    );
    INSERT INTO changes SELECT seq, cnpj, chave, what, before, after, at, origin FROM newer;
    DROP TABLE newer;
    CREATE INDEX changes_chave ON changes (chave);
    UPDATE archive SET version = 1
"""
"""Schema 2 in all but the order of two keys, an index, and a number of SQLite."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(ctes=25, credits=None, page=10) as opened:
        yield opened


async def test_an_archive_of_schema_1_becomes_one_of_today_and_goes_on(
    database_url: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    made = Archive(database_url, tmp_path / "files", sandbox)
    one, two, three, *_ = sandbox.chaves
    await sync(made)
    sandbox.cancel(one)
    await sync(made)
    store = Store(database_url)
    await store.open()
    fresh, rows = await shape(store), await everything(store)
    async with store.writing() as writer:
        for statement in BACK_TO_1.split(";"):
            await writer.connection.execute(text(statement))
    assert await shape(store) != fresh
    await store.close()

    await store.open()
    assert (await shape(store), await everything(store)) == (fresh, rows)
    await store.close()
    sandbox.cancel(two)
    report = await sync(made)
    assert (report.new, report.changed) == (0, 1)
    async with Mirror(database_url, files=made.files) as mirror:
        for chave in (one, two):
            said = [cte.situacao for cte in await mirror.historico(chave)]
            assert (len(said), said[-1]) == (2, "cancelada")
        assert len(await mirror.historico(three)) == 1


def mode(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)


async def shape(store: Store) -> dict[str, Any]:
    """Columns, keys and indices of each table; a key's name is the database's own affair."""

    def look(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        return {
            name: (
                {
                    column["name"]: (str(column["type"]), column["nullable"])
                    for column in found.get_columns(name)
                },
                found.get_pk_constraint(name)["constrained_columns"],
                sorted((each["name"], each["column_names"]) for each in found.get_indexes(name)),
            )
            for name in found.get_table_names()
        }

    async with store.reading() as connection:
        return await connection.run_sync(look)


async def everything(store: Store) -> dict[str, list[Any]]:
    async with store.reading() as connection:
        return {
            table.name: sorted(map(repr, await connection.execute(select(table))))
            for table in schema.metadata.sorted_tables
        }


async def test_a_newer_schema_is_refused_and_nothing_is_changed(
    store: Store, database_url: str
) -> None:
    async with store.writing() as writer:
        await writer.connection.execute(update(archive).values(version=schema.VERSION + 1))
    with pytest.raises(SchemaTooNew, match="upgrade focus_cte"):
        await Store(database_url).open()
    async with store.reading() as connection:
        assert await connection.scalar(select(archive.c.version)) == schema.VERSION + 1


async def test_an_older_schema_is_migrated_and_the_file_copied_aside(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def following(connection: Connection) -> None:
        done.append(NEXT)
        connection.execute(text("CREATE TABLE following (id INTEGER)"))

    monkeypatch.setattr(schema, "VERSION", NEXT)
    monkeypatch.setitem(migrations.MIGRATIONS, NEXT, following)
    path = Path(make_url(database_url).database or "")
    on_sqlite = database_url.startswith("sqlite")
    if on_sqlite:
        os.chmod(path, 0o640)
    newer = Store(database_url)
    await newer.open()
    async with newer.reading() as connection:
        assert await connection.scalar(select(archive.c.version)) == NEXT
        assert (await connection.execute(text("SELECT * FROM following"))).all() == []
    await newer.close()
    assert done == [NEXT]
    if on_sqlite:
        aside = Path(f"{path}.schema-{NEXT - 1}")
        assert mode(aside) == "-rw-r-----", "it is as secret as the database"
        with sqlite3.connect(aside) as copy:
            assert copy.execute("SELECT version FROM archive").fetchone() == (NEXT - 1,)
        copy.close()


async def test_a_migration_that_fails_leaves_the_archive_as_it_was(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def following(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE following (id INTEGER)"))
        connection.execute(text("NOT SQL"))

    monkeypatch.setattr(schema, "VERSION", NEXT)
    monkeypatch.setitem(migrations.MIGRATIONS, NEXT, following)
    with pytest.raises(StoreError):
        await Store(database_url).open()
    async with store.reading() as connection:
        assert await connection.scalar(select(archive.c.version)) == NEXT - 1
    async with store.reading() as connection:
        with pytest.raises(StoreError):
            async with store.reading() as other:
                await other.execute(text("SELECT * FROM following"))
