"""Faults by chance, as a plain client meets them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import aiohttp
import pytest
from sandbox_http import Plain

from focus_cte.sandbox import Sandbox

_ASKED = 400


async def fate(plain: Plain, sandbox: Sandbox, path: str, method: str = "GET") -> str:
    """What became of one request."""
    try:
        return str((await plain.send(sandbox, path, method=method)).status)
    except aiohttp.ClientPayloadError:
        return "cut"
    except aiohttp.ClientConnectionError:
        return "reset"


async def fates(plain: Plain, sandbox: Sandbox, paths: list[str]) -> list[str]:
    return [await fate(plain, sandbox, path) for path in paths]


def xmls(sandbox: Sandbox) -> list[str]:
    return [f"/{chave}.xml" for chave in sandbox.chaves]


async def test_each_fault_has_its_share(plain: Plain, sandbox: Sandbox) -> None:
    sandbox.chance(seed=3, status=0.2, reset=0.1, cut=0.05)
    # A POST, since aiohttp sends a GET again by itself when its connection is reset.
    path = f"/{sandbox.chaves[0]}/hook"
    met = Counter([await fate(plain, sandbox, path, "POST") for _ in range(_ASKED)])
    broken = sum(met[status] for status in ("500", "502", "503", "504"))
    assert 0.15 < broken / _ASKED < 0.25
    assert 0.06 < met["reset"] / _ASKED < 0.14
    assert 0.02 < met["cut"] / _ASKED < 0.08
    assert met["200"] == _ASKED - broken - met["reset"] - met["cut"]
    assert all(met[status] for status in ("500", "502", "503", "504"))


async def test_the_same_requests_fare_the_same_in_another_order(plain: Plain) -> None:
    seen = []
    for backwards in (False, True):
        async with Sandbox(ctes=12, credits=None) as sandbox:
            sandbox.chance(seed=7, status=0.3, reset=0.1, cut=0.1, late=0.3)
            paths = sorted(xmls(sandbox) * 6, reverse=backwards)
            met: dict[str, list[str]] = {}
            for path in paths:
                met.setdefault(path, []).append(await fate(plain, sandbox, path))
            seen.append(met)
    assert seen[0] == seen[1]
    assert len({tuple(each) for each in seen[0].values()}) > 6


async def test_another_seed_has_other_faults(plain: Plain, sandbox: Sandbox) -> None:
    paths = xmls(sandbox) * 3
    sandbox.chance(seed=1, status=0.3)
    first = await fates(plain, sandbox, paths)
    sandbox.chance(seed=2, status=0.3)
    assert await fates(plain, sandbox, paths) != first
    sandbox.chance(seed=1, status=0.3)
    assert await fates(plain, sandbox, paths) == first


async def test_a_call_without_shares_ends_it(plain: Plain, sandbox: Sandbox) -> None:
    sandbox.chance(status=1.0, late=1.0)
    assert set(await fates(plain, sandbox, xmls(sandbox))) == {"404"}
    sandbox.chance()
    assert set(await fates(plain, sandbox, xmls(sandbox))) == {"200"}


async def test_a_late_xml_is_not_there_the_first_times(plain: Plain) -> None:
    async with Sandbox(ctes=200, credits=None) as sandbox:
        sandbox.chance(late=0.2, late_times=3)
        rounds = [await fates(plain, sandbox, xmls(sandbox)) for _ in range(4)]
    late = rounds[0].count("404")
    assert 25 < late < 55
    assert rounds[0] == rounds[1] == rounds[2]
    assert set(rounds[3]) == {"200"}


async def test_events_may_be_late_too(plain: Plain, sandbox: Sandbox) -> None:
    sandbox.cancel(sandbox.chaves[0])
    sandbox.correct(sandbox.chaves[1])
    sandbox.chance(late=1.0, late_times=1)
    paths = [f"/{sandbox.chaves[-2]}/cancelamento.xml", f"/{sandbox.chaves[-1]}/carta_correcao.xml"]
    assert await fates(plain, sandbox, paths) == ["404", "404"]
    assert await fates(plain, sandbox, paths) == ["200", "200"]


async def test_only_the_place_that_is_named_goes_wrong(plain: Plain, sandbox: Sandbox) -> None:
    sandbox.chance(status=1.0, on="xml")
    assert (await plain.listing(sandbox)).status == 200
    assert set(await fates(plain, sandbox, xmls(sandbox))) <= {"500", "502", "503", "504"}


async def test_the_script_comes_first(plain: Plain, sandbox: Sandbox) -> None:
    sandbox.chance(status=1.0)
    sandbox.fail("status", status=418)
    (path, *_) = xmls(sandbox)
    assert await fate(plain, sandbox, path) == "418"
    assert await fate(plain, sandbox, path) != "418"
    assert sandbox.faults_left == 0


async def test_a_refused_request_meets_no_chance(plain: Plain) -> None:
    async with Sandbox(ctes=1, credits=1) as sandbox:
        sandbox.chance(reset=1.0)
        assert (await plain.listing(sandbox, token="outro")).status == 401
        path = f"/{sandbox.chaves[0]}/hook"
        assert await fate(plain, sandbox, path, "POST") == "reset"
        assert await fate(plain, sandbox, path, "POST") == "429"


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"status": 1.5}, ValueError, "status"),
        ({"late": -0.1}, ValueError, "late"),
        ({"reset": "0.1"}, TypeError, "reset"),
        ({"cut": True}, TypeError, "cut"),
        ({"status": 0.5, "reset": 0.4, "cut": 0.2}, ValueError, "together"),
        ({"late_times": 0}, ValueError, "late_times"),
        ({"late_times": 1.5}, TypeError, "late_times"),
        ({"on": "xmls"}, ValueError, "on must be"),
    ],
)
def test_a_wrong_argument_is_refused(
    arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    sandbox = Sandbox(ctes=1)
    with pytest.raises(error, match=match):
        sandbox.chance(**arguments)
