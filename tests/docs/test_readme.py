"""What the READMEs show runs: every Python block, in both languages, against the sandbox."""

from __future__ import annotations

import ast
import asyncio
import logging
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Awaitable, Callable
from contextlib import closing, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from blocks import ROOT, Block, blocks, defines, executed, read
from programs import without_slowness

import focus_cte
from focus_cte import ClientClosed, FocusCTe, FocusError
from focus_cte.cli.app import build
from focus_cte.cli.config import from_file
from focus_cte.mirror import Mirror
from focus_cte.sandbox import Sandbox

READMES = ("README.md", "README.pt-BR.md")
NOT_IN_THE_TABLE = {"FocusError"}  # it is the paragraph before it


PYTHON = [block for readme in READMES for block in blocks(readme, "python")]
CONSOLE = [block for readme in READMES for block in blocks(readme, "console")]
COMMANDS = [
    (block, shlex.split(line.removeprefix("$ "), comments=True))
    for block in CONSOLE
    for line in block.text.splitlines()
]


@attrs.frozen
class Scene:
    """Where a block plays."""

    block: Block
    sandbox: Sandbox
    focus: FocusCTe
    folder: Path
    log: pytest.LogCaptureFixture


async def the_quickstart(scene: Scene) -> None:
    program = scene.folder / "quickstart.py"
    program.write_text(scene.block.text, "utf-8")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-X", "dev", "-W", "error", program],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, without_slowness(done.stderr)) == (0, "")
    assert [line.split()[1] for line in done.stdout.splitlines()] == list(scene.sandbox.chaves)


async def the_store(scene: Scene) -> None:
    block, sandbox, focus = executed(scene.block), scene.sandbox, scene.focus
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(block.SCHEMA)
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON cte WHEN (SELECT count(*) FROM cte) >= 150"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        with pytest.raises(sqlite3.IntegrityError, match="the disk is full"):
            await block.pull(focus, db, sandbox.cnpj)
        first = await focus.listar(sandbox.cnpj)
        assert stored(db) == {cte.chave: cte.situacao for cte in first.ctes}
        assert db.execute("SELECT * FROM cursor").fetchall() == [(sandbox.cnpj, first.versao)]

        db.execute("DROP TRIGGER full")
        await block.pull(focus, db, sandbox.cnpj)
        assert set(stored(db)) == set(sandbox.chaves)

        sandbox.cancel(sandbox.chaves[2])
        (new,) = sandbox.receive()
        asked = len(sandbox.requests)
        await block.pull(focus, db, sandbox.cnpj)
        assert len(sandbox.requests) == asked + 1
        assert set(stored(db)) == set(sandbox.chaves)
        assert stored(db)[new] == "autorizada"
        assert stored(db)[sandbox.chaves[-2]] == "cancelada"


def stored(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT chave, situacao FROM cte"))


async def the_worker_that_stays_up(scene: Scene) -> None:
    watch, sandbox = executed(scene.block).watch, scene.sandbox
    stored = await scene.focus.consultar(sandbox.chaves[-3])
    newest = await scene.focus.consultar(sandbox.chaves[-1])
    with redirect_stdout(StringIO()) as out:
        watching = asyncio.create_task(
            watch(scene.focus, sandbox.cnpj, stored.versao, asyncio.Event())
        )
        while not out.getvalue():  # noqa: ASYNC110 - until the page is there
            await asyncio.sleep(0.005)
    assert out.getvalue().startswith("2 ")
    assert str(newest.versao) in out.getvalue()
    assert not watching.done(), "it waits for more"
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def the_files(scene: Scene) -> None:
    save_files, chave = executed(scene.block).save_files, scene.sandbox.chaves[0]
    scene.sandbox.fail("status", status=404, on="xml")
    assert await save_files(scene.focus, chave, scene.folder) is False
    assert list(scene.folder.iterdir()) == []

    assert await save_files(scene.focus, chave, scene.folder) is True
    assert {path.name for path in scene.folder.iterdir()} == {f"{chave}.xml", f"{chave}.pdf"}
    assert (scene.folder / f"{chave}.xml").read_bytes() == await scene.focus.baixar_xml(chave)


async def who_pays(scene: Scene) -> None:
    block = executed(scene.block)
    async with (
        Sandbox(ctes=40, credits=None) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
    ):
        late = sandbox.chaves[0]
        sandbox.fail("status", status=404, on="xml")
        ours = await block.we_pay(focus, sandbox.cnpj)
        assert all(check.ok for _, check in ours)
        paid = [cte.chave for cte, _ in ours]
        assert late not in paid, "its XML was not there yet"
        other = next(chave for chave in sandbox.chaves if chave not in (late, *paid))

        observacoes = "A mercadoria chegou com avaria"
        found = await block.dispute(focus, paid[0], sandbox.cnpj, observacoes)
        assert found.protocolo == sandbox.desacordos[paid[0]]["protocolo"]
        for chave, why in ((paid[0], "already"), (other, "tomador")):
            with pytest.raises(ValueError, match=why):
                await block.dispute(focus, chave, sandbox.cnpj, observacoes)
        assert list(sandbox.desacordos) == paid[:1]


async def the_desacordo(scene: Scene) -> None:
    object_to, sandbox = executed(scene.block).object_to, scene.sandbox
    first, second, *_ = sandbox.chaves
    found = await object_to(scene.focus, first, "A mercadoria chegou com avaria")
    assert found.protocolo == sandbox.desacordos[first]["protocolo"]
    assert await object_to(scene.focus, first, "A mercadoria chegou com avaria") == found

    sandbox.fail("slow", seconds=0.2, on="desacordo_post")
    waiting = asyncio.create_task(object_to(scene.focus, second, "A mercadoria não chegou"))
    while sandbox.faults_left:  # noqa: ASYNC110 - until the request is there
        await asyncio.sleep(0.005)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError), scene.log.at_level(logging.WARNING, "readme"):
        await waiting
    assert sandbox.desacordos[second]["protocolo"] in scene.log.text


