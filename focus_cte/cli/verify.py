"""`focus-cte verify`: prove that the archive is whole; with --remote, that nothing is missing."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.codes import Code
from focus_cte.cli.config import Access, Company, from_environment, from_file
from focus_cte.cli.output import documento, environment, heading, problem, say, show
from focus_cte.cli.refusals import asking
from focus_cte.cli.run import ask, finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    from focus_cte.mirror import Verified

_A_MINUTE: Final = 80
"""Credits that a token has left for it: 100, less those left to others."""
_LISTING: Final = "listing"
"""The kind of a damage that a listing told of; the others are of files."""


def command(
    remote: Annotated[
        bool, options.option("--remote", help=_("read the listings again, and compare"))
    ] = False,
    repair: Annotated[
        bool,
        options.option("--repair", help=_("have what is damaged fetched again by the next sync")),
    ] = False,
    yes: Annotated[bool, options.option("--yes", help=_("repair without asking"))] = False,
    cnpj: options.Cnpjs = None,
    config: options.Config = None,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    if repair and not yes and not sys.stdin.isatty():
        raise typer.BadParameter(_("nobody can be asked here: say --yes"), param_hint="--repair")
    found: list[Verified] = []
    codes: list[Code] = []

    async def look() -> Code:
        verified, left_out = await _verify(acervo, config, cnpj, remote=remote, repair=False)
        found.append(verified)
        _tell(verified, left_out)
        codes.append(Code.ERROR if left_out else Code.DONE)
        return codes[0] if verified.ok else Code.FILES

    async def mend() -> Code:
        mended, _left_out = await _verify(acervo, config, cnpj, remote=remote, repair=True)
        left = [damage for damage in mended.damages if not damage.repaired]
        count = len(mended.damages) - len(left)
        show(_("{count} repaired: the next sync fetches the files").format(count=count))
        for damage in left:
            problem(_("not repaired: {why}").format(why=damage.why))
        return Code.FILES if left else codes[0]

    try:
        finish(look)
    except typer.Exit as ended:
        if not repair or ended.exit_code != Code.FILES:
            raise
    say(_cost(found[0], relisted=remote))
    if not yes and not ask(lambda: typer.confirm(_("Repair it?"), err=True)):
        raise typer.Exit(Code.FILES)
    finish(mend)


async def _verify(
    folder: Path,
    file: Path | None,
    cnpjs: list[str] | None,
    *,
    remote: bool,
    repair: bool,
) -> tuple[Verified, set[str]]:
    """What was found, and the companies of the archive of which nobody was asked."""
    left_out = set[str]()
    async with existing(folder) as mirror:
        show(heading(environment(None, mirror.origin), folder))
        found = await mirror.verify(repair=repair)
        if remote:
            wanted = cnpjs or list(await mirror.cnpjs())
            companies = from_file(file, cnpjs or ()) if file else from_environment(wanted)
            left_out = set(wanted) - {company.cnpj for company in companies}
            for access, own in _by_token(companies).items():
                async with asking(access, folder) as focus:
                    found += await mirror.compare(focus, own, repair=repair)
    return found, left_out


def _by_token(companies: Sequence[Company]) -> dict[Access, list[str]]:
    found: dict[Access, list[str]] = {}
    for company in companies:
        found.setdefault(company.access(), []).append(company.cnpj)
    return found


def _tell(found: Verified, left_out: set[str]) -> None:
    show(_("{count} files looked at").format(count=found.files))
    if found.requests:
        show(
            _("{count} documents compared with the listing, {requests} requests").format(
                count=found.documents, requests=found.requests
            )
        )
    for damage in found.damages:
        show(f"✗ {damage.why}", style="red")
    for cnpj in sorted(left_out):
        problem(
            _("{cnpj}: not compared, for --config does not name it").format(cnpj=documento(cnpj))
        )
    if found.ok and not left_out:
        show(_("nothing is wrong"), style="green")


def _cost(found: Verified, *, relisted: bool) -> str:
    """In credits, one a request, and minutes."""
    files = sum(damage.kind != _LISTING for damage in found.damages)
    credits = files + (found.requests if relisted else 0)
    return _("to repair it costs about {credits} credits, {minutes} minutes or more").format(
        credits=credits, minutes=max(1, math.ceil(credits / _A_MINUTE))
    )
