"""Processor time of a listing: this SDK's typed documents against what else one would write."""

from __future__ import annotations

from functools import partial

from benchmarks.harness import Result, Server, interleaved, middle, race, server
from benchmarks.table import Check, Table

_CTES = 40_000
_CONTENDERS = {
    "focus_cte, typed": "with_sdk.listing",
    "aiohttp + json, dicts": "with_aiohttp.listing",
    "requests, dicts": "with_requests.listing",
    "httpx + pydantic, typed": "with_httpx.listing",
}
_SDK, _BARE, _REQUESTS, _ = _CONTENDERS


async def measure(rounds: int) -> Table:
    rounds *= 3  # short, and the machine's noise weighs more here
    async with server("listing", ctes=_CTES) as running:
        runs = {name: partial(_run, running, path) for name, path in _CONTENDERS.items()}
        results = await interleaved(rounds, runs)
    each = {name: middle(found, _per_1000) * 1000 for name, found in results.items()}
    table = Table(
        f"CPU of listing {_CTES:,} documents, ms per 1,000 (medians of {rounds})",
        ("", "ms", "× aiohttp", "× requests"),
    )
    for name, cost in each.items():
        bare, requests = cost / each[_BARE], cost / each[_REQUESTS]
        sdk = name == _SDK
        table.add(
            name,
            f"{cost:.2f}",
            Check(bare, "≤ 1.80") if sdk else f"{bare:.2f}",
            Check(requests, "< 1.00") if sdk else f"{requests:.2f}",
        )
    return table


async def _run(running: Server, contender: str) -> Result:
    (result,) = await race(running, contender, {})
    assert result.value == _CTES, result
    return result


def _per_1000(result: Result) -> float:
    return result.cpu / _CTES * 1000
