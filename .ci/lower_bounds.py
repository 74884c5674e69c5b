"""Print pyproject.toml's dependencies, each pinned to its lower bound, as constraints for pip."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

for dependency in tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["dependencies"]:
    bound = re.fullmatch(r"([\w.-]+)\s*>=\s*([\d.]+)(,.*)?", dependency)
    if bound is None:
        raise SystemExit(f"{PYPROJECT.name}: {dependency!r} does not begin with its lower bound")
    print(f"{bound[1]}=={bound[2]}")
