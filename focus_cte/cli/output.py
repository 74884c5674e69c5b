"""What is shown: data on stdout, messages on stderr, and how values are written."""

from __future__ import annotations

import codecs
import errno
import json
import os
import sys
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from focus_cte import Ambiente
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from rich.console import Console

_BETWEEN: Final = "  "
_NARROWEST, _WIDEST = 12, 60
"""Characters of a column that takes what is left."""
_NAMES = {Ambiente.PRODUCAO: "produção", Ambiente.HOMOLOGACAO: "homologação"}
_HOSTS = {
    "https://api.focusnfe.com.br": Ambiente.PRODUCAO,
    "https://homologacao.focusnfe.com.br": Ambiente.HOMOLOGACAO,
}
"""As the vendor's documentation gives them."""


@attrs.frozen
class Column:
    """Of a table. Those that a terminal is too narrow for are left out, the last ones first."""

    title: str
    width: int | None = None
    """Characters; None, of the last column, takes what is left."""
    justify: Literal["left", "right"] = "left"


@cache
def console(*, stderr: bool = False) -> Console | None:
    """Who draws on a terminal, or with FORCE_COLOR; None elsewhere, and there rich is not loaded.

    Colours, but not with NO_COLOR.
    """
    stream = sys.stderr if stderr else sys.stdout
    if not (stream.isatty() or os.environ.get("FORCE_COLOR")):
        return None
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            """Not SystemExit, as rich has it: that ends an event loop in the middle."""
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    return Ours(
        stderr=stderr,
        highlight=False,
        markup=False,
        emoji=False,
        color_system=None if os.environ.get("NO_COLOR") else "auto",  # rich leaves bold
    )


def say(text: str = "", style: str = "") -> None:
    """A message. It is no data, and does not hurt a program that reads those.

    Where nobody can be told, as on a terminal that was closed, the work goes on.
    """
    drawing = console(stderr=True)
    with suppress(OSError):
        if drawing is None:
            print(printable(text), file=sys.stderr, flush=True)
        else:
            drawing.print(printable(text), style=style)


def problem(text: str) -> None:
    say(f"focus-cte: {text}", style="red")


def show(text: str = "", style: str = "") -> None:
    """A line of data, for people."""
    drawing = console()
    if drawing is None:
        print(printable(text), flush=True)
    else:
        drawing.print(printable(text), style=style, soft_wrap=True)  # a path is copied whole


def environment(ambiente: str | None, origin: str | None) -> str:
    """How an API is called here: by the vendor's name, or its address.

    Not what stands before an @: the client refuses an address with a password, but later.
    """
    known = ambiente or _HOSTS.get(origin or "")
    if known:
        return _NAMES[Ambiente(known)]
    return origin.rpartition("@")[2] if origin else _("no environment yet")


def heading(environment: str, acervo: object = None) -> str:
    """The first line of every output: the wrong environment answers with an empty list."""
    return environment if acervo is None else f"{environment} · {acervo}"


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """A table for people: a row a line. Where it is not for a terminal, all of it."""
    shown = _fitting(columns)
    _row(shown, [column.title for column in columns], style="bold")
    for row in rows:
        _row(shown, row)


async def stream(columns: Sequence[Column], rows: AsyncIterable[Sequence[str]]) -> None:
    """The same, of any length: what is there is shown while the rest is read."""
    shown = _fitting(columns)
    _row(shown, [column.title for column in columns], style="bold")
    async for row in rows:
        _row(shown, row)


def _fitting(columns: Sequence[Column]) -> list[Column]:
    """Those that there is room for, each with its width; the key is never cut."""
    drawing = console()
    if drawing is None:
        return list(columns)
    left, shown = drawing.width, list[Column]()
    for column in columns:
        width = column.width or min(left, _WIDEST)
        left -= width + len(_BETWEEN)
        if left + len(_BETWEEN) < 0 or (column.width is None and width < _NARROWEST):
            break
        shown.append(attrs.evolve(column, width=width))
    return shown


def _row(columns: Sequence[Column], cells: Sequence[str], style: str = "") -> None:
    line = _BETWEEN.join(
        _sized(printable(cell), column) for cell, column in zip(cells, columns, strict=False)
    ).rstrip()
    drawing = console()
    if drawing is None:
        print(line)
    else:
        drawing.print(line, style=style, no_wrap=True, overflow="ignore", crop=False)


def _sized(cell: str, column: Column) -> str:
    width = column.width or 0
    # A number that is cut is another number.
    if console() is not None and len(cell) > width and column.justify == "left":
        cell = f"{cell[: width - 1]}…"
    return cell.rjust(width) if column.justify == "right" else cell.ljust(width)


def printable(text: str) -> str:
    """Without what moves a cursor or begins a line: names come from whoever issued a document."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def to_json(value: Any) -> str:
    """JSON of what the mirror gives: money and dates as texts, exact; printable, as `printable`.

    In ASCII where stdout is not in UTF-8, as JSON has to be.
    """
    utf_8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    text = json.dumps(_plain(value), ensure_ascii=not utf_8)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


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


def show_json(value: Any) -> None:
    """On one line, however long: a terminal's width breaks no JSON."""
    print(to_json(value))


def reais(value: Decimal | None) -> str:
    """`1.234,56`, as invoices have it."""
    return "" if value is None else f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def day(value: datetime | None) -> str:
    """A date, at the clock it came with."""
    return "" if value is None else f"{value:%d/%m/%Y}"


def stamp(value: datetime | None) -> str:
    """A moment, at the clock it came with."""
    return "" if value is None else f"{value:%d/%m/%Y %H:%M}"


def minute(value: datetime | None) -> str:
    """A moment, at this machine's clock."""
    return "" if value is None else f"{value.astimezone():%d/%m/%Y %H:%M}"


def at_the_clock_of(other: datetime | None, value: datetime | None) -> datetime | None:
    """A moment at the issuer's clock, by which the law counts; at this machine's, if need be."""
    return value and value.astimezone(other.tzinfo if other else None)


def documento(value: str | None) -> str:
    """A CNPJ, with its marks; a CPF, masked: reports show no person's (LGPD)."""
    if value is None:
        return ""
    if len(value) == 14:
        return f"{value[:2]}.{value[2:5]}.{value[5:8]}/{value[8:12]}-{value[12:]}"
    return f"***.{value[3:6]}.{value[6:9]}-**" if len(value) == 11 else value


def days_left(count: int) -> str:
    """Of a term, in whole days; negative when it is over."""
    return _("{count} days left").format(count=count) if count >= 0 else _("it is over")


def length(value: timedelta) -> str:
    """`2 d`, `3 h`, `5 min`, `10 s`: whole ones of the largest unit."""
    seconds = int(value.total_seconds())
    for unit, of_it in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= of_it:
            return f"{seconds // of_it} {unit}"
    return f"{seconds} s"
