"""`focus-cte changes`: the feed, for programs that are not in Python."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.output import (
    Column,
    documento,
    environment,
    heading,
    minute,
    say,
    show,
    stream,
    to_json,
)
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Change


def command(
    after: Annotated[
        int, options.option("--after", help=_("the number to go on behind"), min=0, metavar="N")
    ] = 0,
    jsonl: Annotated[bool, options.option("--jsonl", help=_("JSON Lines, for programs"))] = False,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    finish(lambda: _changes(acervo, after, jsonl=jsonl))


async def _changes(folder: Path, after: int, *, jsonl: bool) -> None:
    async with existing(folder) as mirror:
        line = heading(environment(None, mirror.origin), folder)
        found = mirror.changes(after=after)
        if jsonl:
            say(line)
            async for change in found:
                sys.stdout.write(to_json(change) + "\n")
            sys.stdout.flush()
        else:
            show(line)
            await stream(_columns(), _rows(found))


def _columns() -> list[Column]:
    return [
        Column(_("number"), 7, "right"),
        Column(_("key"), 44),
        Column(_("what"), 9),
        Column(_("details"), 24),
        Column(_("seen"), 16),
        Column("CNPJ", 18),
    ]


async def _rows(found: AsyncIterator[Change]) -> AsyncIterator[list[str]]:
    async for change in found:
        yield [
            str(change.seq),
            change.chave,
            str(change.what),
            _details(change),
            minute(change.at),
            documento(change.cnpj),
        ]


def _details(change: Change) -> str:
    """What is worth a word: which file, the text of a letter, the status."""
    after = change.after
    if "kind" in after:
        return f"{after['kind']} {'✓' if after.get('verificado', True) else '!'}"
    for name in ("justificativa_cancelamento", "carta_correcao", "protocolo", "situacao"):
        if after.get(name):
            return str(after[name])
    return ""
