"""Files over real sockets: across the redirect without a secret, and whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, web
from servers import (
    CHAVE,
    CNPJ,
    ONCE,
    PDF,
    QUICK,
    TOKEN,
    Handler,
    Origin,
    always,
    any_host,
    bomb,
    client_of,
    cut,
    drip,
    eventually,
    in_use,
    redirecting,
    reset,
    serving,
    silent,
    tls,
)

from focus_cte import (
    ApiError,
    ClientClosed,
    FocusCTe,
    FocusError,
    InvalidArgument,
    InvalidResponse,
    NotFound,
    RequestTimeout,
    Retry,
    ServerError,
    TransportError,
    UsageError,
    downloads,
)
from focus_cte.sandbox import Sandbox

SOON = Retry(attempts=1, total=0.01, initial=0.001)
HARMLESS = {"host", "accept", "accept-encoding", "user-agent"}


@asynccontextmanager
async def redirected_to(
    storage: Handler, *, location: Callable[[Origin], str] | None = None
) -> AsyncIterator[tuple[Origin, Origin]]:
    """An API that sends everybody to a storage; both origins."""
    async with serving(storage) as there:
        target = location(there) if location else f"{there.url}/dacte.pdf?Signature=SECRET%2B"
        async with serving(redirecting(target)) as api:
            yield api, there


async def test_the_dacte_comes_across_the_redirect_without_credentials(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        pdf = await client.baixar_dacte(sandbox.chaves[0])
    assert pdf.startswith(b"%PDF-")
    (there,) = sandbox.storage_requests
    assert {name.lower() for name in there.headers} <= HARMLESS


async def add_headers(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    request.headers["Authorization"] = "Bearer other-secret"
    request.headers["Cookie"] = "session=other-secret"
    request.headers["X-Api-Key"] = "other-secret"
    return await handler(request)


def jar(*urls: str) -> aiohttp.CookieJar:
    jar = aiohttp.CookieJar(unsafe=True)
    for url in urls:
        jar.update_cookies({"session": "other-secret"}, aiohttp.typedefs.URL(url))
    return jar


def with_auth() -> aiohttp.ClientSession:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return aiohttp.ClientSession(auth=aiohttp.BasicAuth("other", "other-secret"))


OWN_SECRETS: dict[str, Callable[[], aiohttp.ClientSession]] = {
    "auth": with_auth,
    "an Authorization header": lambda: aiohttp.ClientSession(
        headers={"Authorization": "Bearer other-secret", "X-Api-Key": "other-secret"}
    ),
    "headers in lower case": lambda: aiohttp.ClientSession(
        headers={
            "authorization": "Bearer other-secret",
            "cookie": "session=other-secret",
            "x-api-key": "other-secret",
            "user-agent": "other-secret",
        }
    ),
    "headers more than once": lambda: aiohttp.ClientSession(
        headers=[
            ("authorization", "Bearer other-secret"),
            ("Authorization", "Bearer other-secret"),
            ("x-api-key", "other-secret"),
            ("X-Api-Key", "other-secret"),
            ("X-API-KEY", "other-secret"),
        ]
    ),
    "cookies": lambda: aiohttp.ClientSession(
        cookies={"session": "other-secret"}, cookie_jar=aiohttp.CookieJar(unsafe=True)
    ),
    "a jar": lambda: aiohttp.ClientSession(cookie_jar=jar("http://127.0.0.1")),
    "netrc": lambda: aiohttp.ClientSession(trust_env=True),
    "a middleware": lambda: aiohttp.ClientSession(middlewares=[add_headers]),
    "a header for proxies": lambda: aiohttp.ClientSession(
        headers={"Proxy-Authorization": "Basic other-secret"}
    ),
}


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login other password other-secret\n")
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("name", OWN_SECRETS)
async def test_a_borrowed_session_with_secrets_of_its_own_works_and_gives_storage_none(
    name: str, sandbox: Sandbox
) -> None:
    async with OWN_SECRETS[name]() as session:
        client = client_of(sandbox, session=session)
        assert (await client.baixar_dacte(sandbox.chaves[0])).startswith(b"%PDF-")
        assert len((await client.listar(sandbox.cnpj)).ctes) == 100
        await client.close()
        assert not session.closed
    (there,) = sandbox.storage_requests
    assert {header.lower() for header in there.headers} <= HARMLESS
    assert "other-secret" not in str(dict(there.headers))
    for here in sandbox.requests:
        assert len(here.headers.getall("Authorization")) == 1
        assert "Cookie" not in here.headers


@pytest.mark.usefixtures("netrc")
async def test_a_borrowed_session_that_cannot_send_at_all_says_so(sandbox: Sandbox) -> None:
    """aiohttp refuses a default Authorization header together with an entry of netrc."""
    headers = {"Authorization": "Bearer other-secret"}
    async with aiohttp.ClientSession(headers=headers, trust_env=True) as session:
        with pytest.raises(UsageError, match="session") as caught:
            await client_of(sandbox, session=session).listar(sandbox.cnpj)
    assert sandbox.token not in str(caught.value)
    assert "other-secret" not in str(caught.value)
    assert sandbox.requests == []


def explode(_: object) -> str:
    raise AssertionError("the caller's serializer is for the caller's JSON")


OTHER_SETTINGS: dict[str, Callable[[], aiohttp.ClientSession]] = {
    "raise_for_status": lambda: aiohttp.ClientSession(raise_for_status=True),
    "auto_decompress": lambda: aiohttp.ClientSession(auto_decompress=False),
    "base_url": lambda: aiohttp.ClientSession(base_url="https://elsewhere.invalid/path/"),
    "timeout": lambda: aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1e-6)),
    "json_serialize": lambda: aiohttp.ClientSession(json_serialize=explode),
    "skip_auto_headers": lambda: aiohttp.ClientSession(
        skip_auto_headers=["User-Agent", "Accept", "Accept-Encoding", "Content-Type"]
    ),
    "read_bufsize": lambda: aiohttp.ClientSession(read_bufsize=1),
    "version": lambda: aiohttp.ClientSession(version=aiohttp.HttpVersion10),
    "one connection": lambda: aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)),
}


@pytest.mark.parametrize("name", OTHER_SETTINGS)
async def test_a_borrowed_session_with_other_settings_works(name: str, sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    async with OTHER_SETTINGS[name]() as session:
        client = client_of(sandbox, session=session)
        assert (await client.baixar_dacte(chave)).startswith(b"%PDF-")
        assert (await client.baixar_xml(chave)).endswith(b">")
        assert (await client.consultar(chave)).chave == chave
        assert (await client.informar_desacordo(chave, "A carga não chegou")).registrado
        with pytest.raises(NotFound):
            await client.consultar(CHAVE)
        assert len([cte async for cte in client.sync(sandbox.cnpj)]) == 250


async def test_compressed_answers_are_read_with_a_session_that_does_not_decompress() -> None:
    async def compressed(request: web.Request) -> web.StreamResponse:
        answer = web.Response(body=b"[]" + b" " * 5000)
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async with serving(compressed) as api, aiohttp.ClientSession(auto_decompress=False) as session:
        assert (await client_of(api, session=session).listar(CNPJ)).ctes == ()


@pytest.mark.parametrize("body", ["short", "long", "endless"])
async def test_one_connection_is_enough_for_a_redirect_with_a_body(body: str) -> None:
    async with serving(always(PDF)) as there, any_host() as session:

        async def moved(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(status=302, headers={"Location": f"{there.url}/pdf"})
            await response.prepare(request)
            await response.write(b"<html>moved</html>" if body == "short" else b"x" * 300_000)
            if body == "endless":
                await asyncio.Event().wait()
            return response

        one = aiohttp.TCPConnector(limit=1)
        async with serving(moved) as api, aiohttp.ClientSession(connector=one) as session:
            download = client_of(api, session=session).baixar_dacte(CHAVE)
            assert await asyncio.wait_for(download, 2) == PDF


async def test_a_cookie_that_the_api_sets_is_not_echoed(sandbox: Sandbox) -> None:
    cookie = {"Set-Cookie": "session=from-the-api; Path=/"}
    sandbox.fail("headers", on="pdf", headers=cookie)
    sandbox.fail("headers", on="listing", headers=cookie)
    unsafe = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=unsafe) as session:
        borrowing = client_of(sandbox, session=session)
        await borrowing.listar(sandbox.cnpj)
        await borrowing.baixar_dacte(sandbox.chaves[0])
        await borrowing.listar(sandbox.cnpj)
    sandbox.fail("headers", on="pdf", headers=cookie)
    async with client_of(sandbox) as client:
        await client.baixar_dacte(sandbox.chaves[0])
        await client.listar(sandbox.cnpj)
    assert not any("Cookie" in s.headers for s in sandbox.requests + sandbox.storage_requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_signed_address_arrives_as_it_was_written(status: int) -> None:
    raw = "/a%2Fb/c%20d.pdf?X-Amz-Signature=a%2Bb/c==&x=%7e~&q=1+2;3"
    seen: list[str] = []

    async def storage(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return web.Response(body=PDF)

    async with (
        serving(storage) as there,
        serving(redirecting(there.url + raw, status)) as api,
        client_of(api) as client,
    ):
        assert await client.baixar_dacte(CHAVE) == PDF
    assert seen == [raw]


def chain(steps: int, *, headers: dict[str, str] | None = None) -> Handler:
    """An API that redirects so many times within itself, and then gives the file."""

    async def handler(request: web.Request) -> web.StreamResponse:
        done = int(request.query.get("step", "0"))
        if done == steps:
            return web.Response(body=PDF, headers=headers)
        location = {"Location": f"/files/next?step={done + 1}"}
        return web.Response(status=302, headers=location | (headers or {}))

    return handler


@pytest.mark.parametrize("steps", [0, 1, 5])
async def test_redirects_within_the_api_carry_the_credentials(steps: int) -> None:
    async with serving(chain(steps)) as api, client_of(api, max_concurrency=1) as client:
        assert await asyncio.wait_for(client.baixar_dacte(CHAVE), 5) == PDF
        assert len(api.requests) == 1 + steps
        assert all("authorization" in seen.headers for seen in api.requests)


async def test_each_redirect_within_the_api_waits_for_a_credit_of_its_own() -> None:
    left = iter([1, 0])

    async def spending(request: web.Request) -> web.StreamResponse:
        answer = await chain(3)(request)
        told = {"Limit": "9", "Remaining": str(next(left)), "Reset": "3600"}
        answer.headers.update({f"Rate-Limit-{name}": value for name, value in told.items()})
        return answer

    async with serving(spending) as api, client_of(api) as client:
        task = asyncio.create_task(client.baixar_dacte(CHAVE))
        await eventually(lambda: len(api.requests) == 2)
        await asyncio.sleep(0.05)
        assert len(api.requests) == 2
        task.cancel()
        await asyncio.wait([task])


async def test_a_redirect_to_storage_costs_no_credit() -> None:
    spent = {"Rate-Limit-Limit": "9", "Rate-Limit-Remaining": "0", "Rate-Limit-Reset": "3600"}
    async with serving(always(PDF)) as there:
        location = {"Location": f"{there.url}/a.pdf"}
        async with (
            serving(always(b"", status=302, headers=location | spent)) as api,
            client_of(api, max_concurrency=1) as client,
        ):
            assert await asyncio.wait_for(client.baixar_dacte(CHAVE), 5) == PDF


async def test_a_storage_that_sends_back_to_the_api_is_followed_with_credentials() -> None:
    async def api_handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/back":
            return web.Response(body=PDF)
        return web.Response(status=302, headers={"Location": f"{there.url}/a.pdf"})

    async def storage_handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": f"{api.url}/back"})

    async with (
        serving(storage_handler) as there,
        serving(api_handler) as api,
        client_of(api, max_concurrency=1) as client,
    ):
        assert await asyncio.wait_for(client.baixar_dacte(CHAVE), 5) == PDF
    assert [("authorization" in s.headers) for s in api.requests] == [True, True]
    assert there.requests[0].secrets == set()


async def test_more_than_five_redirects_are_an_error_of_ours() -> None:
    async with serving(chain(6)) as api, client_of(api, retry=ONCE) as client:
        with pytest.raises(InvalidResponse, match="redirected more than 5 times"):
            await client.baixar_dacte(CHAVE)
        assert len(api.requests) == 6


async def test_a_redirect_loop_between_two_origins_ends() -> None:
    hops: list[str] = []

    async def here(request: web.Request) -> web.StreamResponse:
        hops.append(f"{there.url}/again?Signature=SECRET")
        return await redirecting(hops[-1])(request)

    async def back(request: web.Request) -> web.StreamResponse:
        return await redirecting(f"{api.url}/again?Signature=SECRET")(request)

    async with serving(here) as api, serving(back) as there, client_of(api, retry=ONCE) as client:
        with pytest.raises(InvalidResponse) as caught:
            await client.baixar_dacte(CHAVE)
    assert "SECRET" not in str(caught.value)
    assert len(api.requests) + len(there.requests) == 6


BAD_LOCATIONS = [
    None,
    "",
    "http://storage.example/a.pdf?Signature=SECRET",
    "http://127.0.0.1.storage.example/a.pdf?Signature=SECRET",
    "http://2130706433/a.pdf?Signature=SECRET",
    "ftp://127.0.0.1/a.pdf?Signature=SECRET",
    "file:///etc/passwd?Signature=SECRET",
    "javascript:alert('SECRET')",
    "data:application/pdf,SECRET",
    "https://user:SECRET@127.0.0.1/a.pdf?Signature=SECRET",
    "https://SECRET@127.0.0.1/a.pdf",
    "https:///a.pdf?Signature=SECRET",
    "https://?Signature=SECRET",
    "http://127.0.0.1:99999/a.pdf?Signature=SECRET",
    "http://127.0.0.1:port/a.pdf?Signature=SECRET",
    "http://[::1/a.pdf?Signature=SECRET",
    "http://127.0.0.1\\@storage.example/a.pdf?Signature=SECRET",
]


@pytest.mark.parametrize("location", BAD_LOCATIONS)
async def test_a_redirect_to_nowhere_safe_is_an_error_without_its_query(
    location: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with serving(redirecting(location)) as api, client_of(api, retry=ONCE) as client:
        with pytest.raises(InvalidResponse, match="redirected") as caught:
            await client.baixar_dacte(CHAVE)
    assert CHAVE in str(caught.value)
    assert "SECRET" not in f"{caught.value!s} {caught.value!r} {caplog.text}"
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(api.requests) == 1


@asynccontextmanager
async def behind_tls(handler: Handler, host: str) -> AsyncIterator[Origin]:
    async with serving(handler, host=host, tls=tls()) as origin:
        yield origin


@pytest.mark.parametrize(
    ("host", "other_port"),
    [
        ("api.example", True),
        ("sub.api.example", False),
        ("api.example.evil.example", False),
        ("evil-api.example", False),
        ("127.0.0.1", False),
    ],
)
async def test_another_host_or_port_gets_no_credentials(host: str, other_port: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/a.pdf":
            return web.Response(body=PDF)
        port = (there if other_port else api).url.rpartition(":")[2]
        return await redirecting(f"https://{host}:{port}/a.pdf?Signature=SECRET")(request)

    async with (
        behind_tls(handler, "api.example") as api,
        behind_tls(handler, "api.example") as there,
        any_host() as session,
    ):
        assert await client_of(api, session=session).baixar_dacte(CHAVE) == PDF
    first, second = api.requests + there.requests
    assert "authorization" in first.headers
    assert second.secrets == set()


async def test_another_scheme_gets_no_credentials() -> None:
    async with (
        serving(always(PDF), tls=tls()) as there,
        any_host() as session,
        serving(redirecting(f"{there.url}/a.pdf")) as api,
    ):
        assert await client_of(api, session=session).baixar_dacte(CHAVE) == PDF
    assert there.requests[0].secrets == set()


async def test_the_same_machine_by_another_name_gets_no_credentials() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/a.pdf":
            return web.Response(body=PDF)
        return await redirecting(api.url.replace("127.0.0.1", "localhost") + "/a.pdf")(request)

    async with serving(handler) as api, client_of(api) as client:
        assert await client.baixar_dacte(CHAVE) == PDF
    assert ["authorization" in seen.headers for seen in api.requests] == [True, False]


async def test_an_api_elsewhere_cannot_send_the_client_into_this_machine() -> None:
    async with (
        serving(always(PDF)) as inside,
        any_host() as session,
        behind_tls(redirecting(f"{inside.url}/a.pdf"), "api.example") as api,
    ):
        with pytest.raises(InvalidResponse, match="without https"):
            await client_of(api, session=session, retry=ONCE).baixar_dacte(CHAVE)
    assert inside.requests == []


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.focusnfe.com.br",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://user:password@127.0.0.1",
        "ftp://127.0.0.1",
        "api.focusnfe.com.br",
        "",
    ],
)
def test_a_base_url_in_clear_text_is_refused(base_url: str) -> None:
    with pytest.raises(InvalidArgument):
        FocusCTe(TOKEN, base_url=base_url)


@pytest.mark.parametrize(
    ("status", "kind", "requests"),
    [(403, ApiError, 1), (404, NotFound, 1), (410, ApiError, 1), (500, ServerError, 4)],
)
async def test_what_storage_refuses_is_told(
    status: int, kind: type[ApiError], requests: int, sandbox: Sandbox
) -> None:
    sandbox.fail("status", on="storage", status=status, times=9)
    async with client_of(sandbox) as client:
        with pytest.raises(kind) as caught:
            await client.baixar_dacte(sandbox.chaves[0])
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "storage" in str(caught.value)
    assert "Signature" not in str(caught.value)
    assert len(sandbox.storage_requests) == requests


async def test_a_storage_that_fails_once_is_asked_again_by_a_fresh_address(
    sandbox: Sandbox,
) -> None:
    sandbox.fail("status", on="storage", status=503)
    sandbox.fail("html", on="storage")
    sandbox.fail("cut", on="storage")
    async with client_of(sandbox) as client:
        assert (await client.baixar_dacte(sandbox.chaves[0])).startswith(b"%PDF-")
    assert len(sandbox.requests) == 4


@pytest.mark.parametrize("status", [200, 401, 403, 429, 503])
async def test_what_storage_answers_touches_neither_credits_nor_the_token(
    status: int, sandbox: Sandbox
) -> None:
    lies = {
        "Rate-Limit-Limit": "1",
        "Rate-Limit-Remaining": "0",
        "Rate-Limit-Reset": "3600",
        "Retry-After": "3600",
    }
    if status == 200:
        sandbox.fail("headers", on="storage", headers=lies)
    else:
        sandbox.fail("status", on="storage", status=status, headers=lies)
    async with client_of(sandbox, retry=ONCE) as client:
        with contextlib.suppress(ApiError):
            await client.baixar_dacte(sandbox.chaves[0])
        assert (client.credits.limit, client.credits.remaining) == (100, 99)
        assert len((await asyncio.wait_for(client.listar(sandbox.cnpj), 2)).ctes) == 100


NO_PDF: dict[str, Handler] = {
    "nothing": always(b""),
    "HTML": always("<!DOCTYPE html><html>", content_type="text/html"),
    "XML": always(b"<?xml version='1.0'?><Error/>"),
    "JSON": always(b"{}"),
    "garbage": always(os.urandom(1000).replace(b"%PDF", b"....")),
    "cut": lambda request: cut(request, PDF[:50]),
}


@pytest.mark.parametrize("name", NO_PDF)
async def test_a_pdf_that_is_none_is_an_error(name: str, tmp_path: Path) -> None:
    async with redirected_to(NO_PDF[name]) as (api, _), client_of(api, retry=ONCE) as client:
        with pytest.raises((InvalidResponse, TransportError)):
            await client.baixar_dacte(CHAVE)
        with pytest.raises((InvalidResponse, TransportError)):
            await client.baixar_dacte(CHAVE, to=tmp_path / "dacte.pdf")
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"plain text", b"<!DOCTYPE html><html></html>", b" <HTML></HTML>", b"<a"]
)
async def test_an_xml_that_is_none_is_an_error(body: bytes) -> None:
    async with serving(always(body)) as api, client_of(api, retry=ONCE) as client:
        with pytest.raises(InvalidResponse, match="xml"):
            await client.baixar_xml(CHAVE)


async def test_a_file_cut_without_a_length_is_not_taken_for_a_whole_one() -> None:
    async with (
        serving(lambda request: cut(request, b"<a><b>")) as api,
        client_of(api, retry=ONCE) as client,
    ):
        with pytest.raises(TransportError):
            await client.baixar_xml(CHAVE)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is there already."""
    path = tmp_path / "documento.xml"
    path.write_bytes(b"the old one")
    return path


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def untouched(old: Path) -> bool:
    return files(old.parent) == {old.name: b"the old one"}


