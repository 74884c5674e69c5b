"""`focus-cte sync`: every company, the listing and the files; one that fails stops no other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs

from focus_cte import FocusError
from focus_cte.cli import config as settings
from focus_cte.cli import options
from focus_cte.cli.archive import archive, check_there, existing
from focus_cte.cli.codes import Code, code_of, worst
from focus_cte.cli.output import documento, heading, length, problem, say, show
from focus_cte.cli.progress import Display
from focus_cte.cli.refusals import Refusals
from focus_cte.cli.run import finish
from focus_cte.cli.status import findings
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    import aiohttp

    from focus_cte import FocusCTe
    from focus_cte.mirror import Mirror, Report, Status

_AT_ONCE: Final = 16
"""Companies: those that wait for credits hold no other up for long."""
_JITTER: Final = 0.05


class Keep(StrEnum):
    TOMADOR = "tomador"


@attrs.frozen
class Wanted:
    """What is to be fetched, as `Mirror.sync` takes it."""

    dacte: bool
    keep: Keep | None
    xml_since: date | None
    reserve: int


def command(
    cnpj: options.Cnpjs = None,
    config: options.Config = None,
    to: Annotated[
        Path,
        options.option(
            "--to",
            help=_("the archive: a folder, made where it is not there"),
            envvar="FOCUS_CTE_ACERVO",
            metavar="DIR",
        ),
    ] = options.ACERVO,
    since: Annotated[
        date | None,
        options.option(
            "--since",
            help=_("no files of documents emitted before"),
            parse=options.day,
            metavar="DATE",
        ),
    ] = None,
    keep: Annotated[
        Keep | None,
        options.option("--keep", help=_("tomador: only files of freight that you pay for")),
    ] = None,
    dacte: Annotated[bool, options.option("--dacte", help=_("fetch the DACTEs too"))] = False,
    every: Annotated[
        timedelta | None,
        options.option(
            "--every",
            help=_("go on for ever, with such a pause: 2h"),
            parse=options.length,
            metavar="TIME",
        ),
    ] = None,
    reserve: Annotated[
        int,
        options.option(
            "--reserve", help=_("credits of each minute left to others"), min=0, metavar="N"
        ),
    ] = 20,
) -> None:
    wanted = Wanted(dacte, keep, since, reserve)
    finish(lambda: _sync(config, cnpj or [], to, wanted, every))


async def _sync(
    file: Path | None, cnpjs: Sequence[str], folder: Path, wanted: Wanted, every: timedelta | None
) -> Code:
    companies = await _companies(file, cnpjs, folder)
    say(heading(_one_api(companies), folder))
    async with archive(folder) as mirror, AsyncExitStack() as clients:
        passing = _Pass(mirror, Refusals(folder), wanted, clients)
        while True:
            code = await passing.over(companies)
            if every is None:
                return code
            pause = every * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
            say(_("next pass in {time}").format(time=length(pause)))
            await asyncio.sleep(pause.total_seconds())
            settings.forget_tokens()
            check_there(folder)  # what is open would be written to for ever, and be nowhere


async def _companies(
    file: Path | None, cnpjs: Sequence[str], folder: Path
) -> list[settings.Company]:
    if file is not None:
        return settings.from_file(file, cnpjs)
    if not cnpjs:
        async with existing(folder) as mirror:
            cnpjs = await mirror.cnpjs()
    if not cnpjs:
        raise settings.ConfigError(_("say which companies: --cnpj, or --config with a file"))
    return settings.from_environment(cnpjs)


def _one_api(companies: Sequence[settings.Company]) -> str:
    found = sorted({company.where for company in companies})
    if len(found) > 1:
        raise settings.ConfigError(
            _("an archive is of one environment, and these companies of {several}").format(
                several=", ".join(found)
            )
        )
    return found[0]


class _Pass:
    """What passes over the companies share: archive, connections, a client for each token."""

    def __init__(
        self, mirror: Mirror, refusals: Refusals, wanted: Wanted, clients: AsyncExitStack
    ) -> None:
        self._mirror, self._refusals, self._wanted = mirror, refusals, wanted
        self._stack = clients
        self._clients: dict[settings.Access, FocusCTe] = {}
        self._session: aiohttp.ClientSession | None = None

    async def over(self, companies: Sequence[settings.Company]) -> Code:
        """Sync them all; the worst code of any. A bug that one meets is raised after the others."""
        slots = asyncio.Semaphore(_AT_ONCE)
        with Display() as display:
            each = [self._one(company, display, slots) for company in companies]
            ended = await asyncio.gather(*each, return_exceptions=True)
        codes = list[Code]()
        for one in ended:
            if isinstance(one, BaseException):
                raise one
            codes.append(one)
        return worst(codes)

    async def _one(
        self, company: settings.Company, display: Display, slots: asyncio.Semaphore
    ) -> Code:
        async with slots:
            try:
                report = await self._sync(company, display)
                status = await self._mirror.status(company.cnpj)
                with display.aside():
                    return _tell(report, status)
            except (FocusError, OSError) as error:  # of the archive, or of where it is told
                problem(f"{documento(company.cnpj)}: {error}")
                return code_of(error)

    async def _sync(self, company: settings.Company, display: Display) -> Report:
        access = await asyncio.to_thread(company.access)  # a command may ask a person
        focus = await self._client(access)
        told = display.company(company.cnpj, focus)
        try:
            with self._refusals.minding(access):
                return await self._mirror.sync(
                    focus,
                    company.cnpj,
                    **attrs.asdict(self._wanted, recurse=False),
                    on_progress=told,
                )
        finally:
            told.over()

    async def _client(self, access: settings.Access) -> FocusCTe:
        if self._session is None:
            self._session = _session()
            await self._stack.enter_async_context(self._session)
        if access not in self._clients:
            focus = self._clients[access] = access.client(session=self._session)
            await self._stack.enter_async_context(focus)
        return self._clients[access]


def _session() -> aiohttp.ClientSession:
    """For all: one each would keep a connection open for each of a thousand tokens."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    )


def _tell(report: Report, status: Status) -> Code:
    cnpj = documento(report.cnpj)
    text = _(
        "{cnpj}  {new} new, {changed} changed, {files} files; {pending} waiting,"
        " {overdue} overdue; versao {versao}, {requests} requests"
    )
    show(text.format(**{**attrs.asdict(report, recurse=False), "cnpj": cnpj}))
    for sentence in (*report.rejected, *report.unverified, *report.failed):
        problem(f"{cnpj}: {sentence.removeprefix(f'{report.cnpj}: ')}")
    codes = [Code.FILES] if report.unverified else []
    codes += [Code.ERROR] if report.failed else []
    for code, sentence in findings(status):
        codes.append(code)
        problem(f"{cnpj}: {sentence}")
    return worst(codes)
