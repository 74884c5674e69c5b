"""Databases that are locked, gone or broken: a clear error, nothing by halves, then it goes on."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from archives import NOW, Archive, sync
from sqlalchemy import make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from wholeness import assert_goes_on, assert_nothing_by_halves, assert_whole, snapshot

from focus_cte import FocusCTe, InvalidArgument
from focus_cte.mirror.engine import BEGIN
from focus_cte.mirror.errors import StoreError
from focus_cte.mirror.lease import TERM
from focus_cte.mirror.mirror import Mirror
from focus_cte.mirror.schema import changes
from focus_cte.mirror.store import Store
from focus_cte.sandbox import Sandbox

_NOISE = random.Random(1).randbytes(2**16)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Some documents in several pages, for as many requests as anybody likes."""
    async with Sandbox(ctes=45, credits=None, page=10) as opened:
        yield opened


@pytest.fixture
def sqlite(sandbox: Sandbox, tmp_path: Path) -> Archive:
    """An archive on SQLite, for what only SQLite has."""
    return Archive(f"sqlite:///{tmp_path / 'acervo.db'}", tmp_path / "files", sandbox)


@pytest.fixture
def archive(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Archive:
    return Archive(database_url, tmp_path / "files", sandbox)


async def test_an_address_that_is_mistyped_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="its port is no number") as caught:
        Mirror("postgresql://u:sesame@host:port/name", files=tmp_path)
    assert "sesame" not in str(caught.value)
    # Of libpq, not of asyncpg; nothing listens there, and nothing is asked.
    mirror = Mirror("postgresql://u:sesame@127.0.0.1:1/name?sslmode=require", files=tmp_path)
    with pytest.raises(InvalidArgument, match="sslmode") as caught:
        await mirror.open()
    assert "sesame" not in str(caught.value)


