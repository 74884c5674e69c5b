"""Every command as a program, in a pipe and on a terminal, one after the other on one archive."""

from __future__ import annotations

import asyncio

import pytest
from scenes import Scene

from focus_cte.cli.app import build

TEXT = "A mercadoria chegou com avaria"
ELSEWHERE = {"sandbox"}  # it runs until it is stopped: see test_cli_program.py


def commands(chave: str, cnpj: str) -> dict[str, tuple[str, ...]]:
    return {
        "sync": ("sync", "--cnpj", cnpj),
        "status": ("status",),
        "doctor": ("doctor", "--cnpj", cnpj),
        "list": ("list",),
        "show": ("show", chave),
        "get": ("get", chave, "--xml", "--pdf"),
        "deadlines": ("deadlines",),
        "changes": ("changes",),
        "export": ("export", "--competencia", "2026-07", "--zip", "july.zip"),
        "verify": ("verify", "--remote"),
        "desacordo check": ("desacordo", "check", chave, "--observacoes", TEXT),
        "desacordo list": ("desacordo", "list"),
        "desacordo status": ("desacordo", "status", chave),
    }


def test_every_command_is_here() -> None:
    app = build([])
    names = {each.name for each in (*app.registered_commands, *app.registered_groups)}
    here = {name.split()[0] for name in commands("", "")}
    assert here | ELSEWHERE == names


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
async def test_every_command_works(scene: Scene, terminal: bool) -> None:
    run = scene.on_a_terminal if terminal else scene.run
    every = commands(scene.sandbox.chaves[0], scene.sandbox.cnpj)
    first = await run(*every.pop("sync"))
    done = await asyncio.gather(*(run(*words) for words in every.values()))
    for words, said in zip([("sync",), *every.values()], [first, *done], strict=True):
        assert said.code == 0, (words, said)
        beginnings = [text.splitlines()[0] for text in (said.out, said.err) if text]
        assert any(scene.sandbox.url in line for line in beginnings), (words, said)
    assert "  30 new, 0 changed, " in first.out

    chave = scene.sandbox.chaves[0]
    sending = ("desacordo", "send", chave, "--observacoes", TEXT)
    sent = await (
        scene.on_a_terminal(*sending, typed=f"{chave[-6:]}\n")
        if terminal
        else scene.run(*sending, "--confirm", chave, "--actor", "ana")
    )
    assert sent.code == 0, sent
    assert list(scene.sandbox.desacordos) == [chave]
