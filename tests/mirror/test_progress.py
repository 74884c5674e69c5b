"""How far a sync is: each page and each batch of files is told, and nothing is asked for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import update

from focus_cte import FocusCTe
from focus_cte.mirror import Mirror, Progress, wanted
from focus_cte.mirror.schema import ctes
from focus_cte.sandbox import Sandbox


@pytest.fixture
async def mirror(database_url: str, tmp_path: Path) -> AsyncIterator[Mirror]:
    async with Mirror(database_url, files=tmp_path / "files") as mirror:
        yield mirror


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(ctes=230, credits=None) as sandbox:
        yield sandbox


def rises(told: list[Progress]) -> bool:
    numbers = [(each.documents, each.files, each.wanted or 0) for each in told]
    return all(a <= b for one, other in pairwise(numbers) for a, b in zip(one, other, strict=True))


async def test_each_page_is_told_then_each_batch_of_files(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    told: list[Progress] = []
    report = await mirror.sync(focus, sandbox.cnpj, on_progress=told.append)
    assert told[:3] == [Progress(sandbox.cnpj, n, 230) for n in (100, 200, 230)]
    last = Progress(sandbox.cnpj, 230, 230, files=report.files, wanted=report.files)
    assert told[-1] == last
    assert all(attrs.evolve(each, files=0) == attrs.evolve(last, files=0) for each in told[3:])
    assert 0 < told[3].files < report.files, "not at the end only"
    assert rises(told)


async def test_a_page_is_told_when_it_is_stored(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    versoes: list[int] = []

    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        raise Stop

    for documents in (100, 200):
        with pytest.raises(Stop):
            await mirror.sync(focus, sandbox.cnpj, on_progress=stop)
        versoes.append((await mirror.status(sandbox.cnpj)).versao)
        # The second run begins by reading 50 again.
        assert 100 <= (await mirror.status(sandbox.cnpj)).documents <= documents
    assert versoes[0] < versoes[1], "what it raises ends the sync; what was stored stays"
    assert (await mirror.sync(focus, sandbox.cnpj)).new > 0
    assert (await mirror.status(sandbox.cnpj)).documents == 230


async def test_what_is_raised_while_files_are_stored_ends_the_sync_and_they_stay(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if progress.files:
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        await mirror.sync(focus, sandbox.cnpj, on_progress=stop)
    stored = (await mirror.status(sandbox.cnpj)).files
    assert stored == told[-1].files > 0
    report = await mirror.sync(focus, sandbox.cnpj, on_progress=told.append)
    assert stored + report.files == (await mirror.status(sandbox.cnpj)).files
    assert told[-1].files == told[-1].wanted == report.files, "of this run"
    assert (await mirror.verify()).ok


async def test_what_was_known_counts_among_the_documents_of_a_run(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    told: list[Progress] = []
    await mirror.sync(focus, sandbox.cnpj)
    await mirror.sync(focus, sandbox.cnpj, on_progress=told.append)
    (once,) = told
    assert once.documents == once.total is not None
    assert (once.files, once.wanted) == (0, None)


async def test_an_item_that_cannot_be_used_is_dealt_with_too(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    told: list[Progress] = []
    sandbox.fail("item", on="listing", index=3, fields={"chave": "?"})
    report = await mirror.sync(focus, sandbox.cnpj, on_progress=told.append)
    assert (report.new, report.invalid) == (229, 1)
    assert (told[-1].documents, told[-1].total) == (230, 230)
    assert rises(told)


async def test_dactes_are_wanted_when_their_turn_comes(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    told: list[Progress] = []
    report = await mirror.sync(focus, sandbox.cnpj, dacte=True, on_progress=told.append)
    fetching = [each for each in told if each.wanted is not None]
    assert fetching[0].wanted == report.files - 230
    assert fetching[-1].files == fetching[-1].wanted == report.files
    assert rises(told)


async def test_what_is_not_asked_for_is_not_wanted_and_what_is_not_there_is(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    told: list[Progress] = []
    await mirror.sync(focus, sandbox.cnpj, xml_since=date(2027, 1, 1), on_progress=told.append)
    assert {(each.files, each.wanted) for each in told} == {(0, None)}
    async with mirror._store.writing() as writer:
        old = update(ctes).where(ctes.c.chave.in_(sandbox.chaves[:100]))
        await writer.connection.execute(old.values(emissao=datetime(2025, 7, 6, tzinfo=UTC)))
    sandbox.fail("status", status=404, on="xml", times=2)
    since = date(2026, 1, 1)
    report = await mirror.sync(focus, sandbox.cnpj, xml_since=since, on_progress=told.append)
    assert report.pending == 2
    assert 128 <= report.files < 230
    assert told[-1].files == report.files
    assert told[-1].wanted == report.files + 2


async def test_without_a_callback_nothing_is_counted(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(Exception):
        pass

    def count(*_: Any, **__: Any) -> Any:
        raise Counted

    monkeypatch.setattr(wanted, "count_due", count)
    await mirror.sync(focus, sandbox.cnpj, dacte=True)
    with pytest.raises(Counted):
        await mirror.sync(focus, sandbox.cnpj, on_progress=lambda _: None)
