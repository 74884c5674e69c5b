"""The imports point one way, and cost nothing that aiohttp, attrs and cattrs do not cost."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import focus_cte

PACKAGE = Path(focus_cte.__file__).parent
CORE = {path.stem: path for path in PACKAGE.glob("*.py")}
EXTRAS = {"sandbox", "xml", "mirror", "cli"}

LAYERS = [
    {"errors"},
    {"chave", "_origin", "_files", "_http", "_reset"},
    {"models"},
    {"_wire", "_retry", "follow"},
    {"_cte", "_settings", "credits"},
    {"_json", "_accounts", "sync"},
    {"gate"},
    {"session"},
    {"documents", "desacordo", "downloads", "listing"},
    {"client"},
    {"__init__"},
]
"""A module imports from the layers above it in this list, never from its own or one below."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ON_THE_NETWORK = {"_http", "session", "downloads", "client"}
"""Who may know aiohttp; the rest is plain functions and asyncio."""
WITHOUT_A_LOOP = set(
    "errors chave models credits _origin _reset _retry _settings _wire _cte _json _accounts".split()
)
LONGEST = 300
OF_THE_NETWORK = {"aiohttp", "asyncio", "ssl", "yarl"}
OF_THE_API = {"decimal", "_decimal", "numbers"}
"""Amounts of money are `Decimal`; the dependencies happen not to load it."""


def imports(path: Path) -> Iterator[str]:
    """The modules that a module imports when it runs: what is under TYPE_CHECKING does not."""
    package = ".".join(("focus_cte", *path.relative_to(PACKAGE).parts[:-1]))
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, (up, node.module)))
            for alias in node.names:
                module = f"{base}.{alias.name}"
                yield module if base == "focus_cte" and alias.name in CORE else base
        waiting += ast.iter_child_nodes(node)


def own(path: Path) -> set[str]:
    """Of the modules imported, those of the core, by their bare names."""
    return {m.removeprefix("focus_cte.") for m in imports(path) if m.startswith("focus_cte")}


def top(path: Path) -> set[str]:
    return {module.split(".")[0] for module in imports(path)}


def outside(names: set[str]) -> Iterator[Path]:
    for name in names:
        yield from (PACKAGE / name).rglob("*.py")


def test_every_module_of_the_core_has_its_layer() -> None:
    assert set(LEVEL) == set(CORE)
    assert sum(map(len, LAYERS)) == len(LEVEL)


@pytest.mark.parametrize("name", sorted(CORE))
def test_a_module_imports_only_from_the_layers_above_it(name: str) -> None:
    wrong = {other for other in own(CORE[name]) if LEVEL.get(other, 99) >= LEVEL.get(name, -1)}
    assert wrong == set()


def test_the_walk_sees_the_imports() -> None:
    assert own(CORE["session"]) >= {"_accounts", "_http", "_wire", "_retry", "gate", "models"}
    assert own(CORE["client"]) >= {"sync", "documents", "desacordo", "downloads", "session"}
    assert own(CORE["gate"]) >= {"_accounts", "credits"}
    assert "models" not in own(CORE["errors"])  # under TYPE_CHECKING only
    assert "web" not in top(CORE["session"])


@pytest.mark.parametrize("name", sorted(CORE))
def test_the_core_imports_nothing_of_an_extra(name: str) -> None:
    assert {other.split(".")[0] for other in own(CORE[name])} & EXTRAS == set()


def test_the_sandbox_imports_nothing_of_the_core() -> None:
    for path in outside({"sandbox"}):
        assert {m for m in own(path) if m.split(".")[0] != "sandbox"} == set(), path


def test_the_other_extras_import_only_the_public_names() -> None:
    for path in outside(EXTRAS - {"sandbox"}):
        wrong = {m for m in own(path) if m != "focus_cte" and m.split(".")[0] not in EXTRAS}
        assert wrong == set(), path


@pytest.mark.parametrize("name", sorted(CORE.keys() - ON_THE_NETWORK))
def test_only_the_network_layer_knows_aiohttp(name: str) -> None:
    assert "aiohttp" not in top(CORE[name])


@pytest.mark.parametrize("name", sorted(WITHOUT_A_LOOP))
def test_the_rules_need_no_event_loop(name: str) -> None:
    assert "asyncio" not in top(CORE[name])


