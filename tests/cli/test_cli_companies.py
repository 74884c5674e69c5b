"""Several companies in a file: one that fails stops no other, and is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from program import run
from scenes import Scene

from focus_cte import FocusCTe, parse_cnpj
from focus_cte.mirror import Mirror, Report

WRONG = "0" * 32
REFUSED = "11.222.333/0001-81"
OTHER = "45.543.915/0001-81"


@pytest.fixture
def companies(scene: Scene) -> Path:
    """Three: one with a wrong token, one that the API refuses, and one for which all is well."""
    path = scene.folder / "companies.toml"
    path.write_text(f'''
base_url = "{scene.sandbox.url}"

[[companies]]
nome = "Wrong token"
cnpj = "{OTHER}"
token_env = "WRONG"

[[companies]]
nome = "Refused"
cnpj = "{REFUSED}"
token_command = ["sh", "-c", "echo $RIGHT"]

[[companies]]
nome = "Well"
cnpj = "{scene.sandbox.cnpj}"
token_env = "RIGHT"
''')
    return path


async def test_one_that_fails_stops_no_other_and_is_named(scene: Scene, companies: Path) -> None:
    env = {"WRONG": WRONG, "RIGHT": scene.sandbox.token, "FOCUS_CTE_CONFIG": str(companies)}
    done = await run("sync", env=env, cwd=scene.folder, measured=True)
    assert done.code == 4
    assert re.findall(r"^(\S+)  30 new", done.out, re.M) == ["28.730.186/0001-53"]
    assert re.search(rf"{re.escape(OTHER)}: .*401", done.err)
    assert re.search(rf"{re.escape(REFUSED)}: .*autorizado", done.err)

    status = await run("status", "--json", env=env, cwd=scene.folder)
    assert status.code == 4
    blocked = {each["cnpj"]: each["blocked"] for each in json.loads(status.out)["companies"]}
    assert blocked["28730186000153"] is None
    assert "401" in blocked["45543915000181"]
    assert "autorizado" in blocked["11222333000181"]

    # The next run, within five minutes: the vendor blocks addresses that insist.
    asked = len([seen for seen in scene.sandbox.requests if seen.status == 401])
    again = await run("sync", env=env, cwd=scene.folder)
    assert again.code == 4
    assert "less than five minutes ago" in again.err
    assert len([seen for seen in scene.sandbox.requests if seen.status == 401]) == asked == 1

    # Another token is tried at once.
    right = await run(*("sync", "--cnpj", OTHER), env={**env, "WRONG": "1" * 32}, cwd=scene.folder)
    assert right.code == 4
    assert len([seen for seen in scene.sandbox.requests if seen.status == 401]) == 2
    kept = (scene.acervo / "refused.json").read_text()
    assert WRONG not in kept
    assert "1" * 32 not in kept
    assert (scene.acervo / "refused.json").stat().st_mode & 0o777 == 0o600
    for said in (done, status, again, right):
        for token in (WRONG, scene.sandbox.token):
            assert token not in said.out + said.err


async def test_a_company_that_is_refused_exits_as_a_refusal_and_whoever_is_asked_next_is_not(
    scene: Scene, companies: Path
) -> None:
    env = {"WRONG": WRONG, "RIGHT": scene.sandbox.token, "FOCUS_CTE_CONFIG": str(companies)}
    done = await run("sync", "--cnpj", REFUSED, env=env, cwd=scene.folder)
    assert done.code == 4

    # Whichever command was refused, none asks again.
    chave = scene.sandbox.chaves[0]
    for _ in range(2):
        asked = await run("get", chave, "--cnpj", OTHER, env=env, cwd=scene.folder)
        assert (asked.code, asked.out) == (4, "")
    assert [seen.status for seen in scene.sandbox.requests].count(401) == 1


async def test_a_token_that_cannot_be_had_is_that_company_s_trouble(
    scene: Scene, companies: Path
) -> None:
    env = {"RIGHT": scene.sandbox.token}
    done = await run("sync", "--config", companies, env=env, cwd=scene.folder)
    assert "30 new" in done.out
    assert f"{OTHER}: WRONG is not set" in done.err
    assert done.code != 0


async def test_companies_of_two_environments_are_not_mixed_in_one_archive(
    scene: Scene, companies: Path
) -> None:
    more = '[[companies]]\ncnpj = "11444777000161"\nambiente = "producao"\n'
    with companies.open("a") as file:
        file.write(more)
    done = await run("sync", "--config", companies, env={}, cwd=scene.folder)
    assert done.code == 2
    assert "an archive is of one environment" in done.err
    assert "produção" in done.err
    assert not scene.acervo.exists()


def test_a_bug_that_one_meets_stops_no_other(alone: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Mirror.sync

    async def met(mirror: Mirror, focus: FocusCTe, cnpj: str, **more: Any) -> Report:
        if cnpj == parse_cnpj(OTHER):
            raise RuntimeError("a bug")
        return await sync(mirror, focus, cnpj, **more)

    monkeypatch.setattr(Mirror, "sync", met)
    with pytest.raises(RuntimeError, match="a bug"):
        alone.invoke("sync", "--cnpj", OTHER, "--cnpj", alone.sandbox.cnpj)
    status = alone.invoke("status", "--json")
    assert [(each["documents"], status.code) for each in json.loads(status.out)["companies"]] == [
        (30, 0)
    ]


def test_all_tokens_share_their_connections(alone: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made, init = list[aiohttp.ClientSession](), aiohttp.ClientSession.__init__

    def counted(session: aiohttp.ClientSession, **settings: Any) -> None:
        made.append(session)
        init(session, **settings)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", counted)
    config = alone.folder / "companies.toml"
    config.write_text(f'''
        base_url = "{alone.sandbox.url}"
        [[companies]]
        cnpj = "{OTHER}"
        token_env = "WRONG"
        [[companies]]
        cnpj = "{alone.sandbox.cnpj}"
        ''')
    done = alone.invoke("sync", "--config", config, WRONG=WRONG)
    assert "30 new" in done.out
    assert "401" in done.err
    assert (len(made), made[0].closed) == (1, True)