async def half_written(old: Path) -> None:
    """Wait until something beside the old file grows."""
    await eventually(
        lambda: any(len(files(old.parent)[n]) for n in files(old.parent) if n != old.name)
    )


async def test_a_download_to_a_path_replaces_the_file_and_leaves_no_other(
    old: Path, sandbox: Sandbox
) -> None:
    async with client_of(sandbox) as client:
        xml = await client.baixar_xml(sandbox.chaves[0])
        assert await client.baixar_xml(sandbox.chaves[0], to=str(old)) == old
        assert files(old.parent) == {old.name: xml}
        pdf = await client.baixar_dacte(sandbox.chaves[0])
        assert await client.baixar_dacte(sandbox.chaves[0], to=old) == old
        assert files(old.parent) == {old.name: pdf}


FAULTS_OF_A_FILE = [
    ("cut", {"keep": 300}),
    ("cut", {"keep": 0}),
    ("reset", {}),
    ("reset_after", {}),
    ("html", {}),
    ("status", {"status": 500}),
    ("status", {"status": 404}),
    ("status", {"status": 401}),
    ("gzip_bomb", {"size": 17 * 2**20}),
]


@pytest.mark.parametrize(("fault", "details"), FAULTS_OF_A_FILE)
async def test_a_download_that_fails_leaves_the_old_file_and_no_other(
    fault: str, details: dict[str, Any], old: Path, sandbox: Sandbox
) -> None:
    sandbox.fail(fault, on="xml", times=2, **details)
    async with client_of(sandbox, retry=ONCE) as client:
        with pytest.raises(FocusError):
            await client.baixar_xml(sandbox.chaves[0], to=old)
        assert untouched(old)


