"""Fetching: every wanted file once, whole, in its place; what fails waits; what ends it raises."""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from archives import put_file
from sqlalchemy import Table, delete, select, update

from focus_cte import AuthenticationError, ClientClosed, FocusCTe, InvalidArgument, Retry
from focus_cte.mirror import fetch as fetching
from focus_cte.mirror import lease, pull
from focus_cte.mirror.errors import FilesError, LeaseLost
from focus_cte.mirror.folder import Folder
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.models import Kind, State
from focus_cte.mirror.schema import (
    changes,
    ctes,
    cursors,
    eventos,
    files,
    leases,
    nfes,
    recebimentos,
)
from focus_cte.mirror.store import Store
from focus_cte.sandbox import Sandbox
from focus_cte.xml import verify

NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)
"""Within the terms of the sandbox's documents."""
ELSE = "11222333000181"


class Clock:
    """Stands still until it is moved; leases are taken and held by it too."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(ctes=40, credits=None) as opened:
        yield opened


@pytest.fixture
def clock(store: Store) -> Clock:
    store.clock = clock = Clock()
    return clock


@pytest.fixture
async def focus(sandbox: Sandbox) -> AsyncIterator[FocusCTe]:
    async with FocusCTe(sandbox.token, base_url=sandbox.url, retry=Retry(attempts=1)) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


@pytest.fixture
async def held(store: Store, clock: Clock, sandbox: Sandbox, focus: FocusCTe) -> Lease:
    """A lease, with the listing pulled."""
    held = await lease.take(store, sandbox.cnpj)
    await pull.pull(store, focus, held)
    return held


async def rows(store: Store, table: Table, *where: Any) -> Sequence[Any]:
    async with store.reading() as connection:
        return (await connection.execute(select(table).where(*where))).all()


async def row(store: Store, chave: str, kind: Kind = Kind.XML) -> Any:
    (found,) = await rows(store, files, files.c.chave == chave, files.c.kind == str(kind))
    return found


async def states(store: Store) -> set[str]:
    return {each.state for each in await rows(store, files)}


async def told(store: Store) -> list[tuple[str, str]]:
    """Keys and kinds of the files that the feed tells of."""
    found = await rows(store, changes, changes.c.what == "xml")
    return [(each.chave, each.after["kind"]) for each in sorted(found, key=lambda each: each.seq)]


async def only(store: Store, *chaves: str) -> None:
    """Have nothing but these documents' files wanted."""
    async with store.writing() as writer:
        others = update(files).where(files.c.chave.not_in(chaves))
        await writer.connection.execute(others.values(state=str(State.MISSING), next_try=None))


def on_disk(folder: Folder) -> dict[str, bytes]:
    found = [path for path in folder.root.rglob("*") if path.is_file()]
    return {path.relative_to(folder.root).as_posix(): path.read_bytes() for path in found}


def asked(sandbox: Sandbox) -> list[str]:
    """Paths of the files that were asked for, after the prefix."""
    paths = [str(seen.path) for seen in sandbox.requests]
    return [path.removeprefix("/v2/ctes_recebidas/") for path in paths if "." in path]


def answers(sandbox: Sandbox, body: bytes, on: str = "xml", times: int = 1) -> None:
    sandbox.fail("status", on=on, status=200, body=body, times=times)


