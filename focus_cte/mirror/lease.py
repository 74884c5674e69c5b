"""One puller a CNPJ: a lease that ends by itself, and a number by which a late writer is known."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import bindparam, select, update

from focus_cte.mirror.errors import LeaseHeld, LeaseLost, StoreError
from focus_cte.mirror.schema import leases
from focus_cte.mirror.steady import to_the_end
from focus_cte.mirror.store import Store, Writer

TERM = timedelta(minutes=5)
"""From each transaction of its holder to the end of a lease."""
_RENEWAL = (
    update(leases)
    .where(
        leases.c.cnpj == bindparam("of_cnpj"),
        leases.c.owner == bindparam("of_owner"),
        leases.c.fence == bindparam("of_fence"),
    )
    .values(expires_at=bindparam("until"))
    .returning(leases.c.fence)
)
_living: set[str] = set()
"""The owners in this process. One of it that is not here has ended, and could not give back."""


@attrs.frozen
class Lease:
    """The right to pull a CNPJ, while nobody took it over."""

    cnpj: str
    owner: str
    fence: int

    async def hold(self, writer: Writer) -> None:
        """Renew it within a transaction, which goes wrong with `LeaseLost` if it is another's."""
        own = {"of_cnpj": self.cnpj, "of_owner": self.owner, "of_fence": self.fence}
        until = writer.now + TERM
        if not await writer.run(_RENEWAL, {**own, "until": until}):
            raise LeaseLost(
                f"{self.cnpj}: another process took over while this one paused", cnpj=self.cnpj
            )


@asynccontextmanager
async def holding(store: Store, cnpj: str) -> AsyncIterator[Lease]:
    """A lease for a block of work; `LeaseHeld` where another is alive."""
    lease = await take(store, cnpj)
    try:
        yield lease
    except BaseException:
        with suppress(StoreError):  # what went wrong first says more
            await to_the_end(give_back(store, lease))
        raise
    await to_the_end(give_back(store, lease))


async def take(store: Store, cnpj: str) -> Lease:
    """A new lease; `LeaseHeld` where another is alive."""
    owner = f"{this_process()}/{secrets.token_hex(4)}"
    _living.add(owner)
    try:
        async with store.writing() as writer:
            return await _take(writer, cnpj, owner)
    except BaseException:
        _living.discard(owner)
        raise


async def _take(writer: Writer, cnpj: str, owner: str) -> Lease:
    found = (
        await writer.connection.execute(select(leases).where(leases.c.cnpj == cnpj))
    ).one_or_none()
    if found is not None and found.expires_at > writer.now and not _has_ended(found.owner):
        raise _held(found)
    fence = found.fence + 1 if found else 1
    row = {"cnpj": cnpj, "owner": owner, "fence": fence, "expires_at": writer.now + TERM}
    await writer.upsert(leases, [row])
    return Lease(cnpj, owner, fence)


async def check_no_other(writer: Writer, ours: Sequence[Lease]) -> None:
    """`LeaseHeld` where somebody alive holds another lease than these."""
    found = await writer.connection.execute(
        select(leases).where(
            leases.c.expires_at > writer.now, leases.c.cnpj.not_in([own.cnpj for own in ours])
        )
    )
    for row in found:
        if not _has_ended(row.owner):
            raise _held(row)


async def give_back(store: Store, lease: Lease) -> None:
    """End it, unless somebody else has it by now."""
    _living.discard(lease.owner)
    async with store.writing() as writer:
        await writer.connection.execute(
            update(leases)
            .where(leases.c.cnpj == lease.cnpj, leases.c.owner == lease.owner)
            .values(expires_at=writer.now)
        )


async def owners(store: Store) -> set[str]:
    """Who holds a lease, the dead among them."""
    async with store.reading() as connection:
        return set((await connection.scalars(select(leases.c.owner))).all())


def _held(row: Any) -> LeaseHeld:
    return LeaseHeld(
        f"{row.cnpj}: another process is pulling it, {row.owner}",
        cnpj=row.cnpj,
        until=row.expires_at,
    )


@cache
def _machine() -> str:
    """This machine since it was started, or container: where our process numbers count.

    Neither its name says that, nor its namespace: copies of a machine have the same.
    """
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{socket.gethostname()}/{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    return f"{socket.gethostname()}/{secrets.token_hex(4)}"


def this_process() -> str:
    return f"{_machine()}/{os.getpid()}"


def is_dead(owner: str) -> bool:
    """Whether the owner is a process of this machine that is no more."""
    machine, _, rest = owner.rpartition("/")[0].rpartition("/")
    if machine != _machine() or os.name != "posix":
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _has_ended(owner: str) -> bool:
    return is_dead(owner) or (owner.startswith(f"{this_process()}/") and owner not in _living)
