"""focus-cte export: the files of a month, a manifest that proves them, the same bytes each time."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from scenes import Scene

EXPORT = ("export", "--competencia", "2026-07", "--zip")


def unzipped(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as zipped:
        assert zipped.testzip() is None
        names = zipped.namelist()
        assert len(names) == len(set(names))
        return {name: zipped.read(name) for name in names}


def manifest(files: dict[str, bytes]) -> list[dict[str, str]]:
    text = files["manifest.csv"].decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_in_a_pipe_and_on_a_terminal_it_is_the_same_file(stored: Scene) -> None:
    piped, shown = await asyncio.gather(
        stored.run(*EXPORT, "one.zip"), stored.on_a_terminal(*EXPORT, "two.zip")
    )
    assert (piped.code, piped.out, piped.err) == (0, "one.zip: 34 files\n", f"{stored.heading}\n")
    assert (shown.code, shown.lines) == (0, [stored.heading, "two.zip: 34 files"])
    one, two = ((stored.folder / name).read_bytes() for name in ("one.zip", "two.zip"))
    assert one == two


def test_the_manifest_proves_every_file_and_has_the_events(stored: Scene) -> None:
    assert stored.invoke(*EXPORT, "x.zip").code == 0
    files = unzipped(stored.folder / "x.zip")
    rows = manifest(files)
    assert {row["arquivo"] for row in rows} | {"manifest.csv"} == files.keys()
    for row in rows:
        data = files[row["arquivo"]]
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["bytes"] == str(len(data))
        assert row["arquivo"].startswith(row["chave"])
    assert {row["chave"] for row in rows if row["tipo"] == "cte"} == set(stored.sandbox.chaves)
    events = {(row["chave"], row["tipo"]) for row in rows if row["tipo"] != "cte"}
    assert {(stored.corrected, "110110"), (stored.cancelled, "110111")} <= events
    of_cancelled = {row["situacao"] for row in rows if row["chave"] == stored.cancelled}
    assert of_cancelled == {"cancelada"}


def test_a_month_without_documents_is_a_zip_with_an_empty_manifest(stored: Scene) -> None:
    done = stored.invoke("export", "--competencia", "2025-01", "--zip", "x.zip")
    assert (done.code, done.out) == (0, "x.zip: 0 files\n")
    files = unzipped(stored.folder / "x.zip")
    assert (list(files), manifest(files)) == (["manifest.csv"], [])


def test_an_xml_that_is_not_there_is_told_and_is_in_the_manifest(stored: Scene) -> None:
    (xml,) = stored.acervo.rglob(f"{stored.corrected}-cte.xml")
    xml.unlink()
    done = stored.invoke(*EXPORT, "x.zip")
    assert (done.code, done.out) == (3, "x.zip: 33 files\n")
    assert f"{stored.corrected}: its XML is not there yet" in done.err
    rows = manifest(unzipped(stored.folder / "x.zip"))
    assert [row["tipo"] for row in rows if row["chave"] == stored.corrected] == ["110110", ""]


def test_an_event_that_was_lost_keeps_nobody_from_the_rest(stored: Scene) -> None:
    """Of letters the API gives the last only: an older one never comes again."""
    (event,) = stored.acervo.rglob(f"{stored.corrected}-110110-01.xml")
    event.unlink()
    done = stored.invoke(*EXPORT, "x.zip")
    assert (done.code, done.out) == (3, "x.zip: 33 files\n")
    assert f"{stored.corrected}: the XML of its event 110110 is not there" in done.err
    rows = manifest(unzipped(stored.folder / "x.zip"))
    lost = {"chave": stored.corrected, "arquivo": "", "tipo": "110110", "sha256": ""}
    assert {**lost, "bytes": "", "situacao": ""} in rows


def test_an_event_that_has_not_come_yet_is_told(stored: Scene) -> None:
    for chave in (stored.corrected, stored.cancelled):
        stored.sql("DELETE FROM eventos WHERE chave = :chave", chave=chave)
    done = stored.invoke(*EXPORT, "x.zip")
    assert (done.code, done.out) == (3, "x.zip: 32 files\n")
    assert f"{stored.corrected}: the XML of its event 110110 is not there" in done.err
    assert f"{stored.cancelled}: the XML of its event 110111 is not there" in done.err


def test_an_xml_that_is_not_what_was_signed_is_there_and_told(stored: Scene) -> None:
    stored.sql("UPDATE ctes SET verificado = 0 WHERE chave = :chave", chave=stored.corrected)
    done = stored.invoke(*EXPORT, "x.zip")
    assert (done.code, done.out) == (3, "x.zip: 34 files\n")
    assert f"{stored.corrected}: its XML is NOT what was signed" in done.err


def test_an_event_that_is_recorded_twice_in_one_place_is_one_file(stored: Scene) -> None:
    """As after `verify --repair`, when another form of it came."""
    stored.sql(
        "INSERT INTO eventos (chave, tipo, sequencia, sha256, at, path, seen_at, origin)"
        " SELECT chave, tipo, sequencia, 'another', at, path, seen_at, origin FROM eventos"
        " WHERE chave = :chave",
        chave=stored.corrected,
    )
    assert stored.invoke(*EXPORT, "x.zip").out == "x.zip: 34 files\n"
    assert len(manifest(unzipped(stored.folder / "x.zip"))) == 34


def test_others_freight_that_is_not_kept_does_not_lack(alone: Scene) -> None:
    assert alone.invoke("sync", "--cnpj", alone.sandbox.cnpj, "--keep", "tomador").code == 0
    done = alone.invoke(*EXPORT, "x.zip")
    assert done.code == 0
    assert "2 documents of others' freight have no XML here, as with --keep tomador" in done.err
    rows = manifest(unzipped(alone.folder / "x.zip"))
    assert {row["chave"] for row in rows} == set(alone.sandbox.chaves)


def test_what_was_there_stays_as_it_was_when_something_fails(stored: Scene) -> None:
    (event,) = stored.acervo.rglob(f"{stored.corrected}-110110-01.xml")
    event.unlink()
    event.mkdir()
    target = stored.folder / "x.zip"
    target.write_bytes(b"last month's")
    done = stored.invoke(*EXPORT, "x.zip")
    assert (done.code, done.out) == (1, "")
    assert event.name in done.err
    assert target.read_bytes() == b"last month's"
    assert sorted(os.listdir(stored.folder)) == ["acervo", "x.zip"]


@pytest.mark.parametrize(
    ("month", "target", "why"),
    [
        ("2026-07", "none/x.zip", "--zip none/x.zip: name a file in a folder"),
        ("2026-07", "acervo", "--zip acervo: name a file in a folder"),
        ("07/2026", "x.zip", "competencia must be 'AAAA-MM'"),
    ],
)
def test_what_cannot_be_exported_is_a_usage_error(
    stored: Scene, month: str, target: str, why: str
) -> None:
    done = stored.invoke("export", "--competencia", month, "--zip", target)
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert os.listdir(stored.folder) == ["acervo"]


def test_what_is_no_file_is_not_replaced_by_one(stored: Scene) -> None:
    pipe = stored.folder / "pipe"
    os.mkfifo(pipe)
    done = stored.invoke(*EXPORT, "pipe")
    assert (done.code, pipe.is_fifo()) == (2, True)
