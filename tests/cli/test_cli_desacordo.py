"""focus-cte desacordo: what is checked is not sent, and what is sent is sent once, by somebody."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest
from scenes import Scene

from focus_cte.mirror import Mirror

TEXT = "Carga recusada pelo destinatário por avaria"
OTHERS = "23260707615359000112570020000010191812185233"
"""Somebody else pays for it, and so SEFAZ refuses ours."""


def posts(scene: Scene) -> int:
    return sum(seen.method == "POST" for seen in scene.sandbox.requests)


def test_a_check_shows_what_would_be_sent_and_sends_nothing(filled: Scene) -> None:
    chave = filled.sandbox.chaves[0]
    done = filled.invoke("desacordo", "check", chave, "--observacoes", TEXT)
    assert (done.code, done.err) == (0, "")
    heading, *lines = (" ".join(line.split()) for line in done.lines)
    assert heading == filled.sandbox.url
    assert lines[:5] == [
        f"key {chave}",
        "issuer ***.971.836-** José Aparecido da Conceição",
        "value R$ 7.522,61",
        "payer 28.730.186/0001-53 Três Fronteiras Materiais de Construção Ltda",
        "as 28.730.186/0001-53",
    ]
    assert lines[5].startswith("term 20/08/2026, ")
    assert lines[6] == f"text {TEXT}"
    assert lines[-1] == "Nothing is known that stands against it."
    assert (posts(filled), filled.sandbox.desacordos) == (0, {})


@pytest.mark.parametrize(
    ("which", "text", "why"),
    [
        ("others", TEXT, "755"),
        ("cancelled", TEXT, "218"),
        ("ours", "too short", "15"),
    ],
)
def test_what_stands_against_it_is_said(filled: Scene, which: str, text: str, why: str) -> None:
    chaves = {"others": OTHERS, "cancelled": filled.cancelled, "ours": filled.corrected}
    done = filled.invoke("desacordo", "check", chaves[which], "--observacoes", text)
    assert done.code == 1
    assert [why in line for line in done.lines if line.startswith("✗")] == [True]
    assert "Nothing is known" not in done.out
    assert posts(filled) == 0


def test_without_an_archive_the_company_has_to_be_said(alone: Scene) -> None:
    check = ("desacordo", "check", alone.sandbox.chaves[0], "--observacoes", TEXT)
    done = alone.invoke(*check)
    assert (done.code, alone.asked) == (2, 0)
    assert "say with --cnpj who registers it" in done.err
    assert alone.invoke(*check, "--cnpj", alone.sandbox.cnpj).code == 0
    assert list(alone.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "nobody can be asked here: give the key again, and --actor with a name"),
        (["--actor", "Maria"], "nobody can be asked here"),
        (["--confirm", OTHERS, "--actor", "Maria"], "is not the key"),
        (["--confirm", "786", "--actor", "Maria"], "is not the key"),
        (["--confirm", "THE KEY"], "say who wants it"),
        (["--confirm", "THE KEY", "--actor", ""], "say who wants it"),
        (["--confirm", "THE KEY", "--actor", "Maria", "--observacoes", "short"], "15"),
    ],
)
def test_a_script_that_does_not_say_all_of_it_sends_nothing(
    filled: Scene, arguments: list[str], why: str
) -> None:
    chave, before = filled.sandbox.chaves[0], filled.asked
    said = [chave if each == "THE KEY" else each for each in arguments]
    text = [] if "--observacoes" in said else ["--observacoes", TEXT]
    done = filled.invoke("desacordo", "send", chave, *text, *said, typed=f"{chave[-6:]}\n")
    assert (done.code, done.out) == (2, "")
    assert why in " ".join(done.err.split())
    assert filled.asked == before
    assert json.loads(filled.invoke("desacordo", "list", "--json").out) == []


def test_what_a_script_sends_is_registered_once_and_on_record(filled: Scene) -> None:
    chave = filled.sandbox.chaves[0]
    send = ("desacordo", "send", chave, "--observacoes", TEXT, "--confirm", chave)
    done = filled.invoke(*send, "--actor", "Maria Souza")
    assert done.code == 0
    assert done.err.splitlines()[0] == filled.heading
    assert done.out.startswith("registered: 135 Evento registrado e vinculado a CT-e, protocol 891")
    assert (posts(filled), list(filled.sandbox.desacordos)) == (1, [chave])

    again = filled.invoke(*send, "--actor", "Maria Souza")
    assert (again.code, again.out, posts(filled)) == (1, "", 1)
    assert "it has a desacordo already" in again.err

    heading, _titles, *rows = filled.invoke("desacordo", "list").lines
    assert heading == filled.heading
    assert [row.split()[:2] for row in rows] == [[chave, "intention"], [chave, "registered"]]
    assert all(row.endswith("  Maria Souza") for row in rows)
    steps = json.loads(filled.invoke("desacordo", "list", "--json").out)
    assert [step["outcome"] for step in steps] == [None, "registered"]
    assert {step["observacoes"] for step in steps} == {TEXT}

    shown = filled.invoke("desacordo", "status", chave)
    assert (shown.code, shown.lines[0]) == (0, filled.sandbox.url)
    assert "registered" in shown.lines[-1]
    assert "135" in shown.lines[-1]
    assert "Maria Souza: registered" in filled.invoke("show", chave).out


def test_of_several_companies_that_received_it_the_tomador_s_token_sends_it(filled: Scene) -> None:
    chave, other = filled.sandbox.chaves[0], "45543915000181"
    filled.sql("CREATE TABLE copy AS SELECT * FROM recebimentos WHERE chave = :chave", chave=chave)
    filled.sql("UPDATE copy SET cnpj = :other", other=other)
    filled.sql("INSERT INTO recebimentos SELECT * FROM copy")
    config = filled.folder / "companies.toml"
    config.write_text(f'''
        base_url = "{filled.sandbox.url}"
        [[companies]]
        cnpj = "{other}"
        token_env = "OTHERS_TOKEN"
        [[companies]]
        cnpj = "{filled.sandbox.cnpj}"
        ''')
    words = (chave, "--observacoes", TEXT, "--config", config)
    for what in (("check", *words), ("send", *words, "--confirm", chave, "--actor", "Maria")):
        done = filled.invoke("desacordo", *what, OTHERS_TOKEN="0" * 32)
        assert (done.code, "several tokens" in done.err) == (0, False), done.err


def test_who_has_no_name_on_this_machine_says_it_before_anything_is_asked(
    filled: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise KeyError("getpwuid(): uid not found: 54321")

    monkeypatch.setattr("focus_cte.cli.desacordo.getpass.getuser", none)
    monkeypatch.setattr("focus_cte.cli.desacordo._check_confirmation", lambda *_said: None)
    before = filled.asked
    done = filled.invoke("desacordo", "send", filled.sandbox.chaves[0], "--observacoes", TEXT)
    assert (done.code, filled.asked) == (2, before)
    assert "say who wants it" in done.err


def test_who_stops_it_is_told_that_it_may_be_registered(
    filled: Scene, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def sent(*_said: object, **_more: object) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)

    monkeypatch.setattr(Mirror, "informar_desacordo", sent)
    chave = filled.sandbox.chaves[0]
    words = ("--observacoes", TEXT, "--confirm", chave, "--actor", "Maria")
    assert filled.invoke("desacordo", "send", chave, *words).code == 130
    assert capfd.readouterr().err == (
        f"\nfocus-cte: stopped; it may be registered: `focus-cte desacordo status {chave}` tells\n"
    )


def test_what_would_be_refused_is_not_sent_by_a_script(filled: Scene) -> None:
    done = filled.invoke(
        *("desacordo", "send", OTHERS, "--observacoes", TEXT),
        *("--confirm", OTHERS, "--actor", "Maria", "--cnpj", filled.sandbox.cnpj),
    )
    assert (done.code, done.out) == (1, "")
    assert "755" in done.err
    assert posts(filled) == 0


def test_of_a_document_without_one_the_api_says_so(filled: Scene) -> None:
    done = filled.invoke("desacordo", "status", filled.sandbox.chaves[0])
    assert (done.code, done.lines) == (
        0,
        [filled.sandbox.url, "the API knows of no desacordo of it"],
    )


def test_a_list_of_none_is_its_heading(stored: Scene) -> None:
    assert stored.invoke("desacordo", "list").lines == [stored.heading]