async def the_copy(scene: Scene) -> None:
    block = executed(scene.block)
    async with (
        Sandbox(ctes=20, credits=None) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
        Mirror.at(scene.folder / "acervo") as mirror,
    ):
        with redirect_stdout(StringIO()) as printed:
            first = await block.keep(focus, mirror, sandbox.cnpj, 0)
            assert {change.chave for change in first} == set(sandbox.chaves)
            assert block.cancelled(first) == []
            ours = await block.to_dispute(mirror, sandbox.cnpj)
            assert ours == []  # the sandbox's documents are of July 2026
            chave = sandbox.chaves[0]
            sandbox.cancel(chave)
            then = await block.keep(focus, mirror, sandbox.cnpj, first[-1].seq)
        assert block.cancelled(then) == [chave]
        assert printed.getvalue() == ""
        document = await mirror.get(chave)
        assert document is not None
        assert document.verificado is True


async def the_web_application(scene: Scene) -> None:
    pytest.importorskip("fastapi", reason="FastAPI is not installed: the block is only compiled")
    block = executed(scene.block)
    request = SimpleNamespace(app=block.app)
    async with block.lifespan(block.app):
        answer = await block.dacte(scene.sandbox.chaves[0], request)
    assert (answer.media_type, answer.body[:5]) == ("application/pdf", b"%PDF-")
    with pytest.raises(ClientClosed):
        await block.dacte(scene.sandbox.chaves[0], request)


async def the_bad_day(scene: Scene) -> None:
    await executed(scene.block).test_nothing_is_lost_on_a_bad_day()


SCENARIOS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "main": the_quickstart,
    "pull": the_store,
    "watch": the_worker_that_stays_up,
    "save_files": the_files,
    "we_pay": who_pays,
    "object_to": the_desacordo,
    "keep": the_copy,
    "lifespan": the_web_application,
    "test_nothing_is_lost_on_a_bad_day": the_bad_day,
}


@pytest.mark.parametrize("block", PYTHON, ids=str)
async def test_a_python_block_does_what_the_text_says(
    block: Block,
    sandbox: Sandbox,
    focus: FocusCTe,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FOCUS_NFE_TOKEN", sandbox.token)
    monkeypatch.setenv("FOCUS_NFE_BASE_URL", sandbox.url)
    monkeypatch.delenv("FOCUS_NFE_AMBIENTE", raising=False)
    await SCENARIOS[defines(block)](Scene(block, sandbox, focus, tmp_path, caplog))


@pytest.mark.parametrize("readme", READMES)
def test_every_scenario_is_shown(readme: str) -> None:
    assert [defines(block) for block in PYTHON if block.document == readme] == list(SCENARIOS)


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_a_python_block_compiles_and_is_narrow_enough(block: Block) -> None:
    compile(block.text, str(block), "exec")
    assert max(map(len, block.text.splitlines())) <= 100


def bare(block: Block) -> str:
    """A block's code without comments, and with every string of a sentence empty."""
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            node.value = ""
    return ast.unparse(tree)


def test_both_readmes_have_the_same_code() -> None:
    english, portuguese = ([b for b in PYTHON if b.document == readme] for readme in READMES)
    assert [bare(block) for block in english] == [bare(block) for block in portuguese]


def test_both_readmes_have_the_same_commands_and_the_same_demonstration() -> None:
    english, portuguese = ([c for b, c in COMMANDS if b.document == readme] for readme in READMES)
    assert english == portuguese
    shown = [[block.text for block in blocks(readme, "text")] for readme in READMES]
    assert shown[0] == shown[1] != []


def test_both_readmes_have_the_same_shape() -> None:
    """Headings, blocks, lists and the rows of tables come in the same order."""
    shape = r"^(#+|```\w*|- |\|(?: `[\w`, ]+` \|)?)"
    english, portuguese = (re.findall(shape, read(readme), re.MULTILINE) for readme in READMES)
    assert english == portuguese


@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=str)
def test_a_command_exists(block: Block, command: list[str]) -> None:
    match command:
        case ["make", target]:
            assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE)
        case ["python", "-m", module, *_]:
            assert find_spec(module) is not None
        case ["focus-cte", name, *_]:
            assert name in {command.name for command in cli()}
        case _:
            pytest.fail(f"{block}: {command} is not known here")


