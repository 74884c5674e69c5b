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

from focus_cte import InvalidArgument
from focus_cte.cli import options
from focus_cte.cli.archive import existing
from focus_cte.cli.codes import Code
from focus_cte.cli.output import environment, heading, problem, say, show
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _
from focus_cte.cli.whole import replacing

if TYPE_CHECKING:
    from focus_cte.mirror import Mirror

MANIFEST = "manifest.csv"
_HEADER = ("chave", "arquivo", "tipo", "sha256", "bytes", "situacao")
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The same date for all: two exports of the same files are the same bytes."""


@attrs.frozen
class _Entry:
    chave: str
    tipo: str
    path: Path
    name: str
    situacao: str


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
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidArgument(_("--zip {path}: name a file in a folder").format(path=target))
    async with existing(folder) as mirror:
        say(heading(environment(None, mirror.origin), folder))
        entries, without = await _entries(mirror, competencia, cnpj)
    written = asyncio.to_thread(_write, target, entries, without)
    count = await asyncio.shield(asyncio.ensure_future(written))
    show(_("{path}: {count} files").format(path=target, count=count))
    for chave in without:
        problem(_("{chave}: its XML is not there yet").format(chave=chave))
    return Code.FILES if without else Code.DONE


async def _entries(
    mirror: Mirror, competencia: str, cnpj: str | None
) -> tuple[list[_Entry], list[str]]:
    """The files, by name, and the documents that have no XML."""
    from focus_cte.mirror import Kind

    entries, without = list[_Entry](), list[str]()
    async for document in mirror.ctes(competencia=competencia, cnpj=cnpj):
        chave, situacao = document.chave, str(document.situacao or "")
        path = mirror.path(chave, Kind.XML)
        if path is None:
            without.append(chave)
        else:
            entries.append(_Entry(chave, "cte", path, path.name, situacao))
        for evento in await mirror.eventos(chave):
            path = mirror.files / evento.path
            entries.append(_Entry(chave, evento.tipo, path, path.name, situacao))
    return sorted(entries, key=lambda entry: entry.name), sorted(without)


def _write(target: Path, entries: list[_Entry], without: list[str]) -> int:
    manifest = io.StringIO(newline="")
    rows = csv.writer(manifest, lineterminator="\r\n")
    rows.writerow(_HEADER)
    with replacing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for entry in entries:
            data = entry.path.read_bytes()
            _add(zipped, entry.name, data)
            digest = hashlib.sha256(data).hexdigest()
            rows.writerow((entry.chave, entry.name, entry.tipo, digest, len(data), entry.situacao))
        for chave in without:
            rows.writerow((chave, "", "", "", "", ""))
        _add(zipped, MANIFEST, manifest.getvalue().encode())
    return len(entries)


def _add(zipped: zipfile.ZipFile, name: str, data: bytes) -> None:
    zipped.writestr(zipfile.ZipInfo(name, _OLDEST), data, zipfile.ZIP_DEFLATED)
