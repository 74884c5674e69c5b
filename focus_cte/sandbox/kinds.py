"""The kinds of fault, by the name that `Sandbox.fail` knows them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

from .breakage import bomb, cut, drop
from .edits import ChaveAcesso, ChaveCte, Item, Unsorted
from .faults import Fault
from .front import Call, answer, denied

_CODES = {
    400: ("requisicao_invalida", "Requisição inválida"),
    403: ("permissao_negada", "CNPJ do emitente não autorizado."),
    404: ("nao_encontrado", "Documento Fiscal não encontrado"),
    415: ("requisicao_invalida", "JSON inválido"),
    422: ("requisicao_invalida", "Requisição inválida"),
    429: ("limite_excedido", "Limite de requisições excedido"),
}
_INTERNAL = ("erro_interno", "Erro interno, tente novamente mais tarde")
_PAGE = (
    "<!DOCTYPE html><html><head><title>Manutenção</title></head>"
    "<body><h1>Voltamos logo</h1></body></html>\n"
)


def _positive(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number")
    if not value > 0:
        raise ValueError(f"{name} must be positive")


def _headers(headers: object) -> None:
    if not isinstance(headers, Mapping) or not all(
        isinstance(name, str) and isinstance(value, str | None) for name, value in headers.items()
    ):
        raise TypeError("headers must map names to a string, or to None to remove one")


def _apply(headers: Mapping[str, str | None], response: web.StreamResponse) -> None:
    for name, value in headers.items():
        response.headers.popall(name, None)
        if value is not None:
            response.headers[name] = value


@dataclass(frozen=True)
class Status(Fault):
    """Any status. `body` replaces the vendor's JSON; `done`: the work was done all the same."""

    status: int = 503
    codigo: str | None = None
    mensagem: str | None = None
    headers: Mapping[str, str | None] | None = None
    body: str | bytes | Mapping[str, Any] | list[Any] | None = None
    done: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.status, bool) or not isinstance(self.status, int):
            raise TypeError("status must be an integer")
        if not 200 <= self.status <= 599:
            raise ValueError(f"status must be from 200 to 599, not {self.status}")
        if self.body is not None and (self.codigo is not None or self.mensagem is not None):
            raise ValueError("give either body, or codigo and mensagem")
        _headers(self.headers or {})

    async def answer(self, call: Call) -> web.StreamResponse:
        if self.done:
            await call.work()
        if isinstance(self.body, str | bytes):
            raw = self.body.encode() if isinstance(self.body, str) else self.body
            return web.Response(body=raw, status=self.status, content_type="application/json")
        codigo, mensagem = _CODES.get(self.status, _INTERNAL)
        error = {"codigo": self.codigo or codigo, "mensagem": self.mensagem or mensagem}
        return answer(error if self.body is None else self.body, self.status)

    def edit_headers(self, response: web.StreamResponse) -> None:
        _apply(self.headers or {}, response)


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset before anything was done."""

    async def answer(self, call: Call) -> web.StreamResponse:
        return drop(call.request)


@dataclass(frozen=True)
class ResetAfter(Fault):
    """The work is done, and then the connection is reset."""

    async def answer(self, call: Call) -> web.StreamResponse:
        await call.work()
        return drop(call.request)


@dataclass(frozen=True)
class Cut(Fault):
    """The work is done; of the body only `keep` bytes arrive (None: half)."""

    keep: int | None = None

    def __post_init__(self) -> None:
        if self.keep is not None and (
            isinstance(self.keep, bool) or not isinstance(self.keep, int)
        ):
            raise TypeError("keep must be an integer")
        if self.keep is not None and self.keep < 0:
            raise ValueError("keep must not be negative")

    async def answer(self, call: Call) -> web.StreamResponse:
        return await cut(call, await call.work(), self.keep)


@dataclass(frozen=True)
class Slow(Fault):
    """Nothing happens for `seconds`; then the work is done, whether the client waits or not."""

    seconds: float

    def __post_init__(self) -> None:
        _positive("seconds", self.seconds)

    async def answer(self, call: Call) -> web.StreamResponse:
        return await call.work() if await call.pause(self.seconds) else drop(call.request)


@dataclass(frozen=True)
class Html(Fault):
    """A page of a proxy, with status 200, instead of the API."""

    body: str = _PAGE

    async def answer(self, call: Call) -> web.StreamResponse:
        return web.Response(text=self.body, content_type="text/html")


@dataclass(frozen=True)
class Headers(Fault):
    """The right answer with other headers: a string replaces one, None removes it."""

    headers: Mapping[str, str | None]

    def __post_init__(self) -> None:
        _headers(self.headers)

    async def answer(self, call: Call) -> web.StreamResponse:
        return await call.work()

    def edit_headers(self, response: web.StreamResponse) -> None:
        _apply(self.headers, response)


@dataclass(frozen=True)
class Unauthorized(Fault):
    """The token is refused as if it were wrong: no credit, no Rate-Limit headers."""

    free: ClassVar[bool] = True

    async def answer(self, call: Call) -> web.StreamResponse:
        return denied()


@dataclass(frozen=True)
class Refuse(Fault):
    """SEFAZ refuses, with HTTP 200. A GET meets it only when `on` names desacordo_get."""

    places: ClassVar[frozenset[str]] = frozenset({"desacordo_post", "desacordo_get"})

    status_sefaz: str = "787"
    mensagem_sefaz: str = (
        "Rejeição: Evento de Prestação do Serviço em Desacordo deve ocorrer em até 45 dias"
    )
    status: str = "erro"

    def where(self, on: str) -> frozenset[str]:
        found = super().where(on)
        return found if on == "desacordo_get" else found - {"desacordo_get"}

    async def answer(self, call: Call) -> web.StreamResponse:
        fields = {
            "status_sefaz": self.status_sefaz,
            "mensagem_sefaz": self.mensagem_sefaz,
            "status": self.status,
        }
        return answer(fields)


@dataclass(frozen=True)
class GzipBomb(Fault):
    """A small body that expands to `size` bytes."""

    size: int = 400 * 2**20

    def __post_init__(self) -> None:
        if not isinstance(self.size, int):
            raise TypeError("size must be an integer")
        _positive("size", self.size)

    async def answer(self, call: Call) -> web.StreamResponse:
        return await bomb(call, self.size)


KINDS: dict[str, type[Fault]] = {
    "status": Status,
    "reset": Reset,
    "reset_after": ResetAfter,
    "cut": Cut,
    "slow": Slow,
    "html": Html,
    "headers": Headers,
    "unsorted": Unsorted,
    "chave_cte": ChaveCte,
    "chave_acesso": ChaveAcesso,
    "unauthorized": Unauthorized,
    "refuse": Refuse,
    "item": Item,
    "gzip_bomb": GzipBomb,
}


def make(kind: str, details: Mapping[str, Any]) -> Fault:
    """The fault of that kind. Raises ValueError if there is none, TypeError for a wrong detail."""
    if kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}: one of {', '.join(KINDS)}")
    try:
        return KINDS[kind](**details)
    except TypeError as error:
        raise TypeError(f"fault {kind!r}: {error}") from None