async def test_a_file_cut_once_is_whole_after_the_second_try(old: Path, sandbox: Sandbox) -> None:
    sandbox.fail("cut", on="xml", keep=300)
    async with client_of(sandbox) as client:
        await client.baixar_xml(sandbox.chaves[0], to=old)
        assert files(old.parent) == {old.name: await client.baixar_xml(sandbox.chaves[0])}


async def test_a_download_cancelled_in_the_middle_leaves_the_old_file_and_no_other(
    old: Path,
) -> None:
    async with (
        serving(lambda request: silent(request, b"<a>" + b"x" * 10**6)) as api,
        aiohttp.ClientSession() as session,
    ):
        client = client_of(api, session=session)
        task = asyncio.create_task(client.baixar_xml(CHAVE, to=old))
        await half_written(old)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert untouched(old)
        await eventually(lambda: in_use(session) == 0)


async def test_a_client_closed_in_the_middle_of_a_download_leaves_the_old_file(old: Path) -> None:
    async with serving(lambda request: silent(request, b"<a>" + b"x" * 10**6)) as api:
        client = client_of(api, timeout=1)
        task = asyncio.create_task(client.baixar_xml(CHAVE, to=old))
        await half_written(old)
        await client.close()
        done, _ = await asyncio.wait([task], timeout=2)
        task.cancel()
        assert done, "it waits for a connection that is closed"
        with pytest.raises(ClientClosed):
            task.result()
        assert untouched(old)


