"""A mirror of a company that has none yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

from focus_cte import FocusCTe
from focus_cte.mirror.mirror import Mirror

_FUTURE = date(9999, 1, 1)


async def everything(
    url: str, token: str, cnpj: str, folder: str, files: bool = True
) -> AsyncIterator[list[int] | None]:
    """The first sync: how many documents and files it stored."""
    async with Mirror.at(folder) as mirror, FocusCTe(token, base_url=url) as focus:
        await focus.listar(cnpj)
        yield None
        report = await mirror.sync(focus, cnpj, xml_since=None if files else _FUTURE)
        yield [report.new, report.files]
