"""One document: consultation, XML, events, DACTe, notification."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sandbox_http import Plain, basic

from focus_cte.sandbox import Sandbox
from focus_cte.sandbox.faults import Script
from focus_cte.sandbox.storage import Storage


async def test_a_document_says_what_the_listing_says(plain: Plain, sandbox: Sandbox) -> None:
    item = (await plain.listing(sandbox)).json()[3]
    for path in (f"/{item['chave']}", f"/{item['chave']}.json"):
        reply = await plain.send(sandbox, path)
        assert (reply.status, reply.json()) == (200, item)


@pytest.mark.parametrize("suffix", ["", ".json"])
async def test_a_complete_document(plain: Plain, sandbox: Sandbox, suffix: str) -> None:
    chave = sandbox.chaves[0]
    data = (await plain.send(sandbox, f"/{chave}{suffix}", params={"completa": "1"})).json()
    assert isinstance(data["mdfes"], list)
    assert data["requisicao"]["ide"]["nCT"] == str(int(chave[25:34]))
    assert data["requisicao"]["vPrest"]["vTPrest"] == data["valor_total"]
    assert data["protocolo"]["chCTe"] == chave
    assert data["protocolo"]["digVal"] == data["digest_value"]


async def test_some_documents_have_mdfes(plain: Plain, sandbox: Sandbox) -> None:
    found = []
    for chave in sandbox.chaves:
        found += (await plain.send(sandbox, f"/{chave}", params={"completa": "1"})).json()["mdfes"]
    assert found
    assert all(mdfe["chave"][20:22] == "58" for mdfe in found)


@pytest.mark.parametrize("suffix", ["", ".json", ".xml", ".pdf", "/desacordo"])
async def test_cnpj_tells_companies_apart(plain: Plain, sandbox: Sandbox, suffix: str) -> None:
    chave = sandbox.chaves[0]
    text = {"observacoes": "Frete cobrado em duplicidade"}
    await plain.send(sandbox, f"/{chave}/desacordo", method="POST", json=text)
    ours = await plain.send(sandbox, f"/{chave}{suffix}", params={"cnpj": sandbox.cnpj})
    other = await plain.send(sandbox, f"/{chave}{suffix}", params={"cnpj": "11222333000181"})
    assert ours.status in (200, 302)
    assert_not_found(other)


@pytest.mark.parametrize(
    "path",
    [
        "/" + "0" * 44,
        "/123",
        "/35260712ABC34501DE35550010000000011000000014",
        "/35260712abc34501de35550010000000011000000014.xml",
        "/" + "9" * 44 + "/cancelamento.xml",
    ],
)
async def test_an_unknown_key(plain: Plain, sandbox: Sandbox, path: str) -> None:
    assert_not_found(await plain.send(sandbox, path))


async def test_the_key_of_a_document_not_received_yet(plain: Plain) -> None:
    async with Sandbox(ctes=3) as small, Sandbox(ctes=4) as large:
        assert_not_found(await plain.send(small, f"/{large.chaves[3]}"))
        assert small.receive() == large.chaves[3:]
        assert (await plain.send(small, f"/{large.chaves[3]}")).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v2/nada"), ("GET", "/"), ("DELETE", "/v2/ctes_recebidas"), ("PUT", "/v2/hooks")],
)
async def test_an_unknown_path(plain: Plain, sandbox: Sandbox, method: str, path: str) -> None:
    headers = {"Authorization": basic(sandbox.token)}
    reply = await plain.fetch(sandbox.url + path, method=method, headers=headers)
    assert (reply.status, reply.json()["codigo"]) == (404, "nao_encontrado")


async def test_a_fresh_xml_is_not_there_yet(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("focus_cte.sandbox.server.monotonic", lambda: now)
    async with Sandbox(ctes=1, xml_delay=30) as sandbox:
        (fresh,) = sandbox.receive()
        assert (await plain.send(sandbox, f"/{sandbox.chaves[0]}.xml")).status == 200
        assert_not_found(await plain.send(sandbox, f"/{fresh}.xml"))
        assert (await plain.send(sandbox, f"/{fresh}")).status == 200
        now += 30
        assert (await plain.send(sandbox, f"/{fresh}.xml")).status == 200


async def test_there_are_no_events_to_begin_with(plain: Plain, sandbox: Sandbox) -> None:
    for name in ("cancelamento", "carta_correcao"):
        assert_not_found(await plain.send(sandbox, f"/{sandbox.chaves[0]}/{name}.xml"))


async def test_the_hook_is_sent_again(plain: Plain, sandbox: Sandbox) -> None:
    reply = await plain.send(sandbox, f"/{sandbox.chaves[0]}/hook", method="POST")
    assert reply.status == 200
    assert_not_found(await plain.send(sandbox, "/" + "0" * 44 + "/hook", method="POST"))


class TestDacte:
    async def location(self, plain: Plain, sandbox: Sandbox) -> str:
        reply = await plain.send(sandbox, f"/{sandbox.chaves[0]}.pdf")
        assert reply.status == 302
        return str(reply.headers["Location"])

    async def test_it_is_at_another_origin(self, plain: Plain, sandbox: Sandbox) -> None:
        location = await self.location(plain, sandbox)
        assert location.startswith(sandbox.storage_url + "/")
        assert sandbox.storage_url != sandbox.url
        assert sandbox.token not in location
        reply = await plain.fetch(location)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/pdf")
        assert "Rate-Limit-Limit" not in reply.headers
        assert [seen.status for seen in sandbox.storage_requests] == [200]

    async def test_it_is_a_pdf_with_key_issuer_and_value(
        self, plain: Plain, sandbox: Sandbox
    ) -> None:
        item = (await plain.listing(sandbox)).json()[0]
        body = (await plain.fetch(await self.location(plain, sandbox))).body
        for text in (item["chave"], item["nome_emitente"], item["valor_total"]):
            assert text.encode("cp1252") in body
        assert_pdf(body)

    @pytest.mark.parametrize("name", ["Authorization", "Cookie"])
    async def test_the_storage_takes_no_credentials(
        self, plain: Plain, sandbox: Sandbox, name: str
    ) -> None:
        location = await self.location(plain, sandbox)
        reply = await plain.fetch(location, headers={name: basic(sandbox.token)})
        assert reply.status == 400
        assert b"<Code>InvalidArgument</Code>" in reply.body
        assert sandbox.token.encode() not in reply.body

    @pytest.mark.parametrize("name", ["Expires", "Signature"])
    async def test_what_is_signed_cannot_be_changed(
        self, plain: Plain, sandbox: Sandbox, name: str
    ) -> None:
        url, _, _ = (await self.location(plain, sandbox)).partition("?")
        query = {
            key: values[0]
            for key, values in parse_qs(urlsplit(await self.location(plain, sandbox)).query).items()
        }
        assert (await plain.fetch(url, params=query)).status == 200
        for changed in ("9" + query[name], ""):
            assert (await plain.fetch(url, params=query | {name: changed})).status == 403
        assert (await plain.fetch(url)).status == 403

    async def test_a_signature_of_one_document_opens_no_other(
        self, plain: Plain, sandbox: Sandbox
    ) -> None:
        location = await self.location(plain, sandbox)
        moved = location.replace(sandbox.chaves[0], sandbox.chaves[1])
        assert (await plain.fetch(moved)).status == 403

    async def test_a_signature_has_a_plus_that_must_survive(
        self, plain: Plain, sandbox: Sandbox
    ) -> None:
        location = await self.location(plain, sandbox)
        assert "%2B" in location
        assert (await plain.fetch(location.replace("%2B", "+"))).status == 403

    async def test_an_unknown_file(self, plain: Plain, sandbox: Sandbox) -> None:
        reply = await plain.fetch(sandbox.storage_url + "/nada")
        assert (reply.status, b"NoSuchKey" in reply.body) == (404, True)


async def test_an_address_expires(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(Script(), 0.0, secret="segredo", read=lambda chave: b"%PDF")
    signed = storage.sign("1" * 44, now=0.0)
    monkeypatch.setattr("focus_cte.sandbox.storage.Storage.sign", lambda self, chave: signed)
    async with Sandbox(ctes=1) as sandbox:
        monkeypatch.setattr("focus_cte.sandbox.storage.Storage._signature", storage._signature)
        reply = await plain.fetch(sandbox.storage_url + signed)
    assert (reply.status, b"expired" in reply.body) == (403, True)


def assert_not_found(reply: Any) -> None:
    assert reply.status == 404
    assert reply.json() == {
        "codigo": "nao_encontrado",
        "mensagem": "Documento Fiscal não encontrado",
    }


def assert_pdf(body: bytes) -> None:
    """Every object is where the cross-reference table says, and the stream as long as it says."""
    assert body.startswith(b"%PDF-1.4\n")
    assert body.endswith(b"%%EOF\n")
    start = int(body.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    table = body[start:].split(b"\n")
    assert table[0] == b"xref"
    for number in range(1, int(table[1].split()[1])):
        offset = int(table[2 + number][:10])
        assert body[offset:].startswith(b"%d 0 obj\n" % number)
    length = int(body.split(b"/Length ")[1].split()[0])
    assert body.split(b"stream\n")[1][length:].startswith(b"\nend")
