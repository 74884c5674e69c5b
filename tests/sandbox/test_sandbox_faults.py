"""Each way to go wrong, as a plain client meets it."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

import aiohttp
import pytest
from sandbox_http import BASE, Plain, basic, until

from focus_cte.sandbox import ABSENT, Sandbox

TEXT = {"observacoes": "Frete cobrado em duplicidade"}


async def desacordo(plain: Plain, sandbox: Sandbox, **options: Any) -> Any:
    path = f"/{sandbox.chaves[0]}/desacordo"
    return await plain.send(sandbox, path, method="POST", json=TEXT, **options)


class TestScript:
    async def test_faults_come_in_order_and_then_end(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("status", status=500)
        sandbox.fail("status", status=502, times=2)
        assert sandbox.faults_left == 3
        statuses = [(await plain.listing(sandbox)).status for _ in range(4)]
        assert statuses == [500, 502, 502, 200]
        assert sandbox.faults_left == 0

    @pytest.mark.parametrize(
        ("on", "method", "suffix"),
        [
            ("document", "GET", ""),
            ("document", "GET", ".json"),
            ("xml", "GET", ".xml"),
            ("pdf", "GET", ".pdf"),
            ("cancellation", "GET", "/cancelamento.xml"),
            ("correction", "GET", "/carta_correcao.xml"),
            ("desacordo", "GET", "/desacordo"),
            ("desacordo", "POST", "/desacordo"),
            ("desacordo_get", "GET", "/desacordo"),
            ("desacordo_post", "POST", "/desacordo"),
            ("hook", "POST", "/hook"),
            ("any", "GET", "/nada/nada"),
        ],
    )
    async def test_a_fault_waits_for_its_endpoint(
        self, plain: Plain, sandbox: Sandbox, on: str, method: str, suffix: str
    ) -> None:
        if on != "any":
            sandbox.fail("status", status=418, on=on)
            assert (await plain.listing(sandbox)).status == 200
        else:
            sandbox.fail("status", status=418)
        path = f"/{sandbox.chaves[0]}{suffix}"
        assert (await plain.send(sandbox, path, method=method)).status == 418
        assert (await plain.send(sandbox, path, method=method)).status != 418

    async def test_methods_of_desacordo_are_apart(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("status", on="desacordo_get")
        assert (await desacordo(plain, sandbox)).status == 200
        path = f"/{sandbox.chaves[0]}/desacordo"
        assert (await plain.send(sandbox, path)).status == 503

    async def test_the_storage_can_fail(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("status", status=503, on="storage")
        reply = await plain.send(sandbox, f"/{sandbox.chaves[0]}.pdf")
        assert reply.status == 302
        assert (await plain.fetch(reply.headers["Location"])).status == 503
        assert (await plain.fetch(reply.headers["Location"])).status == 200

    async def test_a_refused_request_meets_no_fault(self, plain: Plain) -> None:
        async with Sandbox(ctes=1, credits=1) as sandbox:
            sandbox.fail("status", status=500, times=2)
            assert (await plain.listing(sandbox, token="outro")).status == 401
            assert (await plain.listing(sandbox)).status == 500
            assert (await plain.listing(sandbox)).status == 429
            assert sandbox.faults_left == 1

    async def test_a_refusal_keeps_its_headers(self, plain: Plain) -> None:
        async with Sandbox(ctes=1, credits=1) as sandbox:
            await plain.listing(sandbox)
            sandbox.fail("headers", headers={"Rate-Limit-Reset": None})
            over = await plain.listing(sandbox)
            assert over.status == 429
            assert "Rate-Limit-Reset" in over.headers

    @pytest.mark.parametrize(
        ("arguments", "error", "match"),
        [
            (("explode", {}), ValueError, "unknown fault"),
            (("status", {"on": "xmls"}), ValueError, "on must be"),
            (("status", {"times": 0}), ValueError, "times"),
            (("status", {"times": 1.5}), TypeError, "times"),
            (("status", {"code": 500}), TypeError, "code"),
            (("status", {"status": 99}), ValueError, "status"),
            (("status", {"status": "500"}), TypeError, "status"),
            (("status", {"body": "x", "codigo": "y"}), ValueError, "either"),
            (("status", {"headers": {"X": 1}}), TypeError, "headers"),
            (("slow", {}), TypeError, "seconds"),
            (("slow", {"seconds": 0}), ValueError, "seconds"),
            (("slow", {"seconds": "1"}), TypeError, "seconds"),
            (("cut", {"keep": -1}), ValueError, "keep"),
            (("cut", {"keep": "1"}), TypeError, "keep"),
            (("headers", {}), TypeError, "headers"),
            (("headers", {"headers": ["X"]}), TypeError, "headers"),
            (("reset", {"seconds": 1}), TypeError, "seconds"),
            (("unsorted", {"on": "xml"}), ValueError, "cannot happen"),
            (("refuse", {"on": "listing"}), ValueError, "cannot happen"),
            (("item", {"on": "document", "fields": {}}), ValueError, "cannot happen"),
            (("item", {}), ValueError, "fields or replace"),
            (("item", {"fields": {}, "replace": None}), ValueError, "fields or replace"),
            (("item", {"fields": [1]}), TypeError, "fields"),
            (("item", {"fields": {"valor_total": object()}}), TypeError, "JSON"),
            (("item", {"index": "0", "fields": {}}), TypeError, "index"),
            (("gzip_bomb", {"size": 0}), ValueError, "size"),
            (("gzip_bomb", {"size": 1.5}), TypeError, "size"),
        ],
    )
    def test_a_mistake_in_the_script_shows_at_once(
        self, arguments: tuple[str, dict[str, Any]], error: type[Exception], match: str
    ) -> None:
        sandbox = Sandbox(ctes=1)
        kind, details = arguments
        with pytest.raises(error, match=match):
            sandbox.fail(kind, **details)
        assert sandbox.faults_left == 0


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "codigo"),
        [
            (400, "requisicao_invalida"),
            (403, "permissao_negada"),
            (404, "nao_encontrado"),
            (429, "limite_excedido"),
            (500, "erro_interno"),
        ],
    )
    async def test_the_code_follows_from_the_status(
        self, plain: Plain, sandbox: Sandbox, status: int, codigo: str
    ) -> None:
        sandbox.fail("status", status=status)
        reply = await plain.listing(sandbox)
        assert (reply.status, reply.json()["codigo"]) == (status, codigo)

    async def test_a_code_and_a_message(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("status", status=422, codigo="permissao_negada", mensagem="não")
        reply = await plain.listing(sandbox)
        assert reply.status == 422
        assert reply.json() == {"codigo": "permissao_negada", "mensagem": "não"}

    @pytest.mark.parametrize("body", ["<html>", b"\xff\x00", {"erros": [1]}, []])
    async def test_a_body(self, plain: Plain, sandbox: Sandbox, body: Any) -> None:
        sandbox.fail("status", status=500, body=body)
        reply = await plain.listing(sandbox)
        if isinstance(body, str | bytes):
            assert reply.body == (body.encode() if isinstance(body, str) else body)
        else:
            assert reply.json() == body

    async def test_headers(self, plain: Plain) -> None:
        async with Sandbox(ctes=1) as sandbox:
            headers = {"Retry-After": "7", "Rate-Limit-Reset": None, "Rate-Limit-Remaining": "x"}
            sandbox.fail("status", status=429, headers=headers)
            reply = await plain.listing(sandbox)
        assert reply.headers["Retry-After"] == "7"
        assert reply.headers["Rate-Limit-Remaining"] == "x"
        assert "Rate-Limit-Reset" not in reply.headers

    @pytest.mark.parametrize("done", [False, True])
    async def test_the_work_may_be_done(self, plain: Plain, sandbox: Sandbox, done: bool) -> None:
        sandbox.fail("status", status=504, on="desacordo", done=done)
        assert (await desacordo(plain, sandbox)).status == 504
        assert bool(sandbox.desacordos) is done

    async def test_it_costs_a_credit(self, plain: Plain) -> None:
        async with Sandbox(ctes=1, credits=1) as sandbox:
            sandbox.fail("status")
            assert (await plain.listing(sandbox)).headers["Rate-Limit-Remaining"] == "0"


class TestConnection:
    @pytest.mark.parametrize(("kind", "done"), [("reset", False), ("reset_after", True)])
    async def test_a_reset(self, plain: Plain, sandbox: Sandbox, kind: str, done: bool) -> None:
        sandbox.fail(kind)
        with pytest.raises(aiohttp.ClientConnectionError):
            await desacordo(plain, sandbox)
        assert bool(sandbox.desacordos) is done
        assert [seen.status for seen in sandbox.requests] == [None]
        assert (await plain.listing(sandbox)).status == 200

    async def test_a_reset_is_a_reset_on_the_wire(self, sandbox: Sandbox) -> None:
        sandbox.fail("reset")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.split(":")[2]))
        writer.write(request(sandbox))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

    @pytest.mark.parametrize("keep", [None, 0, 1, 10**9])
    async def test_a_cut_body(self, plain: Plain, sandbox: Sandbox, keep: int | None) -> None:
        sandbox.fail("cut", keep=keep)
        with pytest.raises(aiohttp.ClientPayloadError):
            await plain.listing(sandbox)
        assert [seen.status for seen in sandbox.requests] == [200]

    async def test_a_cut_body_has_its_headers_and_a_part(self, sandbox: Sandbox) -> None:
        sandbox.fail("cut", keep=5)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.split(":")[2]))
        writer.write(request(sandbox))
        raw = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, body = raw.partition(b"\r\n\r\n")
        assert b"X-Max-Version" in head
        assert body == b'[{"no'

    async def test_a_cut_desacordo_is_done(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("cut", on="desacordo")
        with pytest.raises(aiohttp.ClientPayloadError):
            await desacordo(plain, sandbox)
        assert sandbox.desacordos

    async def test_a_cut_redirect(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("cut", on="pdf")
        with pytest.raises(aiohttp.ClientPayloadError):
            await plain.send(sandbox, f"/{sandbox.chaves[0]}.pdf")


def request(sandbox: Sandbox) -> bytes:
    return (
        f"GET {BASE}?cnpj={sandbox.cnpj} HTTP/1.1\r\nHost: sandbox\r\n"
        f"Authorization: {basic(sandbox.token)}\r\n\r\n"
    ).encode()


class TestSlow:
    async def test_it_answers_in_the_end(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("slow", seconds=0.01)
        assert (await plain.listing(sandbox)).status == 200

    async def test_the_work_is_done_though_the_client_left(
        self, plain: Plain, sandbox: Sandbox
    ) -> None:
        sandbox.fail("slow", seconds=0.2)
        with pytest.raises(TimeoutError):
            await desacordo(plain, sandbox, timeout=aiohttp.ClientTimeout(total=0.05))
        await until(lambda: sandbox.desacordos)
        assert [seen.status for seen in sandbox.requests] == [None]

    async def test_latency_delays_every_answer(self, plain: Plain) -> None:
        async with Sandbox(ctes=1, latency=0.2) as sandbox:
            with pytest.raises(TimeoutError):
                await plain.listing(sandbox, timeout=aiohttp.ClientTimeout(total=0.02))
            assert (await plain.listing(sandbox)).status == 200


class TestAnswers:
    async def test_a_page_of_a_proxy(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("html")
        sandbox.fail("html", body="<p>oi")
        reply = await plain.listing(sandbox)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert reply.text.startswith("<!DOCTYPE html>")
        assert (await plain.listing(sandbox)).text == "<p>oi"

    async def test_no_work_behind_a_page_of_a_proxy(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("html", on="desacordo")
        assert (await desacordo(plain, sandbox)).status == 200
        assert not sandbox.desacordos

    async def test_headers_replaced_and_removed(self, plain: Plain) -> None:
        async with Sandbox(ctes=3) as sandbox:
            headers = {"X-Max-Version": None, "x-total-count": "muitos", "Rate-Limit-Limit": None}
            sandbox.fail("headers", headers=headers)
            reply = await plain.listing(sandbox)
            assert len(reply.json()) == 3
            assert "X-Max-Version" not in reply.headers
            assert reply.headers.getall("X-Total-Count") == ["muitos"]
            assert "Rate-Limit-Limit" not in reply.headers
            assert "Rate-Limit-Reset" in reply.headers

    async def test_a_token_refused_once(self, plain: Plain) -> None:
        async with Sandbox(ctes=1, credits=1) as sandbox:
            sandbox.fail("unauthorized")
            reply = await plain.listing(sandbox)
            assert (reply.status, "HTTP Basic: Access denied" in reply.text) == (401, True)
            assert reply.headers["Content-Type"].startswith("text/html")
            assert "Rate-Limit-Limit" not in reply.headers
            assert (await plain.listing(sandbox)).status == 200

    async def test_sefaz_refuses(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("refuse")
        sandbox.fail("refuse", status_sefaz="631", mensagem_sefaz="x", status="erro_autorizacao")
        path = f"/{sandbox.chaves[0]}/desacordo"
        assert (await plain.send(sandbox, path)).status == 404  # a look-up meets no refusal
        first, second = await desacordo(plain, sandbox), await desacordo(plain, sandbox)
        assert (first.status, first.json()["status_sefaz"]) == (200, "787")
        assert second.json() == {
            "status_sefaz": "631",
            "mensagem_sefaz": "x",
            "status": "erro_autorizacao",
        }
        assert not sandbox.desacordos
        assert (await desacordo(plain, sandbox)).json()["status"] == "evento_registrado"

    async def test_a_look_up_may_show_a_refusal(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("refuse", on="desacordo_get")
        assert (await desacordo(plain, sandbox)).json()["status"] == "evento_registrado"
        path = f"/{sandbox.chaves[0]}/desacordo"
        assert (await plain.send(sandbox, path)).json()["status_sefaz"] == "787"

    @pytest.mark.parametrize("on", ["listing", "xml", "document", "storage"])
    async def test_a_gzip_bomb(self, sandbox: Sandbox, on: str) -> None:
        size = 30 * 2**20 + 7
        sandbox.fail("gzip_bomb", on=on, size=size)
        chave = sandbox.chaves[0]
        url = {
            "listing": f"{sandbox.url}{BASE}?cnpj={sandbox.cnpj}",
            "xml": f"{sandbox.url}{BASE}/{chave}.xml",
            "document": f"{sandbox.url}{BASE}/{chave}",
            "storage": f"{sandbox.storage_url}/dactes/{chave}.pdf",
        }[on]
        headers = {"Authorization": basic(sandbox.token)}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(url, headers=headers) as response,
        ):
            assert response.headers["Content-Encoding"] == "gzip"
            raw = await response.read()
        assert len(raw) < size / 500
        unpacker = zlib.decompressobj(wbits=31)
        text = unpacker.decompress(raw)
        assert (len(text), unpacker.eof, unpacker.unused_data) == (size, True, b"")
        if on == "listing":
            assert json.loads(text) == []

    async def test_a_client_may_leave_a_bomb(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("gzip_bomb", size=2**28)
        headers = {"Authorization": basic(sandbox.token)}
        url = f"{sandbox.url}{BASE}?cnpj={sandbox.cnpj}"
        async with plain.session.get(url, headers=headers) as response:
            await response.content.readany()
        assert (await plain.listing(sandbox)).status == 200


class TestItems:
    async def test_an_unsorted_page(self, plain: Plain, sandbox: Sandbox) -> None:
        right = (await plain.listing(sandbox)).json()
        sandbox.fail("unsorted", times=2)
        first, second = await plain.listing(sandbox), await plain.listing(sandbox)
        assert first.json() != right
        assert sorted(first.json(), key=lambda item: item["versao"]) == right
        assert second.json() == first.json()
        assert first.headers["X-Max-Version"] == str(right[-1]["versao"])

    async def test_two_documents_change_places(self, plain: Plain) -> None:
        async with Sandbox(ctes=2) as sandbox:
            right = (await plain.listing(sandbox)).json()
            sandbox.fail("unsorted")
            assert (await plain.listing(sandbox)).json() == right[::-1]

    @pytest.mark.parametrize("name", ["chave_cte", "chave_acesso"])
    async def test_another_name_for_the_key(
        self, plain: Plain, sandbox: Sandbox, name: str
    ) -> None:
        sandbox.fail(name, times=2)
        items = (await plain.listing(sandbox)).json()
        assert tuple(item[name] for item in items) == sandbox.chaves
        assert not any("chave" in item for item in items)
        one = (await plain.send(sandbox, f"/{sandbox.chaves[0]}")).json()
        assert one == items[0]

    async def test_fields_of_one_item(self, plain: Plain, sandbox: Sandbox) -> None:
        right = (await plain.listing(sandbox)).json()
        fields = {"chave": ABSENT, "valor_total": None, "versao": "12", "novo": [1]}
        sandbox.fail("item", index=2, fields=fields)
        items = (await plain.listing(sandbox)).json()
        assert items[:2] + items[3:] == right[:2] + right[3:]
        assert "chave" not in items[2]
        assert items[2] == {
            **{name: value for name, value in right[2].items() if name != "chave"},
            "valor_total": None,
            "versao": "12",
            "novo": [1],
        }

    @pytest.mark.parametrize("other", [None, "texto", 3, [], {}])
    async def test_something_else_than_an_item(
        self, plain: Plain, sandbox: Sandbox, other: Any
    ) -> None:
        sandbox.fail("item", index=-1, replace=other)
        assert (await plain.listing(sandbox)).json()[-1] == other

    async def test_a_number_that_is_none(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("item", fields={"versao": float("nan")})
        assert b'"versao": NaN' in (await plain.listing(sandbox)).body

    async def test_a_page_without_that_item(self, plain: Plain, sandbox: Sandbox) -> None:
        right = (await plain.listing(sandbox)).json()
        sandbox.fail("item", index=99, fields={"chave": ABSENT})
        assert (await plain.listing(sandbox)).json() == right

    async def test_errors_are_left_alone(self, plain: Plain, sandbox: Sandbox) -> None:
        sandbox.fail("chave_cte")
        assert (await plain.send(sandbox, "")).json()["codigo"] == "requisicao_invalida"
