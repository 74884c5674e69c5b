"""focus-cte verify: whole, or what is damaged; and a repair that says what it costs before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from scenes import Scene

COST = "to repair it costs about 1 credits, 1 minutes or more"


@pytest.fixture
def damaged(stored: Scene) -> Path:
    """One file of the archive, of which a byte was lost."""
    return damage(stored)


def damage(scene: Scene) -> Path:
    (file,) = scene.acervo.rglob(f"{scene.corrected}-cte.xml")
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1])
    return file


async def test_in_a_pipe_and_on_a_terminal_a_whole_archive_is_said_to_be(stored: Scene) -> None:
    piped, shown = await asyncio.gather(stored.run("verify"), stored.on_a_terminal("verify"))
    assert (piped.code, piped.err, shown.code) == (0, "", 0)
    assert piped.lines == shown.lines == [stored.heading, "34 files looked at", "nothing is wrong"]


def test_what_is_damaged_is_named(stored: Scene, damaged: Path) -> None:
    done = stored.invoke("verify")
    assert (done.code, done.err) == (3, "")
    (found,) = (line for line in done.lines if line.startswith("✗"))
    assert stored.corrected in found
    assert damaged.name in found
    assert "nothing is wrong" not in done.out


def test_a_file_that_is_gone_is_named(stored: Scene, damaged: Path) -> None:
    damaged.unlink()
    done = stored.invoke("verify")
    assert done.code == 3
    assert stored.corrected in done.out


def test_in_a_pipe_a_repair_has_to_be_said_twice(stored: Scene, damaged: Path) -> None:
    done = stored.invoke("verify", "--repair", typed="y\n")
    assert (done.code, done.out) == (2, "")
    assert "nobody can be asked here: say --yes" in done.err
    assert stored.invoke("verify").code == 3


def test_a_repair_says_its_cost_and_the_next_sync_mends_it(filled: Scene) -> None:
    file, before = damage(filled), filled.asked
    whole = filled.invoke("verify", "--repair", "--yes")
    assert (whole.code, filled.asked) == (0, before)
    assert COST in whole.err
    assert "1 repaired: the next sync fetches the files" in whole.out
    asyncio.run(filled.sync())
    assert file.is_file()
    again = filled.invoke("verify")
    assert (again.code, again.lines[-1]) == (0, "nothing is wrong")


def test_where_nothing_is_wrong_a_repair_costs_nothing(stored: Scene) -> None:
    done = stored.invoke("verify", "--repair", "--yes")
    assert (done.code, done.err, done.lines[-1]) == (0, "", "nothing is wrong")


async def test_a_person_is_asked_after_the_cost(stored: Scene, damaged: Path) -> None:
    no = await stored.on_a_terminal("verify", "--repair", typed="n\n", columns=160)
    assert no.code == 3
    assert no.out.index(COST) < no.out.index("Repair it? [y/N]")
    assert "repaired:" not in no.out
    yes = await stored.on_a_terminal("verify", "--repair", typed="y\n", columns=160)
    assert yes.code == 0, yes.out
    assert "1 repaired: the next sync fetches the files" in yes.out


def test_with_remote_the_listings_are_compared(filled: Scene) -> None:
    before = filled.asked
    done = filled.invoke("verify", "--remote")
    assert (done.code, done.lines[-1]) == (0, "nothing is wrong")
    requests = filled.asked - before
    assert f"30 documents compared with the listing, {requests} requests" in done.out
    filled.sandbox.receive()
    missing = filled.invoke("verify", "--remote")
    assert missing.code == 3
    assert filled.sandbox.chaves[-1] in missing.out


def test_a_company_that_the_file_does_not_name_is_not_proved(filled: Scene) -> None:
    """Of which nobody was asked, documents may be missing."""
    filled.sql(
        "INSERT INTO cursors (cnpj, versao, origin) SELECT '45543915000181', 0, origin FROM cursors"
    )
    file = filled.folder / "companies.toml"
    file.write_text(
        f'base_url = "{filled.sandbox.url}"\n[[companies]]\ncnpj = "{filled.sandbox.cnpj}"\n'
        'token_env = "FOCUS_NFE_TOKEN"\n'
    )
    done = filled.invoke("verify", "--remote", "--config", file)
    assert done.code == 1
    assert "nothing is wrong" not in done.out
    assert "45.543.915/0001-81: not compared, for --config does not name it" in done.err
    one = filled.invoke("verify", "--remote", "--config", file, "--cnpj", filled.sandbox.cnpj)
    assert (one.code, one.lines[-1]) == (0, "nothing is wrong")
