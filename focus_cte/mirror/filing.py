"""What became of files that were asked for, into the database: a transaction for many of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import attrs
from sqlalchemy import String, Update, bindparam, func, select, update

from focus_cte.mirror import record, wanted
from focus_cte.mirror.folder import WHOLE
from focus_cte.mirror.lease import Lease
from focus_cte.mirror.models import Kind, State, What
from focus_cte.mirror.record import Found
from focus_cte.mirror.schema import ctes, eventos, files, nfes, recebimentos, referencias
from focus_cte.mirror.store import Store, Writer
from focus_cte.mirror.wanted import Due

Receivers: TypeAlias = Mapping[str, list[tuple[str, str | None]]]

_CHAVES = bindparam("chaves", type_=String, expanding=True)
_FILES = select(
    files.c.chave, files.c.kind, files.c.state, files.c.wanted_at, files.c.sha256
).where(files.c.chave.in_(_CHAVES))
_RECEIVERS = (
    select(recebimentos.c.chave, recebimentos.c.cnpj, recebimentos.c.papeis)
    .where(recebimentos.c.chave.in_(_CHAVES))
    .order_by(recebimentos.c.cnpj)
)
_OF_A_FILE = update(files).where(
    files.c.chave == bindparam("of_chave"), files.c.kind == bindparam("of_kind")
)
_OF_A_CTE = update(ctes).where(ctes.c.chave == bindparam("of_chave"))
_OF_A_RECEIPT = update(recebimentos).where(
    recebimentos.c.chave == bindparam("of_chave"), recebimentos.c.cnpj == bindparam("of_cnpj")
)


@attrs.frozen
class Outcome:
    """What became of one file."""

    due: Due
    """What was asked for, as it stood then."""
    state: State
    why: str | None = None
    """What is wrong, in a sentence."""
    path: str | None = None
    found: Found | None = None
    absent: bool = False
    """404, or a letter that is held already: not there yet."""
    rejected: bool = False
    """What came was not it, and lies beside."""
    earlier: tuple[Outcome, ...] = ()
    """Correction letters before it, known or not."""

    @property
    def kind(self) -> Kind:
        return self.due.kind

    @property
    def chave(self) -> str:
        return self.due.chave

    @property
    def place(self) -> tuple[str, Kind]:
        return self.due.chave, self.due.kind


async def file_outcomes(store: Store, lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Store what became of these files, and tell the feed. Raises `LeaseLost`, `StoreError`.

    Of no files, it renews the lease.
    """
    async with store.writing() as writer:
        await lease.hold(writer)
        if not outcomes:
            return
        now = await _as_they_are_now(writer, outcomes)
        timely = {o.place for o in outcomes if _is_still_wanted(o, now)}
        await _update_files(writer, [o for o in outcomes if o.place in timely])
        every = [each for o in outcomes for each in (*o.earlier, o)]
        read = [
            (o, o.found)
            for o in every
            if o.found is not None and o.place in now and not _is_anothers(o, now, timely)
        ]
        ours = await _receivers(writer, {outcome.chave for outcome, _ in read})
        new = await _new_events(writer, read)
        await _update_ctes(writer, read)
        await _add_rows(writer, read)
        await _update_roles(writer, read, ours)
        for outcome, found in read:
            # Another's fetch may have stored it meanwhile, and told of it.
            known = outcome.place not in timely or found.sha256 == now[outcome.place].sha256
            if found.evento is not None:
                known = (outcome.chave, found.sha256) not in new
            if outcome.path is None:
                continue
            said = record.told(outcome.kind, outcome.path, found)
            for cnpj, papeis in ours[outcome.chave]:
                # One that received the document later has not heard of its XML.
                if not known or (found.cte is not None and papeis is None):
                    writer.change(cnpj, outcome.chave, What.XML, after=said)


async def _as_they_are_now(
    writer: Writer, outcomes: Sequence[Outcome]
) -> Mapping[tuple[str, Kind], Any]:
    """Their rows: another CNPJ's fetch may have stored one, or its pull want it anew."""
    found = await writer.connection.execute(
        _FILES, {"chaves": list({outcome.chave for outcome in outcomes})}
    )
    return {(row.chave, Kind(row.kind)): row for row in found}


def _is_still_wanted(outcome: Outcome, now: Mapping[tuple[str, Kind], Any]) -> bool:
    """Whether what was asked for is what is wanted: not a newer letter, not what is stored."""
    row = now.get(outcome.place)
    return (
        row is not None
        and row.state in wanted.PENDING
        and bool(row.wanted_at == outcome.due.wanted_at)
    )


