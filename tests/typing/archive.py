"""What a caller's type checker sees of the mirror. Checked by `mypy --strict`, never run."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

from focus_cte import CTeRecebida, Desacordo, FocusCTe, Share, Situacao, read_item
from focus_cte.mirror import (
    Change,
    Damage,
    Documento,
    Evento,
    Kind,
    Mirror,
    Progress,
    Purged,
    Report,
    Status,
    Step,
    Verified,
    What,
)


async def keeping(focus: FocusCTe, cnpj: str) -> None:
    Mirror("postgresql://localhost/acervo", files=Path("files"), group=True)
    Mirror("postgresql://localhost/acervo")  # type: ignore[call-arg]
    async with Mirror.at("acervo") as mirror:
        assert_type(mirror, Mirror)
        report = await mirror.sync(focus, cnpj, keep="tomador", xml_since=dt.date(2026, 1, 1))
        assert_type(report, Report)
        assert_type((report.new, report.versao, report.requests), tuple[int, int, int])
        assert_type(report.failed, tuple[str, ...])
        told = list[Progress]()
        await mirror.sync(focus, cnpj, on_progress=told.append)
        assert_type(
            (told[0].documents, told[0].total, told[0].wanted), tuple[int, int | None, int | None]
        )
        await mirror.sync(focus, cnpj, keep="emitente")  # type: ignore[arg-type]
        status = await mirror.status(cnpj)
        assert_type(status, Status)
        assert_type((status.documents, status.files), tuple[int, int])
        assert_type(await mirror.reprocess(), int)
        assert_type(await mirror.cnpjs(), tuple[str, ...])
        assert_type(mirror.origin, str | None)
        assert_type(mirror.files, Path)


async def reading(mirror: Mirror, chave: str) -> None:
    assert_type(mirror.changes(after=7), AsyncIterator[Change])
    async for change in mirror.changes():
        assert_type(change.seq, int)
        assert_type(change.what, What | str)
        assert_type(change.after, Mapping[str, Any])
    assert_type(mirror.ctes(situacao="autorizada"), AsyncIterator[Documento])
    now = dt.datetime.now(dt.UTC)
    assert_type(mirror.ctes(due_after=now, due_before=now), AsyncIterator[Documento])
    mirror.ctes(due_before=dt.date(2026, 8, 1))  # type: ignore[arg-type]
    document = await mirror.get(chave)
    assert_type(document, Documento | None)
    if document is not None:
        assert_type(document.situacao, Situacao | str | None)
        assert_type(document.valor_total, Decimal | None)
        assert_type(document.prazo, dt.datetime | None)
    assert_type(await mirror.eventos(chave), tuple[Evento, ...])
    known = await mirror.historico(chave, as_of=dt.datetime.now(dt.UTC))
    assert_type(known, tuple[CTeRecebida, ...])
    assert_type(mirror.path(chave, "dacte"), Path | None)
    assert_type(mirror.path(chave, Kind.DACTE), Path | None)


async def guarding(mirror: Mirror, focus: FocusCTe, chave: str) -> None:
    found = await mirror.verify(repair=True, remote=focus)
    assert_type(found, Verified)
    assert_type(found.damages, tuple[Damage, ...])
    assert_type(await mirror.purge(before=dt.date(2021, 1, 1)), Purged)
    await mirror.informar_desacordo(focus, chave, "Serviço não prestado")  # type: ignore[call-arg]
    done = await mirror.informar_desacordo(focus, chave, "Serviço não prestado", actor="Ana")
    assert_type(done, Desacordo)
    assert_type(await mirror.desacordos(chave), tuple[Step, ...])
    assert_type(await mirror.desacordos(), tuple[Step, ...])
    with focus.sharing(reserve=20) as share:
        assert_type(share, Share)
        assert_type(share.requests, int)
    assert_type(read_item({"chave": chave}), CTeRecebida)
