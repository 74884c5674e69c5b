"""Resident memory of a sync: it must not grow with the documents."""

from __future__ import annotations

from functools import partial

from benchmarks.harness import Result, interleaved, middle, race, server
from benchmarks.table import Check, Table

_FEW, _MANY = 10_000, 300_000


async def measure(rounds: int) -> Table:
    few, many = (await interleaved(rounds, {n: partial(_run, n) for n in (_FEW, _MANY)})).values()
    table = Table(
        f"resident memory at its highest in a sync, MiB (medians of {rounds})",
        ("documents", "before", "highest", "more"),
    )
    least = middle(few, lambda r: r.peak)
    for ctes, results in ((_FEW, few), (_MANY, many)):
        peak = middle(results, lambda r: r.peak)
        table.add(
            f"{ctes:,}",
            f"{middle(results, lambda r: r.peak_before):.1f}",
            f"{peak:.1f}",
            Check(peak - least, "< 10", "{:.1f}") if ctes == _MANY else "",
        )
    return table


async def _run(ctes: int) -> Result:
    async with server("listing", ctes=ctes) as running:
        (result,) = await race(running, "with_sdk.listing", {})
    assert result.value == ctes, result
    return result
