"""The help of every command, as it was when somebody last read it: see `snapshots`.

It is never wider than 80 columns, which is typer's own choice.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from program import environment, on_a_terminal
from snapshots import assert_as_kept, only_with_the_typer_that_made_them

COMMANDS = (
    "",
    *("sync", "status", "doctor", "list", "show", "get", "deadlines", "desacordo"),
    *("desacordo check", "desacordo send", "desacordo status", "desacordo list"),
    *("changes", "export", "verify", "sandbox"),
)
_BETWEEN = "\f"
_ALL = f"""
import sys
from focus_cte.cli import texts
texts.use(sys.argv[1])
from focus_cte.cli.app import build
for command in {COMMANDS}:
    words = command.split() + ["--help"]
    build(words)(words, prog_name="focus-cte", standalone_mode=False)
    print({_BETWEEN!r}, end="")
"""
"""One program for all: each would import the same."""


@pytest.mark.parametrize(("language", "columns"), [("en", 80), ("en", 120), ("pt", 80)])
def test_the_help_of_each_command(language: str, columns: int) -> None:
    only_with_the_typer_that_made_them()
    done = subprocess.run(
        [sys.executable, "-c", _ALL, language],
        env=environment({"COLUMNS": str(columns)}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    shown = done.stdout.split(_BETWEEN)[:-1]
    assert len(shown) == len(COMMANDS)
    for command, text in zip(COMMANDS, shown, strict=True):
        assert max(map(len, text.splitlines())) <= 80
        name = command.replace(" ", "-") or "focus-cte"
        assert_as_kept(f"help/{name}.{language}", text)


@pytest.mark.parametrize("columns", [80, 120])
async def test_the_help_on_a_terminal_is_the_same(columns: int) -> None:
    only_with_the_typer_that_made_them()
    done = await on_a_terminal("--help", env={}, columns=columns)
    assert done.code == 0
    assert_as_kept("help/focus-cte.en", done.out)
