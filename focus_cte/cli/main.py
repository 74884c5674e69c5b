"""The program: its language, its commands, and how it ends."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from focus_cte.cli import texts

_NEEDS = ("typer", "rich", "sqlalchemy", "aiosqlite", "lxml", "cryptography", "asyncpg")


def main() -> None:
    """`focus-cte`. Ends the process: 0 done, 1 error, 2 usage, and what `codes.Code` has."""
    _open_streams()
    try:
        texts.use(texts.chosen(sys.argv, os.environ))
    except ValueError as error:
        raise SystemExit(_usage(str(error))) from None
    try:
        # In the chosen language from here on: the help is made when it is imported.
        from focus_cte.cli.app import build

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that knows no ✓
        build(sys.argv)(prog_name="focus-cte")
    except ImportError as error:
        if error.name not in _NEEDS:
            raise
        extras = "cli,postgres" if error.name == "asyncpg" else "cli"
        why = f"focus-cte needs {error.name}: pip install 'focus-cte[{extras}]'"
        raise SystemExit(why) from None
    except KeyboardInterrupt:  # before there was a loop, or at a question
        raise SystemExit(130) from None


def _open_streams() -> None:
    """One that is closed (`>&-`) is as /dev/null, lest a file of the archive get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the process ends


def _usage(why: str) -> int:
    print(f"focus-cte: {why}", file=sys.stderr)
    return 2