async def test_every_file_is_there_once_whole_and_verified(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    done = await fetching.fetch(store, folder, focus, held)
    recorded = await rows(store, files)
    assert {each.state for each in recorded} == {"stored"}
    assert done == fetching.Fetched(files=len(recorded))
    kept = on_disk(folder)
    assert {each.path: each.sha256 for each in recorded} == {
        name: sha256(data).hexdigest() for name, data in kept.items()
    }
    assert {each.path: each.size for each in recorded} == {n: len(d) for n, d in kept.items()}
    assert all(each.next_try is None and each.why is None for each in recorded)
    for each in recorded:
        assert verify(kept[each.path], chave=each.chave).ok
    assert sorted(await told(store)) == sorted((each.chave, each.kind) for each in recorded)
    assert len(asked(sandbox)) == len(recorded)
    documents = await rows(store, ctes)
    assert all(each.verificado and each.tomador and not each.prazo_estimado for each in documents)
    assert {each.papeis is not None for each in await rows(store, recebimentos)} == {True}
    assert await rows(store, nfes)
    happened = {(each.chave, each.path) for each in await rows(store, eventos)}
    assert happened == {(each.chave, each.path) for each in recorded if each.kind != "xml"}


async def test_a_second_run_asks_for_nothing(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await fetching.fetch(store, folder, focus, held)
    before = len(sandbox.requests)
    assert await fetching.fetch(store, folder, focus, held) == fetching.Fetched()
    assert len(sandbox.requests) == before


async def test_the_nearest_term_is_asked_for_first(
    store: Store, folder: Folder, sandbox: Sandbox, held: Lease
) -> None:
    found = await rows(store, ctes)
    nearest = [each.chave for each in sorted(found, key=lambda each: each.prazo)]
    async with FocusCTe(sandbox.token, base_url=sandbox.url, max_concurrency=1) as one:
        await fetching.fetch(store, folder, one, held)
    names = asked(sandbox)
    assert names[: len(nearest)] == [f"{chave}.xml" for chave in nearest]
    assert len(names) > len(nearest)


async def test_an_xml_that_is_not_there_yet_waits_and_blocks_nothing(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.fail("status", on="xml", status=404, times=3)
    done = await fetching.fetch(store, folder, focus, held)
    late = await rows(store, files, files.c.state == "wanted")
    assert len(late) == 3
    assert {(each.attempts, each.next_try) for each in late} == {(1, NOW + timedelta(minutes=5))}
    assert all(each.chave in each.why for each in late)
    assert done.failed == ()
    clock.now += timedelta(minutes=5)
    assert (await fetching.fetch(store, folder, focus, held)).files == 3
    assert await states(store) == {"stored"}


async def test_after_sixty_days_it_is_asked_for_no_more(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox, clock: Clock
) -> None:
    await only(store, chave := sandbox.chaves[0])
    clock.now += timedelta(days=60)
    sandbox.fail("status", on="xml", status=404)
    held = await lease.take(store, sandbox.cnpj)
    await fetching.fetch(store, folder, focus, held)
    found = await row(store, chave)
    assert (found.state, found.next_try) == ("missing", None)


@pytest.mark.parametrize("what", ["another's", "broken", "an event"])
async def test_what_is_not_the_file_is_kept_beside_and_asked_for_again(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    clock: Clock,
    what: str,
) -> None:
    await only(store, chave := sandbox.chaves[0])
    other = sandbox.chaves[1]
    sandbox.correct(other)
    body = {
        "another's": await focus.baixar_xml(other),
        "broken": b"<cteProc><CTe></cteProc>",
        "an event": await focus.baixar_xml_carta_correcao(other),
    }[what]
    answers(sandbox, body)
    done = await fetching.fetch(store, folder, focus, held)
    (sentence,) = done.rejected
    assert chave in sentence
    name = folder.name(chave, Kind.XML)
    assert on_disk(folder) == {f"{name}.rejected": body}
    assert folder.path(chave, Kind.XML) is None
    found = await row(store, chave)
    assert (found.state, found.path) == ("rejected", None)
    assert (found.why, found.next_try) == (sentence, NOW + timedelta(minutes=5))
    assert await told(store) == []
    clock.now = found.next_try
    assert (await fetching.fetch(store, folder, focus, held)).files == 1
    assert (await row(store, chave)).state == "stored"


async def test_what_is_not_as_it_was_signed_is_stored_and_told_loudly(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await only(store, chave := sandbox.chaves[0])
    body = (await focus.baixar_xml(chave)).replace(b"135.85", b"135.86")
    answers(sandbox, body)
    with caplog.at_level(logging.WARNING, "focus_cte.mirror"):
        done = await fetching.fetch(store, folder, focus, held)
    assert done.files == 1
    (sentence,) = done.unverified
    assert chave in sentence
    assert sentence in caplog.text
    assert on_disk(folder) == {folder.name(chave, Kind.XML): body}
    (document,) = await rows(store, ctes, ctes.c.chave == chave)
    assert document.verificado is False
    assert document.problemas
    (change,) = await rows(store, changes, changes.c.what == "xml")
    assert change.after["verificado"] is False


async def test_a_failure_of_one_file_waits_a_minute(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await only(store, *sandbox.chaves[:3])
    sandbox.fail("status", on="xml", status=503)
    done = await fetching.fetch(store, folder, focus, held)
    assert done.files == 2
    (failed,) = await rows(store, files, files.c.state == "wanted")
    assert (failed.attempts, failed.next_try) == (1, NOW + timedelta(minutes=1))
    assert "503" in failed.why
    (sentence,) = done.failed
    assert sandbox.cnpj in sentence
    assert failed.chave in sentence


async def test_ten_failures_in_a_row_end_the_fetching_and_the_rest_stays_due(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    sandbox.fail("status", on="xml", status=503, times=99)
    done = await fetching.fetch(store, folder, focus, held)
    tried = await rows(store, files, files.c.attempts > 0)
    assert 10 <= len(tried) < 10 + 16
    assert len(asked(sandbox)) == len(tried)
    assert "10 files failed in a row" in done.failed[-1]
    assert "ServerError" in done.failed[0]
    waiting = await rows(store, files, files.c.attempts == 0)
    assert {each.next_try for each in waiting} == {NOW}


async def test_failures_that_are_not_in_a_row_end_nothing(
    store: Store, folder: Folder, sandbox: Sandbox, held: Lease
) -> None:
    for _ in range(4):
        sandbox.fail("status", on="xml", status=500, times=4)
        sandbox.fail("headers", on="xml", headers={})
    async with FocusCTe(
        sandbox.token, base_url=sandbox.url, retry=Retry(attempts=1), max_concurrency=1
    ) as one:
        done = await fetching.fetch(store, folder, one, held)
    assert len(done.failed) == 1
    assert "16 of ServerError" in done.failed[0]
    assert len(await rows(store, files, files.c.state == "wanted")) == 16


async def test_a_file_that_a_dead_process_put_there_is_not_asked_for(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    first, second, third = sandbox.chaves[:3]
    await only(store, first, second, third)
    whole = await focus.baixar_xml(first)
    changed = (await focus.baixar_xml(second)).replace(b"<xNome>", b"<xNome>X", 1)
    put_file(folder, folder.name(first, Kind.XML), whole, "0123abcd")
    put_file(folder, folder.name(second, Kind.XML), changed, "0123abcd")
    put_file(folder, folder.name(third, Kind.XML), whole, "0123abcd")
    left = folder.root / f"xml/2607/.{first}-cte.xml.0123abcd.part"
    left.write_bytes(b"<")
    before = len(sandbox.requests)
    done = await fetching.fetch(store, folder, focus, held)
    assert done.files == 3
    names = {seen.path.rpartition("/")[2] for seen in sandbox.requests[before:]}
    assert names == {f"{second}.xml", f"{third}.xml"}
    assert {each.state for each in await rows(store, files, files.c.path.is_not(None))} == {
        "stored"
    }
    assert not left.exists()
    for each in (first, second, third):
        assert verify(on_disk(folder)[folder.name(each, Kind.XML)], chave=each).ok


async def test_every_letter_that_was_seen_is_kept_and_told_once(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await only(store, chave := sandbox.chaves[0])
    for text in ("Onde se lê A, leia-se B", "Onde se lê B, leia-se C"):
        sandbox.correct(chave, text)
        await pull.pull(store, focus, held)
        await fetching.fetch(store, folder, focus, held)
    letters = await rows(store, eventos)
    assert sorted(each.sequencia for each in letters) == [1, 2]
    assert {each.path for each in letters} <= set(on_disk(folder))
    assert (await told(store)).count((chave, "carta_correcao")) == 2
    last = folder.path(chave, Kind.CARTA_CORRECAO)
    assert last is not None
    assert last.name.endswith("-02.xml")


async def test_a_letter_that_a_dead_process_did_not_tell_of_is_told_with_the_next(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await only(store, chave := sandbox.chaves[0])
    sandbox.correct(chave, "Onde se lê A, leia-se B")
    letter = await focus.baixar_xml_carta_correcao(chave)
    put_file(folder, folder.name(chave, Kind.CARTA_CORRECAO), letter)
    put_file(folder, folder.name(chave, Kind.CARTA_CORRECAO, sequencia=7), b"<somebody's/>")
    sandbox.correct(chave, "Onde se lê B, leia-se C")
    await pull.pull(store, focus, held)
    await fetching.fetch(store, folder, focus, held)
    letters = await rows(store, eventos)
    assert sorted(each.sequencia for each in letters) == [1, 2]
    assert (await told(store)).count((chave, "carta_correcao")) == 2
    (row,) = await rows(store, files, files.c.chave == chave, files.c.kind == "carta_correcao")
    assert row.path.endswith("-02.xml")


async def test_the_letter_that_is_held_is_not_the_newer_one_that_is_wanted(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox, clock: Clock
) -> None:
    await only(store, chave := sandbox.chaves[0])
    sandbox.correct(chave, "Onde se lê A, leia-se B")
    await pull.pull(store, focus, held)
    await fetching.fetch(store, folder, focus, held)
    old = await focus.baixar_xml_carta_correcao(chave)
    sandbox.correct(chave, "Onde se lê B, leia-se C")
    await pull.pull(store, focus, held)
    answers(sandbox, old, on="correction")
    done = await fetching.fetch(store, folder, focus, held)
    assert (done.files, done.failed, done.rejected) == (0, (), ())
    found = await row(store, chave, Kind.CARTA_CORRECAO)
    assert (found.state, found.next_try) == ("wanted", NOW + timedelta(minutes=5))
    clock.now = found.next_try
    assert (await fetching.fetch(store, folder, focus, held)).files == 1
    assert len(await rows(store, eventos)) == 2
    clock.now += timedelta(days=61)
    held = await lease.take(store, sandbox.cnpj)
    async with store.writing() as writer:
        await pull.want(writer, [(chave, Kind.CARTA_CORRECAO)])
    clock.now += timedelta(days=60)
    held = await lease.take(store, sandbox.cnpj)
    await fetching.fetch(store, folder, focus, held)
    found = await row(store, chave, Kind.CARTA_CORRECAO)
    assert (found.state, found.next_try) == ("stored", None), "it was the last after all"


async def test_a_letter_that_is_wanted_anew_meanwhile_stays_wanted(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another CNPJ's pull saw a newer letter while the older one was under way."""
    await only(store, chave := sandbox.chaves[0])
    sandbox.correct(chave)
    await pull.pull(store, focus, held)
    download = focus.baixar_xml_carta_correcao

    async def meanwhile(*arguments: Any, **options: Any) -> bytes:
        data: bytes = await download(*arguments, **options)
        clock.now += timedelta(seconds=1)
        async with store.writing() as writer:
            await pull.want(writer, [(chave, Kind.CARTA_CORRECAO)])
        return data

    monkeypatch.setattr(focus, "baixar_xml_carta_correcao", meanwhile)
    await fetching.fetch(store, folder, focus, held)
    found = await row(store, chave, Kind.CARTA_CORRECAO)
    assert (found.state, found.next_try) == ("wanted", clock.now)
    assert len(await rows(store, eventos)) == 1, "and the older one is kept all the same"


async def test_of_two_that_fetch_one_document_the_feed_tells_once(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    chave = sandbox.chaves[0]
    await only(store, chave)
    async with store.writing() as writer:
        receipt = {"cnpj": ELSE, "chave": chave, "versao": 7, "first_seen": NOW}
        await writer.insert(recebimentos, [receipt])
    await asyncio.gather(*(fetching.fetch(store, folder, focus, held) for _ in range(3)))
    found = await rows(store, changes, changes.c.what == "xml")
    assert sorted(each.cnpj for each in found) == sorted([ELSE, sandbox.cnpj])
    assert (await row(store, chave)).state == "stored"


@pytest.mark.parametrize("kind", [Kind.XML, Kind.DACTE])
async def test_of_two_that_fetch_one_file_the_quicker_ones_is_kept(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    kind: Kind,
) -> None:
    """It may have other bytes each time, with the time of it inside."""
    chave, made = sandbox.chaves[0], itertools.count()
    await only(store, chave)
    xml = await focus.baixar_xml(chave)

    async def file(asked: str, **options: Any) -> bytes:
        if asked != chave:
            return b"%PDF-1.4"
        n = next(made)
        if n == 0:
            await fetching.fetch(store, folder, focus, held, dacte=True)
        return b"%b<!-- not as it was signed: %d -->" % (xml.replace(b"<xNome>", b"<xNome>Z"), n)

    names = {Kind.XML: "baixar_xml", Kind.DACTE: "baixar_dacte"}
    if kind is Kind.DACTE:
        await fetching.fetch(store, folder, focus, held)
    monkeypatch.setattr(focus, names[kind], file)
    await fetching.fetch(store, folder, focus, held, dacte=True)
    found = await row(store, chave, kind)
    assert next(made) == 2
    assert sha256(on_disk(folder)[found.path]).hexdigest() == found.sha256
    assert (await told(store)).count((chave, str(kind))) == 1


async def test_a_company_that_receives_a_document_while_it_is_fetched_is_told_once(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chave, download = sandbox.chaves[0], focus.baixar_xml
    await only(store, chave)
    item = await focus.consultar(chave)
    other = await lease.take(store, ELSE)

    async def meanwhile(asked: str, **options: Any) -> bytes:
        clock.now += timedelta(seconds=1)
        await pull.store_items(store, other, [item])
        return await download(asked, **options)

    monkeypatch.setattr(focus, "baixar_xml", meanwhile)
    await fetching.fetch(store, folder, focus, held)
    await fetching.fetch(store, folder, focus, other)
    found = await rows(store, changes, changes.c.what == "xml")
    assert sorted(each.cnpj for each in found) == sorted([ELSE, sandbox.cnpj])
    assert (await row(store, chave)).state == "stored"


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("signed", [True, False])
async def test_what_one_company_keeps_another_does_not_remove(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    at_once: bool,
    signed: bool,
) -> None:
    """One keeps all, the other only what it pays for."""
    other = await lease.take(store, ELSE)
    chave = sandbox.chaves[0]
    item = await focus.consultar(chave)
    xml = await focus.baixar_xml(chave)

    async def download(asked: str, **options: Any) -> bytes:
        return xml if signed else xml.replace(b"<xNome>", b"<xNome>Z")

    async def meanwhile(asked: str, **options: Any) -> bytes:
        monkeypatch.setattr(focus, "baixar_xml", download)
        await fetching.fetch(store, folder, focus, held)
        return await download(asked)

    monkeypatch.setattr(focus, "baixar_xml", download)
    await only(store, chave)
    async with store.writing() as writer:
        await writer.connection.execute(delete(cursors))  # neither pays
    if at_once:
        await pull.store_items(store, other, [item])
        monkeypatch.setattr(focus, "baixar_xml", meanwhile)
    else:
        await fetching.fetch(store, folder, focus, held)
        await pull.store_items(store, other, [item])
    await fetching.fetch(store, folder, focus, other, keep="tomador")
    found = await row(store, chave)
    assert found.state == "stored"
    assert sha256(on_disk(folder)[found.path]).hexdigest() == found.sha256
    assert {each.cnpj for each in await rows(store, changes, changes.c.what == "xml")} == {
        sandbox.cnpj,
        ELSE,
    }


async def test_the_same_bytes_once_more_tell_the_feed_nothing(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await fetching.fetch(store, folder, focus, held)
    before = await told(store)
    async with store.writing() as writer:
        again = [(each.chave, Kind(each.kind)) for each in await rows(store, files)]
        await pull.want(writer, [place for place in again if place[1] is not Kind.CARTA_CORRECAO])
    for path in folder.root.rglob("*-cte.xml"):
        path.unlink()
    done = await fetching.fetch(store, folder, focus, held)
    assert done.files
    assert await states(store) == {"stored"}
    assert await told(store) == before


async def test_dactes_are_fetched_when_they_are_asked_for_and_last(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await fetching.fetch(store, folder, focus, held)
    assert not [name for name in on_disk(folder) if name.endswith(".pdf")]
    assert not sandbox.storage_requests
    await fetching.fetch(store, folder, focus, held, dacte=True)
    prints = [name for name in on_disk(folder) if name.endswith(".pdf")]
    assert len(prints) == len(sandbox.chaves)
    assert await states(store) == {"stored"}
    assert {"kind": "dacte"}.items() <= (await rows(store, changes))[-1].after.items()


async def test_a_dacte_that_was_not_there_waits_for_the_next_run_that_wants_it(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.fail("status", on="pdf", status=404)
    await fetching.fetch(store, folder, focus, held, dacte=True)
    (late,) = await rows(store, files, files.c.state == "wanted")
    clock.now = late.next_try
    before = len(sandbox.requests)
    await fetching.fetch(store, folder, focus, held)
    assert len(sandbox.requests) == before
    await fetching.fetch(store, folder, focus, held, dacte=True)
    assert await states(store) == {"stored"}


async def test_a_freight_whose_tomador_is_not_known_is_kept(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await only(store, chave := sandbox.chaves[0])
    cnpj = f"<CNPJ>{sandbox.cnpj}</CNPJ>".encode()
    body = (await focus.baixar_xml(chave)).replace(cnpj, b"<idEstrangeiro>1</idEstrangeiro>")
    answers(sandbox, body)
    await fetching.fetch(store, folder, focus, held, keep="tomador")
    (document,) = await rows(store, ctes, ctes.c.chave == chave)
    assert document.tomador is None
    assert on_disk(folder) == {folder.name(chave, Kind.XML): body}


async def test_files_of_anothers_freight_are_looked_at_and_not_kept(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await fetching.fetch(store, folder, focus, held, keep="tomador", dacte=True)
    documents = {each.chave: each for each in await rows(store, ctes)}
    others = {chave for chave, each in documents.items() if each.tomador != sandbox.cnpj}
    assert others
    assert all(documents[chave].tomador and documents[chave].verificado for chave in others)
    recorded = await rows(store, files, files.c.kind.in_(["xml", "dacte"]))
    assert {each.chave for each in recorded if each.state == "dropped"} == others
    assert {each.chave for each in recorded if each.state == "stored"} == set(documents) - others
    kept = {Path(name).name[:44] for name in on_disk(folder) if not name.endswith("-01.xml")}
    assert kept == set(documents) - others
    assert not {chave for chave, kind in await told(store) if kind == "xml"} & others


async def test_anothers_freight_that_is_in_the_folder_is_not_asked_for(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    """A process that kept all put it there, and died before it said so."""
    await fetching.fetch(store, folder, focus, held)
    async with store.writing() as writer:
        unsaid = update(files).where(files.c.kind == str(Kind.XML))
        await writer.connection.execute(
            unsaid.values(state=str(State.WANTED), sha256=None, path=None, next_try=NOW)
        )
    before = asked(sandbox)
    await fetching.fetch(store, folder, focus, held, keep="tomador")
    assert asked(sandbox) == before
    recorded = await rows(store, files, files.c.kind == str(Kind.XML))
    ours = {each.chave for each in await rows(store, ctes) if each.tomador == sandbox.cnpj}
    assert {each.chave for each in recorded if each.state == "stored"} == ours
    assert {each.state for each in recorded} == {"stored", "dropped"}


async def test_the_freight_of_any_of_our_companies_is_kept(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await fetching.fetch(store, folder, focus, held, keep="tomador")
    other = next(each for each in await rows(store, ctes) if each.tomador != sandbox.cnpj)
    async with store.writing() as writer:
        await writer.insert(cursors, [{"cnpj": other.tomador, "versao": 1}])
        await pull.want(writer, [(other.chave, Kind.XML)])
    await fetching.fetch(store, folder, focus, held, keep="tomador")
    assert (await row(store, other.chave)).state == "stored"


async def test_what_befell_a_freight_comes_once_it_is_ours(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    await fetching.fetch(store, folder, focus, held, keep="tomador", dacte=True)
    other = next(each for each in await rows(store, ctes) if each.tomador != sandbox.cnpj)
    sandbox.cancel(other.chave)
    await pull.pull(store, focus, held)
    await fetching.fetch(store, folder, focus, held, keep="tomador", dacte=True)
    assert (await row(store, other.chave, Kind.CANCELAMENTO)).state == "dropped"
    async with store.writing() as writer:
        await writer.insert(cursors, [{"cnpj": other.tomador, "versao": 1}])
    await fetching.fetch(store, folder, focus, held, keep="tomador", dacte=True)
    for kind in (Kind.XML, Kind.CANCELAMENTO, Kind.DACTE):
        assert (await row(store, other.chave, kind)).state == "stored"


async def test_what_was_emitted_before_a_day_is_not_asked_for(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    documents = await rows(store, ctes)
    days = sorted({each.emissao.date() for each in documents})
    day = days[len(days) // 2]
    await fetching.fetch(store, folder, focus, held, xml_since=day)
    recorded = await rows(store, files, files.c.kind == "xml")
    local = {
        each.chave: each.emissao + timedelta(minutes=each.emissao_offset) for each in documents
    }
    new = {chave for chave, moment in local.items() if moment.date() >= day}
    assert 0 < len(new) < len(documents) or len(days) == 1
    assert {each.chave for each in recorded if each.state == "stored"} == new


@pytest.mark.parametrize(
    "options", [{"keep": "all"}, {"xml_since": "2026-07-01"}, {"xml_since": NOW}]
)
async def test_a_wrong_option_is_refused_before_anything_is_asked(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    options: dict[str, Any],
) -> None:
    with pytest.raises(InvalidArgument):
        await fetching.fetch(store, folder, focus, held, **options)
    assert asked(sandbox) == []


async def test_a_refused_token_ends_it_and_what_came_before_stays(
    store: Store, folder: Folder, sandbox: Sandbox, held: Lease
) -> None:
    for _ in range(20):
        sandbox.fail("headers", on="xml", headers={})
    sandbox.fail("unauthorized", on="xml", times=99)
    async with FocusCTe(sandbox.token, base_url=sandbox.url, max_concurrency=1) as one:
        with pytest.raises(AuthenticationError):
            await fetching.fetch(store, folder, one, held)
    stored = await rows(store, files, files.c.state == "stored")
    assert len(on_disk(folder)) == 20
    assert {each.path for each in stored} <= set(on_disk(folder))
    assert {each.attempts for each in await rows(store, files)} == {0}


async def test_a_closed_client_ends_it(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease
) -> None:
    await focus.close()
    with pytest.raises(ClientClosed):
        await fetching.fetch(store, folder, focus, held)


async def test_while_nothing_comes_the_lease_is_renewed(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    sandbox: Sandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when the XML waits for a credit."""
    await only(store, sandbox.chaves[0])
    monkeypatch.setattr(fetching, "_RENEWAL", 0.02)
    (before,) = await rows(store, leases)
    clock.now += lease.TERM / 2
    download = focus.baixar_xml

    async def later(chave: str, **options: Any) -> bytes:
        async with asyncio.timeout(30):
            while (await rows(store, leases))[0].expires_at == before.expires_at:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return await download(chave, **options)

    monkeypatch.setattr(focus, "baixar_xml", later)
    done = await fetching.fetch(store, folder, focus, held)
    assert (done.files, done.failed) == (1, ())
    (after,) = await rows(store, leases)
    assert after.expires_at == clock.now + lease.TERM


async def test_who_lost_the_lease_records_nothing(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease, sandbox: Sandbox
) -> None:
    async with store.writing() as writer:
        await writer.connection.execute(update(leases).values(owner="another"))
    before = await rows(store, files), await rows(store, ctes), await rows(store, changes)
    with pytest.raises(LeaseLost, match=sandbox.cnpj):
        await fetching.fetch(store, folder, focus, held)
    assert (await rows(store, files), await rows(store, ctes), await rows(store, changes)) == before


async def test_a_full_disk_ends_it_and_nothing_is_half_there(
    store: Store,
    folder: Folder,
    focus: FocusCTe,
    held: Lease,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, replace = [], os.replace

    def fill(source: Any, target: Any) -> None:
        if len(whole) >= 5 and str(target).startswith(str(folder.root)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole.append(target)
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fill)
        with pytest.raises(FilesError, match="make room"):
            await fetching.fetch(store, folder, focus, held)
    assert not [name for name in on_disk(folder) if name.endswith(".part")]
    assert {each.attempts for each in await rows(store, files)} == {0}
    await fetching.fetch(store, folder, focus, held)
    assert await states(store) == {"stored"}


async def test_cancelled_anywhere_it_loses_nothing_and_leaves_nothing_half_there(
    store: Store, folder: Folder, focus: FocusCTe, held: Lease
) -> None:
    """After more and more time, until the fetch is done before."""
    done, seconds = False, 0.001
    while not done:
        seconds *= 1.2
        running = asyncio.create_task(fetching.fetch(store, folder, focus, held))
        await asyncio.wait([running], timeout=seconds)
        done = running.done()
        running.cancel()
        await asyncio.wait([running])
        kept = on_disk(folder)
        stored = await rows(store, files, files.c.state == "stored")
        assert {each.sha256 for each in stored} <= {sha256(d).hexdigest() for d in kept.values()}
        assert not [name for name in kept if name.endswith(".part")]
        assert {each.attempts for each in await rows(store, files)} == {0}
    assert await states(store) == {"stored"}
    recorded = [(each.chave, each.kind) for each in await rows(store, files)]
    assert sorted(await told(store)) == sorted(recorded)
