"""The first sync of a mirror: documents a second, and its memory, on SQLite."""

from __future__ import annotations

import tempfile
from functools import partial
from uuid import uuid4

from benchmarks.harness import Result, Server, interleaved, middle, race, server
from benchmarks.table import Check, Table

_CTES = 10_000
_WITH_XML = "each with its XML"
_LISTING = "the listing alone"


async def measure(rounds: int) -> Table:
    # The archives are deleted when all is measured: ext4 without a journal makes files slowly for
    # minutes where many were deleted, which no first sync meets.
    with tempfile.TemporaryDirectory() as folder:
        async with server("sandbox", ctes=_CTES, credits=None) as running:
            run = partial(_run, running, folder)
            runs = {_WITH_XML: partial(run, True), _LISTING: partial(run, False)}
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


async def _run(running: Server, folder: str, files: bool) -> Result:
    await running.requests()  # so that the server need not keep them
    archive = {"folder": f"{folder}/{uuid4()}", "files": files}
    (result,) = await race(running, "with_mirror.everything", archive)
    new, stored = result.value
    assert new == _CTES, result
    assert stored >= _CTES if files else stored == 0, result
    return result
