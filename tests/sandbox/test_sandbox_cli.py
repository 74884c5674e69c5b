"""`python -m focus_cte.sandbox`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sandbox_http import BASE, basic

from focus_cte.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "focus_cte.sandbox", *arguments]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=30, env=environment()
    )


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    process = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        said: dict[str, str] = {}
        for line in process.stdout:
            if line.startswith("export "):
                said["export"] = line.strip()
                break
            name, _, value = line.partition(":")
            said[name] = value.strip()
        yield process, said
    finally:
        process.kill()
        process.communicate()


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(number: signal.Signals) -> None:
    with running("--ctes", "3", "--seed", "9", "--credits", "0") as (process, said):
        sandbox = Sandbox(seed=9)
        assert said["Token"] == sandbox.token
        assert said["CNPJ"] == sandbox.cnpj
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", said["URL"])
        assert said["export"] == (
            f"export FOCUS_NFE_TOKEN={said['Token']} FOCUS_NFE_BASE_URL={said['URL']}"
        )
        url = f"{said['URL']}{BASE}?cnpj={said['CNPJ']}"
        request = urllib.request.Request(url, headers={"Authorization": basic(said["Token"])})
        with urllib.request.urlopen(request, timeout=10) as response:
            assert response.headers["X-Total-Count"] == "3"
            assert "Rate-Limit-Limit" not in response.headers
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


@POSIX
def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    chave = "41150302618946000141570010000000521000000497"
    (tmp_path / "bom.xml").write_text(f'<CTe><infCte Id="CTe{chave}"/></CTe>')
    (tmp_path / "ruim.xml").write_text("<nota/>")
    with running("--acervo", str(tmp_path)) as (process, _):
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors.splitlines() == ["skipped ruim.xml: root element nota is not served"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ctes", "-1"], "--ctes"),
        (["--ctes", "muitos"], "--ctes"),
        (["--credits", "x"], "--credits"),
        (["--window", "0"], "--window"),
        (["--window", "nan"], "--window"),
        (["--latency", "-1"], "--latency"),
        (["--port", "70000"], "--port"),
        (["--nada"], "--nada"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from focus_cte.sandbox.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("--port", str(taken.getsockname()[1]))
    assert_one_line_error(ended, "address already in use")


def test_a_folder_that_does_not_exist() -> None:
    assert_one_line_error(run("--acervo", "nenhuma-pasta"), "nenhuma-pasta")


def assert_one_line_error(ended: subprocess.CompletedProcess[str], message: str) -> None:
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert message in ended.stderr
