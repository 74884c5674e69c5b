"""Registering a desacordo: a legal act, never done twice, never believed done when it was not.

The vendor has no idempotency key and no way to take one back. So a POST whose answer is lost is
looked up before anything else, and sent again only where it provably did nothing.
"""

from __future__ import annotations

import asyncio
import enum
import re
from typing import TYPE_CHECKING, Final

from focus_cte import _json
from focus_cte._retry import Budget, may_pass
from focus_cte._wire import CPF_HINT, Request, fold, mentions_cpf
from focus_cte.errors import (
    DesacordoJaRegistrado,
    DesacordoRejeitado,
    FocusError,
    InvalidArgument,
    InvalidResponse,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    TransportError,
)
from focus_cte.gate import Lane
from focus_cte.models import Desacordo

if TYPE_CHECKING:
    from focus_cte.session import Session

_SHORTEST: Final = 15
_LONGEST: Final = 255
_NOT_ALLOWED: Final = re.compile("[^ -ÿ]")
_MEANING: Final = {
    "630": "the event does not follow SEFAZ's schema",
    "631": "this event is registered already: consultar_desacordo shows it",
    "755": "only the tomador of the freight may register it",
    "787": "the term of 45 days is over",
}
_ABSENT_TWICE: Final = 2
_CLOSEST: Final = 0.05
"""Seconds between look-ups, at least: each costs a credit."""


def check_observacoes(texto: str) -> str:
    """The text, if SEFAZ's schema takes it; `InvalidArgument` says which character it does not.

    15 to 255 characters, `[!-ÿ]([ -ÿ]*[!-ÿ])?`: no space at either end, no line break, nothing
    above U+00FF. Never rewritten silently.
    """
    if not isinstance(texto, str):
        raise InvalidArgument(f"observacoes must be a str, not {type(texto).__name__}")
    if found := _NOT_ALLOWED.search(texto):
        raise InvalidArgument(
            f"observacoes: character {found.start() + 1}, {found.group()!a}, is not allowed:"
            " SEFAZ takes one line of Latin-1"
        )
    if texto != texto.strip(" "):
        raise InvalidArgument("observacoes must not begin or end with a space")
    if not _SHORTEST <= len(texto) <= _LONGEST:
        raise InvalidArgument(
            f"observacoes must have {_SHORTEST} to {_LONGEST} characters, and has {len(texto)}"
        )
    return texto


class _After(enum.Enum):
    """What a POST without a clear answer leaves."""

    NOTHING = enum.auto()
    """It provably did nothing: sent again after a wait."""
    DOUBT = enum.auto()
    """The server is done with it, one way or the other: looked up, and sent again if absent."""
    MAYBE_AT_WORK = enum.auto()
    """The server may still register it: looked up while the budget lasts, never sent again."""
    DONE_BEFORE = enum.auto()
    """Registered already, says the API; by an earlier POST of ours, if there was one."""


async def informar(session: Session, chave: str, observacoes: str, cnpj: str | None) -> Desacordo:
    """Register it, and return what is registered. See `FocusCTe.informar_desacordo`."""
    posting = session.endpoints.desacordo(chave, observacoes, cnpj)
    look = session.endpoints.document(chave, "/desacordo", cnpj)
    budget = session.budget()
    doubt = False
    while True:
        try:
            return await _post(session, posting, budget)
        except FocusError as error:
            failure = error
        unknown = OutcomeUnknown(
            f"{posting}: the desacordo may or may not be registered ({failure}); ask"
            " consultar_desacordo before anything else",
            chave=chave,
        )
        after = _classify(failure)
        if after is _After.DONE_BEFORE and not doubt:
            after = None
        if after is None:
            unclear = doubt and not isinstance(failure, DesacordoRejeitado)
            raise unknown if unclear else failure.with_traceback(None)
        if after is not _After.NOTHING:
            doubt = True
            repeatable = after is _After.DOUBT
            found = await _look_up(session, look, budget, unknown, until_absent=repeatable)
            if found is not None:
                return found
        delay = budget.again(failure)
        if delay is None:
            raise unknown if doubt else failure
        await session.back_off(failure, delay)


async def _post(session: Session, posting: Request, budget: Budget) -> Desacordo:
    answer = await session.answer(posting, Lane.URGENT, budget)
    found = _json.desacordo(posting, answer)
    if found.registrado:
        return found
    if found.recusado:
        raise rejection(posting, found)
    raise _json.undocumented(posting, answer, f"neither registered nor refused: {found}")


def _classify(failure: FocusError) -> _After | None:
    """What is known after a POST failed; None: it was refused, and nothing is in doubt."""
    match failure:
        case TransportError(reached=False) | RateLimited():
            return _After.NOTHING
        case TimeoutError() | ServerError(status=502 | 504) | InvalidResponse():
            return _After.MAYBE_AT_WORK
        case TransportError() | ServerError():
            return _After.DOUBT
        case DesacordoJaRegistrado():
            return _After.DONE_BEFORE
        case DesacordoRejeitado(desacordo=Desacordo(status_sefaz="631")):
            return _After.DONE_BEFORE
        case _:
            return None


async def _look_up(
    session: Session, look: Request, budget: Budget, unknown: OutcomeUnknown, *, until_absent: bool
) -> Desacordo | None:
    """What is registered; or None, with `until_absent`, when it is absent twice in a row.

    Raises `DesacordoRejeitado` for a refusal, and `unknown` when the look-ups cannot tell before
    the budget ends. There are two at least.
    """
    tries = absent = 0
    while tries < _ABSENT_TWICE or budget.left > 0:
        tries += 1
        pause = max(budget.pause(tries), _CLOSEST)
        await asyncio.sleep(pause if tries <= _ABSENT_TWICE else min(pause, budget.left))
        try:
            answer = await session.answer(look, Lane.URGENT, budget)
            found = _json.desacordo(look, answer)
        except NotFound:
            absent += 1
            if until_absent and absent == _ABSENT_TWICE:
                return None
            continue
        except FocusError as error:
            failure = error
        else:
            if found.registrado:
                return found
            if found.recusado:
                raise rejection(look, found)
            continue
        absent = 0
        if not may_pass(failure):
            break
        if isinstance(failure, RateLimited):
            delay = budget.again(failure)
            if delay is None:
                break
            await session.back_off(failure, delay)
    raise unknown


def rejection(request: Request, found: Desacordo) -> DesacordoRejeitado:
    """The error for SEFAZ's refusal, in its own words and with what they mean."""
    said = f"{found.status_sefaz or found.status} {found.mensagem_sefaz or ''}".strip()
    meaning = [_MEANING[found.status_sefaz]] if found.status_sefaz in _MEANING else []
    if mentions_cpf(fold(said)):
        meaning.append(CPF_HINT)
    why = f" ({'; '.join(meaning)})" if meaning else ""
    return DesacordoRejeitado(f"{request}: SEFAZ refused it: {said}{why}", desacordo=found)
