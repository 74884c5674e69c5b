"""`focus-cte status`: how each company stands, from the archive alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.codes import Code, worst
from focus_cte.cli.output import (
    Column,
    day,
    documento,
    environment,
    heading,
    minute,
    say,
    show,
    show_json,
    table,
)
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Status


def command(
    cnpj: options.Cnpjs = None,
    acervo: options.Acervo = options.ACERVO,
    json: options.AsJson = False,
) -> None:
    finish(lambda: _status(acervo, cnpj, as_json=json))


async def _status(folder: Path, cnpjs: list[str] | None, *, as_json: bool) -> Code:
    async with existing(folder) as mirror:
        where = environment(None, mirror.origin)
        found = [await mirror.status(cnpj) for cnpj in cnpjs or await mirror.cnpjs()]
    told = {status.cnpj: list(findings(status)) for status in found}
    if as_json:
        say(heading(where, folder))
        companies = [
            {
                **attrs.asdict(status, recurse=False),
                "findings": [text for _code, text in told[status.cnpj]],
            }
            for status in found
        ]
        show_json({"environment": where, "acervo": folder, "companies": companies})
    else:
        show(heading(where, folder))
        table(_columns(), [_row(status) for status in found])
        for status in found:
            for _code, text in told[status.cnpj]:
                show(f"{documento(status.cnpj)}: {text}", style="red")
    return worst(code for each in told.values() for code, _text in each)


def _columns() -> list[Column]:
    return [
        Column("CNPJ", 18),
        Column(_("checked"), 16),
        Column(_("documents"), 10, "right"),
        Column(_("files"), 7, "right"),
        Column(_("waiting"), 8, "right"),
        Column(_("term"), 7, "right"),
    ]


def _row(status: Status) -> list[str]:
    return [
        documento(status.cnpj),
        minute(status.checked_at),
        str(status.documents),
        str(status.files),
        str(sum(status.backlog.values())),
        "" if status.days_left is None else f"{status.days_left} d",
    ]


def findings(status: Status) -> Iterator[tuple[Code, str]]:
    """What is wrong with a company, and the exit code of it."""
    if status.blocked is not None:
        yield Code.REFUSED, _("the last listing was refused: {why}").format(why=status.blocked)
    if status.overdue:
        yield (
            Code.FILES,
            _("{count} files are overdue: wanted for more than a day").format(count=status.overdue),
        )
    if status.rejected:
        yield (
            Code.FILES,
            _("{count} files are not what was asked for, and lie beside as .rejected").format(
                count=status.rejected
            ),
        )
    if status.missing:
        yield (
            Code.FILES,
            _("{count} files never came, and are asked for no more").format(count=status.missing),
        )
    if status.invalid:
        yield (
            Code.FILES,
            _("{count} items of the listing cannot be used").format(count=status.invalid),
        )
    if status.silent:
        yield (
            Code.SILENT,
            _("no document since {day}, far longer than usual").format(
                day=day(status.last_document)
            ),
        )
