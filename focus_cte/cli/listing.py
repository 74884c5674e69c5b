"""`focus-cte list`: documents of the archive, for people and for programs."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs

from focus_cte import InvalidArgument, parse_chave
from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.output import (
    Column,
    at_the_clock_of,
    day,
    documento,
    environment,
    heading,
    printable,
    reais,
    say,
    show,
    stream,
    to_json,
)
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Documento

_AT_ONCE: Final = 500
_KEYS: Final = ("chave", "cnpjs", "competencia", "documento_emitente", "tomador", "protocolo")
"""Digits that are no numbers, and a month that is no day: Excel would make them such."""
_KEY: Final = re.compile(r"[0-9A-Za-z -]+", re.ASCII)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that Excel would run: names come from whoever issued the document."""


def command(
    cnpj: options.Cnpj = None,
    ours: Annotated[
        bool, options.option("--ours", help=_("only freight that one of your companies pays for"))
    ] = False,
    tomador: Annotated[
        str | None,
        options.option("--tomador", help=_("CNPJ or CPF of who pays, known from the XML")),
    ] = None,
    nfe: Annotated[
        str | None,
        options.option(
            "--nfe",
            help=_("the key of an NF-e that it carries, known from the XML"),
            parse=parse_chave,
            metavar="KEY",
        ),
    ] = None,
    competencia: Annotated[
        str | None,
        options.option("--competencia", help=_("month of the emission"), metavar="AAAA-MM"),
    ] = None,
    situacao: Annotated[
        str | None,
        options.option("--situacao", help=_("autorizada, cancelada, denegada")),
    ] = None,
    emitente: Annotated[
        str | None, options.option("--emitente", help=_("CNPJ or CPF of the issuer"))
    ] = None,
    json: options.AsJson = False,
    as_csv: Annotated[bool, options.option("--csv", help=_("CSV, for programs"))] = False,
    br: Annotated[
        bool, options.option("--br", help=_("CSV for Excel: ; and decimal comma, keys as text"))
    ] = False,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    filters: dict[str, Any] = {
        "cnpj": cnpj,
        "tomador": tomador,
        "nfe": nfe,
        "competencia": competencia,
        "situacao": situacao,
        "emitente": emitente,
    }
    finish(lambda: _list(acervo, filters, ours, json=json, as_csv=as_csv, br=br))


async def _list(
    folder: Path,
    filters: dict[str, Any],
    ours: bool,
    *,
    json: bool,
    as_csv: bool,
    br: bool,
) -> None:
    if json + as_csv + br > 1:
        raise InvalidArgument(_("one of --json, --csv and --br, not several"))
    async with existing(folder) as mirror:
        line = heading(environment(None, mirror.origin), folder)
        found = mirror.ctes(**filters)
        selected = _Ours({*await mirror.cnpjs()})
        documents = selected.of(found) if ours else found
        if not (json or as_csv or br):
            show(line)
            await stream(_columns(), (_row(document) async for document in documents))
        else:
            say(line)
            await (_write_json(documents) if json else _write_csv(documents, br=br))
    if selected.unknown:
        text = _("of {count} more documents who pays is not known, before their XML is there")
        say(text.format(count=selected.unknown))


@attrs.define
class _Ours:
    """Those that one of our CNPJs pays for, and how many might be too: none is lost in silence."""

    cnpjs: Collection[str]
    unknown: int = 0

    async def of(self, found: AsyncIterator[Documento]) -> AsyncIterator[Documento]:
        async for document in found:
            if document.tomador in self.cnpjs:
                yield document
            self.unknown += document.tomador is None


def _columns() -> list[Column]:
    return [
        Column(_("key"), 44),
        Column(_("issued"), 10),
        Column("R$", 10, "right"),
        Column(_("status"), 10),
        Column("XML", 3),
        Column(_("issuer")),
    ]


def _row(document: Documento) -> list[str]:
    return [
        document.chave,
        day(document.emissao),
        reais(document.valor_total),
        str(document.situacao or ""),
        ("✓" if document.verificado else "!") if document.tem_xml else "",
        document.nome_emitente or documento(document.documento_emitente),
    ]


async def _write_json(documents: AsyncIterator[Documento]) -> None:
    """An array, an object a line."""
    before = "[\n"
    async for document in documents:
        sys.stdout.write(before + to_json(document))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")
    sys.stdout.flush()


async def _write_csv(documents: AsyncIterator[Documento], *, br: bool) -> None:
    from focus_cte.mirror import Documento

    names = [field.name for field in attrs.fields(Documento)]
    cell = _brazilian if br else _plain
    shown = printable if sys.stdout.isatty() else str
    sys.stdout.reconfigure(encoding="utf-8-sig" if br else "utf-8", newline="")  # type: ignore[union-attr]
    writer = csv.writer(sys.stdout, delimiter=";" if br else ",", lineterminator="\r\n")
    writer.writerow(names)
    sys.stdout.flush()
    count = 0
    async for document in documents:
        if br:  # without its offset it would be read as the emission is
            prazo = at_the_clock_of(document.emissao, document.prazo)
            document = attrs.evolve(document, prazo=prazo)
        writer.writerow([shown(cell(name, getattr(document, name))) for name in names])
        count += 1
        if count % _AT_ONCE == 0:
            sys.stdout.flush()


def _plain(_name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _brazilian(name: str, value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value).replace(".", ",")
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M:%S}"
    if isinstance(value, bool):
        return "sim" if value else "não"
    text = _plain(name, value)
    if name in _KEYS and _KEY.fullmatch(text):
        return f'="{text}"'
    return f"'{text}" if text.startswith(_FORMULA) else text
