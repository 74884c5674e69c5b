"""Many downloads for few credits: how close to the ideal, and at the price of how many 429s.

The ideal is what a client achieves that knows when each window starts: it spends the window under
way at once, and all of each next one at its first moment, and needs no time for it. Where windows
start with the first request that is `_WINDOW` seconds for each further window; on a grid (multiples
of `_WINDOW` of the clock that server and contenders share), the part of the first window that was
gone at the start comes off. A credit of a window before the last one used, by which no document
came, is wasted.

The 429s of one process and the documents fetched are those of the worst round, not medians.

All combinations of one contender run at a time: they sleep nearly all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil

from benchmarks.harness import Request, interleaved, middle, phase, race, server
from benchmarks.table import Check, Table

_CREDITS, _WINDOW, _FILES = 60, 15.0, 150
_AT_ONCE = 8
_GOLDEN = 0.618
_SDK, _PLAIN = "with_sdk.credits", "with_aiohttp.credits"
_Case = tuple[int, bool, str]
"""How many processes; whether the windows are on a grid; how Rate-Limit-Reset is rounded."""
_CASES: tuple[_Case, ...] = tuple(product((1, 4), (False, True), ("up", "down", "nearest")))


@dataclass(frozen=True)
class _Run:
    ideal: float
    wall: float
    refused: int
    answers: int
    wasted: int
    fetched: int

    @property
    def share(self) -> float:
        return self.ideal / self.wall


async def measure(rounds: int) -> Table:
    batches = {name: partial(_batch, name, iter(range(rounds))) for name in (_SDK, _PLAIN)}
    ours, plain = (await interleaved(rounds, batches)).values()
    table = Table(
        f"{_FILES} downloads, {_CREDITS} credits a window of {_WINDOW:.0f} s (medians of {rounds};"
        f" plain: aiohttp, {_AT_ONCE} at a time, sleeps Rate-Limit-Reset on a 429)",
        tuple(
            "processes, windows, rounding|ideal/wall s|ideal/wall|worst|answers 429|fetched|wasted"
            "|plain: ideal/wall|429|wasted".split("|")
        ),
    )
    for place, (processes, grid, rounding) in enumerate(_CASES):
        table.add(
            f"{processes}, {'grid' if grid else 'first request'}, {rounding}",
            *_ours(processes, [batch[place] for batch in ours]),
            *_plain([batch[place] for batch in plain]),
        )
    return table


def _ours(processes: int, runs: list[_Run]) -> tuple[str | Check, ...]:
    one = processes == 1
    percent = middle(runs, lambda r: r.refused / r.answers * 100)
    return (
        f"{middle(runs, lambda r: r.ideal):.1f}/{middle(runs, lambda r: r.wall):.1f}",
        Check(middle(runs, lambda r: r.share), "≥ 0.95" if one else "≥ 0.90", "{:.3f}"),
        f"{min(r.share for r in runs):.3f}",
        Check(max(r.refused for r in runs), "= 0", "{:.0f}")
        if one
        else Check(percent, "≤ 2 %", "{:.1f} %"),
        Check(min(r.fetched for r in runs), f"= {_FILES}", "{:.0f}"),
        f"{middle(runs, lambda r: r.wasted):.0f}",
    )


def _plain(runs: list[_Run]) -> tuple[str, ...]:
    figures = (middle(runs, lambda r: r.refused), middle(runs, lambda r: r.wasted))
    return f"{middle(runs, lambda r: r.share):.3f}", *(f"{figure:.0f}" for figure in figures)


async def _batch(contender: str, rounds: Iterator[int]) -> list[_Run]:
    first = next(rounds) * len(_CASES)
    arguments = {"at_once": _AT_ONCE} if contender == _PLAIN else {}
    # Spread over the window, for the grid's sake, and so that not all are busy together.
    return await asyncio.gather(
        *(
            _run(contender, case, _WINDOW * (0.1 + 0.8 * (place * _GOLDEN % 1)), arguments)
            for place, case in enumerate(_CASES, first)
        )
    )


async def _run(contender: str, case: _Case, start: float, arguments: Mapping[str, int]) -> _Run:
    processes, grid, rounding = case
    settings = {"credits": _CREDITS, "window": _WINDOW, "rounding": rounding, "grid": grid}
    async with server("sandbox", ctes=_FILES, latency=0.02, **settings) as running:
        shares = [running.chaves[n::processes] for n in range(processes)]
        each = [{"chaves": share, **arguments} for share in shares]
        results = await race(running, contender, *each, go=partial(phase, _WINDOW, start))
        requests = await running.requests()
    began = min(result.ended - result.wall for result in results)
    gone = began % _WINDOW if grid else 0.0
    return _Run(
        ideal=(ceil(_FILES / _CREDITS) - 1) * _WINDOW - gone,
        wall=max(result.ended for result in results) - began,
        refused=sum(request.status == 429 for request in requests),
        answers=len(requests),
        wasted=_wasted(requests, began, grid),
        fetched=sum(result.value for result in results),
    )


def _wasted(requests: list[Request], began: float, grid: bool) -> int:
    fetched: list[int] = []
    ends = (began // _WINDOW) * _WINDOW if grid else began
    for request in requests:
        while request.at >= ends:
            ends = ends + _WINDOW if grid else request.at + _WINDOW
            fetched.append(0)
        fetched[-1] += request.status == 200
    return sum(_CREDITS - count for count in fetched[:-1])
