"""`Sandbox`: the two origins on real sockets, and the handles by which a test moves them."""

from __future__ import annotations

import os
from time import monotonic
from types import TracebackType
from typing import Any

from aiohttp import web

from . import companies, data
from .acervo import Acervo
from .api import Api, Total
from .catalogue import Catalogue
from .chance import Chance, Odds
from .data import Generator
from .documents import Source
from .faults import Script
from .front import Front, Seen
from .keys import Draw
from .kinds import make
from .limits import RateWindow, Rounding, TokenGuard
from .pdf import dacte
from .storage import Storage

_HOST = "127.0.0.1"


class Sandbox:
    """A Focus NFe API of its own, with the CT-es of one company.

    Everything follows from `seed`: keys, values, dates, token and CNPJ; the first n documents are
    the same for any `ctes`. About one document in twelve was hired by somebody else, so SEFAZ
    refuses our desacordo (755), and a few are cancelled (218) or denegadas (205); the first five
    have nothing special.

    ctes       how many documents there are at the start (`acervo` brings its own)
    credits    requests per window; None for unlimited, without Rate-Limit headers
    window     its length in seconds, and how long insisting on a wrong token blocks an address
    rounding   of Rate-Limit-Reset
    grid       False: a window starts with the first request after the last one ended;
               True: at multiples of `window`
    page       documents in one listing
    latency    seconds before any answer
    total      what X-Total-Count counts: the documents after `versao`, or all of them
    acervo     a folder of CT-e XML files to serve instead of generated ones
    xml_delay  seconds in which the XML of a document from `receive` answers 404
    port       of the API; 0 takes a free one
    """

    def __init__(
        self,
        *,
        ctes: int = 250,
        seed: int = 1,
        credits: int | None = 100,
        window: float = 60.0,
        rounding: Rounding = "up",
        grid: bool = False,
        page: int = 100,
        latency: float = 0.0,
        total: Total = "after",
        acervo: str | os.PathLike[str] | None = None,
        xml_delay: float = 0.0,
        port: int = 0,
    ) -> None:
        if ctes < 0 or page < 1 or latency < 0 or xml_delay < 0:
            raise ValueError(
                "ctes, latency and xml_delay must not be negative, and page must be at least 1"
            )
        if total not in ("after", "all"):
            raise ValueError(f"total must be 'after' or 'all', not {total!r}")
        stored = None if acervo is None else Acervo(acervo, seed)
        self.skipped: dict[str, str] = stored.skipped if stored else {}
        self.cnpj = stored.cnpj if stored else companies.cnpj_of(seed)
        self.token = f"{Draw(seed, 'token').below(16**32):032x}"
        source: Source = stored or Generator(seed, self.cnpj)
        self._catalogue = Catalogue(source, len(stored) if stored else ctes)
        self._xml_delay, self._port = xml_delay, port
        self._received: dict[int, float] = {}  # when, by place
        self._corrections: dict[int, int] = {}  # how many, by place
        self._script = Script()
        self._storage = Storage(self._script, latency, secret=self.token[::-1], read=self._dacte)
        self._api = Api(
            self._script,
            latency,
            catalogue=self._catalogue,
            token=self.token,
            cnpj=self.cnpj,
            window=RateWindow(credits, window, rounding=rounding, grid=grid),
            guard=TokenGuard(window),
            page=page,
            total=total,
            xml_ready=self._xml_ready,
            storage=lambda chave: self.storage_url + self._storage.sign(chave),
        )
        self._runners: list[web.AppRunner] = []
        self._urls: dict[Front, str] = {}

    async def __aenter__(self) -> Sandbox:
        if self._runners or self._api.closing.is_set():
            raise RuntimeError("a sandbox is opened once; make another")
        try:
            await self._open(self._storage, 0)
            await self._open(self._api, self._port)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def url(self) -> str:
        """Origin of the API, without a slash at the end."""
        return self._url(self._api)

    @property
    def storage_url(self) -> str:
        """Origin of the DACTes: another port, and so another origin."""
        return self._url(self._storage)

    @property
    def chaves(self) -> tuple[str, ...]:
        """All the keys, in the order of versao."""
        return tuple(self._catalogue.chaves())

    @property
    def desacordos(self) -> dict[str, dict[str, str]]:
        """The desacordos registered, by key, as they were answered."""
        return self._api.desacordos

    @property
    def requests(self) -> list[Seen]:
        """What the API was asked, in order of arrival."""
        return self._api.requests

    @property
    def storage_requests(self) -> list[Seen]:
        """What the storage was asked, in order of arrival."""
        return self._storage.requests

    @property
    def faults_left(self) -> int:
        """How many scripted faults no request has met yet."""
        return self._script.left

    def receive(self, n: int = 1) -> tuple[str, ...]:
        """`n` more documents arrive; gives their keys."""
        if n < 0:
            raise ValueError("n must not be negative")
        places = [self._catalogue.add() for _ in range(n)]
        self._received |= dict.fromkeys(places, monotonic())
        return tuple(map(self._catalogue.chave, places))

    def cancel(
        self, chave: str, justificativa: str = "Serviço cancelado a pedido do tomador"
    ) -> int:
        """The issuer cancels a document; gives its new versao.

        Raises KeyError for an unknown key, ValueError for a document that is cancelled or denied.
        """
        place = self._place(chave)
        document = self._catalogue.document(place)
        return self._catalogue.change(place, data.cancelled(document, justificativa, number=0))

    def correct(self, chave: str, texto: str = "Onde se lê placa ABC1D23, leia-se XYZ9K87") -> int:
        """The issuer writes a correction letter, which replaces the last; else like `cancel`."""
        place = self._place(chave)
        document = self._catalogue.document(place)
        number = self._corrections.get(place, 1 if document.carta_correcao else 0) + 1
        self._corrections[place] = number
        return self._catalogue.change(place, data.corrected(document, texto, number=number))

    def fail(self, kind: str, *, on: str = "any", times: int = 1, **details: Any) -> None:
        """The next `times` requests to `on` go wrong, after what was scripted before for them.

        on: any (both origins), listing, document, xml, pdf, cancellation, correction, desacordo
        (both methods), desacordo_post, desacordo_get, storage, hook. One request meets one fault; a
        request that is refused for its token or for want of credits meets none.

        status(status=503, codigo, mensagem, headers, body, done=False), reset, reset_after,
        cut(keep), slow(seconds), html(body), headers(headers), unsorted, chave_cte, chave_acesso,
        unauthorized, refuse(status_sefaz, mensagem_sefaz, status), item(index=0, fields | replace),
        gzip_bomb(size): see `kinds`. Raises ValueError for an unknown kind, place or value,
        TypeError for an unknown detail.
        """
        self._script.add(make(kind, details), on=on, times=times)

    def chance(
        self,
        *,
        seed: int = 1,
        status: float = 0.0,
        reset: float = 0.0,
        cut: float = 0.0,
        late: float = 0.0,
        late_times: int = 2,
        on: str = "any",
    ) -> None:
        """From now on these shares of the requests to `on` go wrong; without any, none does.

        It replaces the last call's, and comes after what `fail` scripted. A request asked for
        again fares anew; the same requests meet the same faults in whatever order they come.

        status   500, 502, 503 or 504
        reset    the connection is reset, before the work is done or after it
        cut      half of the body arrives
        late     of the XMLs, events' too: 404 to the first `late_times` requests, whatever `on` is
        """
        odds = Odds(status, reset, cut, late)
        self._script.chance = Chance(seed, odds, on=on, late_times=late_times)

    def _place(self, chave: str) -> int:
        place = self._catalogue.find(chave)
        if place is None:
            raise KeyError(chave)
        situacao = self._catalogue.document(place).situacao
        if situacao in ("cancelada", "denegada"):
            raise ValueError(f"{chave} is {situacao}: no event can follow")
        return place

    def _xml_ready(self, place: int) -> bool:
        received = self._received.get(place)
        return received is None or monotonic() >= received + self._xml_delay

    def _dacte(self, chave: str) -> bytes | None:
        place = self._catalogue.find(chave)
        return None if place is None else dacte(self._catalogue.document(place))

    def _url(self, front: Front) -> str:
        if front not in self._urls:
            raise RuntimeError("the sandbox is not open: use `async with Sandbox() as sandbox`")
        return self._urls[front]

    async def _open(self, front: Front, port: int) -> None:
        # Handlers that wait are woken by `closing`; the time-out is for those that read or write.
        runner = web.AppRunner(front.application(), access_log=None, shutdown_timeout=0.1)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, _HOST, port).start()
        self._urls[front] = f"http://{_HOST}:{runner.addresses[0][1]}"

    async def _close(self) -> None:
        self._api.closing.set()
        self._storage.closing.set()
        while self._runners:
            await self._runners.pop().cleanup()
