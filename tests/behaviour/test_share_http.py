"""A client's share: what a block of work leaves to others, and what it took."""

from __future__ import annotations

import asyncio

import pytest

from focus_cte import ChaveAcesso, FocusCTe, InvalidArgument, InvalidDocument, Retry, read_item
from focus_cte.sandbox import Sandbox


async def test_a_block_leaves_its_reserve_and_the_rest_of_the_client_does_not() -> None:
    async with (
        Sandbox(ctes=30, credits=10, window=600) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
    ):

        async def many() -> None:
            await asyncio.gather(*(focus.baixar_xml(chave) for chave in sandbox.chaves[:9]))

        with focus.sharing(reserve=4) as share:
            # The window is too long to wait for: what is left of it is another's.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await many()
            taken = len(sandbox.requests)
            assert 1 <= taken <= 6
            assert share.requests == taken
            # Somebody else's call is not held up by those that wait.
            waiting = asyncio.create_task(many())
            await asyncio.sleep(0)
        await focus.consultar(sandbox.chaves[0])
        assert len(sandbox.requests) == taken + 1
        assert share.requests == taken
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_a_share_counts_what_is_sent_again(sandbox: Sandbox) -> None:
    sandbox.fail("status", status=503, on="document", times=2)
    async with FocusCTe(sandbox.token, base_url=sandbox.url, retry=Retry(initial=0.01)) as focus:
        with focus.sharing(reserve=0) as share:
            await focus.consultar(sandbox.chaves[0])
        assert share.requests == len(sandbox.requests) == 3
        assert focus.origin == sandbox.url


@pytest.mark.parametrize("reserve", [-1, True, 1.5, "2"])
async def test_a_reserve_is_a_whole_number(focus: FocusCTe, reserve: int) -> None:
    with pytest.raises(InvalidArgument, match="reserve"):
        focus.sharing(reserve=reserve)


async def test_closing_ends_the_waiters_of_every_share() -> None:
    async with (
        Sandbox(ctes=5, credits=2, window=600) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
    ):
        await focus.listar(sandbox.cnpj)
        with focus.sharing(reserve=2):
            waiting = asyncio.create_task(focus.listar(sandbox.cnpj))
            await asyncio.sleep(0.05)
        await focus.close()
        with pytest.raises(Exception, match="closed"):
            await waiting


def test_an_item_kept_for_later_is_read_as_from_the_listing() -> None:
    chave = ChaveAcesso.parse("41150302618946000141570010000000521000000497").texto
    found = read_item({"chave_cte": chave, "versao": 7, "situacao": "autorizado", "novo": 1})
    assert (found.chave, found.versao, found.situacao) == (chave, 7, "autorizada")
    assert found.extra == {"novo": 1}


@pytest.mark.parametrize("item", [None, [], {}, {"versao": 3}, {"chave": "x", "versao": 3}])
def test_one_that_cannot_be_used_says_why_and_keeps_it(item: object) -> None:
    with pytest.raises(InvalidDocument, match="cannot be used") as caught:
        read_item(item)
    assert caught.value.raw is item
    assert caught.value.versao == (3 if item and isinstance(item, dict) else 0)
