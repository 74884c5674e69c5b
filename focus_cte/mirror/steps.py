"""The rows of a desacordo's trail: inserted, never changed.

A step "intention", committed before anything is sent; "unknown" where a POST ended without a clear
answer; "outcome" when it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Select, exists, select, true

from focus_cte import parse_chave
from focus_cte.mirror.models import What
from focus_cte.mirror.schema import desacordos as table
from focus_cte.mirror.store import Store

REGISTERED, REFUSED, NOT_SENT, UNKNOWN = "registered", "refused", "not sent", "unknown"
_ORDER = ("intention", UNKNOWN, "outcome", "late outcome")
"""Of the steps, where a clock stands still."""


@attrs.frozen
class Step:
    """One row of the trail."""

    id: str
    """Of the intention."""
    step: str
    """"intention", "unknown", "outcome"; "late outcome" where that one was wrong."""
    chave: str
    cnpj: str
    actor: str
    observacoes: str
    outcome: str | None
    """"registered", "refused", "not sent", "unknown"; None of an intention."""
    answer: Any
    """As it came; of an intention, the process that had it."""
    at: datetime


async def desacordos(store: Store, chave: str | None = None) -> tuple[Step, ...]:
    """All that is on record of a document's desacordos, or of everybody's, oldest first."""
    which = true() if chave is None else table.c.chave == parse_chave(chave)
    names = [field.name for field in attrs.fields(Step)]
    async with store.reading() as connection:
        found = await connection.execute(select(*(table.c[name] for name in names)).where(which))
        steps = [Step(*row) for row in found]
    return tuple(sorted(steps, key=lambda step: (step.at, step.id, _ORDER.index(step.step))))


async def conclude(
    store: Store, intention: Mapping[str, Any], outcome: str, answer: Mapping[str, Any]
) -> bool:
    """Add a step; False where somebody else said the same, or more, before."""
    async with store.writing() as writer:
        rows = await writer.connection.execute(
            select(table.c.step, table.c.outcome).where(table.c.id == intention["id"])
        )
        known = [row for row in rows if row.outcome is not None]
        outcomes = [row.outcome for row in known if row.outcome != UNKNOWN]
        again = outcome in (row.outcome for row in known)
        if again or (outcomes and outcome != REGISTERED):
            return False
        # A POST that was taken for not sent, and was registered after all: that must be told too.
        step = UNKNOWN if outcome == UNKNOWN else "outcome" if not outcomes else "late outcome"
        names = ("id", "chave", "cnpj", "actor", "observacoes")
        row = {name: intention[name] for name in names}
        row |= {"step": step, "outcome": outcome, "answer": answer, "at": writer.now}
        await writer.insert(table, [row])
        if outcome == REGISTERED:
            told = ("status", "status_sefaz", "mensagem_sefaz", "protocolo")
            after = {name: answer[name] for name in told if name in answer}
            writer.change(intention["cnpj"], intention["chave"], What.DESACORDO, after=after)
    return True


async def still_open(store: Store, which: ColumnElement[bool]) -> list[Mapping[str, Any]]:
    """The intentions without an outcome, in order."""
    async with store.reading() as connection:
        return list((await connection.execute(opened(which))).mappings().all())


def opened(which: ColumnElement[bool]) -> Select[Any]:
    """Finds them: the columns of the table, and `ended`, that no POST of it is under way."""
    later = table.alias()
    of_it = exists().where(later.c.id == table.c.id)
    ended = of_it.where(later.c.outcome == UNKNOWN)
    known = of_it.where(later.c.outcome.in_([REGISTERED, REFUSED, NOT_SENT]))
    return (
        select(table, ended.label("ended"))
        .where(which, table.c.step == "intention", ~known)
        .order_by(table.c.at, table.c.id)
    )
