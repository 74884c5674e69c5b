"""The mirror as a worker uses it: sync, read, and what happens when it goes wrong."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from focus_cte import AuthenticationError, FocusCTe, InvalidArgument, Retry
from focus_cte.mirror import (
    Change,
    Kind,
    LeaseHeld,
    Mirror,
    OtherOrigin,
    Report,
    StoreError,
    Verified,
    What,
)
from focus_cte.sandbox import Sandbox
from focus_cte.xml import verify


@pytest.fixture
async def mirror(database_url: str, tmp_path: Path) -> AsyncIterator[Mirror]:
    async with Mirror(database_url, files=tmp_path / "files") as mirror:
        yield mirror


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(ctes=130, credits=None) as sandbox:
        yield sandbox


async def told(mirror: Mirror) -> list[Change]:
    found = [change async for change in mirror.changes()]
    assert [change.seq for change in found] == list(range(1, len(found) + 1))
    return found


async def asked(sandbox: Sandbox, times: int, syncing: asyncio.Task[Report]) -> None:
    """Until the API was asked so often, or the sync is done."""
    while len(sandbox.requests) < times and not syncing.done():  # noqa: ASYNC110 - no event of it
        await asyncio.sleep(0.001)  # not 0: SQLite's thread would wait for the GIL at each row


async def test_one_sync_has_it_all(mirror: Mirror, sandbox: Sandbox, focus: FocusCTe) -> None:
    report = await mirror.sync(focus, sandbox.cnpj)
    assert report.new == len(sandbox.chaves) == 130
    assert (report.pending, report.overdue, report.rejected, report.failed) == (0, 0, (), ())
    assert report.requests == len(sandbox.requests)
    for chave in sandbox.chaves:
        path = mirror.path(chave)
        assert path is not None
        assert verify(path.read_bytes(), chave=chave).ok
        document = await mirror.get(chave)
        assert document is not None
        assert (document.tem_xml, document.verificado) == (True, True)
        assert document.tomador is not None
        assert document.cnpjs == (sandbox.cnpj,)
    kinds = [change.what for change in await told(mirror)]
    assert kinds.count(What.RECEIVED) == 130
    assert kinds.count(What.XML) == report.files
    assert (await mirror.verify()).ok


async def test_with_nothing_new_it_asks_once(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    before = len(sandbox.requests)
    report = await mirror.sync(focus, f"{sandbox.cnpj[:2]}.{sandbox.cnpj[2:5]}{sandbox.cnpj[5:]}")
    assert report == Report(sandbox.cnpj, versao=report.versao, requests=1)
    assert len(sandbox.requests) == before + 1


async def test_what_happens_to_a_document_comes_with_its_file(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    last = (await told(mirror))[-1].seq
    one, other = sandbox.chaves[:2]
    sandbox.cancel(one)
    sandbox.correct(other, "Onde se lê A, leia-se B")
    await mirror.sync(focus, sandbox.cnpj)
    sandbox.correct(other, "Onde se lê B, leia-se C")
    await mirror.sync(focus, sandbox.cnpj)
    news = [change async for change in mirror.changes(after=last)]
    assert sorted(change.what for change in news if change.chave == one) == ["cancelled", "xml"]
    assert [c.what for c in news if c.chave == other] == ["corrected", "xml"] * 2
    assert [evento.sequencia for evento in await mirror.eventos(other)] == [1, 2]
    cancelled = mirror.path(one, Kind.CANCELAMENTO)
    assert cancelled is not None
    assert cancelled.name == f"{one}-110111-01.xml"
    letter = mirror.path(other, "carta_correcao")
    assert letter is not None
    assert letter.name == f"{other}-110110-02.xml"
    assert letter.with_name(f"{other}-110110-01.xml").exists(), "the archive keeps all it saw"
    assert [cte.versao for cte in await mirror.historico(other)] == sorted(
        {cte.versao for cte in await mirror.historico(other)}
    )
    assert len(await mirror.historico(other)) == 3


async def test_whose_term_ends_soon_is_found(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    ends = sorted([cte.prazo async for cte in mirror.ctes() if cte.prazo is not None])
    first, last = ends[10], ends[60]
    found = [cte.prazo async for cte in mirror.ctes(due_after=first, due_before=last)]
    assert sorted(each for each in found if each) == [e for e in ends if first < e <= last]


async def test_dactes_come_when_they_are_asked_for(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    assert mirror.path(sandbox.chaves[0], "dacte") is None
    report = await mirror.sync(focus, sandbox.cnpj, dacte=True)
    assert report.files == 130
    path = mirror.path(sandbox.chaves[0], "dacte")
    assert path is not None
    assert path.read_bytes().startswith(b"%PDF")


async def test_only_what_we_pay_for_is_kept(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj, keep="tomador")
    kept = [cte async for cte in mirror.ctes(tomador=sandbox.cnpj)]
    every = [cte async for cte in mirror.ctes(cnpj=sandbox.cnpj)]
    assert len(every) == 130, "the rows stay"
    assert 0 < len(kept) < 130
    for cte in every:
        assert (mirror.path(cte.chave) is not None) is (cte.tomador == sandbox.cnpj) is cte.tem_xml
    report = await mirror.sync(focus, sandbox.cnpj)
    assert report.files >= 130 - len(kept), "and the rest when it is wanted after all"
    assert {cte.chave async for cte in mirror.ctes() if cte.tem_xml} == set(sandbox.chaves)


async def test_a_backfill_is_bounded_and_the_rest_comes_later(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    none = await mirror.sync(focus, sandbox.cnpj, xml_since=date(2027, 1, 1))
    assert (none.new, none.files, none.pending) == (130, 0, 0)
    some = await mirror.sync(focus, sandbox.cnpj)
    assert some.files >= 130


async def test_an_archive_is_of_one_api(mirror: Mirror, sandbox: Sandbox, focus: FocusCTe) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    async with Sandbox(ctes=1) as other, FocusCTe(other.token, base_url=other.url) as stranger:
        with pytest.raises(OtherOrigin):
            await mirror.sync(stranger, other.cnpj)
        with pytest.raises(OtherOrigin):
            await mirror.verify(remote=stranger)
        with pytest.raises(OtherOrigin):
            await mirror.informar_desacordo(
                stranger, other.chaves[0], "A carga chegou com avaria", actor="ana"
            )
        assert other.requests == []


async def test_it_tells_of_which_api_it_is(
    database_url: str, tmp_path: Path, sandbox: Sandbox, focus: FocusCTe
) -> None:
    async with Mirror(database_url, files=tmp_path) as mirror:
        assert mirror.origin is None
        await mirror.sync(focus, sandbox.cnpj)
        assert mirror.origin == focus.origin
    again = Mirror(database_url, files=tmp_path)
    assert again.origin is None, "nothing is opened yet"
    async with again:
        assert again.origin == focus.origin


async def test_it_tells_whom_it_was_synced_for(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    assert await mirror.cnpjs() == ()
    await mirror.sync(focus, sandbox.cnpj)
    assert await mirror.cnpjs() == (sandbox.cnpj,)


async def test_the_path_of_an_event_is_below_the_folder_of_files(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe, tmp_path: Path
) -> None:
    chave = sandbox.chaves[0]
    sandbox.cancel(chave)
    await mirror.sync(focus, sandbox.cnpj)
    (event,) = await mirror.eventos(chave)
    assert mirror.files == tmp_path / "files"
    assert mirror.files / event.path == mirror.path(chave, Kind.CANCELAMENTO)


async def test_desacordos_are_told_of_one_document_and_of_all(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    two = [cte.chave async for cte in mirror.ctes(tomador=sandbox.cnpj, situacao="autorizada")][:2]
    for chave in two:
        await mirror.informar_desacordo(focus, chave, "A carga chegou com avaria", actor="ana")
    every = await mirror.desacordos()
    assert [step.chave for step in every] == [two[0], two[0], two[1], two[1]]
    assert await mirror.desacordos(two[1]) == every[2:]
    (other, *_) = {*sandbox.chaves} - {*two}
    assert await mirror.desacordos(other) == ()


async def test_two_never_pull_one_company_at_once(
    database_url: str, tmp_path: Path, sandbox: Sandbox, focus: FocusCTe
) -> None:
    sandbox.fail("slow", on="listing", seconds=0.5)
    async with (
        Mirror(database_url, files=tmp_path / "files") as one,
        Mirror(database_url, files=tmp_path / "files") as two,
    ):
        syncing = asyncio.create_task(one.sync(focus, sandbox.cnpj))
        await asked(sandbox, 1, syncing)
        with pytest.raises(LeaseHeld, match=sandbox.cnpj):
            await two.sync(focus, sandbox.cnpj)
        await syncing
        assert (await two.sync(focus, sandbox.cnpj)).new == 0


async def test_it_leaves_credits_to_others(database_url: str, tmp_path: Path) -> None:
    async with (
        Sandbox(ctes=60, credits=40, window=3600) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
        Mirror(database_url, files=tmp_path) as mirror,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await mirror.sync(focus, sandbox.cnpj)
        assert len(sandbox.requests) <= 20
        stored = [cte async for cte in mirror.ctes()]
        assert len(stored) == 60, "the listing goes first"


async def test_cancelled_it_goes_on_where_it_was(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    """After more and more requests; what came in whole is not asked for again."""
    done = runs = 0
    while done < 130:
        runs += 1
        before = len(sandbox.requests)
        syncing = asyncio.create_task(mirror.sync(focus, sandbox.cnpj))
        await asked(sandbox, before + 40, syncing)
        syncing.cancel()
        await asyncio.wait([syncing])
        done = len([cte async for cte in mirror.ctes() if cte.tem_xml])
    report = await mirror.sync(focus, sandbox.cnpj)
    assert report.pending == 0
    names = Counter(seen.path.rpartition("/")[2] for seen in sandbox.requests)
    asked_for = [names[f"{chave}.xml"] for chave in sandbox.chaves]
    assert min(asked_for) >= 1
    assert sum(asked_for) <= 130 + runs * 8, "those that were under way"
    assert (await mirror.verify()).ok
    received = [c.chave for c in await told(mirror) if c.what is What.RECEIVED]
    assert sorted(received) == sorted(sandbox.chaves)
    xmls = [c.chave for c in await told(mirror) if c.after.get("kind") == "xml"]
    assert sorted(xmls) == sorted(sandbox.chaves)
    assert not list(mirror.path(sandbox.chaves[0]).parent.glob(".*"))  # type: ignore[union-attr]


async def test_a_refused_token_shows_in_the_status(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    assert (await mirror.status(sandbox.cnpj)).blocked is None
    async with FocusCTe("0" * 32, base_url=sandbox.url, retry=Retry(attempts=1)) as refused:
        with pytest.raises(AuthenticationError):
            await mirror.sync(refused, sandbox.cnpj)
    status = await mirror.status(sandbox.cnpj)
    assert status.blocked is not None
    assert "0" * 32 not in status.blocked
    assert not status.silent, "its documents are of July, and came just now"


async def test_an_xml_that_is_late_is_asked_for_again_and_reported(
    database_url: str, tmp_path: Path, sandbox: Sandbox, focus: FocusCTe
) -> None:
    now = datetime.now(UTC)
    chave = sandbox.chaves[0]
    async with Mirror(database_url, files=tmp_path, clock=lambda: now) as mirror:
        sandbox.fail("status", status=404, on="xml", times=3)
        report = await mirror.sync(focus, sandbox.cnpj)
        assert (report.pending, report.overdue, report.failed) == (3, 0, ())
        before = len(sandbox.requests)
        await mirror.sync(focus, sandbox.cnpj)
        assert len(sandbox.requests) == before + 1, "not before its time"
        now += timedelta(hours=25)
        sandbox.fail("status", status=404, on="xml", times=3)
        report = await mirror.sync(focus, sandbox.cnpj)
        assert (report.pending, report.overdue) == (3, 3)
        assert (await mirror.status(sandbox.cnpj)).overdue == 3
        now += timedelta(hours=7)
        report = await mirror.sync(focus, sandbox.cnpj)
        assert (report.pending, report.overdue, report.files) == (0, 0, 3)
        assert (await mirror.get(chave)) is not None


async def test_wrong_arguments_do_nothing(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    for wrong in ("", "123", "x" * 14):
        with pytest.raises(InvalidArgument):
            await mirror.sync(focus, wrong)
        with pytest.raises(InvalidArgument):
            await mirror.status(wrong)
        with pytest.raises(InvalidArgument):
            await mirror.get(wrong)
        with pytest.raises(InvalidArgument):
            mirror.path(wrong)
    with pytest.raises(ValueError, match="nothing"):
        mirror.path(sandbox.chaves[0], "nothing")
    with pytest.raises(InvalidArgument, match="reserve"):
        await mirror.sync(focus, sandbox.cnpj, reserve=-1)
    assert sandbox.requests == []


@pytest.mark.parametrize(("group", "folder", "file"), [(False, 0o700, 0o600), (True, 0o750, 0o640)])
async def test_at_a_folder_others_read_nothing(
    tmp_path: Path, sandbox: Sandbox, focus: FocusCTe, group: bool, folder: int, file: int
) -> None:
    before = os.umask(0o002)
    try:
        async with Mirror.at(tmp_path / "a" / "acervo", group=group) as mirror:
            await mirror.sync(focus, sandbox.cnpj)
            path = mirror.path(sandbox.chaves[0])
    finally:
        os.umask(before)
    assert path is not None
    assert path.is_relative_to(tmp_path / "a" / "acervo" / "files" / "xml")
    for each in (path.parent, path.parent.parent, tmp_path / "a" / "acervo"):
        assert stat.S_IMODE(each.stat().st_mode) == folder
    assert stat.S_IMODE(path.stat().st_mode) == file
    assert stat.S_IMODE((tmp_path / "a" / "acervo" / "acervo.db").stat().st_mode) == file


async def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """In a URL some of these begin what is not the path."""
    for name in ("acervo?1", "acervo#2", "acervo%20", "a@b:c", "ação"):
        async with Mirror.at(tmp_path / name):
            pass
        assert (tmp_path / name / "acervo.db").stat().st_size
    assert len(os.listdir(tmp_path)) == 5, "and nothing beside"


async def test_closed_it_says_so(database_url: str, tmp_path: Path) -> None:
    mirror = Mirror(database_url, files=tmp_path)
    with pytest.raises(StoreError, match="not open"):
        await mirror.get("41150302618946000141570010000000521000000497")
    await mirror.open()
    await mirror.close()
    await mirror.close()


async def test_items_that_could_not_be_used_are_read_again(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    sandbox.fail("item", on="listing", index=3, fields={"chave": "?"})
    report = await mirror.sync(focus, sandbox.cnpj)
    assert report.invalid == 1
    assert (await mirror.status(sandbox.cnpj)).invalid == 1
    assert await mirror.reprocess() == 0


async def test_where_tokens_differ_each_compares_its_own_cnpjs(
    mirror: Mirror, sandbox: Sandbox, focus: FocusCTe
) -> None:
    await mirror.sync(focus, sandbox.cnpj)
    whole = await mirror.verify()
    (new,) = sandbox.receive()
    assert await mirror.compare(focus, []) == Verified()
    found = whole + await mirror.compare(focus, [sandbox.cnpj])
    assert (found.files, found.documents, found.requests) == (whole.files, 131, 2)
    assert [damage.chave for damage in found.damages] == [new]
    assert not found.ok
