"""The desacordo: what is asked of it, and who may."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sandbox_http import Plain, Reply

from focus_cte.sandbox import Sandbox

TEXT = "Observações referente ao desacordo informado"
INVALID = "requisicao_invalida"
MISSING = 'Parâmetro "observacoes" não informado'
LENGTH = 'Parâmetro "observacoes" deve ter entre 15 e 255 caracteres'


async def post(plain: Plain, sandbox: Sandbox, chave: str, body: Any) -> Reply:
    return await plain.send(sandbox, f"/{chave}/desacordo", method="POST", json=body)


async def test_it_is_registered_and_looked_up(plain: Plain, sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    before = await plain.send(sandbox, f"/{chave}/desacordo")
    assert (before.status, before.json()["codigo"]) == (404, "nao_encontrado")
    said = await post(plain, sandbox, chave, {"observacoes": TEXT})
    assert said.status == 200
    assert said.json()["status_sefaz"] == "135"
    assert said.json()["mensagem_sefaz"] == "Evento registrado e vinculado a CT-e"
    assert said.json()["status"] == "evento_registrado"
    assert len(said.json()["protocolo"]) == 15
    assert (await plain.send(sandbox, f"/{chave}/desacordo")).json() == said.json()
    assert sandbox.desacordos == {chave: said.json()}


async def test_it_is_registered_once(plain: Plain, sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    await post(plain, sandbox, chave, {"observacoes": TEXT})
    again = await post(plain, sandbox, chave, {"observacoes": TEXT})
    assert again.status == 400
    assert again.json() == {
        "codigo": INVALID,
        "mensagem": "Desacordo já registrado para este Documento Fiscal",
    }


async def test_it_moves_no_document(plain: Plain, sandbox: Sandbox) -> None:
    before = await plain.everything(sandbox)
    await post(plain, sandbox, sandbox.chaves[0], {"observacoes": TEXT})
    assert await plain.everything(sandbox) == before


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, MISSING),
        ({"observacoes": None}, MISSING),
        ({"observacoes": ""}, MISSING),
        ({"observacoes": 123456789012345678}, MISSING),
        ([TEXT], MISSING),
        ({"observacoes": "x" * 14}, LENGTH),
        ({"observacoes": "x" * 256}, LENGTH),
    ],
)
async def test_a_wrong_body(plain: Plain, sandbox: Sandbox, body: Any, message: str) -> None:
    reply = await post(plain, sandbox, sandbox.chaves[0], body)
    assert (reply.status, reply.json()) == (400, {"codigo": INVALID, "mensagem": message})
    assert not sandbox.desacordos


@pytest.mark.parametrize("length", [15, 255])
async def test_the_lengths_at_the_edge(plain: Plain, sandbox: Sandbox, length: int) -> None:
    reply = await post(plain, sandbox, sandbox.chaves[0], {"observacoes": "ç" * length})
    assert (reply.status, reply.json()["status"]) == (200, "evento_registrado")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"observacoes=x", b'{"observacoes": "\xe7"}', b"[" * 9**5]
)
async def test_no_json(plain: Plain, sandbox: Sandbox, body: bytes) -> None:
    path = f"/{sandbox.chaves[0]}/desacordo"
    reply = await plain.send(sandbox, path, method="POST", data=body)
    assert reply.status == 415
    assert reply.json()["codigo"]


async def test_the_content_type_does_not_matter(plain: Plain, sandbox: Sandbox) -> None:
    """The vendor's curl example sends JSON as a form."""
    path = f"/{sandbox.chaves[0]}/desacordo"
    reply = await plain.send(
        sandbox,
        path,
        method="POST",
        data=json.dumps({"observacoes": TEXT}).encode(),
        skip_auto_headers=["Content-Type"],
    )
    assert reply.json()["status"] == "evento_registrado"


async def test_an_unknown_document(plain: Plain, sandbox: Sandbox) -> None:
    reply = await post(plain, sandbox, "0" * 44, {"observacoes": TEXT})
    assert (reply.status, reply.json()["codigo"]) == (404, "nao_encontrado")


async def assert_refused(plain: Plain, sandbox: Sandbox, chave: str, code: str, text: str) -> None:
    reply = await post(plain, sandbox, chave, {"observacoes": text})
    assert reply.status == 200
    assert (reply.json()["status"], reply.json()["status_sefaz"]) == ("erro", code)
    assert reply.json()["mensagem_sefaz"].startswith("Rejeição")
    assert chave not in sandbox.desacordos
    assert (await plain.send(sandbox, f"/{chave}/desacordo")).status == 404


async def test_sefaz_refuses_for_a_cancelled_document(plain: Plain, sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    sandbox.cancel(chave)
    await assert_refused(plain, sandbox, chave, "218", TEXT)


@pytest.mark.parametrize(
    "text", [" começa com espaço", "termina com espaço ", "tem\nduas linhas", "tem um travessão —"]
)
async def test_sefaz_refuses_text_outside_its_pattern(
    plain: Plain, sandbox: Sandbox, text: str
) -> None:
    await assert_refused(plain, sandbox, sandbox.chaves[0], "630", text)


async def test_sefaz_refuses_whoever_is_not_the_tomador(plain: Plain, sandbox: Sandbox) -> None:
    await assert_refused(plain, sandbox, sandbox.chaves[7], "755", TEXT)


async def test_sefaz_refuses_for_a_denied_document(plain: Plain) -> None:
    async with Sandbox(ctes=400, credits=None) as sandbox:
        items = await plain.everything(sandbox)
        denied = [item["chave"] for item in items if item["situacao"] == "denegada"]
        await assert_refused(plain, sandbox, denied[0], "205", TEXT)
