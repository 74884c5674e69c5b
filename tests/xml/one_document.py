"""A Focus API that has one document: its summary, its XML and its desacordo, each as the test says.

And the cases: what may stand in the way of its desacordo, and what is said of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from factory import cte
from freight import CPF, DESTINATARIO, OTHER, REMETENTE, TERCEIRO, Freight, Person

from focus_cte import Ambiente, FocusCTe, Retry

CNPJ = REMETENTE.documento
"""The tomador of what the factory makes if nothing is said."""
CHAVE = Freight().chave
_SUFFIXES = {"summary": ".json", "xml": ".xml", "desacordo": "/desacordo"}
PARTS = {part: f"/v2/ctes_recebidas/{CHAVE}{suffix}" for part, suffix in _SUFFIXES.items()}
"""Where each part is."""
ABSENT = 404
SILENT = -1
ONCE = Retry(attempts=1, total=5.0, initial=0.001, maximum=0.004)

Part = dict[str, Any] | bytes | int
"""JSON, a file, or a status without anything; SILENT for an answer that never comes."""


def listed(**said: Any) -> dict[str, Any]:
    """The summary that fits what the factory makes, but for what is said; None leaves it out."""
    usual = {
        "chave": CHAVE,
        "versao": 7,
        "situacao": "autorizada",
        "tipo_cte": "0",
        "valor_total": "1234.56",
        "data_emissao": "2026-07-06T10:20:30-03:00",
    }
    return {name: value for name, value in (usual | said).items() if value is not None}


@dataclass
class OneDocument:
    """What it answers, and what it was asked."""

    summary: Part = field(default_factory=listed)
    xml: Part = field(default_factory=cte)
    desacordo: Part = ABSENT
    url: str = ""
    methods: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    cnpjs: list[str | None] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody waits for an answer that never comes."""

    def client(self, **settings: Any) -> FocusCTe:
        return FocusCTe("x7Qm2Kd9Lr4Tz8Vb1Np6", **{"base_url": self.url, "retry": ONCE, **settings})

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.methods.append(request.method)
        self.paths.append(request.path)
        self.cnpjs.append(request.query.get("cnpj"))
        asked = [getattr(self, part) for part, path in PARTS.items() if path == request.path]
        part: Part = asked[0] if asked else ABSENT
        if part == SILENT:
            self.waiting.set()
            await asyncio.Event().wait()
        if isinstance(part, bytes):
            return web.Response(body=part, content_type="application/xml")
        if isinstance(part, int):
            return web.json_response({}, status=part)
        return web.json_response(part)