def test_the_core_needs_aiohttp_attrs_and_cattrs_and_nothing_else() -> None:
    known = sys.stdlib_module_names | {"focus_cte", "aiohttp", "attrs", "cattrs", "yarl"}
    for path in CORE.values():
        assert top(path) <= known, path


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < LONGEST


def loaded(code: str) -> set[str]:
    """The modules loaded by a fresh interpreter that ran this."""
    code += "\nimport sys\nprint(*sys.modules)"
    program = [sys.executable, "-W", "error", "-c", code]
    return set(subprocess.check_output(program, cwd=PACKAGE.parent, text=True).split())


def test_all_of_it_loads_nothing_that_the_dependencies_do_not_load() -> None:
    more = loaded("from focus_cte import *") - loaded("import aiohttp, attrs, cattrs, cattrs.gen")
    own = {f"focus_cte.{name}" for name in CORE if name != "__init__"} | {"focus_cte"}
    assert more - own <= OF_THE_API
    assert own <= more


def test_all_of_it_loads_no_server() -> None:
    assert not [m for m in loaded("from focus_cte import *") if m.startswith("aiohttp.web")]


def test_the_import_alone_loads_next_to_nothing() -> None:
    more = loaded("import focus_cte") - loaded("import importlib, typing")
    assert more == {"focus_cte"}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("FocusError", {"errors"}),
        ("InvalidArgument", {"errors"}),
        ("parse_chave", {"errors", "chave"}),
        ("parse_cnpj", {"errors", "chave"}),
        ("Ambiente", {"errors", "chave", "models"}),
    ],
)
def test_a_light_name_loads_no_network(name: str, where: set[str]) -> None:
    more = loaded(f"from focus_cte import {name}")
    assert {m for m in more if m.startswith("focus_cte.")} == {f"focus_cte.{m}" for m in where}
    assert more & OF_THE_NETWORK == set()


def test_a_module_is_there_after_the_import() -> None:
    """Each by itself, since `client` loads the others."""
    code = f"""
        import sys
        for name in {sorted(CORE.keys() - {"__init__"})}:
            import focus_cte
            assert f"focus_cte.{{name}}" not in sys.modules
            assert getattr(focus_cte, name) is sys.modules[f"focus_cte.{{name}}"]
            for module in [m for m in sys.modules if m.startswith("focus_cte")]:
                del sys.modules[module]
    """
    left = loaded(textwrap.dedent(code))
    assert not [name for name in left if name.startswith("focus_cte")], "it did not come to its end"


def test_an_extra_is_not_loaded_unless_it_is_imported() -> None:
    for name in EXTRAS:
        assert f"focus_cte.{name}" not in loaded(f"import focus_cte; hasattr(focus_cte, '{name}')")


def test_threads_may_ask_at_once() -> None:
    """For different names, so that their modules are loaded from several ends."""
    code = """
        import sys, threading, focus_cte
        names = focus_cte.__all__
        found, start = {}, threading.Barrier(len(names))
        def ask(name):
            start.wait()
            found[name] = getattr(focus_cte, name)
        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=ask, args=[name]) for name in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert found == {name: vars(focus_cte)[name] for name in names}, found
    """
    assert "focus_cte.client" in loaded(textwrap.dedent(code))


def test_whoever_checks_types_sees_the_public_names() -> None:
    tree = ast.parse(CORE["__init__"].read_text("utf-8"))
    (explicit,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = []
    for node in explicit.body:
        assert isinstance(node, ast.ImportFrom)
        names = [alias.name for alias in node.names]
        seen += names
        module = importlib.import_module(str(node.module))
        for name in names:
            assert getattr(focus_cte, name) is vars(module)[name]
            home = vars(module)[name].__module__
            assert home == node.module, "where it is made"
    assert sorted(seen) == focus_cte.__all__


@pytest.mark.parametrize(
    ("extra", "missing"),
    [
        ("xml", "lxml"),
        ("xml", "cryptography"),
        ("mirror", "aiosqlite"),
        ("mirror", "sqlalchemy"),
        ("mirror", "lxml"),
    ],
)
def test_an_extra_without_its_packages_says_how_to_install_them(extra: str, missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import focus_cte.{extra}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert last == f"ImportError: focus_cte.{extra} needs {missing}: pip install focus-cte[{extra}]"