def _is_anothers(
    outcome: Outcome, now: Mapping[tuple[str, Kind], Any], timely: set[tuple[str, Kind]]
) -> bool:
    """Whether a file is wanted anew meanwhile: that fetch finds it in the folder, and tells."""
    pending = now[outcome.place].state in wanted.PENDING
    return outcome.kind in WHOLE and pending and outcome.place not in timely


async def _update_files(writer: Writer, outcomes: Sequence[Outcome]) -> None:
    rows = []
    for outcome in outcomes:
        was, found, now = outcome.due, outcome.found, writer.now
        attempts, state, again = was.attempts + 1, outcome.state, None
        if state in (State.STORED, State.DROPPED):
            attempts = was.attempts
        elif outcome.absent or state is State.REJECTED:
            again = wanted.next_try(was.wanted_at, attempts, now)
            state = state if again else _in_the_end(was)
        else:
            again = wanted.after_failure(was.wanted_at, attempts, now)
        kept = found is not None and outcome.path is not None
        rows.append(
            {
                "of_chave": outcome.chave,
                "of_kind": str(outcome.kind),
                "state": str(state),
                "attempts": attempts,
                "next_try": again,
                "path": outcome.path if kept else was.path,
                "sha256": found.sha256 if found and kept else was.sha256,
                "size": found.size if found and kept else was.size,
                "why": outcome.why,
            }
        )
    await writer.each(_OF_A_FILE, rows)


def _in_the_end(was: Due) -> State:
    """Of a file that did not come: a letter that is held was the last one, after all."""
    held = was.kind is Kind.CARTA_CORRECAO and was.sha256 is not None
    return State.STORED if held else State.MISSING


async def _new_events(
    writer: Writer, read: Sequence[tuple[Outcome, Found]]
) -> set[tuple[str, str]]:
    """Those of the events that the archive did not have, by key and SHA-256."""
    asked = {(o.chave, found.sha256) for o, found in read if found.evento is not None}
    if not asked:
        return asked
    known = await writer.connection.execute(
        select(eventos.c.chave, eventos.c.sha256).where(
            eventos.c.chave.in_({chave for chave, _ in asked})
        )
    )
    return asked - {(row.chave, row.sha256) for row in known}


async def _receivers(writer: Writer, chaves: set[str]) -> Receivers:
    """Which of our CNPJs received each of these documents, and as what, where it is known."""
    found = await writer.connection.execute(_RECEIVERS, {"chaves": list(chaves)})
    ours: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for chave, cnpj, papeis in found:
        ours[chave].append((cnpj, papeis))
    return ours


async def _update_ctes(writer: Writer, read: Sequence[tuple[Outcome, Found]]) -> None:
    rows, terms = [], []
    for outcome, found in read:
        if found.cte is None:
            continue
        missing = {f"xml_{k}": v for k, v in record.where_missing(found.cte).items()}
        known = {"of_chave": outcome.chave}
        rows.append({**known, **record.columns(found.cte, found.problems), **missing})
        if term := record.term(found.cte):
            terms.append({**known, **term})
    if rows:
        await writer.each(_filling(tuple(rows[0])), rows)
    await writer.each(_OF_A_CTE, terms)


@cache
def _filling(names: tuple[str, ...]) -> Update:
    """What the XML says, under these names; as "xml_…", where nothing else has said it."""
    columns = ctes.c
    said: dict[str, Any] = {name: bindparam(name) for name in names if name in columns}
    for name in names:
        if name.startswith("xml_"):
            column = columns[name.removeprefix("xml_")]
            said[column.name] = func.coalesce(column, bindparam(name, type_=column.type))
    return _OF_A_CTE.values(said)


async def _add_rows(writer: Writer, read: Sequence[tuple[Outcome, Found]]) -> None:
    events, others, notas = [], [], []
    for outcome, found in read:
        chave = outcome.chave
        if found.evento is not None and outcome.path is not None:
            row = record.event_row(found.evento, found, outcome.path)
            events.append({**row, "seen_at": writer.now})
        if found.cte is not None:
            others += [
                {"chave": chave, "relacao": relacao, "outra": outra}
                for relacao, outra in record.others(found.cte)
            ]
            notas += [{"chave": chave, "chave_nfe": nota} for nota in record.notas(found.cte)]
    # One that is fetched again may lie elsewhere now.
    await writer.upsert(eventos, events, keep=["seen_at"])
    await writer.insert(referencias, others)
    await writer.insert(nfes, notas)


async def _update_roles(
    writer: Writer, read: Sequence[tuple[Outcome, Found]], ours: Receivers
) -> None:
    rows = [
        {"of_chave": outcome.chave, "of_cnpj": cnpj, "papeis": ",".join(found.cte.papeis(cnpj))}
        for outcome, found in read
        if found.cte is not None
        for cnpj, _ in ours[outcome.chave]
    ]
    await writer.each(_OF_A_RECEIPT, rows)
