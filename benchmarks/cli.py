"""`focus-cte` as a person waits for it: its help, a long list, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

from benchmarks.harness import Server, progress, server
from benchmarks.table import Check, Table
from focus_cte.mirror import Mirror
from focus_cte.mirror.schema import ctes, recebimentos
from focus_cte.mirror.store import Row

_PROGRAM = (sys.executable, "-m", "focus_cte.cli")
_CNPJ = "24178617000110"
_DOCUMENTS = 100_000
_STEP = 1_000
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


async def measure(rounds: int) -> Table:
    table = Table(f"focus-cte, medians of {rounds}", ("", "measured"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress("help")
        helps = [_run("-m", "focus_cte.cli", "--help") - _run("-c", "pass") for _ in range(rounds)]
        table.add("--help, seconds more than `pass`", Check(median(helps), "≤ 0.5"))

        progress(f"an archive of {_DOCUMENTS:,}")
        await _fill(folder)
        lists = []
        for number in range(rounds):
            progress(f"list {number + 1} of {rounds}")
            lists.append(_list(folder))
        what = f"list --csv of {_DOCUMENTS:,}"
        table.add(f"{what}: first document, seconds", Check(median(x[0] for x in lists), "≤ 1.0"))
        table.add(f"{what}: all of it, seconds", f"{median(x[1] for x in lists):.1f}")
        table.add(f"{what}: memory, MiB", Check(median(x[2] for x in lists), "< 120", "{:.1f}"))

        async with server("sandbox", ctes=5_000, credits=None) as running:
            stops = [_stop(running, folder / f"stopped-{number}") for number in range(rounds)]
        table.add("Ctrl-C in a sync: its end, seconds", Check(median(stops), "≤ 1.0"))
    progress("")
    return table


def _run(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


async def _fill(folder: Path) -> None:
    async with Mirror.at(folder) as mirror, mirror._store.writing() as writer:
        for start in range(0, _DOCUMENTS, _STEP):
            numbers = range(start, start + _STEP)
            await writer.insert(ctes, list(_documents(numbers)))
            received = [
                {"cnpj": _CNPJ, "chave": _chave(n), "versao": n, "first_seen": _FIRST}
                for n in numbers
            ]
            await writer.insert(recebimentos, received)


def _documents(numbers: range) -> Iterator[Row]:
    for number in numbers:
        yield {
            "chave": _chave(number),
            "situacao": "autorizada",
            "valor_total": Decimal("1234.56"),
            "emissao": _FIRST + timedelta(minutes=number),
            "emissao_offset": -180,
            "competencia": "2026-01",
            "documento_emitente": "12345678000195",
            "nome_emitente": f"Transportadora {number} Ltda",
            "prazo_estimado": True,
        }


def _chave(number: int) -> str:
    return f"3526011234567800019557001{number:09}1000000017"


def _list(folder: Path) -> tuple[float, float, float]:
    """Seconds to the first document and to the end, and memory at its highest."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*_PROGRAM, "list", "--csv", "--from", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()
    first = time.perf_counter() - started
    count = 1 + sum(1 for _ in process.stdout)
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert (process.returncode, count) == (0, _DOCUMENTS)
    return first, time.perf_counter() - started, used.ru_maxrss / 1024


def _stop(running: Server, folder: Path) -> float:
    """Seconds from Ctrl-C in the middle of a sync to its end."""
    account = running.account
    env = {
        **os.environ,
        "FOCUS_NFE_TOKEN": account["token"],
        "FOCUS_NFE_BASE_URL": account["url"],
    }
    process = subprocess.Popen(
        [*_PROGRAM, "sync", "--cnpj", account["cnpj"], "--to", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
    )
    while len(list(folder.glob("files/xml/*/*.xml"))) < 200:  # it is at the files
        time.sleep(0.05)
        assert process.poll() is None
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    return time.perf_counter() - started
