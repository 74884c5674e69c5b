"""`focus-cte doctor`: what stands in the way, and what to do about it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from focus_cte import Ambiente, AuthenticationError, FocusError, InvalidArgument
from focus_cte.cli import options
from focus_cte.cli.archive import check_origin, existing, is_there
from focus_cte.cli.codes import Code, code_of, is_refusal, worst
from focus_cte.cli.config import Access, Company, from_environment, from_file
from focus_cte.cli.output import documento, heading, show
from focus_cte.cli.refusals import Refusals
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _

if TYPE_CHECKING:
    import aiohttp

    from focus_cte import FocusCTe, Page

_ROOM: Final = 500 * 2**20
"""Bytes free on the disk, below which it is told."""
_SLOW: Final = timedelta(minutes=2)
"""By how much this machine's clock may differ from the API's."""


@attrs.frozen
class Finding:
    """One thing that was looked at."""

    text: str
    to_do: str = ""
    """What to do about it; "" where it is well."""
    code: Code = Code.DONE


def command(
    cnpj: options.Cnpjs = None,
    config: options.Config = None,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    finish(lambda: _doctor(config, cnpj or [], acervo))


async def _doctor(file: Path | None, cnpjs: list[str], acervo: Path) -> Code:
    unusable, origin = list[Finding](), None
    if is_there(acervo):
        try:
            async with existing(acervo) as mirror:
                origin = mirror.origin
                cnpjs = cnpjs or ([] if file else list(await mirror.cnpjs()))
        except FocusError as error:
            to_do = _("name another archive with --from, or bring its copy back")
            unusable.append(Finding(str(error), to_do, code_of(error)))
    companies = from_file(file, cnpjs) if file else from_environment(cnpjs)
    show(heading(", ".join(sorted({each.where for each in companies})) or "-", acervo))
    codes = []
    for finding in (*_versions(), *_folder(acervo), *unusable):
        codes.append(_tell(finding))
    if not companies:
        none = Finding(
            _("no company was named, and so no token was tried"), _("say --cnpj or --config")
        )
        codes.append(_tell(none))
    async for finding in _companies(companies, acervo, origin):
        codes.append(_tell(finding))
    return worst(codes)


def _tell(finding: Finding) -> Code:
    if not finding.to_do:
        show(f"✓ {finding.text}")
    else:
        show(f"✗ {finding.text}", style="red" if finding.code else "yellow")
        show(f"  → {finding.to_do}")
    return finding.code


def _versions() -> Iterator[Finding]:
    import platform
    import sqlite3
    from importlib.metadata import version

    names = ("focus-cte", "aiohttp", "SQLAlchemy", "lxml", "cryptography")
    found = ", ".join(f"{name} {version(name)}" for name in names)
    yield Finding(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {found}")


def _folder(acervo: Path) -> Iterator[Finding]:
    if acervo.exists() and not acervo.is_dir():
        yield Finding(
            _("{folder}: it is no folder").format(folder=acervo),
            _("no archive can be written there: choose another folder, or give access"),
            Code.ERROR,
        )
        return
    there = next(path for path in (acervo.absolute(), *acervo.absolute().parents) if path.is_dir())
    probe = there / f".focus-cte-{datetime.now(UTC).timestamp():.0f}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        yield Finding(
            f"{there}: {error.strerror}",
            _("no archive can be written there: choose another folder, or give access"),
            Code.ERROR,
        )
        return
    if acervo.is_dir() and acervo.stat().st_mode & 0o007:
        yield Finding(
            _("{folder}: everybody on this machine may look into it").format(folder=acervo),
            f"chmod o-rwx {acervo}",
        )
    free = shutil.disk_usage(there).free
    text = _("{folder}: {free:.1f} GiB free").format(folder=there, free=free / 2**30)
    yield Finding(text, _("make room on the disk") if free < _ROOM else "")


async def _companies(
    companies: list[Company], acervo: Path, origin: str | None
) -> AsyncIterator[Finding]:
    """One request a company; of a token that was refused, no more."""
    refused, clock = set[str](), True
    refusals = Refusals(acervo)
    for company in companies:
        name = f"{documento(company.cnpj)}, {company.where}"
        try:
            access = await asyncio.to_thread(company.access)
        except FocusError as error:
            yield Finding(f"{name}: {error}", _("set it, and again"), code_of(error))
            continue
        mark = access.fingerprint()
        if mark in refused or refusals.seconds_left(mark):
            yield Finding(
                _("{name}: not asked, since its token was refused").format(name=name),
                _("correct the token; as it is, it rests for five minutes"),
                Code.REFUSED,
            )
            continue
        try:
            async with _timed(access) as (focus, dates):
                if (finding := _of_another(name, origin, focus)) is not None:
                    yield finding
                page = await focus.listar(company.cnpj)
        except FocusError as error:
            if isinstance(error, AuthenticationError):
                refused.add(mark)
                if acervo.is_dir():
                    refusals.add(mark)
            yield _failed(name, error)
            continue
        yield _listed(name, company, page)
        if clock and dates:
            clock = False
            yield _clock(dates[0])


@asynccontextmanager
async def _timed(access: Access) -> AsyncIterator[tuple[FocusCTe, list[datetime]]]:
    """A client, and the dates that its answers carry."""
    import aiohttp

    dates = list[datetime]()

    async def answered(
        _session: aiohttp.ClientSession, _context: object, answer: aiohttp.TraceRequestEndParams
    ) -> None:
        with suppress(KeyError, ValueError):  # none, or no date
            dates.append(parsedate_to_datetime(answer.response.headers["Date"]))

    tracing = aiohttp.TraceConfig()
    tracing.on_request_end.append(answered)
    async with (
        aiohttp.ClientSession(trace_configs=[tracing]) as session,
        access.client(session=session) as focus,
    ):
        yield focus, dates


def _of_another(name: str, origin: str | None, focus: FocusCTe) -> Finding | None:
    try:
        check_origin(origin, focus)
    except FocusError as error:
        to_do = _("name another archive with --from, or the other environment")
        return Finding(f"{name}: {error}", to_do, Code.ERROR)
    return None


def _failed(name: str, error: FocusError) -> Finding:
    if isinstance(error, AuthenticationError):
        to_do = _(
            "each environment has its own token: take it from the vendor's panel, as it is there"
        )
    elif isinstance(error, InvalidArgument):  # no token, or no address, that could be sent to
        to_do = _("set it, and again")
    elif is_refusal(error):
        to_do = _("enable Recebimento de CTes for this CNPJ in the vendor's panel")
    else:
        to_do = _("look at the network (a proxy, a firewall), and try again")
    return Finding(f"{name}: {error}", to_do, code_of(error))


def _listed(name: str, company: Company, page: Page) -> Finding:
    total = page.total if page.total is not None else len(page.ctes)
    text = _("{name}: {count} documents").format(name=name, count=total)
    if total:
        return Finding(text)
    if company.ambiente == Ambiente.HOMOLOGACAO:
        return Finding(text, _("homologacao has no real documents: use producao for those"))
    return Finding(
        text, _("if there should be some: is Recebimento de CTes enabled for this CNPJ?")
    )


def _clock(server: datetime) -> Finding:
    off = abs(datetime.now(UTC) - server)
    text = _("clock: {seconds:.0f} s from the API's").format(seconds=off.total_seconds())
    return Finding(
        text, _("set this machine's clock: terms are counted by it") if off > _SLOW else ""
    )
