"""The fenced blocks of a document, to be run."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs

ROOT = Path(__file__).resolve().parents[2]


@attrs.frozen
class Block:
    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(document: str, language: str) -> list[Block]:
    text = read(document)
    fences = re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        Block(document, text.count("\n", 0, fence.start(2)) + 1, fence[1], fence[2])
        for fence in fences
        if fence[1] == language
    ]


def defines(block: Block) -> str:
    """The first coroutine function of a block: what the block is known by here."""
    found = (node for node in ast.parse(block.text).body if isinstance(node, ast.AsyncFunctionDef))
    return next(node.name for node in found)


def executed(block: Block) -> SimpleNamespace:
    # The empty lines make a traceback name the README's own line.
    code = compile("\n" * (block.line - 1) + block.text, ROOT / block.document, "exec")
    names: dict[str, Any] = {"__name__": "readme"}
    exec(code, names)
    return SimpleNamespace(**names)
