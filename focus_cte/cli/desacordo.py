"""`focus-cte desacordo`: look at one, send it, see what became of it. It cannot be taken back."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from focus_cte import InvalidArgument, NotFound
from focus_cte.cli import options
from focus_cte.cli.archive import archive, check_origin, existing, is_there
from focus_cte.cli.choice import Whose
from focus_cte.cli.codes import Code
from focus_cte.cli.config import Access
from focus_cte.cli.output import (
    Column,
    days_left,
    documento,
    environment,
    heading,
    minute,
    problem,
    reais,
    say,
    show,
    show_json,
    table,
)
from focus_cte.cli.refusals import asking
from focus_cte.cli.run import ask, finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Step
    from focus_cte.xml import PlanoDesacordo

_CONFIRMED = 6
"""Characters at the end of a key: the check digit and the code, which a person has to look at."""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Text = Annotated[
    str, options.option("--observacoes", help=_("the text, 15 to 255 characters"), metavar="TEXT")
]


@app.command("check", help=_("Tell what SEFAZ would refuse. Nothing is sent; it costs 3 credits."))
def check(
    chave: options.Chave,
    observacoes: Text,
    cnpj: options.Cnpj = None,
    config: options.Config = None,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    async def work() -> Code:
        plan = await _plan(chave, observacoes, Whose(config, cnpj), acervo)
        return Code.DONE if plan.ok else Code.ERROR

    finish(work)


@app.command("send", help=_("Register it at SEFAZ. The vendor cannot take it back."))
def send(
    chave: options.Chave,
    observacoes: Text,
    confirm: Annotated[
        str | None,
        options.option(
            "--confirm", help=_("in scripts: the key once more, in place of the question")
        ),
    ] = None,
    actor: Annotated[
        str | None,
        options.option("--actor", help=_("who wants it, for the record"), metavar="NAME"),
    ] = None,
    cnpj: options.Cnpj = None,
    config: options.Config = None,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    whose = Whose(config, cnpj)
    _check_confirmation(chave, observacoes, confirm, actor)
    who = actor or _user()
    if confirm is None:
        _ask(chave, observacoes, whose, acervo)
    stopped = _("stopped; it may be registered: `focus-cte desacordo status {chave}` tells")
    finish(
        lambda: _send(chave, observacoes, who, whose, acervo), stopped=stopped.format(chave=chave)
    )


@app.command("status", help=_("What the API and the archive know of a document's desacordo."))
def status(
    chave: options.Chave,
    cnpj: options.Cnpj = None,
    config: options.Config = None,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    finish(lambda: _status(chave, Whose(config, cnpj), acervo))


@app.command("list", help=_("All desacordos of the archive: who, when, and the answer."))
def list_(json: options.AsJson = False, acervo: options.Acervo = options.ACERVO) -> None:
    finish(lambda: _list(acervo, as_json=json))


class _Received(NamedTuple):
    """Who of ours received the document, who pays for it, and at which API that is so."""

    cnpjs: tuple[str, ...]
    tomador: str | None
    origin: str | None


async def _received(chave: str, acervo: Path) -> _Received:
    """As far as the archive knows."""
    if not is_there(acervo):
        return _Received((), None, None)
    async with existing(acervo) as mirror:
        document = await mirror.get(chave)
    if document is None:
        return _Received((), None, mirror.origin)
    return _Received(document.cnpjs, document.tomador, mirror.origin)


def _access(whose: Whose, received: Sequence[str], tomador: str | None) -> Access:
    """The token of who registers it: the tomador, where it is one of those who received it."""
    return whose.access([tomador] if tomador is not None and tomador in received else received)


async def _plan(chave: str, observacoes: str, whose: Whose, acervo: Path) -> PlanoDesacordo:
    """Look at it, and show what was found."""
    from focus_cte.xml import checar_desacordo

    received, tomador, origin = await _received(chave, acervo)
    access = _access(whose, received, tomador)
    show(heading(access.where))
    cnpj = whose.cnpj or (tomador if tomador in received else whose.cnpj_among(received))
    if cnpj is None:
        raise InvalidArgument(_("{chave}: say with --cnpj who registers it").format(chave=chave))
    async with asking(access, acervo) as focus:
        check_origin(origin, focus)
        plan = await checar_desacordo(focus, chave, cnpj=cnpj, observacoes=observacoes)
    for line in _lines(plan):
        show(line)
    return plan


def _lines(plan: PlanoDesacordo) -> Iterator[str]:
    resumo, cte = plan.resumo, plan.cte
    yield f"{_('key'):10}  {plan.chave}"
    issuer = "  ".join(filter(None, (documento(resumo.documento_emitente), resumo.nome_emitente)))
    yield f"{_('issuer'):10}  {issuer}"
    yield f"{_('value'):10}  R$ {reais(resumo.valor_total)}"
    if cte is not None and cte.tomador is not None:
        yield f"{_('payer'):10}  {documento(cte.tomador.documento)}  {cte.tomador.nome or ''}"
    yield f"{_('as'):10}  {documento(plan.cnpj)}"
    if plan.prazo is not None:
        days = days_left(plan.prazo.dias_restantes(datetime.now(UTC)))
        yield f"{_('term'):10}  {plan.prazo.ultimo_dia:%d/%m/%Y}, {days}"
    yield f"{_('text'):10}  {plan.observacoes}"
    for why in plan.impedimentos:
        yield f"✗ {why}"
    for why in plan.avisos:
        yield f"! {why}"
    if plan.ok:
        yield _("Nothing is known that stands against it.")


def _check_confirmation(
    chave: str, observacoes: str, confirm: str | None, actor: str | None
) -> None:
    """Raises typer's usage errors, before anything is asked or sent."""
    from focus_cte import check_observacoes

    try:
        check_observacoes(observacoes)
    except InvalidArgument as error:
        raise typer.BadParameter(str(error), param_hint="--observacoes") from None
    if confirm is None and not sys.stdin.isatty():
        raise typer.BadParameter(
            _("nobody can be asked here: give the key again, and --actor with a name"),
            param_hint="--confirm",
        )
    if confirm is not None and confirm != chave:
        raise typer.BadParameter(
            _("{confirm!r} is not the key {chave}").format(confirm=confirm, chave=chave),
            param_hint="--confirm",
        )
    if confirm is not None and not actor:
        raise typer.BadParameter(_("say who wants it"), param_hint="--actor")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's number that no name belongs to
        raise typer.BadParameter(_("say who wants it"), param_hint="--actor") from None


