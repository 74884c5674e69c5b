"""What a caller's type checker sees. Checked by `mypy --strict`, never run."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

import aiohttp

from focus_cte import (
    Ambiente,
    ApiError,
    ChaveAcesso,
    Credits,
    CTeCompleta,
    CTeRecebida,
    Desacordo,
    DesacordoRejeitado,
    FocusCTe,
    InvalidDocument,
    OutcomeUnknown,
    Page,
    Retry,
    Situacao,
    Sync,
    TipoCTe,
    check_observacoes,
    parse_chave,
    parse_cnpj,
)
from focus_cte.sandbox import Sandbox
from focus_cte.xml import (
    CTeXML,
    Evento,
    Papel,
    Parte,
    PlanoDesacordo,
    PrazoDesacordo,
    Protocolo,
    Verification,
    checar_desacordo,
    parse_and_verify,
    prazo_desacordo,
    verify,
)


async def opening(session: aiohttp.ClientSession) -> None:
    FocusCTe(
        "token",
        ambiente=Ambiente.PRODUCAO,
        base_url="https://gateway.example",
        session=session,
        timeout=10,
        retry=Retry(attempts=2, total=10, initial=1, maximum=2),
        max_concurrency=2,
        reserve=5,
    )
    FocusCTe("token", Ambiente.PRODUCAO)  # type: ignore[call-arg]
    FocusCTe("token", ambiente="producao")  # type: ignore[arg-type]
    FocusCTe("token", ambient=Ambiente.PRODUCAO)  # type: ignore[call-arg]
    assert_type(FocusCTe.from_env(timeout=5.0), FocusCTe)
    async with FocusCTe.from_env() as focus:
        assert_type(focus, FocusCTe)
        assert_type(focus.credits, Credits)
        assert_type(focus.credits.limit, int | None)
        assert_type(focus.credits.remaining, int | None)
        assert_type(focus.credits.resets_in, float | None)
    assert_type(await focus.close(), None)


async def listing(focus: FocusCTe) -> None:
    page = await focus.listar("24178617000110", versao=7)
    assert_type(page, Page)
    assert_type(page.ctes, tuple[CTeRecebida, ...])
    assert_type(page.versao, int)
    assert_type(page.total, int | None)
    assert_type(page.last, bool)
    assert_type(page.invalid, tuple[InvalidDocument, ...])
    await focus.listar("24178617000110", 7)  # type: ignore[call-arg]


async def syncing(focus: FocusCTe) -> None:
    sync = focus.sync("24178617000110", versao=7, prefetch=False)
    assert_type(sync, Sync)
    async for cte in sync:
        assert_type(cte, CTeRecebida)
    assert_type(sync.versao, int)
    assert_type(sync.total, int | None)
    assert_type(sync.pages(), AsyncIterator[Page])
    async for page in sync.pages():
        assert_type(page, Page)
    async with focus.sync("24178617000110") as opened:
        assert_type(opened, Sync)
    assert_type(await sync.aclose(), None)


async def following(focus: FocusCTe, wake: asyncio.Event) -> None:
    follow = focus.follow("24178617000110", versao=7, every=dt.timedelta(hours=1), wake=wake)
    assert_type(follow, Sync)
    async for cte in follow:
        assert_type(cte, CTeRecebida)
    focus.follow("24178617000110", every=3600)  # type: ignore[arg-type]


async def minding_what_is_invalid(focus: FocusCTe) -> None:
    async def keep(error: InvalidDocument) -> None:
        assert_type(error.versao, int)
        assert_type(error.raw, Any)

    found: list[InvalidDocument] = []
    focus.sync("24178617000110", on_invalid=keep)
    focus.sync("24178617000110", on_invalid=found.append)
    focus.sync("24178617000110", on_invalid=None)
    focus.sync("24178617000110", on_invalid=len)  # type: ignore[arg-type]


async def one_document(focus: FocusCTe, chave: str) -> None:
    cte = await focus.consultar(chave, cnpj="24178617000110")
    assert_type(cte, CTeRecebida)
    assert_type(cte.chave, str)
    assert_type(cte.versao, int)
    assert_type(cte.situacao, Situacao | str | None)
    assert_type(cte.tipo_cte, TipoCTe | str | None)
    assert_type(cte.valor_total, Decimal | None)
    assert_type(cte.data_emissao, dt.datetime | None)
    assert_type(cte.nome_emitente, str | None)
    assert_type(cte.raw, Mapping[str, Any])
    assert_type(cte.extra, dict[str, Any])
    cte.versao = 1  # type: ignore[misc]
    completa = await focus.consultar_completa(chave)
    assert_type(completa, CTeCompleta)
    assert_type(completa.resumo, CTeRecebida)
    assert_type(completa.mdfes, tuple[Mapping[str, Any], ...])
    assert_type(completa.requisicao, Mapping[str, Any])
    assert_type(completa.protocolo, Mapping[str, Any])
    assert_type(await focus.reenviar_notificacao(chave), None)


async def a_desacordo(focus: FocusCTe, chave: str) -> None:
    try:
        found = await asyncio.shield(focus.informar_desacordo(chave, "Serviço não prestado"))
        assert_type(found, Desacordo)
    except DesacordoRejeitado as error:
        assert_type(error.desacordo, Desacordo | None)
    except OutcomeUnknown as error:
        assert_type(error.chave, str)
    except ApiError as error:
        assert_type(error.status, int)
        assert_type(error.codigo, str | None)
        assert_type(error.mensagem, str | None)
        assert_type(error.erros, tuple[Mapping[str, Any], ...])
        assert_type(error.retry_after, float | None)
    found = await focus.consultar_desacordo(chave)
    assert_type(found.registrado, bool)
    assert_type(found.protocolo, str | None)


async def files(focus: FocusCTe, chave: str, path: Path, other: os.PathLike[str]) -> None:
    assert_type(await focus.baixar_xml(chave), bytes)
    assert_type(await focus.baixar_xml(chave, cnpj="24178617000110"), bytes)
    assert_type(await focus.baixar_xml(chave, to=None), bytes)
    assert_type(await focus.baixar_xml(chave, to="cte.xml"), Path)
    assert_type(await focus.baixar_xml(chave, to=path), Path)
    assert_type(await focus.baixar_xml(chave, to=other), Path)
    assert_type(await focus.baixar_dacte(chave), bytes)
    assert_type(await focus.baixar_dacte(chave, to=path), Path)
    assert_type(await focus.baixar_xml_cancelamento(chave), bytes)
    assert_type(await focus.baixar_xml_cancelamento(chave, to=path), Path)
    assert_type(await focus.baixar_xml_carta_correcao(chave), bytes)
    assert_type(await focus.baixar_xml_carta_correcao(chave, to=path), Path)
    await focus.baixar_xml(chave, path)  # type: ignore[call-overload]


def a_key() -> None:
    chave = ChaveAcesso.parse("35191008165642000152570020004201831004201839")
    assert_type(chave, ChaveAcesso)
    assert_type(chave.uf, str)
    assert_type(chave.numero, int)
    assert_type(chave.dv_ok, bool)


def the_xml_itself(data: bytes, listed: CTeRecebida) -> None:
    cte = CTeXML.parse(data)
    assert_type(cte, CTeXML)
    assert_type(cte.tipo_cte, TipoCTe | str | None)
    assert_type(cte.emissao, dt.datetime | None)
    assert_type(cte.ambiente, Ambiente | None)
    assert_type(cte.valor_receber, Decimal | None)
    assert_type(cte.tomador, Parte | None)
    assert_type(cte.papeis("24.178.617/0001-10"), tuple[Papel, ...])
    assert_type(cte.chaves_nfe, tuple[str, ...])
    assert_type(cte.referencias, tuple[tuple[str, str], ...])
    assert_type(cte.protocolo, Protocolo | None)
    evento = Evento.parse(data)
    assert_type(evento.sequencia, int)
    assert_type(evento.data, dt.datetime)
    assert_type(evento.texto, str | None)
    check = verify(data, chave=cte.chave, digest_value=listed.digest_value)
    assert_type(check, Verification)
    assert_type(check.ok, bool)
    assert_type(check.listagem, bool | None)
    assert_type(check.problems, tuple[str, ...])
    verify(data, cte.chave)  # type: ignore[call-arg]
    both = parse_and_verify(data, chave=parse_chave(cte.chave))
    assert_type(both, tuple[CTeXML | Evento, Verification])
    prazo = prazo_desacordo(cte)
    assert_type(prazo, PrazoDesacordo)
    assert_type(prazo_desacordo(listed).ultimo_dia, dt.date)
    assert_type(prazo.dias_restantes(dt.datetime.now(dt.UTC)), int)


async def a_desacordo_prepared(focus: FocusCTe, chave: str) -> None:
    assert_type(check_observacoes("A mercadoria chegou com avaria"), str)
    assert_type(focus.ambiente, Ambiente | None)
    cnpj = parse_cnpj("24.178.617/0001-10")
    plan = await checar_desacordo(focus, chave, cnpj=cnpj, observacoes="Serviço não prestado")
    assert_type(plan, PlanoDesacordo)
    assert_type(plan.ok, bool)
    assert_type(plan.impedimentos, tuple[str, ...])
    assert_type(plan.prazo, PrazoDesacordo | None)
    assert_type(plan.cte, CTeXML | None)
    assert_type(plan.resumo, CTeRecebida)


async def trying_without_an_account() -> None:
    async with Sandbox(ctes=10) as sandbox:
        assert_type(sandbox.url, str)
        assert_type(sandbox.token, str)
        assert_type(sandbox.cnpj, str)
