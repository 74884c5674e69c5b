"""The vendor's protocol without I/O: requests, headers, and what an answer's status means."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import attrs
from yarl import URL

from focus_cte.errors import (
    ApiError,
    AuthenticationError,
    BadRequest,
    DesacordoJaRegistrado,
    FocusError,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from focus_cte.models import Ambiente

HOSTS: Final = {
    Ambiente.PRODUCAO: "https://api.focusnfe.com.br",
    Ambiente.HOMOLOGACAO: "https://homologacao.focusnfe.com.br",
}
_HIGHEST: Final = 2**63 - 1
_LONGEST_WAIT: Final = 86_400


@attrs.frozen(repr=False)
class Request:
    """One request, without credentials."""

    method: str
    url: URL
    subject: str
    """Where it goes, and whom it is about where the path does not tell, for messages."""
    body: bytes | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.url.path} ({self.subject})"

    __repr__ = __str__  # a signed URL is a secret, and a log handler may show what it is given


@attrs.frozen
class Answer:
    """One answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@attrs.frozen
class Endpoints:
    """The vendor's URLs under one base URL. Keys and CNPJs come here with their shape checked."""

    base_url: URL
    where: str
    """The environment, for messages."""
    _listing: URL = attrs.field(init=False, repr=False)

    @_listing.default
    def _make_listing(self) -> URL:
        return self.base_url / "v2" / "ctes_recebidas"

    def listing(self, cnpj: str, versao: int) -> Request:
        """At most 100 documents of a CNPJ, those with `versao` greater than this one."""
        url = self._listing.with_query(cnpj=cnpj, versao=versao)
        return Request("GET", url, f"CNPJ {cnpj}, {self.where}")

    def document(self, chave: str, suffix: str, cnpj: str | None, **params: str) -> Request:
        """GET of one document; `suffix` says what of it: ".json", ".pdf", "/desacordo"…"""
        return self._about(
            "GET", chave, suffix, params if cnpj is None else {"cnpj": cnpj, **params}
        )

    def desacordo(self, chave: str, observacoes: str, cnpj: str | None) -> Request:
        """POST of a desacordo."""
        request = self._about("POST", chave, "/desacordo", {} if cnpj is None else {"cnpj": cnpj})
        return attrs.evolve(request, body=json.dumps({"observacoes": observacoes}).encode())

    def hook(self, chave: str) -> Request:
        """POST that has the webhook notification sent again."""
        return self._about("POST", chave, "/hook", {})

    def _about(self, method: str, chave: str, suffix: str, query: Mapping[str, str]) -> Request:
        url = self._listing.joinpath(*f"{chave}{suffix}".split("/"))
        return Request(method, url.with_query(query), self.where)


def header_int(headers: Mapping[str, str], name: str, *, highest: int = _HIGHEST) -> int | None:
    """A header's whole number from 0 to `highest`, or None when absent or anything else."""
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    value = int(text)
    return value if value <= highest else None


def asked_wait(status: int, headers: Mapping[str, str]) -> int | None:
    """The seconds that a refusal asks to wait, at most a day, or None when it does not say.

    Every answer carries Rate-Limit-Reset; it is only a 429 that asks to wait so long.
    """
    waits = (
        header_int(headers, name, highest=_LONGEST_WAIT) for name in _WAIT_HEADERS.get(status, ())
    )
    return max((wait for wait in waits if wait is not None), default=None)


_BY_CODIGO: Final[Mapping[str, type[ApiError]]] = {
    "permissao_negada": PermissionDenied,
    "nao_encontrado": NotFound,
    "limite_excedido": RateLimited,
    "requisicao_invalida": BadRequest,
}
_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    400: BadRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    415: BadRequest,
    422: BadRequest,
    429: RateLimited,
}
_WAIT_HEADERS: Final[Mapping[int, tuple[str, ...]]] = {
    429: ("Rate-Limit-Reset", "Retry-After"),
    503: ("Retry-After",),
}
_STATUS_DECIDES: Final = frozenset({401, 429})
"""Where insisting gets the address blocked, the status outweighs any `codigo`."""

_ENABLE: Final = 'enable "Recebimento de CTes" for this company in the vendor\'s panel'
_NOT_YET: Final = "a fresh document's files take a while; an event's exist once it happened"
_HINTS: Final[Mapping[type[ApiError], str]] = {
    AuthenticationError: "each environment has its own token: is this one of that environment?",
    PermissionDenied: _ENABLE,
    RateLimited: "the credits are spent, maybe by another program, or the address is blocked",
}
GOV_BR: Final = "https://dfe-portal.svrs.rs.gov.br/CTE/PrestacaoServicoDesacordo"
CPF_HINT: Final = (
    f"a tomador who is a person (CPF) registers the desacordo on gov.br only: {GOV_BR}"
)


def refusal(request: Request, answer: Answer) -> FocusError:
    """The error for a status other than 2xx, in the vendor's own words."""
    if not 400 <= answer.status < 600:
        return InvalidResponse(f"{request}: status {answer.status} is not documented")
    said = _object(answer.body)
    codigo = _text(said.get("codigo"))
    mensagem = _text(said.get("mensagem")) or _plain(answer.body)
    erros = tuple(e for e in _list(said.get("erros")) if isinstance(e, dict))
    kind = _kind(answer.status, codigo, fold(mensagem or ""))
    words = [mensagem or "no reason given"]
    for erro in erros[:10]:
        said_of = [_text(erro.get("campo")), _text(erro.get("mensagem"))]
        words += [": ".join(filter(None, said_of))] if any(said_of) else []
    hint = _hint(kind, fold(mensagem or ""), request.url.suffix)
    return kind(
        f"{request}: {answer.status} {codigo or ''}".rstrip()
        + f": {'; '.join(words)}"
        + (f" ({hint})" if hint else ""),
        status=answer.status,
        codigo=codigo,
        mensagem=mensagem,
        erros=erros,
        retry_after=asked_wait(answer.status, answer.headers),
    )


def _kind(status: int, codigo: str | None, mensagem: str) -> type[ApiError]:
    if status >= 500:
        return ServerError
    kind = _BY_STATUS.get(status, ApiError)
    if status not in _STATUS_DECIDES:
        kind = _BY_CODIGO.get(codigo or "", kind)
    if kind is BadRequest and "ja registrado" in mensagem:
        return DesacordoJaRegistrado
    return kind


def _hint(kind: type[ApiError], mensagem: str, suffix: str) -> str | None:
    if mentions_cpf(mensagem):
        return CPF_HINT
    if "nao autorizado" in mensagem:
        return _ENABLE
    if kind is NotFound and suffix in (".xml", ".pdf"):
        return _NOT_YET
    return _HINTS.get(kind)


def fold(text: str) -> str:
    """Lower case without accents, to find words in the vendor's messages."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def mentions_cpf(folded: str) -> bool:
    """Whether a folded message is about a person."""
    return re.search(r"\bcpf\b|pessoa fisica", folded) is not None


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    """A vendor's text, fit to be printed: one line, no lone surrogates, at most 500 characters."""
    if not isinstance(value, str):
        return None
    return " ".join(value[:2000].encode(errors="replace").decode().split())[:500] or None


def _plain(body: bytes) -> str | None:
    """The words of a page that is not the API's JSON, such as a proxy's HTML."""
    return _text(re.sub(r"<style.*?</style>|<[^>]*>", " ", body[:4000].decode(errors="replace")))
