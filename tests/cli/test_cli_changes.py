"""focus-cte changes: the feed, without a gap."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from scenes import Scene


def fed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_a_change_is_a_line(stored: Scene) -> None:
    lines = await stored.run("changes", "--jsonl")
    assert (lines.code, lines.err) == (0, f"{stored.heading}\n")
    changes = fed(lines.out)
    assert [change["seq"] for change in changes] == list(range(1, len(changes) + 1))
    assert {change["chave"] for change in changes} == set(stored.sandbox.chaves)
    table = await stored.run("changes")
    assert (table.code, table.err, table.lines[0]) == (0, "", stored.heading)
    assert [line.split()[:3] for line in table.lines[2:]] == [
        [str(change["seq"]), change["chave"], change["what"]] for change in changes
    ]


def test_after_a_number_comes_what_is_behind_it(stored: Scene) -> None:
    every = fed(stored.invoke("changes", "--jsonl").out)
    last = every[-1]["seq"]
    assert fed(stored.invoke("changes", "--jsonl", "--after", last - 3).out) == every[-3:]
    assert stored.invoke("changes", "--jsonl", "--after", last).out == ""
    assert stored.invoke("changes", "--after", -1).code == 2


def test_who_keeps_the_last_number_misses_nothing(filled: Scene) -> None:
    last = fed(filled.invoke("changes", "--jsonl").out)[-1]["seq"]
    filled.sandbox.cancel(filled.sandbox.chaves[0], "Carga não coletada")
    asyncio.run(filled.sync())
    news = fed(filled.invoke("changes", "--jsonl", "--after", last).out)
    assert [change["what"] for change in news] == ["cancelled", "xml"]
    assert [change["seq"] for change in news] == [last + 1, last + 2]
    assert news[0]["after"]["justificativa_cancelamento"] == "Carga não coletada"
    assert "Carga não coletada" in filled.invoke("changes", "--after", last).out


def test_without_an_archive_none_is_made(alone: Scene) -> None:
    done = alone.invoke("changes")
    assert (done.code, done.out) == (2, "")
    assert "there is no archive" in done.err
    assert list(alone.folder.iterdir()) == []
