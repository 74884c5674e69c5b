"""`focus-cte show`: all that is known of one document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs

from focus_cte import CTeRecebida, NotFound
from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.as_of import said, stored, then
from focus_cte.cli.output import (
    at_the_clock_of,
    days_left,
    documento,
    environment,
    heading,
    minute,
    reais,
    say,
    show,
    show_json,
    stamp,
)
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Documento, Evento, Mirror, Step
    from focus_cte.xml import CTeXML, Parte

_WIDTH = 16


def moment(text: str) -> datetime:
    """A date (its end, at this machine's clock), or a moment in ISO 8601."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = datetime.combine(options.day(text), time())
    try:
        if len(text.strip()) <= len("2026-10-31"):
            found += timedelta(days=1) - timedelta(microseconds=1)
        return found.astimezone()
    except (OverflowError, ValueError):  # at an end of time
        raise options.no_date(text) from None


def command(
    chave: options.Chave,
    as_of: Annotated[
        datetime | None,
        options.option(
            "--as-of",
            help=_("what was known at the end of that day"),
            parse=moment,
            metavar="DATE",
        ),
    ] = None,
    json: options.AsJson = False,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    finish(lambda: _show(acervo, chave, as_of, as_json=json))


@attrs.frozen
class _Known:
    """Of one document."""

    documento: Documento
    versoes: tuple[CTeRecebida, ...]
    cte: CTeXML | None
    eventos: tuple[Evento, ...]
    desacordos: tuple[Step, ...]
    files: dict[str, Path]


async def _show(folder: Path, chave: str, as_of: datetime | None, *, as_json: bool) -> None:
    async with existing(folder) as mirror:
        line = heading(environment(None, mirror.origin), folder)
        known = await _known(mirror, chave, as_of)
    if as_json:
        say(line)
        show_json(known)
        return
    show(line)
    for title, pairs in _sections(known, as_of or datetime.now(UTC)):
        if said := [(name, value) for name, value in pairs if value]:
            show()
            show(title, style="bold")
            for name, value in said:
                show(f"  {name:{_WIDTH}}  {value}")


async def _known(mirror: Mirror, chave: str, as_of: datetime | None) -> _Known:
    """Raises `NotFound` for what the archive has not, or had not then."""
    from focus_cte.mirror import Kind

    document = await mirror.get(chave)
    versoes = await mirror.historico(chave, as_of=as_of)
    if document is None or not versoes:
        when = "" if as_of is None else " " + _("at {when}").format(when=minute(as_of))
        raise NotFound(
            _("{chave}: the archive has no such document{when}").format(chave=chave, when=when)
        )
    eventos = await mirror.eventos(chave)
    steps = await mirror.desacordos(chave)
    if as_of is None:
        files = {str(kind): mirror.path(chave, kind) for kind in Kind}
    else:
        changes = [each async for each in mirror.changes(chave=chave) if each.at <= as_of]
        told = stored(changes)
        seen = {each["sha256"] for of_a_kind in told.values() for each in of_a_kind}
        eventos = tuple(each for each in eventos if each.sha256 in seen)
        steps = tuple(each for each in steps if each.at <= as_of)
        document = then(document, said(versoes), changes, with_xml=Kind.XML in told)
        paths = {kind: mirror.files / of_a_kind[-1]["path"] for kind, of_a_kind in told.items()}
        files = {kind: path if path.is_file() else None for kind, path in paths.items()}
    return _Known(
        documento=document,
        versoes=versoes,
        cte=_read(files.get(Kind.XML)),
        eventos=eventos,
        desacordos=steps,
        files={kind: path for kind, path in files.items() if path is not None},
    )


def _read(path: Path | None) -> CTeXML | None:
    from focus_cte.xml import CTeXML, InvalidXML

    if path is None:
        return None
    try:
        return CTeXML.parse(path.read_bytes())
    except InvalidXML:  # `verify` tells what is wrong with it
        return None


def _sections(known: _Known, at: datetime) -> Iterator[tuple[str, Iterable[tuple[str, Any]]]]:
    document, last = known.documento, said(known.versoes)
    value = reais(last.valor_total if document.valor_total is None else document.valor_total)
    yield (
        document.chave,
        [
            (_("status"), last.situacao),
            (_("issued"), stamp(document.emissao)),
            (_("value"), value and f"R$ {value}"),
            (_("received by"), ", ".join(map(documento, document.cnpjs))),
            (_("protocol"), document.protocolo),
            (_("authorized"), stamp(document.autorizado_em)),
            (_("cancelled"), _event(last.data_cancelamento, last.justificativa_cancelamento)),
            (_("corrected"), _event(last.data_carta_correcao, last.carta_correcao)),
        ],
    )
    if known.cte is not None:
        yield _("Parts"), _parts(known.cte)
        yield _("Values"), _values(known.cte)
    yield _("Versions"), [(str(each.versao), each.situacao) for each in known.versoes]
    yield _("Events"), [(f"{e.tipo}-{e.sequencia:02}", stamp(e.at)) for e in known.eventos]
    yield _("Term"), [(_("until"), _term(document, at))]
    yield _("Verification"), [(_("signature"), _verdict(document)), *_problems(document)]
    yield (
        _("Desacordo"),
        [
            (minute(each.at), f"{each.actor}: {each.outcome or each.step}")
            for each in known.desacordos
        ],
    )
    yield _("Files"), [(kind, path) for kind, path in known.files.items()]


def _parts(cte: CTeXML) -> Iterator[tuple[str, str]]:
    for name in ("emitente", "tomador", "remetente", "expedidor", "recebedor", "destinatario"):
        parte: Parte | None = getattr(cte, name)
        if parte is not None:
            place = "/".join(filter(None, (parte.municipio, parte.uf)))
            yield name, "  ".join(filter(None, (documento(parte.documento), parte.nome, place)))


def _values(cte: CTeXML) -> Iterator[tuple[str, str]]:
    for name, value in (
        (_("freight"), cte.valor_total),
        (_("receivable"), cte.valor_receber),
        ("ICMS", cte.icms),
    ):
        if value is not None:
            yield name, f"R$ {reais(value)}"
    for chave in cte.chaves_nfe:
        yield "NF-e", chave
    yield from cte.referencias


def _event(at: datetime | None, text: str | None) -> str:
    return "  ".join(filter(None, (stamp(at), text)))


def _term(document: Documento, at: datetime) -> str:
    prazo = document.prazo
    if prazo is None:
        return _("not known")
    left = (prazo - at) // timedelta(days=1)
    days = days_left(left)
    estimated = ", " + _("estimated") if document.prazo_estimado else ""
    return f"{stamp(at_the_clock_of(document.emissao, prazo))}, {days}{estimated}"


def _verdict(document: Documento) -> str:
    if document.verificado is None:
        return _("there is no XML yet")
    return _("it is what was signed") if document.verificado else _("it is NOT what was signed")


def _problems(document: Documento) -> list[tuple[str, str]]:
    return [("!", problem) for problem in document.problemas]
