"""The mirror and `focus-cte`, against the embedded sandbox: `make demo`.

`demo.py --svg FILE` also keeps what was shown as a picture, which the README has.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shlex
import sys
import tempfile
import textwrap
from collections import Counter
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console
from rich.text import Text

from focus_cte.sandbox import Sandbox

WIDTH = 100
TEXT = "A mercadoria chegou com avaria"
_EXPECTED = Counter(received=3, corrected=2, cancelled=1)
_WRAPPED = {"subsequent_indent": "    ", "break_long_words": False, "break_on_hyphens": False}


class Demo:
    """A folder, a sandbox, and what is shown of the commands."""

    def __init__(self, sandbox: Sandbox, folder: Path, console: Console) -> None:
        self.sandbox, self.folder, self.console = sandbox, folder, console
        self.live = sys.stderr.isatty() and not console.record
        """Whether somebody sees how far a sync is."""

    def title(self, text: str) -> None:
        self.console.print()
        self.console.print(Text(text, style="bold"))

    async def run(self, *arguments: str, lines: int = 100) -> str:
        """Show a command and what it says, at most so many lines; its stdout, whole."""
        for line in textwrap.wrap(f"$ focus-cte {shlex.join(arguments)}", WIDTH, **_WRAPPED):
            self.console.print(Text(line, style="green"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "focus_cte.cli", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=None if self.live else asyncio.subprocess.STDOUT,
            cwd=self.folder,
            env=self.environment(),
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise SystemExit(f"demo: {arguments[0]} ended badly: {said.decode()}")
        found = Text.from_ansi(said.decode()).split()
        for line in found[:lines]:
            self.console.print(line, no_wrap=True, overflow="ellipsis")
        if len(found) > lines:
            self.console.print(Text(f"… and {len(found) - lines} more", style="dim"))
        return "\n".join(line.plain for line in found)

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FOCUS_", "LC_", "LANG"))}
        return {
            **kept,
            "FOCUS_NFE_TOKEN": self.sandbox.token,
            "FOCUS_NFE_BASE_URL": self.sandbox.url,
            "FORCE_COLOR": "1",  # as on a terminal of this width
            "COLUMNS": str(WIDTH),
            "PYTHONIOENCODING": "utf-8",
        }


async def show(demo: Demo) -> None:
    sandbox, run = demo.sandbox, demo.run
    demo.title("1. Every CT-e of the company, and its XML")
    await run("sync", "--cnpj", sandbox.cnpj)
    await run("list", "--ours", lines=6)

    demo.title("2. Time passes: two are corrected, one is cancelled, three arrive")
    _, first, second, third, *_rest = sandbox.chaves
    sandbox.correct(first, "Leia-se placa XYZ9K87")
    sandbox.correct(second, "Leia-se peso 1.020 kg")
    sandbox.cancel(third, "Emissão em duplicidade")
    sandbox.receive(3)
    before = (await run("changes", lines=4)).splitlines()[-1].split()[0]
    await run("sync")
    changes = await run("changes", "--after", before)
    told = Counter(word for word in changes.split() if word in _EXPECTED)
    if told != _EXPECTED:
        raise SystemExit(f"demo: {dict(_EXPECTED)} was expected, and {dict(told)} came")
    await run("show", first)

    demo.title("3. A freight that we do not agree with")
    await run("desacordo", "check", first, "--observacoes", TEXT)
    confirmed = ("--confirm", first, "--actor", "ana")
    await run("desacordo", "send", first, "--observacoes", TEXT, *confirmed)
    await run("desacordo", "list")

    demo.title("4. Nothing is missing, and every file is what was signed")
    await run("verify", "--remote")


async def main(console: Console) -> None:
    async with Sandbox(ctes=250, credits=None) as sandbox:
        with tempfile.TemporaryDirectory(prefix="focus_cte-") as folder:
            console.print(f"A sandbox of the Focus NFe API, at {sandbox.url}, with 250 CT-es")
            await show(Demo(sandbox, Path(folder), console))


def draw(console: Console, svg: Path) -> None:
    drawn = console.export_svg(title="make demo")
    # Fonts of another host: a picture asks nobody.
    svg.write_text(re.sub(r"@font-face {.*?}", "", drawn, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--svg", type=Path)
    arguments = parser.parse_args()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        shown = Console(width=WIDTH, highlight=False, markup=False, record=bool(arguments.svg))
        asyncio.run(main(shown))
        if arguments.svg:
            draw(shown, arguments.svg)
    except BrokenPipeError:  # `make demo | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
