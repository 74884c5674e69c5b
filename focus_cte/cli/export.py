"""`focus-cte export`: the files of a month in a ZIP, with a manifest, for the accountant."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs

from focus_cte import InvalidArgument, Situacao
from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.codes import Code
from focus_cte.cli.output import environment, heading, problem, say, show
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _
from focus_cte.cli.whole import replacing

if TYPE_CHECKING:
    from focus_cte.mirror import Documento, Mirror

MANIFEST = "manifest.csv"
_HEADER = ("chave", "arquivo", "tipo", "sha256", "bytes", "situacao")
_CANCELLATION, _CORRECTION = "110111", "110110"
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The same date for all: two exports of the same files are the same bytes."""


@attrs.frozen
class _Entry:
    chave: str
    tipo: str
    path: Path
    name: str
    situacao: str


@attrs.define
class _Month:
    entries: list[_Entry] = attrs.Factory(list)
    without: list[tuple[str, str]] = attrs.Factory(list)
    """Keys, and which event of theirs is not there; "" for the CT-e itself."""
    told: list[str] = attrs.Factory(list)
    """A sentence for each thing that is wrong."""
    left_out: int = 0
    """Documents whose XML was looked at and not kept."""

    def add(self, document: Documento, tipo: str, path: Path) -> None:
        situacao = str(document.situacao or "")
        self.entries.append(_Entry(document.chave, tipo, path, path.name, situacao))

    def lack(self, chave: str, tipo: str, why: str) -> None:
        self.without.append((chave, tipo))
        self.told.append(why)

    def lack_event(self, chave: str, tipo: str) -> None:
        text = _("{chave}: the XML of its event {tipo} is not there")
        self.lack(chave, tipo, text.format(chave=chave, tipo=tipo))


def command(
    competencia: Annotated[
        str, options.option("--competencia", help=_("month of the emission"), metavar="AAAA-MM")
    ],
    target: Annotated[Path, options.option("--zip", help=_("the file to write"), metavar="FILE")],
    cnpj: options.Cnpj = None,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    finish(lambda: _export(acervo, competencia, target, cnpj))


async def _export(folder: Path, competencia: str, target: Path, cnpj: str | None) -> Code:
    if (target.exists() and not target.is_file()) or not target.parent.is_dir():
        raise InvalidArgument(_("--zip {path}: name a file in a folder").format(path=target))
    async with existing(folder) as mirror:
        say(heading(environment(None, mirror.origin), folder))
        month = await _month(mirror, competencia, cnpj)
    count = await asyncio.to_thread(_write, target, month.entries, month.without)
    show(_("{path}: {count} files").format(path=target, count=count))
    if month.left_out:
        text = _("{count} documents of others' freight have no XML here, as with --keep tomador")
        say(text.format(count=month.left_out))
    for sentence in month.told:
        problem(sentence)
    return Code.FILES if month.told else Code.DONE


async def _month(mirror: Mirror, competencia: str, cnpj: str | None) -> _Month:
    from focus_cte.mirror import Kind

    month, ours = _Month(), {*await mirror.cnpjs(), None}
    async for document in mirror.ctes(competencia=competencia, cnpj=cnpj):
        chave = document.chave
        path = mirror.path(chave, Kind.XML)
        left_out = path is None and not document.tem_xml and document.tomador not in ours
        if left_out:
            month.without.append((chave, ""))
            month.left_out += 1
        elif path is None:
            month.lack(chave, "", _("{chave}: its XML is not there yet").format(chave=chave))
        else:
            month.add(document, "cte", path)
        if path and document.verificado is False:
            month.told.append(_("{chave}: its XML is NOT what was signed").format(chave=chave))
        eventos = await mirror.eventos(chave)
        # Two that were stored one after the other may lie in one place: the file is the later.
        for name, tipo in {evento.path: evento.tipo for evento in eventos}.items():
            path = mirror.files / name
            if path.exists():
                month.add(document, tipo, path)
            else:
                month.lack_event(chave, tipo)
        missing = _awaited(document) - {evento.tipo for evento in eventos}
        for tipo in () if left_out else missing:
            month.lack_event(chave, tipo)
    month.entries.sort(key=lambda entry: entry.name)
    month.without.sort()
    month.told.sort()
    return month


def _awaited(document: Documento) -> set[str]:
    """The events that the listing tells of."""
    said = {
        _CANCELLATION: document.situacao == Situacao.CANCELADA,
        _CORRECTION: document.data_carta_correcao is not None,
    }
    return {tipo for tipo, happened in said.items() if happened}


def _write(target: Path, entries: list[_Entry], without: list[tuple[str, str]]) -> int:
    manifest = io.StringIO(newline="")
    rows = csv.writer(manifest, lineterminator="\r\n")
    rows.writerow(_HEADER)
    with replacing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for entry in entries:
            data = entry.path.read_bytes()
            _add(zipped, entry.name, data)
            digest = hashlib.sha256(data).hexdigest()
            rows.writerow((entry.chave, entry.name, entry.tipo, digest, len(data), entry.situacao))
        for chave, tipo in without:
            rows.writerow((chave, "", tipo, "", "", ""))
        _add(zipped, MANIFEST, manifest.getvalue().encode())
    return len(entries)


def _add(zipped: zipfile.ZipFile, name: str, data: bytes) -> None:
    zipped.writestr(zipfile.ZipInfo(name, _OLDEST), data, zipfile.ZIP_DEFLATED)
