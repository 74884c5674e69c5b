"""FocusCTe: what a user opens. One short method an operation."""

from __future__ import annotations

import logging
import math
import os
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, overload

import aiohttp

from focus_cte import _json, desacordo, documents, downloads
from focus_cte._origin import parse_base_url
from focus_cte._wire import HOSTS, Answer, Endpoints, Request
from focus_cte.chave import parse_chave, parse_cnpj
from focus_cte.errors import InvalidArgument
from focus_cte.models import (
    Ambiente,
    Credits,
    CTeCompleta,
    CTeRecebida,
    Desacordo,
    Page,
    Retry,
)
from focus_cte.session import Session, check_token
from focus_cte.sync import OnInvalid, Sync, advance

_Path = str | os.PathLike[str]
_log = logging.getLogger("focus_cte")


class FocusCTe:
    """The CT-es received by the companies of one token, in one environment.

    Use it with `async with`, or call `close()`; in one event loop. Every method that sends a
    request may raise any of `focus_cte.errors`; the arguments are checked before a request is sent
    (`InvalidArgument`). CNPJs and keys may be formatted ("24.178.617/0001-10").
    """

    def __init__(
        self,
        token: str,
        *,
        ambiente: Ambiente | None = None,
        base_url: str | None = None,
        session: aiohttp.ClientSession | None = None,
        timeout: float = 30.0,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        max_concurrency: int = 8,
        reserve: int = 0,
    ) -> None:
        """Nothing is sent yet.

        Args:
            token: of this environment; each has its own.
            ambiente: which environment. It or `base_url` must be given, since a wrong environment
                answers with an empty list.
            base_url: another address of the API, https or loopback: a sandbox, a gateway.
            session: an aiohttp session to borrow; it is never closed here, and neither its
                credentials nor its cookies are sent. Without it, one is made and closed.
            timeout: seconds for a listing or consultation, body included; for a download, seconds
                without a byte.
            retry: how long to insist.
            max_concurrency: requests under way at once.
            reserve: credits of each window left to others. Desacordos may use them.
        """
        self._session = Session(
            check_token(token),
            _endpoints(ambiente, base_url),
            http=session,
            timeout=_seconds("timeout", timeout),
            retry=retry,
            max_concurrency=_whole("max_concurrency", max_concurrency, at_least=1),
            reserve=_whole("reserve", reserve, at_least=0),
        )
        self._hinted = False

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """A client from FOCUS_NFE_TOKEN, FOCUS_NFE_AMBIENTE and FOCUS_NFE_BASE_URL.

        FOCUS_NFE_AMBIENTE is `homologacao` or `producao`. `overrides` are parameters of the class,
        and go before the environment's values.
        """
        settings: dict[str, Any] = {}
        if not {"ambiente", "base_url"} & set(overrides):
            settings["ambiente"] = os.environ.get("FOCUS_NFE_AMBIENTE") or None
            settings["base_url"] = os.environ.get("FOCUS_NFE_BASE_URL") or None
        if "token" not in overrides:
            settings["token"] = os.environ.get("FOCUS_NFE_TOKEN")
            if not settings["token"]:
                raise InvalidArgument("FOCUS_NFE_TOKEN is not set")
        return cls(**settings, **overrides)

    def __repr__(self) -> str:
        return f"FocusCTe({self._session.endpoints.where})"

    def __reduce__(self) -> NoReturn:
        self._session.__reduce__()

    async def __aenter__(self) -> Self:
        self._session.check_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is under way with `ClientClosed`. May be called again."""
        await self._session.close()

    @property
    def credits(self) -> Credits:
        """What is known of the token's credits, as all clients of this process see them."""
        return self._session.credits

    async def listar(self, cnpj: str, *, versao: int = 0) -> Page:
        """At most 100 documents of a CNPJ, those with `versao` greater than this one. One request.

        An item that cannot be used does not raise: it is in `Page.invalid`.
        """
        return await self._list(parse_cnpj(cnpj), _check_versao(versao))

    def sync(
        self,
        cnpj: str,
        *,
        versao: int = 0,
        prefetch: bool = True,
        on_invalid: OnInvalid | None = None,
    ) -> Sync:
        """The documents of a CNPJ after `versao`, until there are no more.

        Args:
            cnpj: whose documents.
            versao: the highest that you stored; 0 for all.
            prefetch: ask for the next page while you work on this one.
            on_invalid: called, and awaited if it is async, with each `InvalidDocument` at its
                place; then the sync goes on. Without it the error is raised there.

        Raises, while it iterates, `CursorStalled` for a server that would loop for ever.
        """
        return Sync(
            partial(self._list, parse_cnpj(cnpj)),
            _check_versao(versao),
            prefetch=prefetch,
            on_invalid=on_invalid,
            check_open=self._session.check_open,
        )

    async def consultar(self, chave: str, *, cnpj: str | None = None) -> CTeRecebida:
        """The summary of one document. `cnpj` says whose, where a token serves many companies."""
        return await documents.consultar(self._session, *_checked(chave, cnpj))

    async def consultar_completa(self, chave: str, *, cnpj: str | None = None) -> CTeCompleta:
        """One document with its MDF-es, the whole CT-e and SEFAZ's protocol as JSON."""
        return await documents.consultar_completa(self._session, *_checked(chave, cnpj))

    async def informar_desacordo(
        self, chave: str, observacoes: str, *, cnpj: str | None = None
    ) -> Desacordo:
        """Register a desacordo with SEFAZ, and return what is registered.

        Only the tomador may, within 45 days, once; it cannot be taken back. `observacoes` are 15
        to 255 characters of Latin-1 in one line. When the answer is lost, it is looked up before
        it is sent again. A cancellation in the middle leaves it unknown: shield the call.

        Raises `DesacordoRejeitado` when SEFAZ refuses, `DesacordoJaRegistrado` when there was one,
        and `OutcomeUnknown` when it may or may not be registered.
        """
        texto = desacordo.check_observacoes(observacoes)
        chave, cnpj = _checked(chave, cnpj)
        return await desacordo.informar(self._session, chave, texto, cnpj)

    async def consultar_desacordo(self, chave: str, *, cnpj: str | None = None) -> Desacordo:
        """The last valid desacordo of a document; `NotFound` where there is none."""
        return await documents.consultar_desacordo(self._session, *_checked(chave, cnpj))

    @overload
    async def baixar_xml(
        self, chave: str, *, cnpj: str | None = None, to: None = None
    ) -> bytes: ...
    @overload
    async def baixar_xml(self, chave: str, *, cnpj: str | None = None, to: _Path) -> Path: ...
    async def baixar_xml(
        self, chave: str, *, cnpj: str | None = None, to: _Path | None = None
    ) -> bytes | Path:
        """The authorized XML, its bytes untouched; a fresh one may be `NotFound` for a while.

        With `to`, the file is streamed there and its path returned: it is whole, or as it was.
        """
        return await self._download(downloads.XML, chave, cnpj, to)

    @overload
    async def baixar_dacte(
        self, chave: str, *, cnpj: str | None = None, to: None = None
    ) -> bytes: ...
    @overload
    async def baixar_dacte(self, chave: str, *, cnpj: str | None = None, to: _Path) -> Path: ...
    async def baixar_dacte(
        self, chave: str, *, cnpj: str | None = None, to: _Path | None = None
    ) -> bytes | Path:
        """The DACTe, a PDF, from the vendor's storage. `to` as in `baixar_xml`."""
        return await self._download(downloads.DACTE, chave, cnpj, to)

    @overload
    async def baixar_xml_cancelamento(
        self, chave: str, *, cnpj: str | None = None, to: None = None
    ) -> bytes: ...
    @overload
    async def baixar_xml_cancelamento(
        self, chave: str, *, cnpj: str | None = None, to: _Path
    ) -> Path: ...
    async def baixar_xml_cancelamento(
        self, chave: str, *, cnpj: str | None = None, to: _Path | None = None
    ) -> bytes | Path:
        """The cancellation's XML; `NotFound` without one. `to` as in `baixar_xml`."""
        return await self._download(downloads.XML_CANCELAMENTO, chave, cnpj, to)

    @overload
    async def baixar_xml_carta_correcao(
        self, chave: str, *, cnpj: str | None = None, to: None = None
    ) -> bytes: ...
    @overload
    async def baixar_xml_carta_correcao(
        self, chave: str, *, cnpj: str | None = None, to: _Path
    ) -> Path: ...
    async def baixar_xml_carta_correcao(
        self, chave: str, *, cnpj: str | None = None, to: _Path | None = None
    ) -> bytes | Path:
        """The last correction letter's XML; `NotFound` without one. `to` as in `baixar_xml`."""
        return await self._download(downloads.XML_CARTA_CORRECAO, chave, cnpj, to)

    async def reenviar_notificacao(self, chave: str) -> None:
        """Have the vendor call your webhook for this document once more."""
        await documents.reenviar_notificacao(self._session, parse_chave(chave))

    async def _download(
        self, kind: downloads.Kind, chave: str, cnpj: str | None, to: _Path | None
    ) -> bytes | Path:
        chave, cnpj = _checked(chave, cnpj)
        return await downloads.download(self._session, chave, kind, cnpj, to)

    async def _list(self, cnpj: str, versao: int) -> Page:
        def read(request: Request, answer: Answer) -> Page:
            return advance(versao, _json.listing(request, answer), answer.headers)

        endpoints = self._session.endpoints
        page = await self._session.fetch(endpoints.listing(cnpj, versao), read)
        nothing = versao == 0 and page.last and not (page.ctes or page.invalid)
        if nothing and endpoints.where == Ambiente.HOMOLOGACAO and not self._hinted:
            self._hinted = True
            _log.warning(
                "homologacao lists no document of CNPJ %s: it has no real ones, they are in"
                " producao, with a token of its own",
                cnpj,
            )
        return page


