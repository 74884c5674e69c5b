"""A desacordo with a trail: the intention before anything is sent, then what became of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from focus_cte import (
    ApiError,
    Desacordo,
    DesacordoRejeitado,
    FocusError,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    TransportError,
    check_observacoes,
    parse_chave,
    parse_cnpj,
)
from focus_cte.mirror import lease, steps
from focus_cte.mirror.errors import DesacordoImpedido, StoreError
from focus_cte.mirror.schema import ctes, recebimentos
from focus_cte.mirror.schema import desacordos as table
from focus_cte.mirror.steady import to_the_end
from focus_cte.mirror.steps import NOT_SENT, REFUSED, REGISTERED, UNKNOWN, desacordos
from focus_cte.mirror.store import Store
from focus_cte.xml import checar_desacordo

if TYPE_CHECKING:
    from focus_cte import FocusCTe

__all__ = ["desacordos", "informar_desacordo", "reconcile"]

SETTLED = timedelta(minutes=10)
"""From an intention until no POST of it can be under way any more."""
_PATIENCE: Final = 540.0
"""Seconds for a POST, its queueing included: less than `SETTLED`."""
_LONGEST_ACTOR: Final = 200
_log = logging.getLogger("focus_cte.mirror")


async def informar_desacordo(
    store: Store,
    focus: FocusCTe,
    chave: str,
    observacoes: str,
    *,
    actor: str,
    cnpj: str | None = None,
) -> Desacordo:
    """Check it, commit the intention, register it, commit the outcome.

    Cancelled, it ends the POST first, so that the outcome is known; cancelled twice, it leaves the
    intention open, for `reconcile`. See `Mirror.informar_desacordo`.

    Raises `InvalidArgument`, `OutcomeUnknown` while another intention of this document is open,
    `DesacordoImpedido`, and what `FocusCTe.informar_desacordo` raises.
    """
    chave = parse_chave(chave)
    observacoes = check_observacoes(observacoes)
    actor = _check_actor(actor)
    cnpj = await _who(store, chave) if cnpj is None else parse_cnpj(cnpj)
    for intention in await steps.still_open(store, table.c.chave == chave):
        await _reconcile(store, focus, intention)
    _check_none(await steps.still_open(store, table.c.chave == chave))
    plano = await checar_desacordo(
        focus, chave, cnpj=cnpj, observacoes=observacoes, now=store.clock()
    )
    if not plano.ok:
        raise DesacordoImpedido(f"{chave}: {'; '.join(plano.impedimentos)}", plano=plano)
    intention = await _intend(store, chave, cnpj, actor, observacoes)
    return await _seen_through(_send(store, focus, intention))


async def reconcile(store: Store, focus: FocusCTe, cnpj: str) -> int:
    """Look up the intentions of a CNPJ whose outcome is not known; how many are known now.

    One of a process that is at work is left to it for ten minutes. What cannot be looked up now
    stays open.
    """
    found = await steps.still_open(store, table.c.cnpj == parse_cnpj(cnpj))
    return sum([await _reconcile(store, focus, intention) for intention in found])


def _check_actor(actor: str) -> str:
    if not isinstance(actor, str) or not actor.strip() or not actor.isprintable():
        raise InvalidArgument(f"actor must say in a line who wants the desacordo, not {actor!r}")
    if len(actor) > _LONGEST_ACTOR:
        raise InvalidArgument(
            f"actor must have {_LONGEST_ACTOR} characters at most, and has {len(actor)}"
        )
    return actor.strip()


async def _who(store: Store, chave: str) -> str:
    """The tomador, if it received the document; else the only one of ours that did."""
    async with store.reading() as connection:
        tomador = await connection.scalar(select(ctes.c.tomador).where(ctes.c.chave == chave))
        found = await connection.scalars(
            select(recebimentos.c.cnpj).where(recebimentos.c.chave == chave)
        )
        received: list[str] = sorted(found)
    if tomador in received:
        return str(tomador)
    if len(received) == 1:
        return received[0]
    who = f"{', '.join(received)} received it" if received else "none in this archive received it"
    raise InvalidArgument(f"{chave}: {who}, so say with cnpj= who registers the desacordo")


def _check_none(opened: Sequence[Mapping[str, Any]]) -> None:
    for other in opened:
        raise OutcomeUnknown(
            f"{other['chave']}: the desacordo that {other['actor']} wanted at {other['at']} may be"
            " registered: its outcome is not known yet, and a second one would be refused",
            chave=other["chave"],
        )


async def _intend(
    store: Store, chave: str, cnpj: str, actor: str, observacoes: str
) -> Mapping[str, Any]:
    async with store.writing() as writer:
        found = await writer.connection.execute(steps.opened(table.c.chave == chave))
        _check_none(found.mappings().all())
        row = {
            "id": secrets.token_hex(16),
            "step": "intention",
            "chave": chave,
            "cnpj": cnpj,
            "actor": actor,
            "observacoes": observacoes,
            "outcome": None,
            "answer": {"process": lease.this_process()},
            "at": writer.now,
        }
        await writer.insert(table, [row])
    return row


async def _send(store: Store, focus: FocusCTe, intention: Mapping[str, Any]) -> Desacordo:
    chave = intention["chave"]
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await focus.informar_desacordo(
                chave, intention["observacoes"], cnpj=intention["cnpj"]
            )
    except FocusError as error:
        await to_the_end(steps.conclude(store, intention, _outcome(error), _answer(error)))
        raise
    except TimeoutError:
        unknown = OutcomeUnknown(
            f"{chave}: the desacordo may or may not be registered: no answer in {_PATIENCE:.0f}"
            " seconds; the next sync looks it up",
            chave=chave,
        )
        await to_the_end(steps.conclude(store, intention, UNKNOWN, _answer(unknown)))
        raise unknown from None
    except asyncio.CancelledError:
        why = {"error": "the request was cancelled in the middle"}
        await to_the_end(steps.conclude(store, intention, UNKNOWN, why))
        raise
    try:
        await to_the_end(steps.conclude(store, intention, REGISTERED, dict(found.raw)))
    except StoreError as error:
        raise StoreError(
            f"{chave}: the desacordo is registered with protocol {found.protocolo}, and that could"
            f" not be stored, so that the next sync looks it up: {error}"
        ) from error
    return found


async def _seen_through(sending: Coroutine[Any, Any, Desacordo]) -> Desacordo:
    """Await what was sent: a first cancellation is raised when its outcome is committed, a second
    one interrupts the request."""
    task = asyncio.create_task(sending, name="focus_cte desacordo")
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
        if not task.done():
            task.cancel()
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a desacordo whose caller was cancelled: %s", error)
        raise


def _outcome(error: FocusError) -> str:
    """What is known after a POST failed, by what `FocusCTe.informar_desacordo` promises."""
    match error:
        case RateLimited() | InvalidArgument() | TransportError(reached=False):
            return NOT_SENT
        case ServerError():
            return UNKNOWN
        case DesacordoRejeitado() | ApiError():
            return REFUSED
        case _:
            return UNKNOWN


def _answer(error: FocusError) -> Mapping[str, Any]:
    """What is kept of it, as it came."""
    if isinstance(error, DesacordoRejeitado) and error.desacordo is not None:
        return dict(error.desacordo.raw)
    if isinstance(error, ApiError):
        said = {"status": error.status, "codigo": error.codigo, "mensagem": error.mensagem}
        return {**said, "erros": [dict(each) for each in error.erros]} if error.erros else said
    return {"error": str(error)}


async def _reconcile(store: Store, focus: FocusCTe, intention: Mapping[str, Any]) -> bool:
    """Look one up, if that can tell anything yet; whether its outcome is known now."""
    settled = store.clock() - intention["at"] >= SETTLED
    if not (settled or intention["ended"] or lease.is_dead(_process(intention))):
        return False
    chave, cnpj = intention["chave"], intention["cnpj"]
    try:
        found = await focus.consultar_desacordo(chave, cnpj=cnpj)
    except NotFound as error:
        # Before, a POST may still be on its way.
        return settled and await steps.conclude(store, intention, NOT_SENT, _answer(error))
    except FocusError as error:
        _log.warning("%s: its desacordo's outcome is still not known: %s", chave, error)
        return False
    if found.registrado:
        return await steps.conclude(store, intention, REGISTERED, dict(found.raw))
    if found.recusado and settled:
        return await steps.conclude(store, intention, REFUSED, dict(found.raw))
    _log.warning("%s: its desacordo's outcome is still not known: %s", chave, found)
    return False


def _process(intention: Mapping[str, Any]) -> str:
    """As the owner of a lease is named."""
    return f"{(intention['answer'] or {}).get('process', '')}/"
