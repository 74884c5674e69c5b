"""A consumer that works as long as the server takes, with the next page asked for ahead or not."""

from __future__ import annotations

from functools import partial

from benchmarks.harness import Result, Server, interleaved, middle, race, server
from benchmarks.table import Check, Table

_CTES = 4_000
_WORK = _LATENCY = 0.08
_Run = tuple[Result, int]


async def measure(rounds: int) -> Table:
    async with server("listing", ctes=_CTES, latency=_LATENCY) as running:
        without, ahead = (
            await interleaved(rounds, {p: partial(_run, running, p) for p in (False, True)})
        ).values()
    table = Table(
        f"{_CTES:,} documents at {_LATENCY * 1000:.0f} ms, {_WORK * 1000:.0f} ms of work a page"
        f" (medians of {rounds})",
        ("", "seconds", "times faster", "requests"),
    )
    slow, fast = middle(without, _wall), middle(ahead, _wall)
    asked, also = middle(without, _requests), middle(ahead, _requests)
    table.add("one after the other", f"{slow:.2f}", "1.00", f"{asked:.0f}")
    table.add(
        "the next page ahead",
        f"{fast:.2f}",
        Check(slow / fast, "≥ 1.70"),
        Check(also, f"= {asked:.0f}", "{:.0f}"),
    )
    return table


async def _run(running: Server, prefetch: bool) -> _Run:
    await running.requests()
    (result,) = await race(running, "with_sdk.pages", {"work": _WORK, "prefetch": prefetch})
    assert result.value == _CTES, result
    return result, len(await running.requests()) - 1  # the one that connects


def _wall(run: _Run) -> float:
    return run[0].wall


def _requests(run: _Run) -> float:
    return run[1]
