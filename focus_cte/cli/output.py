"""What is shown: data on stdout, messages on stderr, and how values are written."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from focus_cte import Ambiente
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from rich.console import Console

_PLAIN_WIDTH: Final = 10_000
"""Columns, where nobody looks: lines are not broken for programs."""
_AT_ONCE: Final = 500
_NAMES = {Ambiente.PRODUCAO: "produção", Ambiente.HOMOLOGACAO: "homologação"}
_HOSTS = {
    "https://api.focusnfe.com.br": Ambiente.PRODUCAO,
    "https://homologacao.focusnfe.com.br": Ambiente.HOMOLOGACAO,
}
"""As the vendor's documentation gives them."""


@attrs.frozen
class Column:
    """Of a table."""

    title: str
    width: int | None = None
    """Of at least so many characters in a plain table, and exactly so many on a terminal; None
    takes what is left."""
    justify: Literal["left", "right"] = "left"


@cache
def console(*, stderr: bool = False) -> Console:
    """Colours only for a terminal, and never with NO_COLOR."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not terminal,
        width=None if terminal else _PLAIN_WIDTH,
    )


def say(text: str = "", style: str = "") -> None:
    """A message. It is no data, and does not hurt a program that reads those."""
    console(stderr=True).print(text, style=style)


def problem(text: str) -> None:
    console(stderr=True).print(f"focus-cte: {text}", style="red")


def show(text: str = "", style: str = "") -> None:
    """A line of data, for people."""
    console().print(text, style=style)


def environment(ambiente: str | None, origin: str | None) -> str:
    """How an API is called here: by the vendor's name, or its address."""
    known = ambiente or _HOSTS.get(origin or "")
    return _NAMES[Ambiente(known)] if known else origin or _("no environment yet")


def heading(environment: str, acervo: object = None) -> str:
    """The first line of every output: the wrong environment answers with an empty list."""
    return environment if acervo is None else f"{environment} · {acervo}"


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """A table for people; plain lines where it is not for a terminal."""
    _print(columns, rows, header=True)


async def stream(columns: Sequence[Column], rows: AsyncIterable[Sequence[str]]) -> None:
    """The same, of any length: what is there is shown while the rest is read."""
    some: list[Sequence[str]] = []
    header = True
    async for row in rows:
        some.append(row)
        if len(some) == _AT_ONCE:
            _print(columns, some, header=header)
            some, header = [], False
    if some or header:
        _print(columns, some, header=header)


def _print(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, header: bool) -> None:
    if not console().is_terminal:
        titles = [[column.title for column in columns]] if header else []
        for row in (*titles, *rows):
            line = "  ".join(
                _padded(cell, column) for cell, column in zip(row, columns, strict=True)
            )
            console().out(line.rstrip(), highlight=False)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD if header else None, show_header=header, pad_edge=False)
    for column in columns:
        made.add_column(
            column.title,
            justify=column.justify,
            width=column.width,
            no_wrap=True,
            overflow="ellipsis",
            ratio=None if column.width else 1,
        )
    for row in rows:
        made.add_row(*row)
    console().print(made)


def _padded(cell: str, column: Column) -> str:
    width = column.width or 0
    return cell.rjust(width) if column.justify == "right" else cell.ljust(width)


def to_json(value: Any) -> str:
    """JSON of what the mirror gives: money and dates as texts, exact."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        value = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def reais(value: Decimal | None) -> str:
    """`1.234,56`, as invoices have it."""
    return "" if value is None else f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def day(value: datetime | None) -> str:
    """A date, at the clock it came with."""
    return "" if value is None else f"{value:%d/%m/%Y}"


def minute(value: datetime | None) -> str:
    """A moment, at this machine's clock."""
    return "" if value is None else f"{value.astimezone():%d/%m/%Y %H:%M}"


def documento(value: str | None) -> str:
    """A CNPJ, with its marks; a CPF, masked: reports show no person's (LGPD)."""
    if value is None:
        return ""
    if len(value) == 14:
        return f"{value[:2]}.{value[2:5]}.{value[5:8]}/{value[8:12]}-{value[12:]}"
    return f"***.{value[3:6]}.{value[6:9]}-**" if len(value) == 11 else value


def length(value: timedelta) -> str:
    """`2 d`, `3 h`, `5 min`, `10 s`: whole ones of the largest unit."""
    seconds = int(value.total_seconds())
    for unit, of_it in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= of_it:
            return f"{seconds // of_it} {unit}"
    return f"{seconds} s"
