"""What one writes with httpx and pydantic: documents of a model with the SDK's fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter

from focus_cte import Situacao, TipoCTe


class CTe(BaseModel):
    chave: str
    versao: int
    situacao: Situacao | str | None = None
    tipo_cte: TipoCTe | str | None = None
    valor_total: Decimal | None = None
    data_emissao: AwareDatetime | None = None
    nome_emitente: str | None = None
    documento_emitente: str | None = None
    cnpj_destinatario: str | None = None
    digest_value: str | None = None
    carta_correcao: str | None = None
    data_carta_correcao: AwareDatetime | None = None
    data_cancelamento: AwareDatetime | None = None
    justificativa_cancelamento: str | None = None


_PAGE = TypeAdapter(list[CTe])


async def _pages(client: httpx.AsyncClient, cnpj: str) -> AsyncIterator[list[CTe]]:
    versao, more = "0", True
    while more:
        response = await client.get("/v2/ctes_recebidas", params={"cnpj": cnpj, "versao": versao})
        items = _PAGE.validate_json(response.content)
        yield items
        versao = response.headers["X-Max-Version"]
        more = int(response.headers["X-Total-Count"]) > len(items)


async def listing(url: str, token: str, cnpj: str) -> AsyncIterator[int | None]:
    async with httpx.AsyncClient(base_url=url, auth=(token, "")) as client:
        await anext(_pages(client, cnpj))
        yield None
        count = 0
        async for items in _pages(client, cnpj):
            for _ in items:
                count += 1
        yield count
