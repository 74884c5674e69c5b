"""That an archive has all that the API has, once, whole, and told in its feed without a gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from archives import NOW, Archive, sync
from sqlalchemy import Table, select

from focus_cte import CTeRecebida, FocusCTe, NotFound
from focus_cte.mirror import schema
from focus_cte.mirror.models import State, What
from focus_cte.mirror.store import Store
from focus_cte.xml import verify

Rows = list[Mapping[str, Any]]
_EVENTS = ("110110", "110111")


async def assert_whole(archive: Archive) -> None:
    """Compare it with what the sandbox says now."""
    tables = await snapshot(archive.database_url)
    files = on_disk(archive.files)
    assert [name for name in files if Path(name).name.startswith(".")] == []
    async with FocusCTe(archive.sandbox.token, base_url=archive.sandbox.url) as focus:
        listed = {cte.chave: cte async for cte in focus.sync(archive.sandbox.cnpj)}
        _assert_documents(tables, listed, archive.sandbox.cnpj)
        _assert_files_are_those_recorded(tables, files)
        await _assert_xmls(tables, files, listed, focus)
        await _assert_events(tables, files, listed, focus)
    _assert_feed(tables, listed)


async def assert_nothing_by_halves(archive: Archive) -> None:
    """The cursor stands where the documents end, and each file is whole."""
    tables = await snapshot(archive.database_url)
    top = max((row["versao"] for row in tables["recebimentos"]), default=0)
    assert max((row["versao"] for row in tables["cursors"]), default=0) == top
    received = [row for row in tables["changes"] if row["what"] == "received"]
    assert len(received) == len(tables["recebimentos"]) == len(tables["versoes"])
    files = on_disk(archive.files) if archive.files.is_dir() else {}
    assert [name for name in files if ".part" in name] == []
    assert {row["path"] for row in tables["files"] if row["path"]} <= files.keys()
    assert all(data.endswith(b"</cteProc>") or b"Evento" in data for data in files.values())


async def assert_goes_on(archive: Archive, now: datetime = NOW) -> None:
    """The next sync ends well, and nothing lacks after it."""
    assert (await sync(archive, now)).pending == 0
    await assert_whole(archive)


async def snapshot(database_url: str) -> dict[str, Rows]:
    """All the rows of an archive, by table."""
    store = Store(database_url)
    await store.open()
    try:
        async with store.reading() as connection:

            async def rows(table: Table) -> Rows:
                order = select(table).order_by(*table.primary_key)
                return [dict(row) for row in (await connection.execute(order)).mappings()]

            return {name: await rows(table) for name, table in schema.metadata.tables.items()}
    finally:
        await store.close()


def on_disk(root: Path) -> dict[str, bytes]:
    """All the files below a folder, hidden ones too."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def _assert_documents(
    tables: Mapping[str, Rows], listed: Mapping[str, CTeRecebida], cnpj: str
) -> None:
    received = tables["recebimentos"]
    assert {row["cnpj"] for row in received} == {cnpj}
    assert {row["chave"]: row["versao"] for row in received} == {
        chave: cte.versao for chave, cte in listed.items()
    }
    assert {row["chave"]: row["situacao"] for row in tables["ctes"]} == {
        chave: str(cte.situacao) for chave, cte in listed.items()
    }
    seen = {(row["chave"], row["versao"]): row["raw"] for row in tables["versoes"]}
    assert {c.chave: seen[c.chave, c.versao] for c in listed.values()} == {
        c.chave: dict(c.raw) for c in listed.values()
    }
    (cursor,) = tables["cursors"]
    assert cursor["versao"] == max(cte.versao for cte in listed.values())
    assert cursor["blocked"] is None
    assert tables["invalid"] == []


def _assert_files_are_those_recorded(
    tables: Mapping[str, Rows], files: Mapping[str, bytes]
) -> None:
    recorded = {
        row["path"]: row["sha256"]
        for row in (*tables["files"], *tables["eventos"])
        if row["path"] is not None
    }
    kept = {name: data for name, data in files.items() if not name.endswith(".rejected")}
    assert {name: sha256(data).hexdigest() for name, data in kept.items()} == recorded
    assert {row["state"] for row in tables["files"]} == {State.STORED}


async def _assert_xmls(
    tables: Mapping[str, Rows],
    files: Mapping[str, bytes],
    listed: Mapping[str, CTeRecebida],
    focus: FocusCTe,
) -> None:
    verdicts = {row["chave"]: row["verificado"] for row in tables["ctes"]}
    assert verdicts == dict.fromkeys(listed, True)
    for chave in listed:
        stored = files[f"xml/{chave[2:6]}/{chave}-cte.xml"]
        assert stored == await focus.baixar_xml(chave)
        assert verify(stored, chave=chave).ok


async def _assert_events(
    tables: Mapping[str, Rows],
    files: Mapping[str, bytes],
    listed: Mapping[str, CTeRecebida],
    focus: FocusCTe,
) -> None:
    """The API has the last of each type; the archive may have seen others before."""
    held: dict[tuple[str, str], list[bytes]] = {}
    for row in tables["eventos"]:
        assert row["tipo"] in _EVENTS
        held.setdefault((row["chave"], row["tipo"]), []).append(files[row["path"]])
    for chave in listed:
        for tipo, ask in zip(
            _EVENTS, (focus.baixar_xml_carta_correcao, focus.baixar_xml_cancelamento), strict=True
        ):
            try:
                xml = await ask(chave)
            except NotFound:
                assert (chave, tipo) not in held
            else:
                assert xml in held[chave, tipo]
                assert verify(xml, chave=chave).ok


def _assert_feed(tables: Mapping[str, Rows], listed: Mapping[str, CTeRecebida]) -> None:
    changes = tables["changes"]
    assert [row["seq"] for row in changes] == list(range(1, len(changes) + 1))
    assert tables["archive"][0]["seq"] == len(changes)
    told = Counter(row["chave"] for row in changes if row["what"] == What.RECEIVED)
    assert told == Counter(list(listed))
    stored = [(row["chave"], str(row["after"])) for row in changes if row["what"] == What.XML]
    assert len(stored) == len(set(stored))
    xmls = sum(row["kind"] == "xml" for row in tables["files"])
    assert len(stored) == xmls + len(tables["eventos"])
    first: dict[str, str] = {}
    for row in changes:
        first.setdefault(row["chave"], row["what"])
    assert set(first.values()) == {What.RECEIVED}
    # Each version that was seen is told, and none twice.
    versions = [
        (row["chave"], row["what"], row["after"]["versao"])
        for row in changes
        if row["what"] not in (What.XML, What.DESACORDO)
    ]
    assert len(versions) == len(set(versions))
    assert {(chave, versao) for chave, _, versao in versions} == {
        (row["chave"], row["versao"]) for row in tables["versoes"]
    }
