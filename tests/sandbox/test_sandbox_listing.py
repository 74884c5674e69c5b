"""The listing and `versao`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from sandbox_http import Plain

from focus_cte.sandbox import Sandbox

FIELDS = {
    "nome_emitente",
    "documento_emitente",
    "chave",
    "valor_total",
    "data_emissao",
    "situacao",
    "tipo_cte",
    "versao",
    "digest_value",
    "cnpj_destinatario",
}


async def test_pages_of_a_hundred_until_one_is_empty(plain: Plain) -> None:
    async with Sandbox(ctes=250) as sandbox:
        sizes, totals, versao = [], [], 0
        for _ in range(9):
            reply = await plain.listing(sandbox, versao)
            page = reply.json()
            sizes.append(len(page))
            totals.append(reply.headers["X-Total-Count"])
            if not page:
                break
            assert reply.headers["X-Max-Version"] == str(max(item["versao"] for item in page))
            versao = int(reply.headers["X-Max-Version"])
    assert sizes == [100, 100, 50, 0]
    assert totals == ["250", "150", "50", "0"]
    assert "X-Max-Version" not in reply.headers


async def test_the_total_may_count_everything(plain: Plain) -> None:
    async with Sandbox(ctes=30, page=20, total="all") as sandbox:
        first = await plain.listing(sandbox)
        second = await plain.listing(sandbox, int(first.headers["X-Max-Version"]))
    assert [len(first.json()), len(second.json())] == [20, 10]
    assert first.headers["X-Total-Count"] == second.headers["X-Total-Count"] == "30"


async def test_versao_is_strictly_greater_and_in_order(plain: Plain, sandbox: Sandbox) -> None:
    items = (await plain.listing(sandbox)).json()
    versoes = [item["versao"] for item in items]
    assert versoes == sorted(set(versoes))
    assert [item["chave"] for item in items] == list(sandbox.chaves)
    later = (await plain.listing(sandbox, versoes[4])).json()
    assert later == items[5:]


async def test_some_versoes_follow_at_once_and_some_leave_a_gap(plain: Plain) -> None:
    async with Sandbox(ctes=100) as sandbox:
        versoes = [item["versao"] for item in (await plain.listing(sandbox)).json()]
    gaps = {after - before for before, after in pairwise(versoes)}
    assert gaps == {1, 2}


async def test_an_item_has_the_documented_fields(plain: Plain, sandbox: Sandbox) -> None:
    for item in await plain.everything(sandbox):
        extra = {"carta_correcao", "data_carta_correcao"} & set(item)
        extra |= {"data_cancelamento", "justificativa_cancelamento"} & set(item)
        assert set(item) == FIELDS | extra
        assert isinstance(item["versao"], int)
        assert item["cnpj_destinatario"] == sandbox.cnpj


async def test_a_mix_of_situations_and_kinds(plain: Plain) -> None:
    async with Sandbox(ctes=400, credits=None) as sandbox:
        items = await plain.everything(sandbox)
    situations = {item["situacao"] for item in items}
    assert situations == {"autorizada", "autorizado", "cancelada", "denegada"}
    assert {item["tipo_cte"] for item in items} == {"0", "1", "3"}
    cancelled = [item for item in items if item["situacao"] == "cancelada"]
    assert all(len(item["justificativa_cancelamento"]) >= 15 for item in cancelled)
    assert any("carta_correcao" in item for item in items)
    assert {item["data_emissao"][-6:] for item in items} == {"-03:00", "-04:00"}


async def test_the_first_five_are_plain(plain: Plain) -> None:
    for seed in range(20):
        async with Sandbox(ctes=5, seed=seed) as sandbox:
            for item in (await plain.listing(sandbox)).json():
                assert item["situacao"] in ("autorizada", "autorizado")
                assert item["tipo_cte"] == "0"
                assert set(item) == FIELDS


@pytest.mark.parametrize(
    "params", [{}, {"cnpj": ""}, {"cnpj": "11222333000181"}, {"cnpj": "28.730.186/0001-53"}]
)
async def test_a_cnpj_that_is_not_ours(
    plain: Plain, sandbox: Sandbox, params: dict[str, Any]
) -> None:
    reply = await plain.send(sandbox, "", params=params)
    assert reply.status == 400
    assert reply.json() == {
        "codigo": "requisicao_invalida",
        "mensagem": "CNPJ do emitente não autorizado ou não informado.",
    }


async def test_a_versao_that_is_no_number(plain: Plain, sandbox: Sandbox) -> None:
    reply = await plain.send(sandbox, "", params={"cnpj": sandbox.cnpj, "versao": "12a"})
    assert (reply.status, reply.json()["codigo"]) == (400, "requisicao_invalida")


async def test_received_documents_come_last(plain: Plain, sandbox: Sandbox) -> None:
    before = await plain.everything(sandbox)
    chaves = sandbox.receive(3)
    after = await plain.everything(sandbox)
    assert after[: len(before)] == before
    assert tuple(item["chave"] for item in after[len(before) :]) == chaves
    assert sandbox.chaves[-3:] == chaves


async def test_a_cancelled_document_moves_to_the_end(plain: Plain, sandbox: Sandbox) -> None:
    before = await plain.everything(sandbox)
    chave = sandbox.chaves[1]
    versao = sandbox.cancel(chave, "Carga recusada pelo destinatário")
    after = await plain.everything(sandbox)
    assert len(after) == len(before)
    moved = after[-1]
    assert (moved["chave"], moved["versao"]) == (chave, versao)
    assert versao > before[-1]["versao"]
    assert moved["situacao"] == "cancelada"
    assert moved["justificativa_cancelamento"] == "Carga recusada pelo destinatário"
    assert moved["data_cancelamento"] > moved["data_emissao"]
    assert sandbox.chaves[-1] == chave


async def test_a_corrected_document_moves_to_the_end(plain: Plain, sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    first = sandbox.correct(chave, "Primeira correção do endereço")
    second = sandbox.correct(chave, "Segunda correção do endereço")
    assert second > first
    moved = (await plain.listing(sandbox, first)).json()
    assert [item["chave"] for item in moved] == [chave]
    assert moved[0]["carta_correcao"] == "Segunda correção do endereço"
    assert moved[0]["data_carta_correcao"]
    assert (await plain.send(sandbox, f"/{chave}")).json() == moved[0]


def test_events_that_cannot_be() -> None:
    sandbox = Sandbox(ctes=3)
    with pytest.raises(KeyError):
        sandbox.cancel("0" * 44)
    sandbox.cancel(sandbox.chaves[0])
    for move in (sandbox.cancel, sandbox.correct):
        with pytest.raises(ValueError, match="cancelada"):
            move(sandbox.chaves[-1])


async def test_the_same_seed_gives_the_same_answers(plain: Plain) -> None:
    answers = []
    for ctes in (20, 40):
        async with Sandbox(ctes=ctes, seed=5, page=20) as sandbox:
            chave = sandbox.chaves[11]
            page = (await plain.listing(sandbox)).body
            whole = (await plain.send(sandbox, f"/{chave}", params={"completa": "1"})).body
            answers.append((page, whole, (await plain.send(sandbox, f"/{chave}.xml")).body))
    assert answers[0] == answers[1]


async def test_hundreds_of_thousands_are_listed_from_anywhere(plain: Plain) -> None:
    async with Sandbox(ctes=300_000, credits=None) as sandbox:
        middle = (await plain.listing(sandbox, 300_000)).json()
        assert len(middle) == 100
        moved = sandbox.cancel(middle[50]["chave"])
        assert [item["versao"] for item in (await plain.listing(sandbox, moved - 1)).json()] == [
            moved
        ]
        again = (await plain.listing(sandbox, 300_000)).json()
        assert middle[50]["chave"] not in {item["chave"] for item in again}


async def test_no_documents_at_all(plain: Plain) -> None:
    async with Sandbox(ctes=0) as sandbox:
        reply = await plain.listing(sandbox)
        assert (reply.status, reply.json(), reply.headers["X-Total-Count"]) == (200, [], "0")
        sandbox.receive()
        assert len((await plain.listing(sandbox)).json()) == 1
