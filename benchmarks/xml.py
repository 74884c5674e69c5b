"""Documents read and verified in a second, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from benchmarks.harness import progress
from benchmarks.table import Check, Table
from focus_cte.sandbox import xmlgen
from focus_cte.sandbox.data import Generator
from focus_cte.xml import CTeXML, verify

_TIMES = 1_000
_SIZE = 10 * 1024


async def measure(rounds: int) -> Table:
    data = _document()
    assert verify(data).ok
    table = Table(
        f"a signed cteProc of {len(data) / 1024:.1f} KiB, a second on one core"
        f" (medians of {rounds})",
        ("", "documents a second"),
    )
    parse: Callable[[bytes], object] = CTeXML.parse
    for name, work, target in (
        ("CTeXML.parse", parse, "≥ 1000"),
        ("verify", verify, "≥ 300"),
    ):
        progress(name)
        found = median(_a_second(work, data) for _ in range(rounds))
        table.add(name, Check(found, target, "{:,.0f}"))
    progress("")
    return table


def _a_second(work: Callable[[bytes], object], data: bytes) -> float:
    started = time.process_time()
    for _ in range(_TIMES):
        work(data)
    return _TIMES / (time.process_time() - started)


def _document() -> bytes:
    """One of the sandbox's, with as many NF-es as make it this large."""
    facts = Generator(1, "24178617000110").facts(0)
    data = b""
    while len(data) < _SIZE:
        facts = replace(facts, notas=facts.notas + facts.notas[:1])
        signed = xmlgen.infcte(facts)
        data = xmlgen.cteproc(facts, signed, xmlgen.digest(signed))
    return data
