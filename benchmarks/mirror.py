"""The first sync of a mirror: documents a second, and its memory, on SQLite."""

from __future__ import annotations

from functools import partial

from benchmarks.harness import Result, Server, interleaved, middle, race, server
from benchmarks.table import Check, Table

_CTES = 10_000
_WITH_XML = "each with its XML"
_LISTING = "the listing alone"


async def measure(rounds: int) -> Table:
    async with server("sandbox", ctes=_CTES, credits=None) as running:
        runs = {_WITH_XML: partial(_run, running, True), _LISTING: partial(_run, running, False)}
        results = await interleaved(rounds, runs)
    table = Table(
        f"a first sync of {_CTES:,} documents (medians of {rounds})",
        ("", "documents a second", "its CPU, seconds", "memory at its highest, MiB"),
    )
    for name, target in ((_WITH_XML, "≥ 250"), (_LISTING, "≥ 3000")):
        found = results[name]
        table.add(
            name,
            Check(middle(found, lambda r: _CTES / r.wall), target, "{:,.0f}"),
            f"{middle(found, lambda r: r.cpu):.1f}",
            Check(middle(found, lambda r: r.peak), "< 150", "{:.1f}"),
        )
    return table


async def _run(running: Server, files: bool) -> Result:
    await running.requests()  # so that the server need not keep them
    (result,) = await race(running, "with_mirror.everything", {"files": files})
    new, stored = result.value
    assert new == _CTES, result
    assert stored >= _CTES if files else stored == 0, result
    return result
