"""FocusCTe: what a user opens. One short method an operation."""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, overload

import aiohttp

from focus_cte import _settings, desacordo, documents, downloads
from focus_cte.chave import parse_chave, parse_cnpj
from focus_cte.follow import Patient
from focus_cte.listing import list_page
from focus_cte.models import (
    Ambiente,
    Credits,
    CTeCompleta,
    CTeRecebida,
    Desacordo,
    Page,
    Retry,
    Share,
)
from focus_cte.session import Session
from focus_cte.sync import OnInvalid, Sync

_Path = str | os.PathLike[str]


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
            _settings.check_token(token),
            _settings.endpoints(ambiente, base_url),
            http=session,
            timeout=_settings.seconds("timeout", timeout),
            retry=retry,
            max_concurrency=_settings.whole("max_concurrency", max_concurrency, at_least=1),
            reserve=_settings.whole("reserve", reserve, at_least=0),
        )

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """A client from FOCUS_NFE_TOKEN, FOCUS_NFE_AMBIENTE and FOCUS_NFE_BASE_URL.

        FOCUS_NFE_AMBIENTE is `homologacao` or `producao`. `overrides` are parameters of the class,
        and go before the environment's values.
        """
        return cls(**_settings.from_env(overrides))

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
    def ambiente(self) -> Ambiente | None:
        """The environment that was named; None where there was only a `base_url`."""
        return next((a for a in Ambiente if a == self._session.endpoints.where), None)

    @property
    def credits(self) -> Credits:
        """What is known of the token's credits, as all clients of this process see them."""
        return self._session.credits

    @property
    def origin(self) -> str:
        """The API that it speaks to: "https://api.focusnfe.com.br"."""
        return str(self._session.endpoints.base_url.origin())

    def sharing(self, *, reserve: int) -> AbstractContextManager[Share]:
        """Leave more credits to others in a `with` block, and count the requests sent in it.

        It holds for the requests of the block and of the tasks that it starts.
        """
        return self._session.sharing(Share(_settings.whole("reserve", reserve, at_least=0)))

    async def listar(self, cnpj: str, *, versao: int = 0) -> Page:
        """At most 100 documents of a CNPJ, those with `versao` greater than this one. One request.

        An item that cannot be used does not raise: it is in `Page.invalid`.
        """
        return await list_page(self._session, parse_cnpj(cnpj), _settings.cursor(versao))

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
            versao: the highest that you stored; 0 for all.
            prefetch: ask for the next page while you work on this one.
            on_invalid: called, and awaited if async, with each `InvalidDocument` at its place;
                then the sync goes on. Without it the error is raised there.

        Raises, while it iterates, `CursorStalled` for a server that would loop for ever.
        """
        return Sync(
            partial(list_page, self._session, parse_cnpj(cnpj)),
            _settings.cursor(versao),
            prefetch=prefetch,
            on_invalid=on_invalid,
            closed=self._session.closed,
        )

    def follow(
        self,
        cnpj: str,
        *,
        versao: int = 0,
        every: timedelta = timedelta(hours=2),
        wake: asyncio.Event | None = None,
        on_invalid: OnInvalid | None = None,
    ) -> Sync:
        """The same as `sync`, and then waits for more, for ever.

        Args:
            every: the wait between listings without news, jittered. The vendor asks SEFAZ every
                two hours.
            wake: set it to have a listing at once, as from a webhook; it is cleared before. A storm
                of wakes lists every few seconds at most.

        A failure that may pass (`TransportError`, `ServerError`, `RateLimited`, `InvalidResponse`)
        is waited out, from a minute up to `every`; everything else raises.
        """
        patient = Patient(
            partial(list_page, self._session, parse_cnpj(cnpj)),
            every=every,
            wake=wake,
            closed=self._session.closed,
        )
        return Sync(
            patient,
            _settings.cursor(versao),
            prefetch=True,
            on_invalid=on_invalid,
            closed=self._session.closed,
            for_ever=True,
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

        Only the tomador may, within 45 days, once; this API cannot take it back. `observacoes` are
        15 to 255 characters of Latin-1 in one line. When the answer is lost, it is looked up before
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


def _checked(chave: str, cnpj: str | None) -> tuple[str, str | None]:
    return parse_chave(chave), None if cnpj is None else parse_cnpj(cnpj)
