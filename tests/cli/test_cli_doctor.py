"""focus-cte doctor: what stands in the way, what to do about it, and few requests for that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from inside import served
from scenes import Scene

from focus_cte.sandbox import Sandbox

STRANGER = "00000000000191"
WRONG = "a-token-that-is-wrong"


def findings(text: str) -> list[str]:
    """What was found, each with what to do."""
    _heading, *lines = text.replace("\n  →", " →").splitlines()
    assert all(line.startswith(("✓ ", "✗ ")) for line in lines)
    return lines


def wrong(text: str) -> list[str]:
    return [line.removeprefix("✗ ") for line in findings(text) if line.startswith("✗")]


async def test_in_a_pipe_and_on_a_terminal_all_is_well(synced: Scene) -> None:
    synced.acervo.chmod(0o700)
    before = synced.asked
    piped, shown = await asyncio.gather(
        synced.run("doctor"), synced.on_a_terminal("doctor", columns=200)
    )
    assert synced.asked - before == 2
    for done in (piped, shown):
        assert (done.code, done.err, done.lines[0]) == (0, "", synced.heading)
        versions, folder, company, clock = findings(done.out)
        assert versions.startswith("✓ Python 3.")
        assert "focus-cte 0." in versions
        assert folder.endswith(" GiB free")
        assert company == f"✓ 28.730.186/0001-53, {synced.sandbox.url}: 30 documents"
        assert clock.startswith("✓ clock: ")


def test_a_wrong_token_is_said_and_not_tried_again(alone: Scene) -> None:
    alone.acervo.mkdir(mode=0o700)
    doctor = ("doctor", "--cnpj", alone.sandbox.cnpj, "--cnpj", STRANGER)
    first = alone.invoke(*doctor, FOCUS_NFE_TOKEN=WRONG)
    refused, rests = wrong(first.out)
    assert (first.code, alone.asked) == (4, 1)
    assert "→ each environment has its own token: take it from the vendor's panel" in refused
    assert "not asked, since its token was refused" in rests

    again = alone.invoke(*doctor, FOCUS_NFE_TOKEN=WRONG)
    assert (again.code, alone.asked) == (4, 1)
    assert all("→ correct the token; as it is, it rests" in each for each in wrong(again.out))

    assert alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj).code == 0
    assert alone.asked == 2


def test_without_a_folder_too_a_wrong_token_is_tried_once(alone: Scene) -> None:
    cnpjs = ("--cnpj", alone.sandbox.cnpj, "--cnpj", STRANGER)
    done = alone.invoke("doctor", *cnpjs, FOCUS_NFE_TOKEN=WRONG)
    _refused, rests = wrong(done.out)
    assert (done.code, alone.asked) == (4, 1)
    assert "not asked, since its token was refused" in rests
    assert list(alone.folder.iterdir()) == []


def test_a_company_that_is_not_enabled_is_said_and_the_others_are_asked(alone: Scene) -> None:
    done = alone.invoke("doctor", "--cnpj", STRANGER, "--cnpj", alone.sandbox.cnpj)
    (refused,) = wrong(done.out)
    assert refused.startswith("00.000.000/0001-91, ")
    assert "→ enable Recebimento de CTes for this CNPJ in the vendor's panel" in refused
    assert any("28.730.186/0001-53" in line and "30 documents" in line for line in done.lines)
    assert (done.code, alone.asked) == (4, 2)


def test_a_company_that_the_token_may_not_see_is_said(alone: Scene) -> None:
    alone.sandbox.fail("status", on="listing", status=403)
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj)
    (refused,) = wrong(done.out)
    assert (done.code, alone.asked) == (4, 1)
    assert "→ enable Recebimento de CTes" in refused


def test_without_a_company_that_is_said_and_nothing_is_asked(alone: Scene) -> None:
    done = alone.invoke("doctor")
    assert (done.code, alone.asked) == (0, 0)
    assert wrong(done.out) == [
        "no company was named, and so no token was tried → say --cnpj or --config"
    ]
    assert list(alone.folder.iterdir()) == []


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Scene]:
    sandbox = Sandbox(ctes=0)
    with served(sandbox):
        yield Scene(sandbox, tmp_path)


def test_a_company_without_documents_is_looked_at_twice(empty: Scene) -> None:
    done = empty.invoke("doctor", "--cnpj", empty.sandbox.cnpj)
    (none,) = wrong(done.out)
    assert done.code == 0
    assert none.endswith(
        "0 documents → if there should be some: is Recebimento de CTes enabled for this CNPJ?"
    )


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that takes no files")
def test_a_folder_that_cannot_be_written_is_said(alone: Scene) -> None:
    done = alone.invoke("doctor", "--from", "/proc/acervo")
    assert done.code == 1
    assert wrong(done.out)[0].endswith(
        "→ no archive can be written there: choose another folder, or give access"
    )


def test_a_folder_that_all_may_read_is_said(alone: Scene) -> None:
    alone.acervo.mkdir()
    alone.acervo.chmod(0o755)
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj)
    assert done.code == 0
    assert wrong(done.out) == [
        "acervo: everybody on this machine may look into it → chmod o-rwx acervo"
    ]


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_differs_from_the_apis_is_said(alone: Scene, hours: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    alone.sandbox.fail("headers", on="listing", headers={"Date": date})
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj)
    (clock,) = wrong(done.out)
    assert clock.startswith(("clock: 7200 s", "clock: 7199 s", "clock: 7201 s"))
    assert "→ set this machine's clock: terms are counted by it" in clock


def test_an_answer_without_a_date_tells_nothing_of_the_clock(alone: Scene) -> None:
    alone.sandbox.fail("headers", on="listing", headers={"Date": "yesterday"})
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj)
    assert (done.code, wrong(done.out)) == (0, [])
    assert "clock" not in done.out


def test_a_token_that_cannot_be_had_is_said_and_the_others_are_asked(alone: Scene) -> None:
    file = alone.folder / "companies.toml"
    file.write_text(
        f'base_url = "{alone.sandbox.url}"\n'
        '[[companies]]\ncnpj = "00000000000191"\ntoken_command = "false"\n'
        f'[[companies]]\ncnpj = "{alone.sandbox.cnpj}"\n'
    )
    done = alone.invoke("doctor", "--config", file)
    (failed,) = wrong(done.out)
    assert "token_command false ended with 1 → set it, and again" in failed
    assert (done.code, alone.asked) == (2, 1)


def test_an_environment_that_is_not_said_is_a_usage_error(alone: Scene) -> None:
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj, FOCUS_NFE_BASE_URL="")
    assert (done.code, done.out) == (2, "")
    assert "FOCUS_NFE_AMBIENTE is not set: say homologacao or producao" in done.err


def test_an_archive_of_another_api_is_found(filled: Scene) -> None:
    filled.sql("UPDATE archive SET origin = 'https://homologacao.focusnfe.com.br'")
    done = filled.invoke("doctor")
    found = wrong(done.out)[-1]
    assert done.code == 1
    assert f"the archive is of homologação, and the token for {filled.sandbox.url} →" in found


def test_an_archive_that_cannot_be_opened_hides_nothing_else(alone: Scene) -> None:
    alone.acervo.mkdir(mode=0o700)
    (alone.acervo / "acervo.db").write_bytes(b"no database" * 1000)
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj)
    (found,) = wrong(done.out)
    assert done.code == 1
    assert "file is not a database → name another archive" in found
    assert f"{alone.sandbox.url}: 30 documents" in done.out


def test_a_file_in_place_of_the_folder_is_found(alone: Scene) -> None:
    alone.acervo.touch()
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj)
    assert (done.code, "acervo: it is no folder → " in wrong(done.out)[0]) == (1, True)


def test_a_token_that_cannot_be_sent_is_one_finding(alone: Scene) -> None:
    alone.acervo.mkdir(mode=0o700)
    done = alone.invoke("doctor", "--cnpj", alone.sandbox.cnpj, FOCUS_NFE_TOKEN="to ken")
    (found,) = wrong(done.out)
    assert (done.code, alone.asked) == (2, 0)
    assert "token must be printable ASCII" in found
