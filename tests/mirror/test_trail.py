"""A desacordo with a trail: the intention first, one POST, an outcome that is never made up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from focus_cte import (
    AuthenticationError,
    Desacordo,
    DesacordoJaRegistrado,
    DesacordoRejeitado,
    FocusCTe,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Retry,
    ServerError,
    TransportError,
)
from focus_cte.mirror import feed, lease, steps, trail
from focus_cte.mirror.errors import DesacordoImpedido, StoreError
from focus_cte.mirror.schema import ctes, recebimentos
from focus_cte.mirror.schema import desacordos as table
from focus_cte.mirror.store import Store
from focus_cte.sandbox import Sandbox

TEXTO = "Valor do frete diverge do contratado"
OTHER = "11222333000181"
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def archive(store: Store, sandbox: Sandbox) -> Store:
    """It has the first document."""
    store.clock = lambda: NOW
    await put(store, sandbox.chaves[0], sandbox.cnpj)
    return store


@pytest.fixture
def chave(sandbox: Sandbox) -> str:
    return sandbox.chaves[0]


@pytest.fixture
async def quick(sandbox: Sandbox) -> AsyncIterator[FocusCTe]:
    """A client that soon gives up."""
    retry = Retry(attempts=1, total=0.1, initial=0.001, maximum=0.002)
    async with FocusCTe(sandbox.token, base_url=sandbox.url, retry=retry) as focus:
        yield focus


async def put(store: Store, key: str, *cnpjs: str, tomador: str | None = None) -> None:
    async with store.writing() as writer:
        await writer.upsert(ctes, [{"chave": key, "prazo_estimado": True, "tomador": tomador}])
        for cnpj in cnpjs:
            row = {"cnpj": cnpj, "chave": key, "versao": 1, "first_seen": NOW}
            await writer.insert(recebimentos, [row])


async def recorded(store: Store, key: str) -> list[tuple[str, str | None]]:
    return [(each.step, each.outcome) for each in await trail.desacordos(store, key)]


async def told(store: Store) -> list[Any]:
    return [change async for change in feed.changes(store) if change.what == "desacordo"]


def posts(sandbox: Sandbox) -> int:
    return sum(seen.method == "POST" for seen in sandbox.requests)


async def intend(store: Store, key: str, cnpj: str, *, process: str | None = None) -> None:
    """What a process that died, or is still at work, left behind."""
    row = await trail._intend(store, key, cnpj, "ana", TEXTO)
    if process is not None:
        async with store.writing() as writer:
            await writer.connection.execute(
                update(table).where(table.c.id == row["id"]).values(answer={"process": process})
            )


def nobody() -> str:
    """A process of this machine that is no more."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return f"{lease._machine()}/{gone.pid}"


async def test_it_is_registered_recorded_and_told(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    done = await trail.informar_desacordo(archive, focus, chave, TEXTO, actor=" Ana, contas ")
    assert done.registrado
    assert sandbox.desacordos[chave] == done.raw
    intention, outcome = await trail.desacordos(archive, chave)
    assert (intention.step, intention.outcome) == ("intention", None)
    assert (outcome.step, outcome.outcome, outcome.answer) == ("outcome", "registered", done.raw)
    for step in (intention, outcome):
        assert (step.actor, step.observacoes) == ("Ana, contas", TEXTO)
        assert (step.chave, step.cnpj, step.at) == (chave, sandbox.cnpj, NOW)
        assert step.id == intention.id
    (change,) = await told(archive)
    assert (change.cnpj, change.chave) == (sandbox.cnpj, chave)
    assert change.after["protocolo"] == done.protocolo
    assert posts(sandbox) == 1


async def test_without_a_document_those_of_all_are_told_oldest_first(
    archive: Store, sandbox: Sandbox
) -> None:
    chaves = sandbox.chaves[:8]
    for number, key in enumerate(chaves):
        archive.clock = partial(NOW.__sub__, number * MINUTE)
        await intend(archive, key, OTHER if number % 2 else sandbox.cnpj)
    found = await trail.desacordos(archive)
    assert [step.chave for step in found] == [*reversed(chaves)]
    assert await trail.desacordos(archive, chaves[0]) == found[-1:]


async def test_the_intention_is_committed_before_anything_is_sent(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    sending = FocusCTe.informar_desacordo

    async def send(self: FocusCTe, *args: Any, **kwargs: Any) -> Desacordo:
        seen.extend([*await recorded(archive, chave), posts(sandbox)])
        return await sending(self, *args, **kwargs)

    monkeypatch.setattr(FocusCTe, "informar_desacordo", send)
    await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    assert seen == [("intention", None), 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"chave": "1"},
        {"observacoes": "curto"},
        {"observacoes": f"{TEXTO}\n"},
        {"actor": ""},
        {"actor": "  "},
        {"actor": "ana\nrui"},
        {"actor": "\ud800"},
        {"actor": "a" * 201},
        {"actor": None},
        {"cnpj": "1"},
    ],
)
async def test_wrong_arguments_are_refused_before_anything_happens(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str, wrong: dict[str, Any]
) -> None:
    asked = {"chave": chave, "observacoes": TEXTO, "actor": "ana", **wrong}
    with pytest.raises(InvalidArgument):
        await trail.informar_desacordo(archive, focus, **asked)
    assert sandbox.requests == []
    assert await recorded(archive, chave) == []