@pytest.mark.skipif(sys.platform == "win32", reason="it is ended by a signal")
def test_the_sandbox_says_what_from_env_needs() -> None:
    (command,) = {tuple(command) for _, command in COMMANDS if "focus_cte.sandbox" in command}
    process = subprocess.Popen(
        [sys.executable, *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = ""
        while "export" not in printed and (line := process.stdout.readline()):
            printed += line
        process.send_signal(signal.SIGINT)
        assert (process.wait(10), process.stderr.read()) == (0, "")
    assert re.search(r"URL: .*\nToken: .*\nCNPJ: ", printed)
    assert re.search(r"^export FOCUS_NFE_TOKEN=\w+ FOCUS_NFE_BASE_URL=http\S+$", printed, re.M)


TERMINAL = [block for block in CONSOLE if "focus-cte sync" in block.text]


@pytest.mark.skipif(sys.platform == "win32", reason="it is run by a shell")
async def test_the_terminal_s_commands_work_one_after_the_other(tmp_path: Path) -> None:
    """As they stand there, where the first one prints what the others need."""
    program = tmp_path / "focus-cte"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m focus_cte.cli "$@"\n')
    program.chmod(0o755)
    first, *others = TERMINAL[0].text.replace("$ ", "").splitlines()
    assert first.startswith("focus-cte sandbox")
    async with Sandbox(ctes=250, credits=None) as sandbox:
        done = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-e", "-c", "\n".join(others)],
            cwd=tmp_path,
            env={
                "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "LANG": "C.UTF-8",
                "FOCUS_NFE_TOKEN": sandbox.token,
                "FOCUS_NFE_BASE_URL": sandbox.url,
            },
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        assert sandbox.cnpj in others[0]
    assert "250 new" in done.stdout
    assert "nothing is wrong" in done.stdout
    assert (tmp_path / "ctes.csv").read_text("utf-8-sig").startswith("chave;cnpjs;")
    assert (tmp_path / "july.zip").is_file()


@pytest.mark.parametrize("readme", READMES)
def test_the_companies_toml_is_one(readme: str, tmp_path: Path) -> None:
    (block,) = blocks(readme, "toml")
    path = tmp_path / "companies.toml"
    path.write_text(block.text, "utf-8")
    companies = from_file(path)
    assert [company.cnpj for company in companies] == ["24178617000110", "24178617000209"]
    assert {company.ambiente for company in companies} == {"producao"}


@pytest.mark.parametrize("readme", READMES)
def test_every_command_is_in_the_table(readme: str) -> None:
    named = re.findall(r"^\| `([a-z]+)` \|", read(readme), re.MULTILINE)
    assert set(named) == {command.name for command in cli()}


def cli() -> list[Any]:
    """The commands of `focus-cte`, and its group."""
    app = build([])
    return [*app.registered_commands, *app.registered_groups]


@pytest.mark.parametrize("readme", READMES)
def test_every_exception_is_in_the_table(readme: str) -> None:
    public = {
        name
        for name in focus_cte.__all__
        if isinstance(value := getattr(focus_cte, name), type) and issubclass(value, FocusError)
    }
    rows = re.findall(r"^\| (`[A-Z]\w+`(?:, `\w+`)*) \|", read(readme), re.MULTILINE)
    named = re.findall(r"\w+", " ".join(rows))
    assert len(named) == len(set(named))
    assert set(named) - {"autorizado"} == public - NOT_IN_THE_TABLE


@pytest.mark.parametrize("document", [*READMES, "CHANGELOG.md"])
def test_a_link_leads_to_a_file(document: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", read(document))
    missing = [t for t in targets if "://" not in t and not (ROOT / t).is_file()]
    assert missing == []


@pytest.mark.parametrize("document", [*READMES, "CHANGELOG.md"])
def test_a_method_that_is_named_exists(document: str) -> None:
    named = r"`(?:focus\.)?((?:baixar|consultar|informar|listar|reenviar|sync|from_env)\w*)[`(]"
    methods = set(re.findall(named, read(document)))
    assert methods
    assert [name for name in methods if not hasattr(FocusCTe, name)] == []


def test_the_changelog_names_what_exists() -> None:
    names = re.findall(r"`(focus_cte(?:\.\w+)+)`", read("CHANGELOG.md"))
    assert names
    for name in names:
        module = ".".join(name.split(".")[:2])
        module = module if find_spec(module) else "focus_cte"
        found: Any = import_module(module)
        for part in name.removeprefix(module).split(".")[1:]:
            found = getattr(found, part)


def test_the_changelog_begins_with_the_packages_version() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    headings = re.findall(r"^## \[([^]]+)\](.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == version
    assert re.fullmatch(r" - \d{4}-\d\d-\d\d", headings[1][1])
