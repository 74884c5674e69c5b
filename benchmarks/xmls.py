"""Wall time of a sync with all its XMLs, where the server takes its time."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.harness import Result, Server, interleaved, middle, race, server
from benchmarks.table import Check, Table

_CTES = 500
_LATENCY = 0.03
_AT_ONCE = 8
"""The SDK's default concurrency."""
_ONE_BY_ONE = "focus_cte, one by one"
_SDK = "focus_cte, all at once"
_BARE = f"aiohttp, semaphore of {_AT_ONCE}"


async def measure(rounds: int) -> Table:
    async with server("sandbox", ctes=_CTES, credits=1_000_000, latency=_LATENCY) as running:
        runs = {
            _ONE_BY_ONE: partial(_run, running, "with_sdk.xmls_one_by_one"),
            _SDK: partial(_run, running, "with_sdk.xmls"),
            _BARE: partial(_run, running, "with_aiohttp.xmls", at_once=_AT_ONCE),
        }
        results = await interleaved(rounds, runs)
    walls = {name: middle(found, lambda r: r.wall) for name, found in results.items()}
    table = Table(
        f"{_CTES} documents and their XMLs at {_LATENCY * 1000:.0f} ms (medians of {rounds})",
        ("", "seconds", "times faster", "× aiohttp"),
    )
    for name, wall in walls.items():
        faster, bare = walls[_ONE_BY_ONE] / wall, wall / walls[_BARE]
        sdk = name == _SDK
        table.add(
            name,
            f"{wall:.2f}",
            Check(faster, "≥ 6.00") if sdk else f"{faster:.2f}",
            Check(bare, "≤ 1.15") if sdk else f"{bare:.2f}",
        )
    return table


async def _run(running: Server, contender: str, **arguments: Any) -> Result:
    (result,) = await race(running, contender, arguments)
    assert result.value == _CTES, result
    return result