def _ask(chave: str, observacoes: str, whose: Whose, acervo: Path) -> None:
    """Show what would be sent, and end the command unless the end of its key is typed."""

    async def work() -> Code:
        plan = await _plan(chave, observacoes, whose, acervo)
        return Code.DONE if plan.ok else Code.ERROR

    try:
        finish(work)
    except typer.Exit as ended:
        if ended.exit_code:
            raise
    say(_("It will be registered at SEFAZ, and the vendor cannot take it back."), style="bold")
    question = _("The last {count} characters of the key, to send it").format(count=_CONFIRMED)
    typed = ask(lambda: str(typer.prompt(question, err=True)))
    if typed.strip() != chave[-_CONFIRMED:]:
        problem(_("{typed!r} is not its end: nothing was sent").format(typed=typed.strip()))
        raise typer.Exit(Code.ERROR)


async def _send(chave: str, observacoes: str, actor: str, whose: Whose, acervo: Path) -> None:
    async with archive(acervo) as mirror:
        document = await mirror.get(chave)
        access = (
            whose.access(())
            if document is None
            else _access(whose, document.cnpjs, document.tomador)
        )
        say(heading(access.where, acervo))
        say(_("registering: the vendor cannot take it back"))
        async with asking(access, acervo) as focus:
            found = await mirror.informar_desacordo(
                focus, chave, observacoes, actor=actor, cnpj=whose.cnpj
            )
    show(
        _("registered: {status} {message}, protocol {protocolo}").format(
            status=found.status_sefaz, message=found.mensagem_sefaz, protocolo=found.protocolo
        )
    )


async def _status(chave: str, whose: Whose, acervo: Path) -> Code:
    received, tomador, origin = await _received(chave, acervo)
    access = _access(whose, received, tomador)
    show(heading(access.where))
    async with asking(access, acervo) as focus:
        check_origin(origin, focus)
        if is_there(acervo):
            async with existing(acervo) as mirror:
                _table(await mirror.desacordos(chave))
        try:
            found = await focus.consultar_desacordo(chave, cnpj=whose.cnpj_among(received))
        except NotFound:
            show(_("the API knows of no desacordo of it"))
            return Code.DONE
    state = _("registered") if found.registrado else found.status or ""
    details = (state, found.status_sefaz, found.mensagem_sefaz, found.protocolo)
    show("  ".join(filter(None, details)))
    return Code.DONE


async def _list(acervo: Path, *, as_json: bool) -> None:
    async with existing(acervo) as mirror:
        line = heading(environment(None, mirror.origin), acervo)
        steps = await mirror.desacordos()
    if as_json:
        say(line)
        show_json(steps)
    else:
        show(line)
        _table(steps)


def _table(steps: tuple[Step, ...]) -> None:
    columns = [
        Column(_("key"), 44),
        Column(_("outcome"), 12),
        Column(_("at"), 16),
        Column(_("who")),
    ]
    if steps:
        table(
            columns,
            [[s.chave, s.outcome or s.step, minute(s.at), s.actor] for s in steps],
        )
