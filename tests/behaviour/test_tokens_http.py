"""The token: where it goes, what a refused one costs, and where it is never to be read."""

from __future__ import annotations

import asyncio
import base64
import logging
import pickle
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from servers import (
    CHAVE,
    CNPJ,
    TEXTO,
    TOKEN,
    always,
    client_of,
    cut,
    drip,
    redirecting,
    reset,
    serving,
    silent,
)

from focus_cte import AuthenticationError, FocusCTe, FocusError, InvalidArgument, Retry, downloads
from focus_cte.sandbox import Sandbox

WRONG = "0123456789abcdef0123456789abcdef"
SIGNED = "Signature=THESIGNATUREOFANADDRESS"
BASIC = base64.b64encode(f"{TOKEN}:".encode()).decode()
SECRETS = (TOKEN, BASIC, "THESIGNATUREOFANADDRESS")

Call = Callable[[FocusCTe], Awaitable[object]]


async def refused(call: Awaitable[object]) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        await call
    return caught.value


def wrong(sandbox: Sandbox, **settings: Any) -> FocusCTe:
    return FocusCTe(WRONG, base_url=sandbox.url, **settings)


async def test_fifty_concurrent_calls_with_a_wrong_token_cost_one_request(
    sandbox: Sandbox,
) -> None:
    async with wrong(sandbox) as client:
        calls = [client.listar(sandbox.cnpj), client.baixar_xml(CHAVE), client.baixar_dacte(CHAVE)]
        calls += [client.consultar(CHAVE) for _ in range(47)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} == {AuthenticationError}
    assert len(sandbox.requests) == 1


async def test_calls_one_after_another_with_a_wrong_token_cost_one_request(
    sandbox: Sandbox,
) -> None:
    async with wrong(sandbox) as client:
        first = await refused(client.listar(sandbox.cnpj))
        assert first.status == 401
        assert "each environment has its own token" in str(first)
        for _ in range(5):
            again = await refused(client.listar(sandbox.cnpj))
            assert again.status == 401
            assert again.retry_after is not None
            assert 0 < again.retry_after <= 300
        await refused(client.informar_desacordo(CHAVE, TEXTO))
    assert len(sandbox.requests) == 1


async def test_a_second_client_of_a_wrong_token_costs_no_request(sandbox: Sandbox) -> None:
    async with wrong(sandbox) as first, wrong(sandbox) as second:
        await asyncio.gather(
            refused(first.listar(sandbox.cnpj)), refused(second.listar(sandbox.cnpj))
        )
    async with wrong(sandbox) as third:
        await refused(third.listar(sandbox.cnpj))
    assert len(sandbox.requests) == 1


async def test_a_wrong_token_does_not_stop_the_right_one(sandbox: Sandbox) -> None:
    async with wrong(sandbox) as bad, client_of(sandbox) as good:
        await refused(bad.listar(sandbox.cnpj))
        assert (await good.listar(sandbox.cnpj)).ctes


async def test_a_token_revoked_with_requests_under_way_costs_no_more_than_those() -> None:
    async with Sandbox(ctes=5, latency=0.02) as sandbox:
        async with client_of(sandbox, max_concurrency=4) as client:
            await client.listar(sandbox.cnpj)
            sandbox.fail("unauthorized", times=50)
            errors = await asyncio.gather(
                *(client.consultar(chave) for chave in sandbox.chaves * 6), return_exceptions=True
            )
        assert {type(error) for error in errors} == {AuthenticationError}
        assert len(sandbox.requests) <= 1 + 4


async def test_a_401_is_never_asked_again_however_it_looks() -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        return await cut(request, b"HTTP Basic: Access denied", status=401)

    for handler in (broken, always(b"x" * 2**21, status=401), always(b"", status=401)):
        async with serving(handler) as origin, client_of(origin) as client:
            await refused(client.listar(CNPJ))
            await refused(client.baixar_dacte(CHAVE))
            assert len(origin.requests) == 1


async def test_a_sync_with_a_wrong_token_costs_one_request(sandbox: Sandbox) -> None:
    async with wrong(sandbox) as client:
        await refused(anext(aiter(client.sync(sandbox.cnpj))))
        await refused(anext(aiter(client.sync(sandbox.cnpj, prefetch=False))))
    assert len(sandbox.requests) == 1