async def test_the_tomador_registers_it_where_it_is_one_of_ours(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    await put(archive, chave, OTHER, tomador=sandbox.cnpj)
    await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    assert {step.cnpj for step in await trail.desacordos(archive, chave)} == {sandbox.cnpj}


@pytest.mark.parametrize("tomador", [None, "55666777000181"])
async def test_which_of_two_registers_it_is_never_guessed(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str, tomador: str | None
) -> None:
    await put(archive, chave, OTHER, tomador=tomador)
    with pytest.raises(InvalidArgument, match=rf"{chave}.*{OTHER}.*cnpj="):
        await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    with pytest.raises(InvalidArgument, match="none in this archive"):
        await trail.informar_desacordo(archive, focus, sandbox.chaves[1], TEXTO, actor="ana")
    assert sandbox.requests == []
    done = await trail.informar_desacordo(
        archive, focus, sandbox.chaves[1], TEXTO, actor="ana", cnpj=sandbox.cnpj
    )
    assert done.registrado


async def test_what_the_check_finds_stops_it_before_the_intention(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    sandbox.cancel(chave)
    with pytest.raises(DesacordoImpedido, match=rf"{chave}.*cancelled") as caught:
        await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    assert caught.value.plano is not None
    assert not caught.value.plano.ok
    assert posts(sandbox) == 0
    assert await recorded(archive, chave) == []


async def test_sefaz_s_refusal_is_recorded_as_it_came(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    sandbox.fail("refuse", on="desacordo_post", status_sefaz="787", mensagem_sefaz="Fora do prazo")
    with pytest.raises(DesacordoRejeitado, match="787"):
        await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    *_, outcome = await trail.desacordos(archive, chave)
    assert outcome.outcome == "refused"
    assert (outcome.answer["status_sefaz"], outcome.answer["status"]) == ("787", "erro")
    assert await told(archive) == []
    again = await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="rui")
    assert again.registrado


async def test_the_api_s_refusal_is_recorded_too(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    sandbox.fail("status", on="desacordo_post", status=403, mensagem="CNPJ não autorizado")
    with pytest.raises(Exception, match="CNPJ não autorizado"):
        await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    *_, outcome = await trail.desacordos(archive, chave)
    assert outcome.outcome == "refused"
    assert outcome.answer["status"] == 403
    assert outcome.answer["mensagem"] == "CNPJ não autorizado"


async def unknown(archive: Store, sandbox: Sandbox, quick: FocusCTe, chave: str, how: str) -> None:
    """An answer that was lost, and look-ups that cannot tell."""
    sandbox.fail(how, on="desacordo_post")
    for _ in range(2 if how == "reset" else 20):
        sandbox.fail("status", on="desacordo_get", status=503)
    # The check's own look-up comes first, and goes well.
    with pytest.raises(OutcomeUnknown, match=chave):
        await trail._seen_through(
            trail._send(
                archive,
                quick,
                await trail._intend(archive, chave, sandbox.cnpj, "ana", TEXTO),
            )
        )


async def test_an_answer_that_was_lost_stays_open_and_is_looked_up(
    archive: Store, sandbox: Sandbox, quick: FocusCTe, chave: str
) -> None:
    await unknown(archive, sandbox, quick, chave, "reset_after")
    assert await recorded(archive, chave) == [("intention", None), ("unknown", "unknown")]
    assert chave in sandbox.desacordos
    while sandbox.faults_left:
        assert await trail.reconcile(archive, quick, sandbox.cnpj) == 0
    # At once: this process's POST has ended.
    assert await trail.reconcile(archive, quick, sandbox.cnpj) == 1
    assert (await recorded(archive, chave))[-1] == ("outcome", "registered")
    assert [change.chave for change in await told(archive)] == [chave]
    assert await trail.reconcile(archive, quick, sandbox.cnpj) == 0
    assert len(await told(archive)) == 1


@pytest.mark.parametrize("young", [True, False])
async def test_what_is_not_there_was_not_sent_only_after_ten_minutes(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str, young: bool
) -> None:
    await intend(archive, chave, sandbox.cnpj, process=nobody())
    archive.clock = lambda: NOW + (9.9 if young else 10) * MINUTE
    assert await trail.reconcile(archive, focus, sandbox.cnpj) == (0 if young else 1)
    expected = [("intention", None)] + ([] if young else [("outcome", "not sent")])
    assert await recorded(archive, chave) == expected
    assert len(sandbox.requests) == 1, "a dead process's is looked up at once"
    assert await told(archive) == []


@pytest.mark.parametrize(
    ("process", "minutes", "looked_up"),
    [
        ("mine", 0, False),
        ("mine", 9.9, False),
        ("mine", 10, True),
        ("dead", 0, True),
        ("elsewhere/1/1", 9.9, False),
        ("elsewhere/1/1", 10, True),
    ],
)
async def test_who_is_at_work_is_left_alone_for_ten_minutes(
    archive: Store,
    sandbox: Sandbox,
    focus: FocusCTe,
    chave: str,
    process: str,
    minutes: float,
    looked_up: bool,
) -> None:
    names: dict[str, Callable[[], str]] = {"mine": lease.this_process, "dead": nobody}
    await focus.informar_desacordo(chave, TEXTO)
    asked = len(sandbox.requests)
    await intend(archive, chave, sandbox.cnpj, process=names.get(process, lambda: process)())
    archive.clock = lambda: NOW + minutes * MINUTE
    assert await trail.reconcile(archive, focus, sandbox.cnpj) == int(looked_up)
    assert len(sandbox.requests) - asked == int(looked_up)


async def test_only_the_intentions_of_that_cnpj_are_looked_up(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    await intend(archive, chave, OTHER, process=nobody())
    assert await trail.reconcile(archive, focus, sandbox.cnpj) == 0
    assert sandbox.requests == []


@pytest.mark.parametrize("fault", ["status", "html", "unauthorized", "refuse"])
async def test_what_cannot_be_looked_up_stays_open(
    archive: Store, sandbox: Sandbox, quick: FocusCTe, chave: str, fault: str
) -> None:
    await intend(archive, chave, sandbox.cnpj, process=nobody())
    sandbox.fail(fault, on="desacordo_get")
    assert await trail.reconcile(archive, quick, sandbox.cnpj) == 0
    assert await recorded(archive, chave) == [("intention", None)]


async def test_a_refusal_that_is_found_counts_when_nothing_is_on_its_way(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    await intend(archive, chave, sandbox.cnpj)
    archive.clock = lambda: NOW + 10 * MINUTE
    sandbox.fail("refuse", on="desacordo_get", status_sefaz="787")
    assert await trail.reconcile(archive, focus, sandbox.cnpj) == 1
    assert (await recorded(archive, chave))[-1] == ("outcome", "refused")


async def test_an_open_one_is_reconciled_before_another_is_tried(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    await intend(archive, chave, sandbox.cnpj, process=nobody())
    await focus.informar_desacordo(chave, TEXTO)
    with pytest.raises(DesacordoImpedido, match="already"):
        await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="rui")
    assert (await recorded(archive, chave))[-1] == ("outcome", "registered")
    assert posts(sandbox) == 1


async def test_while_one_is_open_no_other_is_sent(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    await intend(archive, chave, sandbox.cnpj)
    with pytest.raises(OutcomeUnknown, match=rf"{chave}.*ana") as caught:
        await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="rui")
    assert caught.value.chave == chave
    assert sandbox.requests == []


async def test_two_at_once_send_one(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    """The intention of one is committed first; the other sees it, or what became of it."""
    both = [
        trail.informar_desacordo(archive, focus, chave, TEXTO, actor=name)
        for name in ("ana", "rui")
    ]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(each, Desacordo) for each in done) == 1
    assert sum(isinstance(each, OutcomeUnknown | DesacordoImpedido) for each in done) == 1
    assert posts(sandbox) == 1
    assert [outcome for _, outcome in await recorded(archive, chave)] == [None, "registered"]


async def until(ready: Callable[[], bool]) -> None:
    while not ready():  # noqa: ASYNC110 - no event of it
        await asyncio.sleep(0.001)


async def test_a_caller_that_is_cancelled_leaves_a_known_outcome(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    sandbox.fail("slow", on="desacordo_post", seconds=0.2)
    running = asyncio.create_task(
        trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    )
    await until(lambda: posts(sandbox) == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await recorded(archive, chave) == [("intention", None), ("outcome", "registered")]
    assert len(await told(archive)) == 1


async def test_cancelled_twice_it_ends_and_stays_open(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    sandbox.fail("slow", on="desacordo_post", seconds=60)
    running = asyncio.create_task(
        trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    )
    await until(lambda: posts(sandbox) == 1)
    for _ in range(2):
        running.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await recorded(archive, chave) == [("intention", None), ("unknown", "unknown")]
    *_, end = await trail.desacordos(archive, chave)
    assert "cancelled" in end.answer["error"], "and not because the client gave up"


def test_a_loop_that_closes_in_the_middle_leaves_it_open(tmp_path: Any) -> None:
    """All tasks are cancelled then, the one that is shielded too."""

    async def main() -> None:
        async with Sandbox(ctes=5) as sandbox, FocusCTe(sandbox.token, base_url=sandbox.url) as f:
            store = Store(f"sqlite:///{tmp_path / 'a.db'}", clock=lambda: NOW)
            await store.open()
            await store.bind(sandbox.url)
            sandbox.fail("slow", on="desacordo_post", seconds=60)
            intention = await trail._intend(store, sandbox.chaves[0], sandbox.cnpj, "ana", TEXTO)
            running = asyncio.create_task(trail._seen_through(trail._send(store, f, intention)))
            await until(lambda: posts(sandbox) == 1)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            named = [task for task in tasks if task.get_name() == "focus_cte desacordo"]
            for task in [*named, running]:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await recorded(store, sandbox.chaves[0]) == [
                ("intention", None),
                ("unknown", "unknown"),
            ]
            await store.close()

    asyncio.run(main())


async def test_an_outcome_that_cannot_be_stored_is_told_with_its_protocol(
    archive: Store, sandbox: Sandbox, focus: FocusCTe, chave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> bool:
        raise StoreError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(steps, "conclude", full)
        with pytest.raises(StoreError, match=rf"{chave}.*registered with protocol 891.*full"):
            await trail.informar_desacordo(archive, focus, chave, TEXTO, actor="ana")
    archive.clock = lambda: NOW + 10 * MINUTE
    assert await trail.reconcile(archive, focus, sandbox.cnpj) == 1
    assert (await recorded(archive, chave))[-1] == ("outcome", "registered")


async def test_a_post_that_was_taken_for_not_sent_is_told_after_all(
    archive: Store, sandbox: Sandbox, chave: str
) -> None:
    """As of a process that was paused for longer than anybody waits."""
    intention = await trail._intend(archive, chave, sandbox.cnpj, "ana", TEXTO)
    assert await steps.conclude(archive, intention, "not sent", {})
    assert not await steps.conclude(archive, intention, "refused", {})
    assert not await steps.conclude(archive, intention, "unknown", {})
    assert await steps.conclude(archive, intention, "registered", {"protocolo": "1"})
    assert not await steps.conclude(archive, intention, "registered", {"protocolo": "1"})
    assert await recorded(archive, chave) == [
        ("intention", None),
        ("outcome", "not sent"),
        ("late outcome", "registered"),
    ]
    assert [change.after for change in await told(archive)] == [{"protocolo": "1"}]


REFUSED = Desacordo(status="erro", status_sefaz="755")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DesacordoRejeitado("no", desacordo=REFUSED), "refused"),
        (DesacordoJaRegistrado("before", status=400), "refused"),
        (AuthenticationError("401", status=401), "refused"),
        (NotFound("404", status=404), "refused"),
        (RateLimited("429", status=429), "not sent"),
        (TransportError("refused", reached=False), "not sent"),
        (TransportError("reset"), "unknown"),
        (ServerError("503", status=503), "unknown"),
        (OutcomeUnknown("lost"), "unknown"),
    ],
)
def test_only_what_says_so_is_taken_for_not_registered(error: Any, outcome: str) -> None:
    assert trail._outcome(error) == outcome
    assert isinstance(trail._answer(error), dict)
