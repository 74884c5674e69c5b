"""One document over real sockets: its consultation, its XMLs, and what is not there."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from servers import CHAVE, CNPJ, ONCE, XML, always, chave_of, client_of, serving

from focus_cte import (
    BadRequest,
    FocusCTe,
    InvalidArgument,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    Situacao,
    TransportError,
)
from focus_cte.sandbox import Sandbox

SEED_ITEM = {
    "nome_emitente": "Transportadora Ltda",
    "documento_emitente": "24178617000110",
    "cnpj_destinatario": "24178617000110",
    "chave": "41170678393592000146570010000002341000002340",
    "valor_total": "295.66",
    "data_emissao": "2017-06-16T09:32:00-03:00",
    "situacao": "autorizado",
    "tipo_cte": "0",
    "versao": 73,
    "digest_value": "not base64 at all",
}


async def test_a_consultation_says_what_the_listing_says(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        for listed in (await client.listar(sandbox.cnpj)).ctes[:5]:
            found = await client.consultar(listed.chave)
            assert found == listed
            assert found.raw == listed.raw


async def test_the_seeds_own_example_is_read_though_its_check_digits_are_wrong() -> None:
    async with serving(always(json.dumps(SEED_ITEM))) as origin, client_of(origin) as client:
        found = await client.consultar(SEED_ITEM["chave"])
    assert found.situacao is Situacao.AUTORIZADA
    assert found.valor_total == Decimal("295.66")
    assert found.data_emissao is not None
    assert found.data_emissao.utcoffset() is not None


async def test_the_complete_consultation_adds_mdfes_requisicao_and_protocolo(
    sandbox: Sandbox,
) -> None:
    async with client_of(sandbox) as client:
        listed = (await client.listar(sandbox.cnpj)).ctes[0]
        found = await client.consultar_completa(listed.chave)
    assert found.resumo.chave == listed.chave
    assert found.requisicao
    assert found.protocolo
    assert isinstance(found.mdfes, tuple)
    assert sandbox.requests[-1].query["completa"] == "1"


async def test_the_cnpj_goes_along_where_a_token_serves_many_companies(sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    cnpj = f"{sandbox.cnpj[:12]}-{sandbox.cnpj[12:]}"
    async with client_of(sandbox) as client:
        await client.consultar(chave, cnpj=cnpj)
        await client.baixar_xml(chave, cnpj=cnpj)
        await client.baixar_dacte(chave, cnpj=cnpj)
        assert {seen.query["cnpj"] for seen in sandbox.requests} == {sandbox.cnpj}
        with pytest.raises(NotFound):
            await client.consultar(chave, cnpj=CNPJ)


async def test_the_event_xmls_come_once_there_is_an_event(sandbox: Sandbox) -> None:
    chave, other = sandbox.chaves[:2]
    async with client_of(sandbox) as client:
        with pytest.raises(NotFound):
            await client.baixar_xml_carta_correcao(chave)
        with pytest.raises(NotFound):
            await client.baixar_xml_cancelamento(chave)
        sandbox.correct(chave, "Onde se lê um, leia-se dois")
        sandbox.cancel(other, "Frete não realizado, a pedido")
        assert b"leia-se dois" in await client.baixar_xml_carta_correcao(chave)
        assert "Frete não realizado".encode() in await client.baixar_xml_cancelamento(other)
        assert (await client.consultar(other)).situacao is Situacao.CANCELADA


async def test_the_xml_comes_untouched_and_its_digest_is_the_listings(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        listed = (await client.listar(sandbox.cnpj)).ctes[0]
        xml = await client.baixar_xml(listed.chave)
    start, end = xml.index(b"<infCte"), xml.index(b"</infCte>") + len(b"</infCte>")
    namespace = b' xmlns="http://www.portalfiscal.inf.br/cte"'
    signed = xml[start:end].replace(b"<infCte", b"<infCte" + namespace, 1)
    digest = b64encode(hashlib.sha1(signed).digest()).decode()
    assert listed.digest_value == digest


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(XML, id="plain"),
        pytest.param(b"\xef\xbb\xbf" + XML, id="byte order mark"),
        pytest.param(XML.replace(b"\n", b"\r\n") + b"\r\n\r\n", id="line ends"),
        pytest.param("<a>\u00e9</a>".encode("latin-1"), id="latin-1"),
        pytest.param("\ufeff<a>é</a>".encode("utf-16-le"), id="utf-16"),
    ],
)
async def test_no_byte_of_an_xml_is_changed(body: bytes) -> None:
    xml = always(body, content_type="application/xml")
    async with serving(xml) as origin, client_of(origin) as client:
        assert await client.baixar_xml(CHAVE) == body


async def test_a_fresh_documents_xml_is_not_there_yet() -> None:
    async with Sandbox(ctes=1, xml_delay=60) as sandbox, client_of(sandbox) as client:
        (chave,) = sandbox.receive(1)
        with pytest.raises(NotFound, match="take a while") as caught:
            await client.baixar_xml(chave)
        assert caught.value.codigo == "nao_encontrado"
        assert len(sandbox.requests) == 1


@pytest.mark.parametrize("name", ["chave", "chave_cte", "chave_acesso"])
async def test_an_answer_about_another_document_is_none(name: str) -> None:
    body = json.dumps({name: chave_of(7), "versao": 1})
    async with serving(always(body)) as origin, client_of(origin, retry=ONCE) as client:
        with pytest.raises(InvalidResponse, match=chave_of(7)):
            await client.consultar(CHAVE)
        with pytest.raises(InvalidResponse, match=chave_of(7)):
            await client.consultar_completa(CHAVE)


@pytest.mark.parametrize("path", ["", "/", "/gateway", "/gateway/focus/"])
async def test_a_base_url_may_have_a_path(path: str) -> None:
    async with (
        serving(always("[]")) as origin,
        client_of(origin, base_url=origin.url + path) as client,
    ):
        await client.listar(CNPJ)
        assert origin.requests[0].path == f"{path.rstrip('/')}/v2/ctes_recebidas"


async def test_the_callers_tracing_sees_every_request(sandbox: Sandbox) -> None:
    traced: list[str] = []

    async def ended(_: object, __: object, params: aiohttp.TraceRequestEndParams) -> None:
        traced.append(params.url.path)

    tracing = aiohttp.TraceConfig()
    tracing.on_request_end.append(ended)
    async with aiohttp.ClientSession(trace_configs=[tracing]) as session:
        await client_of(sandbox, session=session).baixar_dacte(sandbox.chaves[0])
    assert traced == [
        sandbox.requests[0].path,
        sandbox.storage_requests[0].path,
    ]


OPERATIONS = [
    "consultar",
    "consultar_completa",
    "consultar_desacordo",
    "baixar_xml",
    "baixar_dacte",
    "baixar_xml_cancelamento",
    "baixar_xml_carta_correcao",
    "reenviar_notificacao",
]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_unknown_document_is_not_found_and_asked_for_once(
    operation: str, sandbox: Sandbox
) -> None:
    async with client_of(sandbox) as client:
        with pytest.raises(NotFound) as caught:
            await getattr(client, operation)(CHAVE)
    assert CHAVE in str(caught.value)
    assert sandbox.url in str(caught.value)
    assert "Documento Fiscal não encontrado" in str(caught.value)
    assert caught.value.status == 404
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "chave",
    ["", "35", CHAVE[:-1], CHAVE + "0", "../" + CHAVE[3:], CHAVE[:6] + "/?" + CHAVE[8:], None],
)
async def test_a_key_of_the_wrong_shape_costs_no_request(
    operation: str, chave: Any, sandbox: Sandbox
) -> None:
    async with client_of(sandbox) as client:
        with pytest.raises(InvalidArgument):
            await getattr(client, operation)(chave)
    assert sandbox.requests == []


@pytest.mark.parametrize("cnpj", ["", "1", "52998224725", "24178617/00110", "2417861700011X", None])
async def test_a_cnpj_of_the_wrong_shape_costs_no_request(cnpj: Any, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        with pytest.raises(InvalidArgument):
            await client.listar(cnpj)
        with pytest.raises(InvalidArgument):
            client.sync(cnpj)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("cnpj", "sent"),
    [
        ("24.178.617/0001-10", "24178617000110"),
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("12.abc.345/01de-35", "12ABC34501DE35"),
    ],
)
async def test_a_formatted_cnpj_is_sent_bare(cnpj: str, sent: str) -> None:
    async with serving(always("[]")) as origin, client_of(origin) as client:
        await client.listar(cnpj)
        assert [seen.query["cnpj"] for seen in origin.requests] == [sent]


async def test_a_formatted_key_is_sent_bare() -> None:
    body = json.dumps({"chave": CHAVE, "versao": 1})
    spaced = " ".join(CHAVE[i : i + 4].lower() for i in range(0, 44, 4))
    async with serving(always(body)) as origin, client_of(origin) as client:
        assert (await client.consultar(spaced)).chave == CHAVE
        assert origin.requests[0].path == f"/v2/ctes_recebidas/{CHAVE}.json"


async def fails(client: FocusCTe, status: int, said: dict[str, str], sandbox: Sandbox) -> str:
    sandbox.fail("status", status=status, body=said)
    expected = {
        400: BadRequest,
        403: PermissionDenied,
        415: BadRequest,
        422: BadRequest,
    }[status]
    if said["codigo"] == "permissao_negada":
        expected = PermissionDenied
    with pytest.raises(expected) as caught:
        await client.listar(sandbox.cnpj)
    assert type(caught.value) is expected
    assert caught.value.codigo == said["codigo"]
    assert caught.value.mensagem == said["mensagem"]
    return str(caught.value)


async def test_the_api_is_quoted_and_says_what_to_do(sandbox: Sandbox) -> None:
    said = {
        "codigo": "requisicao_invalida",
        "mensagem": "CNPJ do emitente não autorizado ou não informado",
    }
    async with client_of(sandbox) as client:
        text = await fails(client, 400, said, sandbox)
        assert said["mensagem"] in text
        assert "Recebimento de CTes" in text
        assert sandbox.cnpj in text
        said["codigo"] = "permissao_negada"
        for status in (400, 403, 422):
            assert "Recebimento de CTes" in await fails(client, status, said, sandbox)
        said["codigo"] = "requisicao_invalida"
        await fails(client, 415, said, sandbox)
    assert len(sandbox.requests) == 5


async def test_limite_excedido_is_a_refusal_for_want_of_credits_whatever_the_status() -> None:
    body = {"codigo": "limite_excedido", "mensagem": "Limite excedido"}
    async with Sandbox(ctes=1) as sandbox, client_of(sandbox) as client:
        sandbox.fail("status", status=403, body=body)
        sandbox.fail("status", status=404, body=body)
        assert len((await client.listar(sandbox.cnpj)).ctes) == 1
        assert len(sandbox.requests) == 3


async def test_an_api_that_is_not_there_is_a_transport_error() -> None:
    async with serving(always("[]")) as origin:
        pass
    async with client_of(origin) as client:
        with pytest.raises(TransportError, match="no connection") as caught:
            await client.listar(CNPJ)
        assert CNPJ in str(caught.value)


async def test_a_resent_notification_is_one_post(sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    async with client_of(sandbox) as client:
        await client.reenviar_notificacao(chave)
    assert [(s.method, s.path) for s in sandbox.requests] == [
        ("POST", f"/v2/ctes_recebidas/{chave}/hook")
    ]


@pytest.mark.parametrize("status", [201, 204, 301, 302, 304, 402, 409, 410, 451, 501, 599])
async def test_a_status_that_the_api_does_not_document_is_an_error_of_ours(status: int) -> None:
    async def odd(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with serving(odd) as origin, client_of(origin, retry=ONCE) as client:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one, is asserted below
            await client.consultar(CHAVE)
        assert type(caught.value).__module__ == "focus_cte.errors"
        assert len(origin.requests) == 1
