"""The tables on terminals of 80 and 120 columns, as somebody last saw them: see `snapshots`."""

from __future__ import annotations

import asyncio
import re

import pytest
from scenes import Scene
from snapshots import assert_as_kept

SENT = (
    "INSERT INTO desacordos (id, step, chave, cnpj, actor, observacoes, outcome, at, origin)"
    " VALUES ('1', :step, :chave, '28730186000153', 'Maria Souza', 'Carga recusada', :outcome,"
    " '2026-07-07T12:00:00.000000Z', 'http://127.0.0.1')"
)
_VARIES = {
    r"http://127\.0\.0\.1:\d+": "http://127.0.0.1:PORT",
    r"^( +\d+  \w{44}  .*)\d\d/\d\d/\d{4} \d\d:\d\d": r"\1DD/MM/AAAA HH:MM",  # changes: seen
    r"(?<=0001-53  )\d\d/\d\d/\d{4} \d\d:\d\d": "DD/MM/AAAA HH:MM",  # status: checked
    r"(?<=   [39]  |  20  )\d\d/\d\d/\d{4}": "DD/MM/AAAA",  # deadlines: until
}


def normal(text: str) -> str:
    """Without what differs between two runs."""
    for pattern, name in _VARIES.items():
        text = re.sub(pattern, name, text, flags=re.M)
    return text


@pytest.fixture
def told(stored: Scene) -> Scene:
    """An archive in which each table has something to tell."""
    first, second, third, fourth, *_more = stored.sandbox.chaves
    for chave, days in ((first, 3), (second, 9), (third, 20)):
        stored.due(chave, days=days)
    stored.sql(SENT, chave=fourth, step="intention", outcome=None)
    stored.sql(SENT, chave=fourth, step="outcome", outcome="registered")
    return stored


@pytest.mark.parametrize("columns", [80, 120])
async def test_tables_are_as_they_were(told: Scene, columns: int) -> None:
    commands = {
        "list": ["list", "--competencia", "2026-07"],
        "status": ["status"],
        "deadlines": ["deadlines"],
        "changes": ["changes"],
        "desacordo-list": ["desacordo", "list"],
        "show": ["show", told.corrected],
    }
    runs = [told.on_a_terminal(*words, columns=columns, TZ="UTC") for words in commands.values()]
    for name, done in zip(commands, await asyncio.gather(*runs), strict=True):
        assert done.code == 0
        # A table is never wider than the terminal; of one document a path stays whole.
        assert name == "show" or all(len(line) <= columns for line in done.lines)
        # In which order files come, and so their changes, is not said.
        lines = [line for line in done.lines if not re.search(r"[0-9]  xml\b", line)]
        assert_as_kept(f"tables/{name}.{columns}", normal("\n".join(lines) + "\n"))
