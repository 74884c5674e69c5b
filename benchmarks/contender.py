"""`python -m benchmarks.contender '"MODULE.FUNCTION"' ARGUMENTS`: one contender's process.

A contender is an async generator function. It prepares until its first `yield`, where it waits for
the word "go"; from there to its second `yield`, which gives its result, it is measured.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import time
from importlib import import_module
from pathlib import Path


async def main() -> None:
    name, arguments = map(json.loads, sys.argv[1:])
    logging.getLogger("focus_cte").setLevel(logging.ERROR)
    module, _, function = name.partition(".")
    running = getattr(import_module(f"benchmarks.{module}"), function)(**arguments)
    await anext(running)
    before = _peak()
    print(json.dumps("ready"), flush=True)
    if not sys.stdin.readline():
        return
    wall, cpu = time.monotonic(), time.process_time()
    value = await anext(running)
    ended, spent = time.monotonic(), time.process_time() - cpu
    result = {
        "value": value,
        "wall": ended - wall,
        "cpu": spent,
        "ended": ended,
        "peak_before": before,
        "peak": _peak(),
    }
    await running.aclose()
    print(json.dumps(result), flush=True)


def _peak() -> float:
    """The highest resident memory of this process so far, in MiB."""
    try:
        # ru_maxrss would count the process that this one was forked from.
        status = Path("/proc/self/status").read_text()
    except OSError:
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 2**10


if __name__ == "__main__":
    asyncio.run(main())
