"""focus-cte desacordo as a program: a person confirms with the end of the key."""

from __future__ import annotations

import asyncio
import getpass
import json

from scenes import Scene

TEXT = "Carga recusada pelo destinatário por avaria"
QUESTION = "The last 6 characters of the key, to send it"


async def recorded(scene: Scene) -> list[str]:
    done = await scene.run("desacordo", "list", "--json")
    return [step["actor"] for step in json.loads(done.out) if step["outcome"] == "registered"]


async def test_with_the_end_of_the_key_it_is_registered(synced: Scene) -> None:
    chave = synced.sandbox.chaves[0]
    send = ("desacordo", "send", chave, "--observacoes", TEXT)
    done = await synced.on_a_terminal(*send, typed=f"{chave[-6:]}\n", columns=160)
    assert done.code == 0, done.out
    assert done.out.index(TEXT) < done.out.index("the vendor cannot take it back")
    assert done.out.index(QUESTION) < done.out.index("registered: 135")
    assert list(synced.sandbox.desacordos) == [chave]
    assert await recorded(synced) == [getpass.getuser()]


async def test_with_another_end_or_ctrl_c_nothing_is_sent(synced: Scene) -> None:
    chave = synced.sandbox.chaves[0]
    send = ("desacordo", "send", chave, "--observacoes", TEXT)
    wrong, stopped = await asyncio.gather(
        synced.on_a_terminal(*send, typed="000000\n", columns=160),
        synced.on_a_terminal(*send, interrupted_at=QUESTION, columns=160),
    )
    assert wrong.code == 1
    assert "'000000' is not its end: nothing was sent" in wrong.out
    assert stopped.code == 130
    assert stopped.lines[-1] == "focus-cte: stopped: nothing was done"
    assert not any(seen.method == "POST" for seen in synced.sandbox.requests)
    assert synced.sandbox.desacordos == {}


async def test_a_person_is_not_asked_about_what_would_be_refused(synced: Scene) -> None:
    done, checked = await asyncio.gather(
        synced.on_a_terminal(
            "desacordo", "send", synced.cancelled, "--observacoes", TEXT, columns=160
        ),
        synced.run("desacordo", "check", synced.cancelled, "--observacoes", TEXT),
    )
    assert (done.code, checked.code) == (1, 1)
    assert QUESTION not in done.out
    assert done.lines == checked.lines