class TestLocked:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("focus_cte.mirror.engine._PATIENCE", 0.05)

    @pytest.fixture
    def other(self, sqlite: Archive) -> Iterator[sqlite3.Connection]:
        """Another program's connection to the same file."""
        connection = sqlite3.connect(sqlite.file, isolation_level=None)
        yield connection
        connection.close()

    async def test_a_database_that_another_holds_is_waited_for_and_then_an_error(
        self, sqlite: Archive, other: sqlite3.Connection
    ) -> None:
        await sync(sqlite)
        sqlite.sandbox.receive(5)
        before = await snapshot(sqlite.database_url)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked") as caught:
            await sync(sqlite)
        assert str(sqlite.file) in str(caught.value)
        other.execute("ROLLBACK")
        assert await snapshot(sqlite.database_url) == before
        await assert_goes_on(sqlite)

    async def test_a_database_locked_between_two_pages_keeps_the_first(
        self, sqlite: Archive, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listings = 0

        def lock(request: Any) -> None:
            nonlocal listings
            listings += request.path.endswith("ctes_recebidas")
            if listings == 3:
                other.execute("BEGIN IMMEDIATE")
                listings += 1

        _on_request(sqlite.sandbox, lock, monkeypatch)
        with pytest.raises(StoreError, match="locked"):
            await sync(sqlite)
        other.execute("ROLLBACK")
        tables = await snapshot(sqlite.database_url)
        assert 0 < len(tables["recebimentos"]) < len(sqlite.sandbox.chaves)
        await assert_nothing_by_halves(sqlite)
        # The lease could not be given back either: it ends by itself.
        await assert_goes_on(sqlite, NOW + TERM)

    async def test_a_transaction_cancelled_anywhere_leaves_the_database_free(
        self, database_url: str
    ) -> None:
        store = Store(database_url)
        await store.open()

        async def write(word: str) -> None:
            async with store.writing() as writer:
                writer.change("cnpj", "chave", word)

        draw = random.Random(1)
        for number in range(100):
            writing = asyncio.create_task(write("cancelled"))
            for _ in range(draw.randrange(50)):
                await asyncio.sleep(draw.choice((0, 0, 0.0003)))
            writing.cancel()
            await asyncio.wait([writing])
            await write(f"after {number}")
        async with store.reading() as connection:
            told = (
                await connection.execute(
                    select(changes.c.seq, changes.c.what).order_by(changes.c.seq)
                )
            ).all()
        await store.close()
        assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
        assert sum(what.startswith("after") for _, what in told) == 100


def _on_request(
    sandbox: Sandbox, do: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have something done when the sandbox notes a request."""

    class Noting(list[Any]):
        def append(self, seen: Any) -> None:
            super().append(seen)
            do(seen)

    monkeypatch.setattr(sandbox._api, "requests", Noting(sandbox.requests))


class TestServer:
    @pytest.fixture
    async def drop(self, database_url: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """End every connection to the archive's database."""
        if not database_url.startswith("postgresql"):
            pytest.skip("SQLite has no server")
        server = make_url(database_url).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(server.set(database="postgres"))
        theirs = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        )

        async def end() -> None:
            async with engine.connect() as connection:
                await connection.execute(theirs, {"name": server.database})

        yield end
        await engine.dispose()

    async def test_a_connection_lost_in_a_transaction_is_an_error_and_nothing_is_written(
        self, archive: Archive, drop: Callable[[], Awaitable[None]]
    ) -> None:
        await sync(archive)
        before = await snapshot(archive.database_url)
        store = Store(archive.database_url)
        await store.open()

        async def write() -> None:
            async with store.writing() as writer:
                writer.change(archive.sandbox.cnpj, archive.sandbox.chaves[0], "x")
                await drop()

        with pytest.raises(StoreError, match=make_url(archive.database_url).database or ""):
            await write()
        await store.close()
        assert await snapshot(archive.database_url) == before

    async def test_connections_lost_between_syncs_are_made_anew(
        self, archive: Archive, drop: Callable[[], Awaitable[None]]
    ) -> None:
        async with (
            Mirror(archive.database_url, files=archive.files, clock=lambda: NOW) as mirror,
            FocusCTe(archive.sandbox.token, base_url=archive.sandbox.url) as focus,
        ):
            await mirror.sync(focus, archive.sandbox.cnpj)
            archive.sandbox.receive(3)
            await drop()
            assert (await mirror.sync(focus, archive.sandbox.cnpj)).new == 3
        await assert_whole(archive)

    @pytest.mark.usefixtures("drop")  # which skips SQLite
    async def test_who_sleeps_within_a_transaction_loses_it_and_the_others_wait_no_longer(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = BEGIN["postgresql"].replace("'30s'", "'50ms'").replace("'120s'", "'500ms'")
        monkeypatch.setitem(BEGIN, "postgresql", begin)
        asleep, other = Store(archive.database_url), Store(archive.database_url)
        await asleep.open()
        await other.open()

        async def write(store: Store, within: Callable[[], Awaitable[None]]) -> None:
            async with store.writing() as writer:
                writer.change("1", "a", "x")
                await within()

        async def sleep() -> None:
            with pytest.raises(StoreError, match="lock timeout"):
                await write(other, nothing)
            await asyncio.sleep(1)
            await write(other, nothing)

        async def nothing() -> None:
            pass

        with pytest.raises(StoreError, match=r"connection is closed|idle-in-transaction"):
            await write(asleep, sleep)
        async with other.reading() as connection:
            assert (await connection.scalars(select(changes.c.seq))).all() == [1]
        await asleep.close()
        await other.close()


class TestCorrupt:
    async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(
        self, sqlite: Archive
    ) -> None:
        sqlite.file.write_bytes(_NOISE)
        with pytest.raises(StoreError, match="not a database") as caught:
            await sync(sqlite)
        assert str(sqlite.file) in str(caught.value)
        assert sqlite.file.read_bytes() == _NOISE
        assert sqlite.sandbox.requests == []

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    async def test_a_truncated_database_is_an_error_and_its_copy_goes_on(
        self, sqlite: Archive, share: float
    ) -> None:
        await sync(sqlite)
        whole = sqlite.file.read_bytes()
        sqlite.file.write_bytes(whole[: int(len(whole) * share)])
        sqlite.sandbox.receive(5)
        with pytest.raises(StoreError, match="malformed") as caught:
            await sync(sqlite)
        assert str(sqlite.file) in str(caught.value)
        for beside in sqlite.file.parent.glob(f"{sqlite.file.name}-*"):
            beside.unlink()
        sqlite.file.write_bytes(whole)
        await assert_goes_on(sqlite)

    async def test_pages_of_noise_are_an_error(self, sqlite: Archive) -> None:
        await sync(sqlite)
        whole = sqlite.file.read_bytes()
        sqlite.file.write_bytes(
            whole[:8192] + _NOISE[: len(whole) - 8192] + whole[8192 + len(_NOISE) :]
        )
        sqlite.sandbox.receive(5)
        with pytest.raises(StoreError):
            await sync(sqlite)
        sqlite.file.write_bytes(whole)
        await assert_goes_on(sqlite)
