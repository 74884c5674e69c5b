"""`focus-cte sync`: what it stores, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from program import Done, command, environment, on_a_terminal, run
from scenes import Scene, assert_whole
from sqlalchemy import update

from focus_cte.cli.progress import Pace
from focus_cte.mirror import Mirror, Progress, lease, schema


async def sync(scene: Scene, *arguments: object) -> Done:
    words = ("sync", "--cnpj", scene.sandbox.cnpj, *arguments)
    return await run(*words, env=scene.env, cwd=scene.folder, measured=True)


async def test_everything_is_there_after_one_sync_and_a_second_one_has_nothing_to_do(
    scene: Scene,
) -> None:
    first = await sync(scene)
    assert first.code == 0
    assert re.fullmatch(
        r"28\.730\.186/0001-53  30 new, 0 changed, \d+ files; 0 waiting, 0 overdue;"
        r" versao \d+, \d+ requests\n",
        first.out,
    )
    assert first.err.splitlines()[0] == f"{scene.sandbox.url} · acervo"
    await assert_whole(scene)

    asked = len(scene.sandbox.requests)
    # Without --cnpj, those that the archive has.
    again = await run("sync", env=scene.env, cwd=scene.folder)
    assert (again.code, len(scene.sandbox.requests)) == (0, asked + 1)
    assert ": 0 new, 0 changed" in again.out.replace("  ", ": ")


async def test_how_far_it_is_is_told_on_stderr_and_only_there(scene: Scene) -> None:
    in_a_pipe = await sync(scene, "--to", "one")
    assert re.search(r"^28\.730\.186/0001-53: 30/30 documents", in_a_pipe.err, re.M)
    assert len(in_a_pipe.lines) == 1

    shown = await on_a_terminal(
        *("sync", "--cnpj", scene.sandbox.cnpj, "--to", "two"),
        env=scene.env,
        cwd=scene.folder,
        columns=120,
    )
    assert shown.code == 0
    assert "30/30 documents" in shown.out
    assert re.search(r"\d+/\d+ files", shown.out)
    lines = re.split(r"[\r\n]+", shown.out)
    assert any(line.startswith("28.730.186/0001-53  30 new, 0 changed, ") for line in lines)


def test_the_rate_is_of_what_came_since_it_was_told_first() -> None:
    now = [100.0]
    pace, of = Pace(clock=lambda: now[0]), Progress("28730186000153", documents=50, wanted=50)
    now[0] += 7  # the listing
    assert pace.told(attrs.evolve(of, wanted=None)) == (0.0, None)
    assert pace.told(attrs.evolve(of, files=10)) == (0.0, None)
    now[0] += 2
    assert pace.told(attrs.evolve(of, files=10)) == (0.0, None)
    assert pace.told(attrs.evolve(of, files=30)) == (10.0, timedelta(seconds=2))


async def test_the_report_goes_where_stdout_goes_though_bars_are_drawn_on_stderr(
    scene: Scene,
) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *command("sync", "--cnpj", scene.sandbox.cnpj),
        env=environment({"TERM": "xterm-256color", **scene.env}),
        cwd=scene.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    out, _ = await process.communicate()
    drawn = os.read(ours, 65_536)
    os.close(ours)
    assert b"  30 new, 0 changed, " in out
    assert b"30/30 documents" in drawn


async def test_what_is_wanted_can_be_bounded(scene: Scene) -> None:
    done = await sync(scene, "--since", "2027-01-01", "--to", "none")
    assert (done.code, list((scene.folder / "none" / "files").rglob("*.xml"))) == (0, [])

    done = await sync(scene, "--keep", "tomador", "--to", "ours")
    assert done.code == 0
    kept = {path.name[:44] for path in (scene.folder / "ours" / "files").rglob("*-cte.xml")}
    listed = await run(
        *("list", "--ours", "--json", "--from", "ours"), env=scene.env, cwd=scene.folder
    )
    assert kept == {each["chave"] for each in json.loads(listed.out)}
    assert 0 < len(kept) < 30

    done = await sync(scene, "--dacte", "--to", "all")
    assert len(list((scene.folder / "all" / "files").rglob("*.pdf"))) == 30


async def test_another_process_that_holds_the_lease_is_told(synced: Scene) -> None:
    async with Mirror.at(synced.acervo) as mirror:
        held = await lease.take(mirror._store, synced.sandbox.cnpj)
        done = await sync(synced)
        await lease.give_back(mirror._store, held)
    assert (done.code, done.out) == (5, "")
    assert "another process is pulling it" in done.err
    assert (await sync(synced)).code == 0


async def test_a_file_that_is_not_what_was_asked_for_is_told(scene: Scene) -> None:
    scene.sandbox.fail("html", on="xml", times=100)
    done = await sync(scene)
    assert done.code == 1
    assert "failed in a row" in done.err
    scene.sandbox.fail("status", status=200, body=b"<a/>", done=True, on="xml")
    await _try_again_now(scene)
    done = await sync(scene)
    assert done.code == 3
    assert "<a> is neither a CT-e nor an event" in done.err
    assert "1 files are not what was asked for" in done.err


async def _try_again_now(scene: Scene) -> None:
    async with Mirror.at(scene.acervo) as mirror, mirror._store.writing() as writer:
        past = datetime.now(UTC) - timedelta(minutes=1)
        await writer.connection.execute(
            update(schema.files).where(schema.files.c.next_try.is_not(None)).values(next_try=past)
        )


async def test_what_it_waits_for_is_told_and_each_file_is_told_once(scene: Scene) -> None:
    scene.sandbox.fail("status", status=503, on="listing")
    scene.sandbox.fail("status", status=200, body=b"<a/>", done=True, on="xml")
    done = await sync(scene)
    assert done.code == 3
    assert re.search(r"^trying again in \d\.\d s: .*503", done.err, re.MULTILINE)
    assert done.err.count("<a> is neither a CT-e nor an event") == 1, done.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"FOCUS_NFE_TOKEN": ""}, "FOCUS_NFE_TOKEN is not set"),
        ({"FOCUS_NFE_BASE_URL": ""}, "FOCUS_NFE_AMBIENTE is not set"),
        ({"FOCUS_NFE_BASE_URL": "http://example.com"}, "https"),
        ({"FOCUS_NFE_BASE_URL": "", "FOCUS_NFE_AMBIENTE": "prod"}, "'prod' is not known"),
    ],
)
async def test_without_knowing_who_and_where_nothing_is_asked_and_nothing_made(
    scene: Scene, more: dict[str, str], said: str
) -> None:
    done = await run(
        "sync", "--cnpj", scene.sandbox.cnpj, env={**scene.env, **more}, cwd=scene.folder
    )
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert scene.sandbox.requests == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--cnpj", "123"), "123"),
        (("--cnpj", "28730186000153", "--since", "soon"), "'soon' is no date"),
        (("--cnpj", "28730186000153", "--every", "2 moons"), "'2 moons' is no length"),
        (("--cnpj", "28730186000153", "--reserve", "-1"), "--reserve"),
        (("--config", "none.toml"), "none.toml: No such file"),
        ((), "there is no archive"),
    ],
)
async def test_what_is_mistyped_is_named_and_nothing_is_asked(
    scene: Scene, arguments: tuple[str, ...], said: str
) -> None:
    done = await run("sync", *arguments, env=scene.env, cwd=scene.folder)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert scene.sandbox.requests == []
    assert list(scene.folder.iterdir()) == []


async def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(scene: Scene) -> None:
    (scene.folder / "acervo").write_text("a file")
    done = await sync(scene)
    assert done.code == 1
    assert "no archive can be made there" in done.err


async def test_an_archive_of_another_api_is_not_mixed_with_this_one(synced: Scene) -> None:
    other = {**synced.env, "FOCUS_NFE_BASE_URL": "http://127.0.0.1:9"}
    done = await run("sync", env=other, cwd=synced.folder)
    assert done.code == 1
    assert "make another archive" in done.err
