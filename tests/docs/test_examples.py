"""The examples run as their first lines say, and show what they claim."""

from __future__ import annotations

import asyncio
import html
import importlib.util
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from programs import without_slowness

from focus_cte import ClientClosed, FocusCTe
from focus_cte.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
TEXT = "A mercadoria chegou com avaria"

Done = subprocess.CompletedProcess[str]


def python(*arguments: object, **environment: str) -> Done:
    """Run Python with warnings as errors, far from the tree and without the caller's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FOCUS_", "NO_COLOR", "COV"))}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
    )
    done.stderr = without_slowness(done.stderr)
    return done


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo draws what it shows."""
    return tmp_path_factory.mktemp("demo") / "demo.svg"


@pytest.fixture(scope="module")
def demo(picture: Path) -> str:
    """What the demo prints in a pipe."""
    done = python(EXAMPLES / "demo.py", "--svg", picture)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


class TestDemo:
    def test_it_shows_each_step(self, demo: str) -> None:
        assert "  250 new, 0 changed, 280 files; 0 waiting" in demo
        assert "  3 new, 3 changed, 7 files; 0 waiting" in demo
        told = re.findall(r"^ +\d{3}  \w{44}  (received|corrected|cancelled) ", demo, re.MULTILINE)
        assert told == ["corrected"] * 2 + ["cancelled"] + ["received"] * 3
        assert re.search(r"^registered: 135 Evento registrado .*, protocol \d{15}$", demo, re.M)
        assert demo.endswith("nothing is wrong\n")

    def test_it_fits_a_terminal_and_is_plain_in_a_pipe(self, demo: str) -> None:
        assert max(map(len, demo.splitlines())) <= 100
        assert "\033" not in demo
        assert [line for line in demo.splitlines() if line != line.rstrip()] == []

    @pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
    def test_the_readme_shows_its_output(self, demo: str, readme: str) -> None:
        shown, *_ = re.findall(
            r"^```text\n(.*?)^```$", (ROOT / readme).read_text("utf-8"), re.DOTALL | re.MULTILINE
        )
        assert shown in _timeless(demo)

    def test_the_picture_in_the_readme_is_of_it(self, demo: str, picture: Path) -> None:
        drawn, kept = (path.read_text("utf-8") for path in (picture, ROOT / "docs" / picture.name))
        assert _words(drawn) == _words(kept)
        assert "url(http" not in kept, "no font from elsewhere"

    @pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
    def test_progress_and_colours_are_for_terminals_and_a_poor_one_ends_nothing(self) -> None:
        in_a_terminal = (
            "import os, pty, sys\n"
            "status = pty.spawn([sys.executable, sys.argv[1]])\n"
            "sys.exit(os.waitstatus_to_exitcode(status))"
        )
        poor = {"TERM": "xterm-256color", "PYTHONIOENCODING": "ascii"}
        done = python("-c", in_a_terminal, EXAMPLES / "demo.py", **poor)
        assert done.returncode == 0
        assert "Emiss?o em duplicidade" in done.stdout
        assert "nothing is wrong" in done.stdout
        assert "\033[1m" in done.stdout
        assert re.search(r"\d+/250 documents, \d+/\d+ files", done.stdout), "the bar of a sync"

    def test_it_fails_when_the_six_do_not_come(self) -> None:
        sabotage = (
            "import runpy, sys\n"
            "from focus_cte.sandbox import Sandbox\n"
            "Sandbox.cancel = lambda *_: None\n"
            "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
        )
        done = python("-c", sabotage, EXAMPLES / "demo.py")
        assert done.returncode == 1
        assert re.fullmatch(r"demo: {'received': 3, .* was expected, and .* came\n", done.stderr)


def _timeless(text: str) -> str:
    """Without ports, and with one date for all that was done just now."""
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", text)


def _words(svg: str) -> list[str]:
    """What a picture says, in any order: which XML is filed first is chance. Without times."""
    text = _timeless(html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))))
    return sorted(re.sub(r"\d\d/\d\d/\d{4} \d\d:\d\d", "", text.replace("\xa0", " ")).split())