class FullDisk(io.FileIO):
    """A file on a disk that takes 4 KiB more."""

    left = 4096

    def write(self, data: Any) -> int:
        if self.left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(memoryview(data)[: self.left])
        self.left -= written
        return written


@pytest.mark.parametrize("size", [6_000, 1_000_000])
async def test_a_full_disk_leaves_the_old_file_and_no_other(
    old: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(path: Path, mode: str, buffering: int) -> io.BufferedWriter:
        return io.BufferedWriter(FullDisk(path, mode), buffering)

    async with serving(always(b"<a>" + b"x" * size + b"</a>")) as api, client_of(api) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", opened)
            with pytest.raises(OSError, match="No space left"):
                await client.baixar_xml(CHAVE, to=old)
        assert untouched(old)
        assert len(api.requests) == 1


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
async def test_a_disk_that_fails_leaves_the_old_file_and_no_other(
    step: str, old: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with client_of(sandbox) as client:
        with monkeypatch.context() as patch:
            if step == "open":
                patch.setattr(Path, "open", fail)
            else:
                patch.setattr(os, step, fail)
            with pytest.raises(OSError, match="No space left"):
                await client.baixar_xml(sandbox.chaves[0], to=old)
        assert untouched(old)


@pytest.mark.parametrize("to", ["missing/documento.xml", ".", ""])
async def test_a_path_where_no_file_can_be_put_costs_no_request(
    to: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    async with client_of(sandbox) as client:
        with pytest.raises(InvalidArgument):
            await client.baixar_xml(sandbox.chaves[0], to=tmp_path / to)
        with pytest.raises(InvalidArgument):
            await client.baixar_dacte(sandbox.chaves[0], to=tmp_path / to)
    assert sandbox.requests == []
    assert files(tmp_path) == {}


async def test_two_downloads_to_one_path_leave_one_whole_file(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    path = tmp_path / ("d" * 240 + ".xml")
    async with client_of(sandbox) as client:
        await asyncio.gather(
            *(client.baixar_xml(chave, to=path) for chave in sandbox.chaves[:8] * 3)
        )
        whole = [{path.name: await client.baixar_xml(c)} for c in sandbox.chaves[:8]]
    assert files(tmp_path) in whole


MEASURED = """
import asyncio, resource, sys
from focus_cte import FocusCTe, FocusError, Retry

async def main(token, url, call, argument):
    async with FocusCTe(token, base_url=url, retry=Retry(attempts=1)) as client:
        try:
            await getattr(client, call)(argument)
        except FocusError as error:
            return type(error).__name__

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
name = asyncio.run(main(*sys.argv[1:]))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(name, (after - before) // (1024 * (1024 if sys.platform == "darwin" else 1)))
"""


async def measured(api: Any, call: str, argument: str) -> tuple[str, int]:
    """Which error it raises in a process of its own, and by how many MB that grows."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        MEASURED,
        api.token,
        api.url,
        call,
        argument,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    name, growth = output.decode().split()
    return name, int(growth)


@pytest.mark.parametrize(
    ("on", "call"), [("listing", "listar"), ("xml", "baixar_xml"), ("storage", "baixar_dacte")]
)
async def test_a_gzip_bomb_of_400_mb_takes_less_than_200_mb(on: str, call: str) -> None:
    async with Sandbox(ctes=1) as sandbox:
        sandbox.fail("gzip_bomb", on=on)
        argument = sandbox.cnpj if call == "listar" else sandbox.chaves[0]
        name, growth = await measured(sandbox, call, argument)
    assert name == "InvalidResponse"
    assert growth < 200


async def test_a_gzip_bomb_in_an_error_takes_less_than_200_mb() -> None:
    body = bomb(400 * 2**20, status=500).body

    async def broken(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip"}
        return web.Response(status=500, body=body, headers=headers)

    async with serving(broken) as api:
        name, growth = await measured(api, "listar", CNPJ)
    assert name in ("InvalidResponse", "ServerError")
    assert growth < 200


@pytest.mark.parametrize("status", [400, 403, 404, 422, 429, 500, 503])
@pytest.mark.parametrize("call", ["listar", "baixar_xml", "baixar_dacte"])
async def test_a_bomb_in_an_error_is_an_error_of_ours(status: int, call: str) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        return bomb(3 * 2**20, status=status)

    async with serving(broken) as api, client_of(api, retry=SOON) as client:
        with pytest.raises(FocusError):
            await getattr(client, call)(CNPJ if call == "listar" else CHAVE)


@pytest.mark.parametrize("deflated", ["gzip", "deflate"])
@pytest.mark.parametrize("call", ["listar", "baixar_xml"])
async def test_compression_that_is_broken_is_an_error_of_ours(call: str, deflated: str) -> None:
    broken = always(b"no such compression", headers={"Content-Encoding": deflated})
    async with serving(broken) as api, client_of(api, retry=ONCE) as client:
        with pytest.raises(InvalidResponse):
            await getattr(client, call)(CNPJ if call == "listar" else CHAVE)


@pytest.mark.parametrize(
    ("call", "argument"), [("listar", CNPJ), ("consultar", CHAVE), ("consultar_desacordo", CHAVE)]
)
async def test_a_listing_that_drips_for_ever_times_out(call: str, argument: str) -> None:
    async with (
        serving(lambda request: drip(request, b"[")) as api,
        client_of(api, retry=ONCE, timeout=0.1) as client,
    ):
        with pytest.raises(RequestTimeout, match=argument):
            await getattr(client, call)(argument)


@pytest.mark.parametrize("from_storage", [False, True])
@pytest.mark.parametrize("head", [None, b"<a>%PDF-1.4"])
async def test_a_download_that_falls_silent_times_out(
    head: bytes | None, from_storage: bool, old: Path
) -> None:
    async with redirected_to(lambda request: silent(request, head)) as (api, storage):
        where = api if from_storage else storage
        async with client_of(where, retry=ONCE, timeout=0.05) as client:
            with pytest.raises(RequestTimeout) as caught:
                await client.baixar_dacte(CHAVE, to=old)
    assert "SECRET" not in str(caught.value)
    assert untouched(old)


async def test_a_download_that_drips_is_not_cut_off_while_it_goes_on() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in range(0, len(PDF), 40):
            await response.write(PDF[part : part + 40])
            await asyncio.sleep(0.03)
        return response

    async with serving(slow) as api, client_of(api, retry=ONCE, timeout=0.25) as client:
        assert await client.baixar_dacte(CHAVE) == PDF


async def test_a_download_that_drips_for_ever_ends_at_the_cap(
    monkeypatch: pytest.MonkeyPatch, old: Path
) -> None:
    monkeypatch.setattr(downloads, "_LONGEST", 0.1)
    async with (
        serving(lambda request: drip(request, b"%PDF-1.4")) as api,
        client_of(api, retry=ONCE, timeout=0.2) as client,
    ):
        with pytest.raises(RequestTimeout):
            await client.baixar_dacte(CHAVE, to=old)
    assert untouched(old)


async def test_a_reset_in_the_middle_of_a_file_is_asked_for_again() -> None:
    tries: list[int] = []

    async def unlucky(request: web.Request) -> web.StreamResponse:
        tries.append(1)
        if len(tries) < 3:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(PDF[:100])
            return reset(request)
        return web.Response(body=PDF)

    async with redirected_to(unlucky) as (api, storage), client_of(api, retry=QUICK) as client:
        assert await client.baixar_dacte(CHAVE) == PDF
        assert len(storage.requests) == 3
