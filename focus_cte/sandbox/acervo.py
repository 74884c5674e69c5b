"""A folder of real CT-e files as the API's documents, stored bytes untouched."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from . import companies
from .data import Generator
from .documents import Document
from .keys import valid_cnpj
from .readxml import StoredDocument, StoredEvent, Unusable, from_key, read

_Row = tuple[Document, bytes | None]


class Acervo:
    """A `Source` of every *.xml of a folder, oldest first; beyond them, generated ones, for
    `Sandbox.receive`.

    `skipped` says why a file is not served, by file name. `cnpj` is the tomador or addressee met
    most often, or the seed's company if none has a CNPJ; all documents are listed under it. Raises
    FileNotFoundError, NotADirectoryError, or ValueError if nothing in the folder can be served.
    """

    def __init__(self, folder: str | os.PathLike[str], seed: int) -> None:
        self.skipped: dict[str, str] = {}
        self._documents: dict[str, _Row] = {}
        self._parties: Counter[str] = Counter()
        events: list[tuple[str, StoredEvent]] = []
        for path in _files(Path(folder)):
            try:
                content = path.read_bytes()
                found = read(content)
                if isinstance(found, StoredEvent):
                    events.append((path.name, found))
                else:
                    self._shelve(found, content)
            except (Unusable, OSError) as error:
                self.skipped[path.name] = str(error)
        for name, event in sorted(events, key=lambda pair: -pair[1].number):
            self._apply(name, event)
        if not self._documents:
            reasons = "".join(
                f"; {name}: {reason}" for name, reason in list(self.skipped.items())[:3]
            )
            raise ValueError(f"no CT-e can be served from {folder}{reasons}")
        self._rows = sorted(
            self._documents.values(), key=lambda row: (_moment(row[0]), row[0].chave)
        )
        self._place = {row[0].chave: place for place, row in enumerate(self._rows)}
        self.cnpj = self._ours() or companies.cnpj_of(seed)
        self._more = Generator(seed, self.cnpj)

    def __len__(self) -> int:
        return len(self._rows)

    def document(self, place: int) -> Document:
        return self._rows[place][0] if place < len(self) else self._more.document(place - len(self))

    def xml(self, place: int) -> bytes | None:
        return self._rows[place][1] if place < len(self) else self._more.xml(place - len(self))

    def mdfes(self, place: int) -> list[dict[str, object]]:
        return [] if place < len(self) else self._more.mdfes(place - len(self))

    def chave(self, place: int) -> str:
        return (
            self._rows[place][0].chave if place < len(self) else self._more.chave(place - len(self))
        )

    def place(self, chave: str) -> int | None:
        if chave in self._place:
            return self._place[chave]
        more = self._more.place(chave)
        return None if more is None else more + len(self)

    def _shelve(self, found: StoredDocument, content: bytes) -> None:
        if found.document.chave in self._documents:
            raise Unusable(f"another file has the key {found.document.chave}")
        self._documents[found.document.chave] = found.document, content
        self._parties.update(found.parties)

    def _apply(self, name: str, found: StoredEvent) -> None:
        """Puts an event on its document. They come highest number first: the first stands."""
        document, content = self._documents.get(found.chave) or (from_key(found.chave), None)
        if document.cancelamento if found.cancels else document.carta_correcao:
            self.skipped[name] = f"another file has a later event of this kind for {found.chave}"
            return
        if found.cancels:
            document = replace(document, situacao="cancelada", cancelamento=found.event)
        else:
            document = replace(document, carta_correcao=found.event)
        self._documents[found.chave] = document, content

    def _ours(self) -> str | None:
        """The most frequent; a masked number (99999999999999) only if there is nothing else."""
        ranked = [party for party, _ in self._parties.most_common() if len(party) == 14]
        return next(filter(valid_cnpj, ranked), ranked[0] if ranked else None)


def _files(folder: Path) -> list[Path]:
    if not folder.exists():
        raise FileNotFoundError(f"acervo folder {folder} does not exist")
    if not folder.is_dir():
        raise NotADirectoryError(f"acervo {folder} is not a folder")
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() == ".xml" and path.is_file()
    )


def _moment(document: Document) -> str:
    event = document.carta_correcao or document.cancelamento
    return document.data_emissao or (event.data if event else None) or ""
