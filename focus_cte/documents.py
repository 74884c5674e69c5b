"""One document: its consultation, summary and complete, its desacordo, and its notification."""

from __future__ import annotations

from focus_cte import _json
from focus_cte._retry import Budget
from focus_cte.gate import Lane
from focus_cte.models import CTeCompleta, CTeRecebida, Desacordo
from focus_cte.session import Session


async def consultar(session: Session, chave: str, cnpj: str | None) -> CTeRecebida:
    """The summary, as the listing gives it."""
    request = session.endpoints.document(chave, ".json", cnpj)
    return await session.fetch(request, lambda r, answer: _json.resumo(r, answer, chave))


async def consultar_completa(session: Session, chave: str, cnpj: str | None) -> CTeCompleta:
    """The summary with the MDF-es, the whole CT-e and SEFAZ's protocol."""
    request = session.endpoints.document(chave, ".json", cnpj, completa="1")
    return await session.fetch(request, lambda r, answer: _json.completa(r, answer, chave))


async def consultar_desacordo(session: Session, chave: str, cnpj: str | None) -> Desacordo:
    """The last valid desacordo; `NotFound` where there is none."""
    request = session.endpoints.document(chave, "/desacordo", cnpj)
    return await session.fetch(request, _json.desacordo, lane=Lane.URGENT)


async def reenviar_notificacao(session: Session, chave: str) -> None:
    """Have the webhook called again. To repeat it does no harm, so a lost answer is retried."""
    request = session.endpoints.hook(chave)

    async def once(budget: Budget) -> None:
        await session.answer(request, Lane.PROMPT, budget)

    await session.insist(once)
