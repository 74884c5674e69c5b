"""Print what the package and its extras need, each pinned to its lower bound, for pip's -c."""

import re
import tomllib
from itertools import chain
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
extras = project["optional-dependencies"].values()
for dependency in chain(project["dependencies"], *extras):
    bound = re.fullmatch(r"([\w.-]+)\s*>=\s*([\d.]+)(,.*)?", dependency)
    if bound is None:
        raise SystemExit(f"{PYPROJECT.name}: {dependency!r} does not begin with its lower bound")
    print(f"{bound[1]}=={bound[2]}")
