"""Print what the package and its extras need, each pinned to its lower bound, for pip's -c."""

import re
import tomllib
from itertools import chain
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

# pip takes no extras in what it is given by -c, and an extra that includes another names ourselves.
BOUND = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?\s*>=\s*([\d.]+)(,.*)?")
OURSELVES = re.compile(r"focus-cte\[[\w,-]+\]")

project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
extras = project["optional-dependencies"].values()
for dependency in chain(project["dependencies"], *extras):
    if OURSELVES.fullmatch(dependency):
        continue
    bound = BOUND.fullmatch(dependency)
    if bound is None:
        raise SystemExit(f"{PYPROJECT.name}: {dependency!r} does not begin with its lower bound")
    print(f"{bound[1]}=={bound[2]}")
