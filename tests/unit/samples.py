"""What the unit tests are about: the vendor's own example, more of its kind, and a clock to set."""

from __future__ import annotations

import json
from typing import Any, Final

from multidict import CIMultiDict
from yarl import URL

from focus_cte import CTeRecebida, InvalidDocument
from focus_cte._cte import NO_VERSAO
from focus_cte._wire import Answer, Request
from focus_cte.chave import check_digit

CNPJ: Final = "24178617000110"
CHAVE: Final = "35191008165642000152570020004201831004201839"
SEED_ITEM: Final[dict[str, Any]] = {
    "nome_emitente": "Empresa emitente Ltda.",
    "documento_emitente": "79160190000193",
    "chave": CHAVE,
    "valor_total": "295.66",
    "data_emissao": "2019-10-07T23:44:00-03:00",
    "situacao": "autorizado",
    "tipo_cte": "0",
    "versao": 1709,
    "digest_value": "Xa/AO4zX/qSMh13ILIh1V7GTAQ3=",
    "cnpj_destinatario": CNPJ,
}
"""The seed's, under "Consulta de CTe Recebidas". Its key and CNPJs have wrong check digits."""

ALPHANUMERIC_CNPJ: Final = "12ABC34501DE35"
ALPHANUMERIC: Final = "35260712ABC34501DE35550010000000011000000014"
"""NT Conjunta DFe 2025.001's own, of an NF-e."""

API: Final = "https://api.focusnfe.com.br"
REQUEST: Final = Request("GET", URL(f"{API}/v2/ctes_recebidas"), f"CNPJ {CNPJ}, producao")


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer with these bytes, or with this as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, CIMultiDict(headers or {}), raw)


def rate(remaining: int, reset: int = 60, limit: int = 100) -> dict[str, str]:
    """The headers that tell of credits."""
    return {
        "Rate-Limit-Limit": str(limit),
        "Rate-Limit-Remaining": str(remaining),
        "Rate-Limit-Reset": str(reset),
    }


def chave(n: int) -> str:
    """A key of its own for each number."""
    front = f"352607{ALPHANUMERIC_CNPJ}57001{n:09}1{n % 10**8:08}"
    return f"{front}{check_digit(front)}"


def cte(versao: int, n: int | None = None, **fields: Any) -> CTeRecebida:
    """A document at a `versao`."""
    return CTeRecebida(chave=chave(versao if n is None else n), versao=versao, **fields)


def invalid(versao: int | None = None, raw: Any = None) -> InvalidDocument:
    """A listing's item that cannot be used, as it is before its place in the page is known."""
    return InvalidDocument(
        "an item cannot be used", raw=raw, versao=NO_VERSAO if versao is None else versao
    )