@asynccontextmanager
async def served(**parts: Part) -> AsyncIterator[OneDocument]:
    """The API on a socket."""
    api = OneDocument(**parts)  # type: ignore[arg-type]
    server = web.Server(api.answer, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield api
    finally:
        await runner.cleanup()


TEXTO = "A carga chegou com avarias, nº 3: «molhada»"
AUTORIZADO = datetime.fromisoformat("2026-07-06T10:20:45-03:00")
LIMITE = datetime.fromisoformat("2026-08-20T10:20:45-03:00")
NOW = AUTORIZADO + timedelta(days=1)
REGISTERED = {"status": "evento_registrado", "status_sefaz": "135", "protocolo": "135269"}
GOV_BR = "https://dfe-portal.svrs.rs.gov.br/CTE/PrestacaoServicoDesacordo"
BRANCH = Person(f"{CNPJ[:8]}000201", "Hi-Top Filial", "SC", "JOINVILLE")
NEARLY = Person(f"{CNPJ[:7]}9000120", "Quase", "SC", "JOINVILLE")
PERSON = Person(CPF, "João Ninguém", "SP", "SANTOS")
NAMELESS = replace(TERCEIRO, documento="")


def of(**what: Any) -> dict[str, bytes]:
    return {"xml": cte(Freight(**what))}


def of_an_os(tomador: Person | None) -> dict[str, bytes]:
    """A CT-e OS, under the key of the only document that there is."""
    freight = Freight(root="cteOSProc", tomador=tomador)
    return {"xml": cte(freight).replace(freight.chave.encode(), CHAVE.encode())}


CANCELLED = "2026-07-08T00:00:00-03:00"
THIRD = {"toma": "4", "tomador": TERCEIRO}
IMPEDIMENTOS: dict[str, tuple[Any, ...]] = {
    "of the other environment": ({"ambiente": Ambiente.HOMOLOGACAO}, "homologacao", "producao"),
    "cancelled": ({"summary": listed(situacao="cancelada")}, "cancelled", "218"),
    "cancelado": ({"summary": listed(situacao="cancelado")}, "cancelled", "218"),
    "with a date of cancellation": (
        {"summary": listed(data_cancelamento=CANCELLED)}, "cancelled", "218"),
    "denied": ({"summary": listed(situacao="denegada")}, "denied", "205"),
    "denied by its protocol": (of(prot={"cStat": "110"}), "cStat is 110"),
    "of a denied issuer": (of(prot={"cStat": "301"}), "cStat is 301"),
    "cancelled by its protocol": (of(prot={"cStat": "101"}), "cStat is 101"),
    "a desacordo": ({"desacordo": REGISTERED}, "has a desacordo already", "631", "135269"),
    "another company": (of(**THIRD), TERCEIRO.documento, TERCEIRO.nome, CNPJ, "remetente", "755"),
    "of which we are the addressee": (
        {"cnpj": DESTINATARIO.documento}, CNPJ, DESTINATARIO.documento, "destinatario", "755"),
    "in which we play no part": ({"cnpj": "11222333000181"}, CNPJ, "none of its parts", "755"),
    "a branch": (of(toma="4", tomador=BRANCH), BRANCH.documento, "branch", "755"),
    "of nearly the same CNPJ": (of(toma="4", tomador=NEARLY), NEARLY.documento, "755"),
    "a person": (of(toma="4", tomador=PERSON), "gov.br", GOV_BR, "CPF", TEXTO),
    "a person, of a CT-e OS": (of_an_os(PERSON), GOV_BR, TEXTO),
    "none": (of_an_os(None), "names no tomador", "755"),
    "one without CNPJ": (of(toma="4", tomador=NAMELESS), "names no tomador", "755"),
}  # fmt: skip
"""What differs from a document that nothing stands against, and words of what is said then."""

HOMOLOGACAO = {**of(ambiente="2"), "ambiente": Ambiente.HOMOLOGACAO}
ODD = {"status": "erro_autorizacao", "status_sefaz": "135"}
AVISOS: dict[str, tuple[Any, ...]] = {
    "homologação": (HOMOLOGACAO, "homologação", "no fiscal value"),
    "no situacao": ({"summary": listed(situacao=None)}, "not known to be authorized", "None"),
    "another situacao": (
        {"summary": listed(situacao="em_analise")}, "not known to be authorized", "em_analise"),
    "without a protocol": (of(root="CTe"), "does not say that SEFAZ authorized it", "no protocol"),
    "a desacordo under way": ({"desacordo": {"status": "processando"}}, "processando"),
    "a desacordo that contradicts itself": ({"desacordo": ODD}, "does not tell", "erro_autori"),
    "over": ({"now": LIMITE + timedelta(microseconds=1)}, "2026-08-20", "787"),
    "long over": ({"now": LIMITE + timedelta(days=400)}, "2026-08-20", "787"),
    "complemento": (of(tipo="1", complementados=(OTHER,)), "complemento", "869"),
    "anulação": (of(tipo="2", anulado=OTHER, layout="3.00"), "anulacao", "869"),
}  # fmt: skip
"""The same, of what SEFAZ may see otherwise."""

NO_MATTER: dict[str, dict[str, Any]] = {
    "the last moment": {"now": LIMITE},
    "the first day": {"now": AUTORIZADO},
    "before it was authorized": {"now": AUTORIZADO - timedelta(days=1)},
    "authorized late": of(prot={"cStat": "150"}),
    "a refused desacordo": {"desacordo": {"status": "erro", "status_sefaz": "630"}},
    "autorizado": {"summary": listed(situacao="autorizado")},
    "substituto": of(tipo="3", substituido=OTHER),
    "a kind not known": of(tipo="8"),
    "the same environment": {"ambiente": Ambiente.PRODUCAO},
    "with data of its own": of(toma="4", tomador=replace(BRANCH, documento=CNPJ)),
}
"""What is told of by nobody."""
TEXTS = {
    "": "15 to 255 characters, and has 0",
    "x" * 14: "has 14",
    "x" * 256: "has 256",
    "A carga — avariada": r"character 9, '\u2014'",
    "A carga avariada\nno porto": r"character 17, '\n'",
    "A carga\r\navariada no porto": r"character 8, '\r'",
    "\tA carga chegou avariada": r"character 1, '\t'",
    "A carga chegou avariada €": r"character 25, '\u20ac'",
    "A carga avariada 😡 e —": r"character 18, '\U0001f621'",
    "A carga \x7favariada no “porto”": r"character 22, '\u201c'",
    " A carga chegou avariada": "begin or end with a space",
    "A carga chegou avariada ": "begin or end with a space",
}
"""What is said of each text: the character, and where it stands."""

WHOLE = cte()
OF_ANOTHER = WHOLE.replace(CHAVE.encode(), OTHER.encode())
UNREAD: dict[str, tuple[Any, str]] = {
    "none": (ABSENT, "there is no XML (yet)"),
    "cut": (WHOLE[: WHOLE.index(b"<rem>") + 5], "cannot be read: not well-formed"),
    "an event": (b"<eventoCTe><infEvento/></eventoCTe>", "cannot be read: it is an event"),
    "without a tomador": (cte(Freight(toma=None)), "cannot be read: no tomador"),
    "of another document": (OF_ANOTHER, f"the XML of another document, {OTHER}"),
}
"""XMLs that say nothing, and why."""