def _endpoints(ambiente: Ambiente | None, base_url: str | None) -> Endpoints:
    if ambiente is not None:
        try:
            ambiente = Ambiente(ambiente)
        except ValueError:
            known = " or ".join(repr(a.value) for a in Ambiente)
            raise InvalidArgument(f"ambiente {ambiente!r} is not known: use {known}") from None
    if base_url is not None:
        url = parse_base_url(base_url)
    elif ambiente is not None:
        url = parse_base_url(HOSTS[ambiente])
    else:
        raise InvalidArgument(
            "say which environment, ambiente=Ambiente.PRODUCAO or Ambiente.HOMOLOGACAO, or give a"
            " base_url: a wrong environment answers with an empty list"
        )
    return Endpoints(url, str(ambiente or url.origin()))


def _checked(chave: str, cnpj: str | None) -> tuple[str, str | None]:
    return parse_chave(chave), None if cnpj is None else parse_cnpj(cnpj)


def _check_versao(versao: int) -> int:
    return _whole("versao", versao, at_least=0)


def _whole(name: str, value: int, *, at_least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value < 2**63:
        raise InvalidArgument(f"{name} must be a whole number from {at_least}, not {value!r}")
    return value


def _seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InvalidArgument(f"{name} must be a number of seconds above 0, not {value!r}")
    return float(value)
