"""The endpoints under /v2."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from hmac import compare_digest
from typing import Literal

from aiohttp import web

from . import desacordo
from .catalogue import Catalogue
from .documents import Event
from .faults import Script
from .front import Call, Front, answer, denied, error
from .limits import RateWindow, TokenGuard
from .xmljson import as_json

Total = Literal["after", "all"]

_NOT_OURS = "CNPJ do emitente não autorizado ou não informado."
_BASE = "/v2/ctes_recebidas"


class Api(Front):
    """The vendor's API over one catalogue, for one token and one company."""

    def __init__(
        self,
        script: Script,
        latency: float,
        *,
        catalogue: Catalogue,
        token: str,
        cnpj: str,
        window: RateWindow,
        guard: TokenGuard,
        page: int,
        total: Total,
        xml_ready: Callable[[int], bool],
        storage: Callable[[str], str],
    ) -> None:
        super().__init__(script, latency)
        self._catalogue, self._cnpj, self._page, self._total = catalogue, cnpj, page, total
        self._credentials = base64.b64encode(f"{token}:".encode())
        self._window, self._guard = window, guard
        self._xml_ready, self._storage = xml_ready, storage
        self.desacordos: dict[str, desacordo.Answer] = {}

    def routes(self) -> list[web.RouteDef]:
        one = _BASE + "/{chave:[^/.]+}"
        return [
            web.get(_BASE, self._listing, name="listing"),
            web.get(one, self._document, name="document"),
            web.get(one + ".json", self._document, name="document.json"),
            web.get(one + ".xml", self._xml, name="xml"),
            web.get(one + ".pdf", self._pdf, name="pdf"),
            web.get(one + "/cancelamento.xml", self._cancellation, name="cancellation"),
            web.get(one + "/carta_correcao.xml", self._correction, name="correction"),
            web.post(one + "/desacordo", self._desacordo_post, name="desacordo_post"),
            web.get(one + "/desacordo", self._desacordo_get, name="desacordo_get"),
            web.post(one + "/hook", self._hook, name="hook"),
            web.route("*", "/{rest:.*}", self._unknown, name="other"),
        ]

    def admit(self, call: Call) -> web.Response | None:
        """An address that insists on wrong tokens, the token, the credits; a 401 costs none."""
        address = call.request.remote or ""
        if self._guard.blocked(address):
            return error(
                429, "limite_excedido", "Muitas tentativas com token inválido: IP bloqueado"
            )
        scheme, _, given = call.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic" or not compare_digest(
            given.strip().encode(), self._credentials
        ):
            self._guard.wrong(address)
            return denied()
        if call.fault and call.fault.free:
            return None
        granted = self._window.spend()
        call.headers = self._window.headers()
        return (
            None
            if granted
            else error(429, "limite_excedido", "Limite de requisições por minuto excedido")
        )

    async def _listing(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("cnpj") != self._cnpj:
            return error(400, "requisicao_invalida", _NOT_OURS)
        try:
            versao = int(request.query.get("versao") or "0")
        except ValueError:
            return error(400, "requisicao_invalida", 'Parâmetro "versao" inválido')
        places = self._catalogue.after(versao, self._page)
        total = (
            len(self._catalogue) if self._total == "all" else self._catalogue.count_after(versao)
        )
        headers = {"X-Total-Count": str(total)}
        if places:
            headers["X-Max-Version"] = str(self._catalogue.versao(places[-1]))
        return answer([self._item(place) for place in places], headers=headers)

    async def _document(self, request: web.Request) -> web.StreamResponse:
        place = self._find(request)
        if place is None:
            return _not_found()
        data = self._item(place)
        if request.query.get("completa") == "1":
            xml = self._catalogue.xml(place)
            # No DTD gets this far: the acervo takes none.
            root = ET.fromstring(xml) if xml else None  # noqa: S314
            data["mdfes"] = self._catalogue.mdfes(place)
            data["requisicao"] = as_json(root, "infCte")
            data["protocolo"] = as_json(root, "infProt")
        return answer(data)

    async def _xml(self, request: web.Request) -> web.StreamResponse:
        place = self._find(request)
        return _file(
            self._catalogue.xml(place) if place is not None and self._xml_ready(place) else None
        )

    async def _pdf(self, request: web.Request) -> web.StreamResponse:
        place = self._find(request)
        # A DACTe is printed from the XML: an item known from an event alone has neither.
        if place is None or self._catalogue.xml(place) is None:
            return _not_found()
        return web.Response(
            status=302, headers={"Location": self._storage(request.match_info["chave"])}
        )

    async def _cancellation(self, request: web.Request) -> web.StreamResponse:
        place = self._find(request)
        return _event(None if place is None else self._catalogue.document(place).cancelamento)

    async def _correction(self, request: web.Request) -> web.StreamResponse:
        place = self._find(request)
        return _event(None if place is None else self._catalogue.document(place).carta_correcao)

    async def _desacordo_post(self, request: web.Request) -> web.StreamResponse:
        place, chave = self._find(request), request.match_info["chave"]
        if place is None:
            return _not_found()
        try:
            # The vendor's own examples send JSON under other content types, so only the body
            # counts.
            text = desacordo.read(await request.read())
        except json.JSONDecodeError:
            return error(415, "requisicao_invalida", "O corpo da requisição não é um JSON válido")
        except ValueError as refusal:
            return error(400, "requisicao_invalida", str(refusal))
        if chave in self.desacordos:
            return error(400, "requisicao_invalida", desacordo.ALREADY)
        said = desacordo.register(self._catalogue.document(place), text)
        if said["status"] == "evento_registrado":
            self.desacordos[chave] = said
        return answer(said)

    async def _desacordo_get(self, request: web.Request) -> web.StreamResponse:
        place = self._find(request)
        said = self.desacordos.get(request.match_info["chave"]) if place is not None else None
        return answer(said) if said else _not_found()

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        return _not_found() if self._find(request) is None else answer([])

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return error(404, "nao_encontrado", "Endereço não encontrado")

    def _find(self, request: web.Request) -> int | None:
        """The place of the document asked for; None if unknown, or another company's by `cnpj`."""
        if request.query.get("cnpj", self._cnpj) != self._cnpj:
            return None
        return self._catalogue.find(request.match_info["chave"])

    def _item(self, place: int) -> dict[str, object]:
        return self._catalogue.document(place).item(
            versao=self._catalogue.versao(place), cnpj=self._cnpj
        )


def _not_found() -> web.Response:
    return error(404, "nao_encontrado", "Documento Fiscal não encontrado")


def _file(xml: bytes | None) -> web.Response:
    return _not_found() if xml is None else web.Response(body=xml, content_type="application/xml")


def _event(event: Event | None) -> web.Response:
    return _file(event.xml() if event else None)
