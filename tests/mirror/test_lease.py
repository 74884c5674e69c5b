"""One puller a CNPJ: taken over from the dead, never from the living, and a late one is known."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from focus_cte.mirror import lease
from focus_cte.mirror.errors import LeaseHeld, LeaseLost
from focus_cte.mirror.schema import leases, nfes
from focus_cte.mirror.store import Store

CNPJ = "11222333000181"


@pytest.fixture
def clock(store: Store) -> list[datetime]:
    """The present, as a list of one."""
    present = [datetime(2026, 11, 25, 12, tzinfo=UTC)]
    store.clock = lambda: present[0]
    return present


async def owned_by(store: Store, owner: str) -> None:
    async with store.writing() as writer:
        await writer.connection.execute(update(leases).values(owner=owner))


async def test_a_cnpj_is_pulled_by_one_and_others_by_others(
    store: Store, clock: list[datetime]
) -> None:
    await lease.take(store, CNPJ)
    await lease.take(store, "00000000000191")
    with pytest.raises(LeaseHeld, match=CNPJ) as caught:
        await lease.take(store, CNPJ)
    assert caught.value.until == clock[0] + lease.TERM


async def test_one_that_ended_is_free_with_a_higher_number(
    store: Store, clock: list[datetime]
) -> None:
    first = await lease.take(store, CNPJ)
    await lease.give_back(store, first)
    second = await lease.take(store, CNPJ)
    assert second.fence == first.fence + 1
    clock[0] += lease.TERM
    third = await lease.take(store, CNPJ)
    assert third.fence == second.fence + 1


async def test_each_transaction_renews_it(store: Store, clock: list[datetime]) -> None:
    held = await lease.take(store, CNPJ)
    clock[0] += lease.TERM - timedelta(seconds=1)
    async with store.writing() as writer:
        await held.hold(writer)
    clock[0] += timedelta(seconds=2)
    with pytest.raises(LeaseHeld):
        await lease.take(store, CNPJ)


async def test_a_paused_one_that_nobody_replaced_goes_on(
    store: Store, clock: list[datetime]
) -> None:
    held = await lease.take(store, CNPJ)
    clock[0] += 10 * lease.TERM
    async with store.writing() as writer:
        await held.hold(writer)
    with pytest.raises(LeaseHeld):
        await lease.take(store, CNPJ)


async def test_a_paused_one_that_was_replaced_writes_nothing(
    store: Store, clock: list[datetime]
) -> None:
    held = await lease.take(store, CNPJ)
    clock[0] += lease.TERM
    new = await lease.take(store, CNPJ)

    async def write() -> None:
        async with store.writing() as writer:
            await writer.insert(nfes, [{"chave": "a", "chave_nfe": "b"}])
            await held.hold(writer)

    with pytest.raises(LeaseLost, match=CNPJ):
        await write()
    await lease.give_back(store, held)
    async with store.reading() as connection:
        assert (await connection.execute(select(nfes))).all() == []
    async with store.writing() as writer:
        await new.hold(writer)


async def test_that_of_a_dead_process_of_this_machine_is_free_at_once(
    store: Store, clock: list[datetime]
) -> None:
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    held = await lease.take(store, CNPJ)
    machine = held.owner.rsplit("/", 2)[0]
    assert held.owner.split("/")[-2] == str(os.getpid())
    await dead.wait()
    await owned_by(store, f"{machine}/{dead.pid}/0a1b2c3d")
    assert (await lease.take(store, CNPJ)).fence == 2


async def test_one_that_could_not_be_given_back_does_not_hold_off_its_own_process(
    store: Store, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with lease.holding(store, CNPJ):
            monkeypatch.setattr(store, "_engine", None)
            raise KeyError("what went wrong first")

    engine = store.engine
    with pytest.raises(KeyError):
        await work()
    monkeypatch.setattr(store, "_engine", engine)
    async with lease.holding(store, CNPJ) as held:
        assert held.fence == 2
        with pytest.raises(LeaseHeld):
            await lease.take(store, CNPJ)


def copy_of_this_machine() -> str:
    """One of its name too."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return lease.this_process().rpartition("/")[0].replace(boot, "started at another time")


@pytest.mark.parametrize("owner", [f"{copy_of_this_machine()}/4194305/0a1b2c3d", "rubbish", "a/b"])
async def test_that_of_another_machine_is_waited_out(
    store: Store, clock: list[datetime], owner: str
) -> None:
    await lease.take(store, CNPJ)
    await owned_by(store, owner)
    with pytest.raises(LeaseHeld):
        await lease.take(store, CNPJ)
    assert await lease.owners(store) == {owner}
