"""What docs/mirror.md shows runs too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from blocks import blocks, defines, executed

from focus_cte import FocusCTe
from focus_cte.mirror import Change, Mirror, lease
from focus_cte.sandbox import Sandbox

BLOCKS = {defines(block): executed(block) for block in blocks("docs/mirror.md", "python")}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(ctes=12, credits=None) as sandbox:
        yield sandbox


def test_each_block_is_tried_below() -> None:
    assert set(BLOCKS) == {"run", "follow", "forget"}


async def test_a_worker_goes_on_where_another_one_is_at_work(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_the_sandbox(token: str, **_: object) -> FocusCTe:
        return FocusCTe(token, base_url=sandbox.url)

    run, other = BLOCKS["run"].run, "11222333000181"
    monkeypatch.setitem(run.__globals__, "FocusCTe", of_the_sandbox)
    monkeypatch.chdir(tmp_path)
    printed = StringIO()
    async with Mirror.at("acervo") as mirror, lease.holding(mirror._store, other):
        with redirect_stdout(printed):
            await run(sandbox.token, [other, sandbox.cnpj])
        received = [cte.chave async for cte in mirror.ctes()]
    assert sorted(received) == sorted(sandbox.chaves)
    held, done = printed.getvalue().splitlines()
    assert held.startswith(f"{other}: another process is at it until 20")
    assert done.startswith(f"{sandbox.cnpj}: {len(received)} new, 0 changed, ")


async def test_a_consumer_of_the_feed_keeps_one_number(
    sandbox: Sandbox, focus: FocusCTe, tmp_path: Path
) -> None:
    booked: list[str] = []

    async def book(change: Change) -> None:
        if len(booked) == 3:
            raise KeyError(change.chave)
        booked.append(change.chave)

    follow = BLOCKS["follow"].follow
    async with Mirror.at(tmp_path / "acervo") as mirror:
        await mirror.sync(focus, sandbox.cnpj)
        with pytest.raises(KeyError):
            await follow(mirror, 0, book)
        told = [change async for change in mirror.changes()]
        booked.clear()
        assert await follow(mirror, told[-4].seq, book) == told[-1].seq
        assert len(booked) <= 3


async def test_what_is_forgotten_is_told_first(
    sandbox: Sandbox, focus: FocusCTe, tmp_path: Path
) -> None:
    async with Mirror.at(tmp_path / "acervo") as mirror:
        await mirror.sync(focus, sandbox.cnpj)
        with redirect_stdout(StringIO()) as printed:
            await BLOCKS["forget"].forget(mirror, date(2026, 11, 1))
        assert [cte async for cte in mirror.ctes()] == []
    assert printed.getvalue().startswith(f"{len(sandbox.chaves)} documents, ")
