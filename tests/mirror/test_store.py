"""The database: one origin, whole transactions, a feed without gaps, clear errors."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    TypeDecorator,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import InterfaceError

from focus_cte import InvalidArgument
from focus_cte.mirror import schema
from focus_cte.mirror.errors import OtherOrigin, StoreError
from focus_cte.mirror.schema import Instant, Money, archive, changes, ctes, nfes
from focus_cte.mirror.steady import SteadyConnection, to_the_end
from focus_cte.mirror.store import Store

DIALECT = sqlite.dialect()  # type: ignore[no-untyped-call]


async def test_an_archive_is_of_one_api_for_ever(store: Store, database_url: str) -> None:
    await store.bind("https://api.example")
    with pytest.raises(OtherOrigin, match=r"api\.example.*other\.example"):
        await store.bind("https://other.example")
    again = Store(database_url)
    await again.open()
    with pytest.raises(OtherOrigin):
        await again.check("https://other.example")
    assert again.origin == "https://api.example"
    await again.close()


async def test_two_that_bind_at_once_agree_or_one_is_refused(database_url: str) -> None:
    one, two = Store(database_url), Store(database_url)
    await one.open()
    await two.open()
    await one.bind("https://a.example")
    async with two.writing() as writer:  # by a purge, say
        await writer.insert(nfes, [{"chave": "a", "chave_nfe": "b"}])
    with pytest.raises(OtherOrigin):
        await two.check("https://b.example")
    with pytest.raises(OtherOrigin):
        await two.bind("https://b.example")
    async with one.reading() as connection:
        assert await connection.scalar(select(nfes.c.origin)) == "https://a.example"
    await one.close()
    await two.close()


async def test_a_binding_that_is_not_stored_binds_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(connection: SteadyConnection) -> None:
        raise OSError(28, "No space left on device")

    store = Store(database_url)
    await store.open()
    with monkeypatch.context() as patch:
        patch.setattr(SteadyConnection, "commit", refuse)
        with pytest.raises(StoreError):
            await store.bind("https://a.example")
    await store.bind("https://b.example")
    async with store.reading() as connection:
        assert await connection.scalar(select(archive.c.origin)) == "https://b.example"
    await store.close()


@pytest.mark.empty_database
async def test_opened_by_two_at_once_it_is_made_once(database_url: str) -> None:
    stores = [Store(database_url) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    async with stores[0].reading() as connection:
        assert len((await connection.execute(select(archive))).all()) == 1
    for store in stores:
        await store.close()


async def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    async def write() -> None:
        async with store.writing() as writer:
            await writer.insert(nfes, [{"chave": "a", "chave_nfe": "b"}])
            writer.change("1", "a", "received")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await write()
    async with store.reading() as connection:
        assert (await connection.execute(select(nfes))).all() == []
        assert (await connection.execute(select(changes))).all() == []
        assert await connection.scalar(select(archive.c.seq)) == 0


async def test_a_rollback_that_fails_does_not_hide_what_went_wrong(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(connection: SteadyConnection) -> None:
        raise InterfaceError("rollback", None, ConnectionError("the server went away"))

    async def write() -> None:
        async with store.writing():
            raise RuntimeError("in the middle")

    monkeypatch.setattr(SteadyConnection, "rollback", refuse)
    with pytest.raises(RuntimeError, match="in the middle"):
        await write()


async def test_the_feed_has_no_gap_however_many_write_at_once(database_url: str) -> None:
    stores = [Store(database_url) for _ in range(3)]
    for store in stores:
        await store.open()

    async def write(store: Store, n: int) -> None:
        for i in range(8):
            try:
                async with store.writing() as writer:
                    for _ in range(n):
                        writer.change("1", str(i), "received")
                    if i % 3 == 2:
                        raise LookupError
            except LookupError:
                pass

    await asyncio.gather(*(write(store, n) for n, store in enumerate(stores, 1)))
    async with stores[0].reading() as connection:
        found = (await connection.scalars(select(changes.c.seq).order_by(changes.c.seq))).all()
    assert found == list(range(1, 6 * (1 + 2 + 3) + 1))
    for store in stores:
        await store.close()


async def test_no_rows_are_no_statement_and_insert_leaves_what_is_there(store: Store) -> None:
    row = {"chave": "a", "chave_nfe": "b"}
    async with store.writing() as writer:
        await writer.insert(nfes, [])
        await writer.insert(nfes, [row, row])
    async with store.reading() as connection:
        assert len((await connection.execute(select(nfes))).all()) == 1


@pytest.mark.parametrize("url", ["", "x", "mysql://a:secret@b/c", "postgresql", 5])
def test_another_kind_of_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidArgument, match="database_url") as caught:
        Store(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["corrupt", "cut", "folder", "nowhere"])
async def test_a_database_that_is_none_is_a_clear_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "acervo.db"
    if kind == "corrupt":
        path.write_bytes(b"no database" * 1000)
    elif kind == "cut":
        store = Store(f"sqlite:///{path}")
        await store.open()
        await store.close()
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / "nowhere" / "acervo.db"
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=r"acervo\.db"):
        await store.open()


def test_a_database_that_cannot_be_opened_leaves_no_thread_to_a_loop_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    for _ in range(300):
        with pytest.raises(StoreError):
            asyncio.run(Store(f"sqlite:///{tmp_path}").open())
    assert told == []


@pytest.mark.parametrize("place", ["user:secret-word@127.0.0.1:1/none", "127.0.0.1:1/none?{}"])
async def test_no_password_in_an_error(place: str) -> None:
    store = Store(f"postgresql://{place.format('user=user&password=secret-word')}")
    with pytest.raises(StoreError) as caught:
        await store.open()
    assert "secret-word" not in str(caught.value)
    assert "secret-word" not in repr(store)


async def test_work_that_must_not_stop_half_way_ends_before_the_cancellation_is_raised() -> None:
    steps = []

    async def work() -> None:
        for step in range(3):
            await asyncio.sleep(0)
            steps.append(step)

    task = asyncio.create_task(to_the_end(work()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == [0, 1, 2]


async def test_amounts_and_instants_come_back_as_they_went(store: Store) -> None:
    emissao = datetime(2026, 7, 6, 23, 59, 59, 999999, timezone(-timedelta(hours=4)))
    row = {
        "chave": "a",
        "valor_total": Decimal("9999999999999.99"),
        **schema.instant("emissao", emissao),
        "prazo_estimado": True,
    }
    async with store.writing() as writer:
        await writer.insert(ctes, [row])
    async with store.reading() as connection:
        found = (await connection.execute(select(ctes))).one()
        assert found.valor_total == Decimal("9999999999999.99")
        assert found.emissao == emissao
        assert found.emissao.utcoffset() == timedelta(0)
        came = schema.with_offset(found.emissao, found.emissao_offset)
        assert came is not None
        assert came.isoformat() == emissao.isoformat()


def written(kind: TypeDecorator[Any], value: Any) -> Any:
    process = kind.bind_processor(DIALECT)
    assert process is not None
    return process(value)


def read(kind: TypeDecorator[Any], value: Any) -> Any:
    process = kind.result_processor(DIALECT, None)
    assert process is not None
    return process(value)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2))
def test_instants_sort_as_text(instants: list[datetime]) -> None:
    texts = [written(Instant(), each) for each in instants]
    assert sorted(texts) == [written(Instant(), each) for each in sorted(instants)]
    assert [read(Instant(), each) for each in texts] == instants


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-03:00"])
def test_an_instant_past_the_ends_of_time_in_utc_is_none(text: str) -> None:
    row = schema.instant("emissao", datetime.fromisoformat(text))
    assert row == {"emissao": None, "emissao_offset": None}


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_amounts_are_exact(value: Decimal) -> None:
    assert read(Money(), written(Money(), value)) == value


async def test_each_row_is_bound_as_sqlalchemy_binds_it(store: Store) -> None:
    """SQLite's driver is given rows without it: see `Writer.each`."""
    at = datetime(2026, 7, 6, 23, 59, tzinfo=timezone(timedelta(hours=-3)))
    odd = {"nome_emitente": "a\0b\ud800ç", "valor_total": Decimal("1E+3"), "emissao": at}
    rows: list[dict[str, Any]] = [
        {"chave": "a", **odd, "verificado": True, "problemas": ["é", Decimal("1.10")]},
        {"chave": "b", **dict.fromkeys(odd), "verificado": None, "problemas": None},
    ]
    theirs = [{**row, "chave": row["chave"] + "2", "origin": "o"} for row in rows]
    setting = update(ctes).where(ctes.c.chave == bindparam("of_chave"))
    changes = [{"of_chave": "b", "prazo": at, "icms": Decimal("0.50")}]
    async with store.writing() as writer:
        await writer.insert(ctes, rows)
        await writer.each(setting, changes)
        await writer.each(setting, [])
        await writer.connection.execute(insert(ctes), theirs)
        await writer.connection.execute(setting, [{**changes[0], "of_chave": "b2"}])
    columns = ("nome_emitente, valor_total, emissao, verificado, problemas, prazo, icms",)
    async with store.reading() as connection:
        found = await connection.execute(
            text(f"SELECT {columns[0]}, prazo_estimado FROM ctes ORDER BY chave")
        )
        a, a2, b, b2 = found.all()
    assert (a, b) == (a2, b2)
    assert a.nome_emitente == "a\ufffdb\ufffdç"
    assert b.prazo == "2026-07-07T02:59:00.000000Z"


async def test_a_row_that_is_refused_is_a_clear_error_and_nothing_is_stored(store: Store) -> None:
    whole = {"chave": "a", "nome_emitente": "b"}
    with pytest.raises(StoreError, match="chave"):
        async with store.writing() as writer:
            await writer.insert(ctes, [whole, {**whole, "chave": None}])
    async with store.reading() as connection:
        assert (await connection.execute(select(ctes.c.chave))).all() == []
