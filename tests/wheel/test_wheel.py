"""The package as users get it: built through the sdist, and installed away from the tree."""

import email
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parents[2]
SMOKE = Path(__file__).with_name("smoke.py")


def run(*command: object, cwd: Path) -> str:
    """The command's output. It must succeed, and say nothing on stderr."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and with the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", out, ROOT]
    built = subprocess.run(command, cwd=out, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return out


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that has the wheel, and the pip of its Python."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True, with_pip=True)
    python = home / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", wheel]
    installed = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return python


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "focus_cte").rglob("*.py")}
    package.add("focus_cte/py.typed")
    info = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
    names = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    metadata = {f"{info}/{name}" for name in names}
    with zipfile.ZipFile(wheel) as held:
        assert set(held.namelist()) == package | metadata


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as held:
        (name,) = (name for name in held.namelist() if name.endswith("/METADATA"))
        said = email.message_from_bytes(held.read(name))
    needs = [need for need in said.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert sorted(re.match(r"[\w-]+", need)[0] for need in needs) == ["aiohttp", "attrs", "cattrs"]
    assert set(said.get_all("Provides-Extra")) >= {"xml", "mirror", "postgres", "cli"}
    assert said["License-Expression"] == "MIT"
    assert said["Requires-Python"] == ">=3.11"


def test_the_sdist_can_be_checked_as_the_tree_is(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert names >= {"Makefile", "pyproject.toml", "README.md", ".ci/run", "tests/wheel/smoke.py"}


def test_the_installed_package_comes_from_the_wheel(python: Path, tmp_path: Path) -> None:
    code = "import focus_cte; print(focus_cte.__file__)"
    where = run(python, "-I", "-W", "error", "-c", code, cwd=tmp_path)
    assert Path(where).is_relative_to(python.parents[1])


def test_the_installed_sandbox_runs_as_a_program(python: Path, tmp_path: Path) -> None:
    assert "usage" in run(python, "-I", "-m", "focus_cte.sandbox", "--help", cwd=tmp_path)


def test_the_installed_client_syncs_with_the_installed_sandbox(
    python: Path, tmp_path: Path
) -> None:
    assert run(python, "-I", "-W", "error", SMOKE, cwd=tmp_path) == "120 CT-es\n"


def test_an_extra_that_is_not_installed_says_how_to_install_it(
    python: Path, tmp_path: Path
) -> None:
    command = [python, "-I", "-c", "import focus_cte.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(
        r"ImportError: focus_cte\.xml needs \w+: pip install focus-cte\[xml\]", last
    )


def test_the_command_line_without_its_extra_says_how_to_install_it(
    python: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [python.with_name("focus-cte"), "status"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "focus-cte needs typer: pip install 'focus-cte[cli]'\n"


def test_the_installed_command_line_syncs_with_the_installed_sandbox(
    wheel: Path, tmp_path: Path
) -> None:
    home = tmp_path / "installed"
    venv.create(home, symlinks=True, with_pip=True)
    command = [home / "bin" / "python", "-m", "pip", "install", "--quiet", f"{wheel}[cli]"]
    installed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    code = """
import asyncio, os, subprocess, sys
from focus_cte.sandbox import Sandbox

async def main():
    async with Sandbox(ctes=20) as sandbox:
        os.environ |= {"FOCUS_NFE_TOKEN": sandbox.token, "FOCUS_NFE_BASE_URL": sandbox.url}
        command = [sys.argv[1], "sync", "--cnpj", sandbox.cnpj]
        print((await asyncio.to_thread(subprocess.check_output, command, text=True)).strip())

asyncio.run(main())
"""
    program = home / "bin" / "focus-cte"
    said = subprocess.run(
        [home / "bin" / "python", "-I", "-c", code, program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    assert "  20 new, 0 changed, " in said.stdout
    assert (tmp_path / "acervo" / "acervo.db").is_file()


def test_users_see_the_types(python: Path, tmp_path: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, SMOKE]
    assert "no issues found" in run(*mypy, cwd=tmp_path)