async def test_the_credentials_are_the_token_without_a_password() -> None:
    async with serving(always("[]")) as origin, client_of(origin) as client:
        await client.listar(CNPJ)
    assert origin.requests[0].headers["authorization"] == f"Basic {BASIC}"


@pytest.mark.parametrize("token", ["", "with space", "with:colon", "line\n", "acentuação", 5, None])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        FocusCTe(token, base_url="http://127.0.0.1")
    for word in ("with", "line", "acentua"):
        assert f"{word}{str(token)[len(word) :]}" not in str(caught.value) or not token


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception with those that it was raised from, or while handling."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
    return iter(seen)


def words(error: FocusError) -> Iterator[str]:
    """What an exception shows to whoever prints, logs or pickles it."""
    yield repr(pickle.dumps(error))
    yield repr(pickle.loads(pickle.dumps(error)))
    for one in chain(error):
        yield from (str(one), repr(one), repr(one.args), repr(vars(one)))
        yield "".join(traceback.format_exception(one))


def local_variables(error: FocusError) -> Iterator[str]:
    """What the frames of its traceback show to an error reporter, those of the tests apart."""
    for one in chain(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if any(part in frame.f_code.co_filename for part in ("/focus_cte/", "/aiohttp/")):
                for name, value in frame.f_locals.items():
                    yield f"{frame.f_code.co_qualname}: {name} = {value!r}"


def told(text: str) -> list[str]:
    """The secrets in a text."""
    return [secret for secret in SECRETS if secret in text]


async def echo(request: web.Request) -> web.StreamResponse:
    """Says back what it was told, as debug pages do."""
    given = request.headers["Authorization"]
    said = {"codigo": TOKEN, "mensagem": f"{given} {TOKEN}", "erros": [{"campo": given}]}
    return web.json_response(said, status=422)


async def echo_html(request: web.Request) -> web.StreamResponse:
    text = f"<html>{dict(request.headers)} {TOKEN}</html>"
    return web.Response(text=text, status=503, content_type="text/html")


async def echo_401(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"denied: {TOKEN}", status=401)


async def echo_sefaz(request: web.Request) -> web.StreamResponse:
    said = {"status": "erro", "status_sefaz": "215", "mensagem_sefaz": f"Rejeição: {TOKEN}"}
    return web.json_response(said)


async def echo_item(request: web.Request) -> web.StreamResponse:
    return web.json_response({"chave": TOKEN, "versao": 1})


async def refused_address(request: web.Request) -> web.StreamResponse:
    if "Signature" in request.query:
        return web.Response(text="<Error/>", status=403)
    return await redirecting(f"/storage/a.pdf?{SIGNED}")(request)


FAILURES: dict[str, Any] = {
    "echo in JSON": echo,
    "echo in HTML": echo_html,
    "echo in a 401": echo_401,
    "echo in SEFAZ's refusal": echo_sefaz,
    "echo in a document": echo_item,
    "reset": lambda request: asyncio.sleep(0, reset(request)),
    "cut": lambda request: cut(request, b"["),
    "silence": silent,
    "drip": lambda request: drip(request, b"["),
    "not JSON": always("<html>", content_type="text/html"),
    "not a list": always("5"),
    "broken compression": always(b"x", headers={"Content-Encoding": "gzip"}),
    "too long a header": always(b"[]", headers={"X-Long": "x" * 20_000}),
    "a bad redirect": redirecting(f"http://storage.invalid/a.pdf?{SIGNED}"),
    "a redirect with a secret user": redirecting(f"https://{SIGNED}@storage.invalid/a.pdf"),
    "a redirect loop": redirecting(f"/storage/a.pdf?{SIGNED}"),
    "a refused address": refused_address,
}
CALLS: dict[str, Call] = {
    "listar": lambda client: client.listar(CNPJ),
    "sync": lambda client: anext(aiter(client.sync(CNPJ))),
    "consultar": lambda client: client.consultar(CHAVE),
    "informar_desacordo": lambda client: client.informar_desacordo(CHAVE, TEXTO),
    "baixar_dacte": lambda client: client.baixar_dacte(CHAVE),
}


async def failure(name: str, call: str, monkeypatch: pytest.MonkeyPatch) -> FocusError | None:
    """How a call fails there; None for those that do not."""
    monkeypatch.setattr(downloads, "_LONGEST", 0.05)
    retry = Retry(attempts=1, total=0.05, initial=0.001)
    async with (
        serving(FAILURES[name]) as origin,
        client_of(origin, retry=retry, timeout=0.05) as client,
    ):
        try:
            await CALLS[call](client)
        except FocusError as error:
            return error
    return None


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", FAILURES)
async def test_no_exception_and_no_log_shows_the_token(
    name: str, call: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    error = await failure(name, call, monkeypatch)
    assert error is None or [text for text in words(error) if told(text)] == []
    assert [r.getMessage() for r in caplog.records if told(f"{r.getMessage()} {vars(r)}")] == []


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("echo in JSON", "listar"),
        ("echo in HTML", "consultar"),
        ("echo in a 401", "sync"),
        ("echo in SEFAZ's refusal", "informar_desacordo"),
        ("echo in a document", "consultar"),
        ("reset", "listar"),
        ("cut", "listar"),
        ("silence", "informar_desacordo"),
        ("not JSON", "sync"),
        ("too long a header", "listar"),
        ("a bad redirect", "baixar_dacte"),
        ("a redirect with a secret user", "baixar_dacte"),
        ("a redirect loop", "baixar_dacte"),
        ("a refused address", "baixar_dacte"),
    ],
)
async def test_no_local_variable_of_a_traceback_shows_the_token(
    name: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = await failure(name, call, monkeypatch)
    assert error is None or [text for text in local_variables(error) if told(text)] == []


@pytest.mark.parametrize("name", ["a refused address", "a bad redirect", "a redirect loop"])
async def test_the_words_about_a_download_name_the_host_and_no_query(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(FAILURES[name]) as origin, client_of(origin) as client:
        with pytest.raises(FocusError) as caught:
            await client.baixar_dacte(CHAVE)
    text = f"{caught.value} {caught.value!r} {pickle.dumps(caught.value)!r} {caplog.text}"
    assert not told(text)
    assert "?" not in text


async def test_a_whole_day_of_work_logs_no_token(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    basic = base64.b64encode(f"{sandbox.token}:".encode()).decode()
    chave = sandbox.chaves[0]
    sandbox.fail("html", on="listing")
    sandbox.fail("reset", on="xml")
    async with client_of(sandbox) as client:
        assert len([cte async for cte in client.sync(sandbox.cnpj)]) == 250
        await client.baixar_xml(chave)
        await client.baixar_dacte(chave)
        await client.informar_desacordo(chave, TEXTO)
    lines = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert len(lines) > 8
    for secret in (sandbox.token, basic, "Signature="):
        assert not any(secret in line for line in lines)


async def test_a_client_shows_no_token() -> None:
    async with serving(always("[]")) as origin, client_of(origin) as client:
        await client.listar(CNPJ)
        session = client._session
        for thing in (client, session, session.endpoints, session._gate, session._account):
            shown = f"{thing!s} {thing!r}"
            shown += repr(vars(thing)) if hasattr(thing, "__dict__") else ""
            assert not told(shown), thing
        assert origin.url in repr(client)


async def test_a_client_is_not_pickled_and_says_so() -> None:
    client = FocusCTe(TOKEN, base_url="http://127.0.0.1")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled") as caught:
            pickle.dumps(client, protocol)
        assert TOKEN not in str(caught.value)


async def test_the_aiohttp_session_keeps_no_token() -> None:
    async with serving(always("[]")) as origin, aiohttp.ClientSession() as session:
        await client_of(origin, session=session).listar(CNPJ)
        assert not told(f"{dict(session.headers)} {list(session.cookie_jar)}")
        async with session.get(origin.url) as answer:
            assert answer.status == 200
    assert [seen.secrets for seen in origin.requests] == [{"authorization"}, set()]


async def test_a_fetched_document_shows_no_token(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        page = await client.listar(sandbox.cnpj)
        complete = await client.consultar_completa(sandbox.chaves[0])
    assert sandbox.token not in f"{page!r} {complete!r} {pickle.dumps([page, complete])!r}"
