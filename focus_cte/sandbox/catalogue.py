"""Documents in the order of `versao`: a page costs its own length, however many there are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from .documents import Document, Source

_FIRST_VERSAO = 1001


class Catalogue:
    """What the API knows. A document that changes moves to a new, higher `versao`."""

    def __init__(self, source: Source, count: int) -> None:
        self._source = source
        self._last = _FIRST_VERSAO
        self._moves = 0
        self._versoes: list[int] = []  # sorted; `_places` runs beside it
        self._places: list[int] = []
        self._versao_of: list[int] = []  # by place
        self._changed: dict[int, Document] = {}
        for _ in range(count):
            self.add()

    def __len__(self) -> int:
        return len(self._versoes)

    def add(self) -> int:
        """Receives the source's next document; gives its place."""
        place = len(self._versao_of)
        self._versao_of.append(self._append(place))
        return place

    def change(self, place: int, document: Document) -> int:
        """Puts `document` at `place`; gives its new versao."""
        at = bisect_left(self._versoes, self._versao_of[place])
        del self._versoes[at], self._places[at]
        self._changed[place] = document
        self._versao_of[place] = self._append(place)
        return self._versao_of[place]

    def after(self, versao: int, limit: int) -> list[int]:
        """The places of the first `limit` documents whose versao is greater, in order."""
        at = bisect_right(self._versoes, versao)
        return self._places[at : at + limit]

    def count_after(self, versao: int) -> int:
        return len(self._versoes) - bisect_right(self._versoes, versao)

    def versao(self, place: int) -> int:
        return self._versao_of[place]

    def chave(self, place: int) -> str:
        return self._source.chave(place)

    def document(self, place: int) -> Document:
        return self._changed.get(place) or self._source.document(place)

    def xml(self, place: int) -> bytes | None:
        return self._source.xml(place)

    def mdfes(self, place: int) -> list[dict[str, object]]:
        return self._source.mdfes(place)

    def find(self, chave: str) -> int | None:
        place = self._source.place(chave)
        return place if place is not None and place < len(self._versao_of) else None

    def chaves(self) -> Iterator[str]:
        return map(self._source.chave, self._places)

    def _append(self, place: int) -> int:
        # Gaps of one or two: a client that adds one to its cursor loses documents, one that counts
        # on gaps too.
        self._moves += 1
        self._last += 1 + (self._moves * 2654435761 >> 7 & 1)
        self._versoes.append(self._last)
        self._places.append(place)
        return self._last
