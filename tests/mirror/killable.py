"""`python killable.py`: one sync of a mirror for each line of JSON, in a forked process of its own.

It tells the process's number, and, when that has ended, how, and what it said. A fork spares each
sync the imports; it is a process like any other, and dies like any other.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from datetime import datetime
from typing import Any

from focus_cte import FocusCTe, FocusError, Retry
from focus_cte.mirror.mirror import Mirror

_RETRY = Retry(attempts=4, total=20.0, initial=0.001, maximum=0.004)


async def _sync(job: dict[str, Any]) -> dict[str, Any]:
    now = datetime.fromisoformat(job["now"])
    mirror = Mirror(job["database_url"], files=job["files"], clock=lambda: now)
    try:
        async with (
            mirror,
            FocusCTe(job["token"], base_url=job["url"], retry=_RETRY) as focus,
        ):
            report = await mirror.sync(focus, job["cnpj"])
    except FocusError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"pending": report.pending, "new": report.new, "files": report.files}


def _die_after_rename(number: int) -> None:
    """Kill this process between its n-th rename and whatever it does next with a file."""
    left = number

    def audit(name: str, _: object) -> None:
        nonlocal left
        if left < 0 and name == "open":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "os.rename":
            left -= 1
            if left == 0:
                left = -1

    sys.addaudithook(audit)


def _child(job: dict[str, Any], pipe: int) -> None:
    if job.get("renames"):
        _die_after_rename(job["renames"])
    said = asyncio.run(_sync(job))
    with os.fdopen(pipe, "w") as file:
        json.dump(said, file)


def main() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(reading)
                _child(json.loads(line), writing)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(writing)
        print(json.dumps({"process": child}), flush=True)
        with os.fdopen(reading) as file:
            said = file.read()
        # Reaped at once: a zombie would still count as alive.
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "said": json.loads(said) if said else None}), flush=True)


if __name__ == "__main__":
    main()