class TestWorker:
    def test_the_second_pass_finds_nothing_new(self, tmp_path: Path) -> None:
        command = (EXAMPLES / "worker.py", "--sandbox", "--db", tmp_path / "ctes.sqlite3")
        first, second = python(*command), python(*command)
        assert (first.returncode, first.stderr) == (second.returncode, second.stderr) == (0, "")
        assert re.fullmatch(r"\d{14}: 250 new or changed\n", first.stdout)
        assert second.stdout == first.stdout.replace("250", "0")

    @pytest.mark.parametrize(
        ("arguments", "status", "says"),
        [
            ((), 2, "give the CNPJs, or --sandbox"),
            (("--sandbox", "24178617000110"), 2, "give the CNPJs, or --sandbox"),
            (("24178617000110",), 1, "FOCUS_NFE_TOKEN is not set"),
        ],
    )
    def test_what_is_missing_is_said(
        self, arguments: tuple[str, ...], status: int, says: str, tmp_path: Path
    ) -> None:
        done = python(EXAMPLES / "worker.py", "--db", tmp_path / "none.sqlite3", *arguments)
        assert (done.returncode, done.stdout) == (status, "")
        assert says in done.stderr
        assert list(tmp_path.iterdir()) == []

    async def test_one_company_does_not_stop_the_others(
        self, sandbox: Sandbox, focus: FocusCTe, capsys: pytest.CaptureFixture[str]
    ) -> None:
        worker = module("worker")
        with closing(sqlite3.connect(":memory:")) as db:
            db.executescript(worker.SCHEMA)
            ok = await worker.pull_all(focus, db, ["24178617000110", "x", sandbox.cnpj])
            stored = db.execute("SELECT chave FROM cte ORDER BY versao").fetchall()
        assert not ok
        assert [chave for (chave,) in stored] == list(sandbox.chaves)
        said = capsys.readouterr()
        assert said.out == f"{sandbox.cnpj}: 250 new or changed\n"
        assert 'enable "Recebimento de CTes"' in said.err
        assert "'x' is not a CNPJ" in said.err

    async def test_an_item_that_cannot_be_read_is_set_aside(
        self, sandbox: Sandbox, focus: FocusCTe
    ) -> None:
        worker = module("worker")
        sandbox.fail("item", on="listing", index=3, fields={"chave": "garbage"})
        with closing(sqlite3.connect(":memory:")) as db:
            db.executescript(worker.SCHEMA)
            assert await worker.pull(focus, db, sandbox.cnpj) == 249
            ((versao, raw),) = db.execute("SELECT versao, raw FROM unreadable")
            (last,) = db.execute("SELECT versao FROM cursor").fetchone()
            assert await worker.pull(focus, db, sandbox.cnpj) == 0
        assert '"chave": "garbage"' in raw
        assert versao < last


class TestAiohttpApp:
    @pytest.fixture
    def app(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        monkeypatch.setenv("FOCUS_NFE_TOKEN", sandbox.token)
        monkeypatch.setenv("FOCUS_NFE_BASE_URL", sandbox.url)
        monkeypatch.delenv("FOCUS_NFE_AMBIENTE", raising=False)
        return module("aiohttp_app")

    @pytest.fixture
    async def client(self, app: ModuleType) -> AsyncIterator[TestClient[Any, Any]]:
        async with TestClient(TestServer(app.application())) as client:
            yield client

    async def test_a_dacte_is_served(
        self, client: TestClient[Any, Any], sandbox: Sandbox, focus: FocusCTe
    ) -> None:
        async with client.get(f"/ctes/{sandbox.chaves[0]}/dacte") as answer:
            assert (answer.status, answer.content_type) == (200, "application/pdf")
            assert await answer.read() == await focus.baixar_dacte(sandbox.chaves[0])

    @pytest.mark.parametrize(("chave", "status"), [("1" * 44, 404), ("123", 400)])
    async def test_an_error_is_answered_in_the_vendors_words(
        self, client: TestClient[Any, Any], sandbox: Sandbox, chave: str, status: int
    ) -> None:
        async with client.get(f"/ctes/{chave}/dacte") as answer:
            assert answer.status == status
            said = (await answer.json())["erro"]
        assert chave in said
        assert sandbox.token not in said

    async def test_a_desacordo_is_registered_once(
        self, client: TestClient[Any, Any], sandbox: Sandbox
    ) -> None:
        async def post(chave: str, text: str) -> tuple[int, dict[str, str]]:
            form = {"observacoes": text}
            async with client.post(f"/ctes/{chave}/desacordo", data=form) as answer:
                return answer.status, await answer.json()

        first, second, *_ = sandbox.chaves
        protocolo = {"protocolo": "891205769912121"}
        assert (await post(first, "too short"))[0] == 400
        assert await post(first, TEXT) == (201, protocolo)
        assert sandbox.desacordos[first]["protocolo"] == protocolo["protocolo"]
        assert (await post(first, TEXT))[0] == 409
        sandbox.fail("refuse")
        status, said = await post(second, TEXT)
        assert status == 422
        assert "the term of 45 days is over" in said["erro"]

    async def test_a_desacordo_nobody_waits_for_is_registered(
        self,
        app: ModuleType,
        sandbox: Sandbox,
        focus: FocusCTe,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        sandbox.fail("slow", seconds=0.2, on="desacordo_post")
        waiting = asyncio.create_task(app.register(focus, sandbox.chaves[0], TEXT))
        while sandbox.faults_left:  # noqa: ASYNC110 - until the request is there
            await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert list(sandbox.desacordos) == [sandbox.chaves[0]]
        assert sandbox.desacordos[sandbox.chaves[0]]["protocolo"] in caplog.text


async def test_the_fastapi_app_serves_a_dacte(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi", reason="FastAPI is not installed: the example is only compiled")
    monkeypatch.setenv("FOCUS_NFE_TOKEN", sandbox.token)
    monkeypatch.setenv("FOCUS_NFE_BASE_URL", sandbox.url)
    monkeypatch.delenv("FOCUS_NFE_AMBIENTE", raising=False)
    example = module("fastapi_app")
    request = SimpleNamespace(app=example.app)
    async with example.lifespan(example.app):
        focus = example.focus_of(request)
        answer = await example.dacte(sandbox.chaves[0], focus)
    assert (answer.media_type, answer.body[:5]) == ("application/pdf", b"%PDF-")
    with pytest.raises(ClientClosed):
        await example.dacte(sandbox.chaves[0], focus)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_compiles(example: Path) -> None:
    compile(example.read_text("utf-8"), str(example), "exec")
