"""focus-cte as a program: what it loads, how it speaks, and how it ends when nobody listens."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys

import pytest
from program import ROOT, command, environment
from scenes import Scene

from focus_cte.mirror import Mirror

HEAVY = ("aiohttp", "sqlalchemy", "lxml", "cryptography", "rich", "asyncio")


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['focus-cte', '--help']\n"
        "from focus_cte.cli.main import main\n"
        "try:\n    main()\n"
        f"finally:\n    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment({}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: focus-cte ")
    assert done.stderr == "[]\n"


def test_a_database_without_its_driver_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['asyncpg'] = None; sys.argv = ['focus-cte', 'status']\n"
        "from focus_cte.cli.main import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment({"FOCUS_CTE_DATABASE": "postgresql://localhost/name"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "focus-cte needs asyncpg: pip install 'focus-cte[cli,postgres]'\n"


async def test_what_is_missing_or_unknown_is_a_usage_error(stored: Scene) -> None:
    nothing, unknown, language = await asyncio.gather(
        stored.run(), stored.run("lst"), stored.run("list", "--lang", "fr")
    )
    assert nothing.out.startswith("Usage: focus-cte ") or nothing.err.startswith("Usage: ")
    assert [done.code for done in (nothing, unknown, language)] == [2, 2, 2]
    assert "No such command 'lst'" in unknown.err
    assert language.err == "focus-cte: --lang must be pt or en, not 'fr'\n"


async def test_it_speaks_portuguese_to_who_does(stored: Scene) -> None:
    asked, by_lang, english = await asyncio.gather(
        stored.run("--lang", "pt", "list"),
        stored.run("list", LANG="pt_BR.UTF-8"),
        stored.run("list", "--lang=en", LANG="pt_BR.UTF-8"),
    )
    assert asked.out == by_lang.out
    assert asked.lines[1].split() == ["chave", "emissão", "R$", "situação", "XML", "emitente"]
    assert english.lines[1].split()[0] == "key"


async def test_colours_are_for_terminals_that_want_them(stored: Scene) -> None:
    colours, none = await asyncio.gather(
        stored.on_a_terminal("status"), stored.on_a_terminal("status", NO_COLOR="1")
    )
    assert "\x1b[1m" in colours.raw
    assert "\x1b" not in none.raw
    assert colours.out == none.out


async def test_a_terminal_that_knows_few_characters_is_no_error(stored: Scene) -> None:
    done = await stored.run("list", PYTHONIOENCODING="ascii")
    assert (done.code, done.err) == (0, "")
    assert "Jos? Aparecido da Concei??o" in done.out
    assert len(done.lines) == 32


@pytest.mark.parametrize("words", [["list"], ["changes", "--jsonl"]])
def test_when_nobody_reads_on_it_ends_quietly(stored: Scene, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command(*words),
            env=environment(stored.env),
            cwd=stored.folder,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.stderr in ("", f"{stored.heading}\n")
    assert done.returncode == 0


async def test_the_shells_know_how_a_command_line_goes_on(stored: Scene) -> None:
    script, commands = await asyncio.gather(
        stored.run("--show-completion", "bash"),
        stored.run(
            _FOCUS_CTE_COMPLETE="complete_bash", COMP_WORDS="focus-cte desacordo ", COMP_CWORD="2"
        ),
    )
    assert (script.code, script.err) == (0, "")
    assert "_FOCUS_CTE_COMPLETE=complete_bash" in script.out
    assert commands.lines == ["check", "send", "status", "list"]


async def test_a_part_that_is_not_installed_is_named(stored: Scene) -> None:
    (stored.folder / "sqlalchemy.py").write_text("raise ImportError('no', name='sqlalchemy')")
    done = await stored.run("list", PYTHONPATH=f"{stored.folder}{os.pathsep}{ROOT}")
    assert (done.code, done.out) == (1, "")
    assert done.err == "focus-cte needs sqlalchemy: pip install 'focus-cte[cli]'\n"


@pytest.mark.parametrize(
    ("elsewhere", "code"), [(">/dev/full", 1), ("2>/dev/full", 0), ("<&- >&- 2>&-", 0)]
)
async def test_a_sync_that_nobody_hears_is_done_all_the_same(
    scene: Scene, elsewhere: str, code: int
) -> None:
    words = shlex.join(command("sync", "--cnpj", scene.sandbox.cnpj))
    shell = await asyncio.create_subprocess_shell(
        f"{words} {elsewhere}",
        env=environment(scene.env),
        cwd=scene.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _out, err = await shell.communicate()
    assert (shell.returncode, b"Traceback" in err) == (code, False)
    async with Mirror.at(scene.acervo) as mirror:
        status = await mirror.status(scene.sandbox.cnpj)
    assert (status.documents, status.files >= 30) == (30, True)
