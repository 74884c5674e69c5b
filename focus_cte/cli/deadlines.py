"""`focus-cte deadlines`: what can still be disputed, by the days that are left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from focus_cte import Situacao
from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.output import (
    Column,
    at_the_clock_of,
    day,
    documento,
    environment,
    heading,
    reais,
    say,
    show,
    show_json,
    table,
)
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Documento, Mirror

_OVER = (Situacao.CANCELADA, Situacao.DENEGADA)
_LONGEST = timedelta(days=62)
"""A term, and what an authorization may come after the emission."""
_TOMORROW = timedelta(days=1)
"""For clocks that are ahead."""


def command(
    within: Annotated[
        timedelta,
        options.option(
            "--within",
            help=_("only terms that end in less than this"),
            parse=options.length,
            metavar="TIME",
            show_default="45d",
        ),
    ] = timedelta(days=45),
    cnpj: options.Cnpj = None,
    json: options.AsJson = False,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    finish(lambda: _deadlines(acervo, within, cnpj, as_json=json))


async def _deadlines(folder: Path, within: timedelta, cnpj: str | None, *, as_json: bool) -> None:
    now = datetime.now(UTC)
    async with existing(folder) as mirror:
        line = heading(environment(None, mirror.origin), folder)
        found = await _running(mirror, cnpj, now, now + within)
    if as_json:
        say(line)
        show_json([{**_days(each, now), "documento": each} for each in found])
        return
    show(line)
    table(_columns(), [_row(each, now) for each in found])
    if any(each.prazo_estimado for each in found):
        show(_("~: estimated, and who pays is not known, before the XML is there"))


async def _running(
    mirror: Mirror, cnpj: str | None, after: datetime, before: datetime
) -> list[Documento]:
    """Those that we pay for, or nobody knows yet, and have no desacordo; the nearest first.

    Whose term is not known comes before all: it may be the nearest.
    """
    ours = {cnpj, None} if cnpj else {*await mirror.cnpjs(), None}
    disputed = {step.chave for step in await mirror.desacordos() if step.outcome == "registered"}
    found = [each async for each in mirror.ctes(cnpj=cnpj, due_after=after, due_before=before)]
    for month in _months(after):
        termless = mirror.ctes(cnpj=cnpj, competencia=month)
        found += [each async for each in termless if each.prazo is None]
    left = [
        document
        for document in found
        if document.tomador in ours
        and document.situacao not in _OVER  # another, or none, is to be looked at
        and document.chave not in disputed
    ]
    return sorted(left, key=lambda document: (document.prazo or after, document.chave))


def _months(now: datetime) -> list[str]:
    """Those whose documents may be within their term: it is counted from the authorization."""
    days = (now + _TOMORROW - timedelta(days=count) for count in range(_LONGEST.days))
    return sorted({f"{each:%Y-%m}" for each in days})


def _days(document: Documento, now: datetime) -> dict[str, int | None]:
    prazo = document.prazo
    return {"days_left": None if prazo is None else (prazo - now) // timedelta(days=1)}


def _columns() -> list[Column]:
    return [
        Column(_("key"), 44),
        Column(_("days"), 4, "right"),
        Column(_("until"), 10),
        Column("R$", 10, "right"),
        Column(_("payer"), 18),
        Column(_("issuer")),
    ]


def _row(document: Documento, now: datetime) -> list[str]:
    estimated = "~" if document.prazo_estimado else ""
    return [
        document.chave,
        "?" if document.prazo is None else f"{estimated}{_days(document, now)['days_left']}",
        day(at_the_clock_of(document.emissao, document.prazo)),
        reais(document.valor_total),
        "?" if document.tomador is None else documento(document.tomador),
        document.nome_emitente or documento(document.documento_emitente),
    ]
