"""How far a sync is, told to whoever wants to know; where nobody does, nothing is counted."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from typing import Final

import attrs

from focus_cte.mirror import wanted
from focus_cte.mirror.models import Kind, Progress
from focus_cte.mirror.store import Store


class Telling:
    """Calls back with each `Progress` of one sync."""

    def __init__(self, cnpj: str, call: Callable[[Progress], None] | None) -> None:
        self._call = call
        self._now = Progress(cnpj)

    def passed(self, documents: int) -> None:
        """So many of the listing are dealt with; it is told with the page that they came in."""
        if self._call is not None:
            self._now = attrs.evolve(self._now, documents=self._now.documents + documents)

    def page(self, documents: int, total: int | None) -> None:
        """A page is stored, the listing's `total` known by then."""
        if self._call is not None:
            self.passed(documents)
            self._now = attrs.evolve(self._now, total=total)
            self._call(self._now)

    async def fetching(
        self, store: Store, cnpj: str, kinds: Collection[Kind], xml_since: date | None
    ) -> None:
        """The files of these kinds that are due now come next."""
        if self._call is not None:
            due = wanted.count_due(cnpj, store.clock(), kinds=kinds, xml_since=xml_since)
            async with store.reading() as connection:
                count = await connection.scalar(due) or 0
            self._now = attrs.evolve(self._now, wanted=(self._now.wanted or 0) + count)

    def filed(self, files: int) -> None:
        """So many are stored in this run by now."""
        if self._call is not None:
            self._now = attrs.evolve(self._now, files=files)
            self._call(self._now)


NOBODY: Final = Telling("", None)
