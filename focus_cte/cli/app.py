"""The commands of `focus-cte`, in the order of its help."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from importlib import import_module
from typing import Annotated

import typer

from focus_cte.cli.texts import _

_COMPLETION = "_FOCUS_CTE_COMPLETE"
"""What a shell sets that wants to know how a command line may go on."""


def _commands() -> Iterator[tuple[str, str, str]]:
    """Name, module, help."""
    yield "sync", "sync", _("Bring the archive up to date: the listing, then the files.")
    yield "status", "status", _("How each company stands. No request is sent.")
    yield "doctor", "doctor", _("Find what stands in the way, and say what to do.")
    yield "list", "listing", _("Documents of the archive, the newest first.")
    yield "show", "show", _("All that is known of one document.")
    yield "get", "get", _("Files of one document, from the archive or the API.")
    yield "deadlines", "deadlines", _("What can still be disputed, by the days that are left.")
    yield "desacordo", "desacordo", _("Look at a desacordo, send it, see what became of it.")
    yield (
        "changes",
        "changes",
        _("What changed, by number. Keep the last one that you processed."),
    )
    yield "export", "export", _("XMLs and events of a month, in a ZIP with a manifest.")
    yield (
        "verify",
        "verify",
        _("Prove that the archive is whole. With --remote, that no document is missing."),
    )
    yield (
        "sandbox",
        "sandbox",
        _("An API to try it all with. It prints its URL, token and CNPJ."),
    )


def build(arguments: Collection[str]) -> typer.Typer:
    """The program; of the commands that are not among the arguments, no more than their help.

    To import all of them takes longer than to run most.
    """
    who = _(
        "FOCUS_NFE_TOKEN and FOCUS_NFE_AMBIENTE (homologacao or producao) say who you are, or"
        " --config a companies.toml."
    )
    codes = _(
        "Exit codes: 0 done, 1 error, 2 usage, 3 files overdue or unusable, 4 token refused, 5"
        " another process is at it, 6 silence."
    )
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,  # it would load half of rich for a few lines
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_("Every CT-e issued against your companies, kept in a folder, through Focus NFe."),
        epilog=f"{who}\n\n{codes}",
    )
    app.callback()(_top)
    for name, module, text in _commands():
        if name not in arguments and _COMPLETION not in os.environ:
            app.command(name, help=text)(_only_named)
            continue
        found = import_module(f"focus_cte.cli.{module}")
        if name == "desacordo":
            app.add_typer(found.app, name=name, help=text)
        else:
            app.command(name, help=text)(found.command)
    return app


def _top(
    lang: Annotated[
        str, typer.Option("--lang", metavar="pt|en", help=_("of messages; by default, of LANG"))
    ] = "",
) -> None:
    """`--lang` is taken out of the arguments before: see `texts.chosen`."""


def _only_named() -> None:
    """Stands for a command that the arguments do not name, and so is never called."""
