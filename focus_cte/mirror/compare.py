"""The proof that the archive has what the API lists: each listing read again from 0."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import attrs
from sqlalchemy import select

from focus_cte import CTeRecebida, InvalidDocument, parse_cnpj
from focus_cte.mirror import facts, pull
from focus_cte.mirror import lease as leasing
from focus_cte.mirror.errors import LeaseHeld
from focus_cte.mirror.models import Damage, Verified
from focus_cte.mirror.schema import archive, cursors, invalid, recebimentos
from focus_cte.mirror.store import Store, rows_by_key

if TYPE_CHECKING:
    from focus_cte import FocusCTe

KIND = "listing"
"""Of these damages, where those of files name the file."""
_log = logging.getLogger("focus_cte.mirror")


async def compare(
    store: Store, focus: FocusCTe, cnpjs: Iterable[str] | None = None, *, repair: bool
) -> Verified:
    """Compare what each CNPJ received, here and in its listing: the same keys, each at the same
    `versao`. Without `cnpjs`, of every one in the archive.

    What changes meanwhile is no damage. With `repair`, what is missing or old here is stored; what
    the API lists no more stays. Raises what `FocusCTe.sync` raises.
    """
    if cnpjs is None:
        async with store.reading() as connection:
            found = await connection.scalars(select(cursors.c.cnpj).order_by(cursors.c.cnpj))
            cnpjs = found.all()
    documents, damages = 0, list[Damage]()
    for cnpj in [parse_cnpj(cnpj) for cnpj in cnpjs]:
        comparison = _Comparison(store, focus, cnpj)
        damages += await comparison.damages(repair=repair)
        documents += comparison.documents
    return Verified(documents=documents, damages=tuple(damages))


@attrs.define
class _Comparison:
    """Of one CNPJ, in rising `versao` on both sides, so that only differences are kept."""

    store: Store
    focus: FocusCTe
    cnpj: str
    documents: int = 0
    _theirs: dict[str, int] = attrs.Factory(dict)
    """What the listing had, and the archive at that `versao` had not."""
    _ours: dict[str, int] = attrs.Factory(dict)
    """The other way round."""
    _unusable: dict[str, str] = attrs.Factory(dict)
    """By identity, items of the listing that cannot be used."""

    async def damages(self, *, repair: bool) -> list[Damage]:
        top = await self._relist(0)
        known = await self._known()
        if any(self._ahead(known)):
            # Changed since the listing passed its place? Then it is listed now.
            await self._relist(top)
            known = await self._known()
        lacking = [*self._lacking(known), *await self._not_kept()]
        if lacking and repair:
            await self._pull()
            left = {*self._lacking(await self._known()), *await self._not_kept()}
            lacking = [attrs.evolve(each, repaired=each not in left) for each in lacking]
        return [*lacking, *self._ahead(known)]

    async def _relist(self, since: int) -> int:
        """Compare what the listing has after `since`; gives where it ended."""
        async with self.focus.sync(self.cnpj, versao=since, on_invalid=self._keep) as sync:
            async for page in sync.pages():
                self.documents += len(page.ctes)
                await self._compare(since, page.versao, page.ctes)
                since = page.versao
        await self._compare(since, None, ())
        return since

    def _keep(self, error: InvalidDocument) -> None:
        self._unusable[facts.identity(self.cnpj, error.raw)] = str(error)

    async def _compare(self, low: int, high: int | None, items: Iterable[CTeRecebida]) -> None:
        """One page, and the rows above `low` up to `high`."""
        table = recebimentos.c
        ours = select(table.chave, table.versao).where(
            table.cnpj == self.cnpj,
            table.versao > low,
            *(() if high is None else [table.versao <= high]),
        )
        async with self.store.reading() as connection:
            here = {row.chave: row.versao for row in await connection.execute(ours)}
            purged = await connection.scalar(select(archive.c.purged_before))
        there = {item.chave: item.versao for item in items if not pull.is_purged(item, purged)}
        for chave, versao in there.items():
            self._theirs[chave] = versao
        self._ours |= here
        for chave in here.keys() & there.keys():
            if here[chave] == there[chave]:
                del self._theirs[chave], self._ours[chave]

    async def _known(self) -> Mapping[str, int]:
        """What the archive has now of the documents that differed."""
        table = recebimentos.c
        async with self.store.reading() as connection:
            rows = await rows_by_key(
                connection,
                [table.cnpj, table.chave, table.versao],
                table.chave,
                self._theirs.keys() | self._ours.keys(),
            )
        return {row["chave"]: row["versao"] for row in rows if row["cnpj"] == self.cnpj}

    def _lacking(self, known: Mapping[str, int]) -> Iterator[Damage]:
        """What the API has, and the archive has not or has older."""
        for chave, theirs in self._theirs.items():
            ours = known.get(chave)
            if ours is None:
                why = f"{chave}: {self.cnpj} received it (versao {theirs}), and it is not here"
                yield Damage(chave, KIND, why)
            elif ours < theirs:
                why = f"{chave}: versao {ours} is here, and {self.cnpj} received {theirs}"
                yield Damage(chave, KIND, why)

    def _ahead(self, known: Mapping[str, int]) -> Iterator[Damage]:
        """What the archive has, and the API has not or has older."""
        for chave in sorted(self._theirs.keys() | self._ours.keys()):
            ours, theirs = known.get(chave), self._theirs.get(chave)
            if ours is not None and theirs is None:
                why = f"{chave}: versao {ours} is here, and the API lists it not to {self.cnpj}"
                yield Damage(chave, KIND, why)
            elif ours is not None and theirs is not None and ours > theirs:
                why = f"{chave}: versao {ours} is here, and the API lists {theirs} to {self.cnpj}"
                yield Damage(chave, KIND, why)

    async def _not_kept(self) -> list[Damage]:
        """Items that cannot be used, and are not kept for later either."""
        async with self.store.reading() as connection:
            rows = await rows_by_key(connection, [invalid.c.id], invalid.c.id, self._unusable)
        kept = {row["id"] for row in rows}
        return [
            Damage("", KIND, f"{self.cnpj}: an item is not kept here: {why}")
            for identity, why in self._unusable.items()
            if identity not in kept
        ]

    async def _pull(self) -> None:
        try:
            async with leasing.holding(self.store, self.cnpj) as held:
                await pull.pull(self.store, self.focus, held, since=0)
        except LeaseHeld as error:
            _log.warning("nothing was repaired: %s", error)
