"""Arguments and options that several commands share."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from focus_cte import InvalidArgument, parse_chave, parse_cnpj
from focus_cte.cli.texts import _

_LENGTH = re.compile(r"([0-9]{1,6})\s*(s|min|m|h|d)", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


def _checked(parse: Any) -> Any:
    """For typer, which tells a ValueError as a wrong argument, with the option's name."""

    def read(value: Any) -> Any:
        try:
            return value if not isinstance(value, str) else parse(value)
        except InvalidArgument as error:
            raise typer.BadParameter(str(error)) from None

    return read


def length(text: str) -> timedelta:
    """`2h`, `30min`, `10d`. Raises `InvalidArgument`."""
    found = _LENGTH.fullmatch(text.strip().lower())
    if not found or not int(found[1]):
        raise InvalidArgument(
            _("{text!r} is no length of time such as 2h, 30min or 10d").format(text=text)
        )
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def day(text: str) -> date:
    """`2026-10-31` or `31/10/2026`. Raises `InvalidArgument`."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day only
        except ValueError:
            continue
    raise no_date(text)


def no_date(text: str) -> InvalidArgument:
    return InvalidArgument(_("{text!r} is no date such as 2026-10-31").format(text=text))


def option(*names: str, help: str, parse: Any = None, **more: Any) -> Any:
    return typer.Option(*names, help=help, parser=parse and _checked(parse), **more)


Acervo: TypeAlias = Annotated[
    Path,
    option(
        "--from",
        help=_("the archive: the folder that sync made"),
        envvar="FOCUS_CTE_ACERVO",
        metavar="DIR",
    ),
]
Chave: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="CHAVE", help=_("the access key, 44 characters"), parser=_checked(parse_chave)
    ),
]
Cnpj: TypeAlias = Annotated[
    str | None,
    option("--cnpj", help=_("which of your companies"), parse=parse_cnpj, metavar="CNPJ"),
]
Cnpjs: TypeAlias = Annotated[
    list[str] | None,
    option(
        "--cnpj",
        help=_("which of your companies; may be repeated"),
        parse=parse_cnpj,
        metavar="CNPJ",
    ),
]
Config: TypeAlias = Annotated[
    Path | None,
    option(
        "--config",
        help=_("a companies.toml: companies, environments, where their tokens are"),
        envvar="FOCUS_CTE_CONFIG",
        metavar="FILE",
    ),
]
AsJson: TypeAlias = Annotated[bool, option("--json", help=_("JSON, for programs"))]
ACERVO: Final = Path("acervo")
