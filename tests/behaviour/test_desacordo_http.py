"""A desacordo over real sockets: never done twice, never believed done when it was not.

What counts is what the server saw: "P" is a POST, "G" a look-up.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from servers import CHAVE, TEXTO, Origin, client_of, cut, eventually, in_use, reset, serving, silent

from focus_cte import (
    ApiError,
    AuthenticationError,
    BadRequest,
    DesacordoJaRegistrado,
    DesacordoRejeitado,
    FocusCTe,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Retry,
    TransportError,
)
from focus_cte.sandbox import Sandbox

PATIENT = Retry(attempts=3, total=10, initial=0.001, maximum=0.004)
SOON = Retry(attempts=3, total=0.12, initial=0.001, maximum=0.004)
"""For where nothing that helps will happen."""
REGISTERED = {
    "status_sefaz": "135",
    "mensagem_sefaz": "Evento registrado e vinculado a CT-e",
    "status": "evento_registrado",
    "protocolo": "135260000000001",
}
ALREADY = {
    "codigo": "requisicao_invalida",
    "mensagem": "Desacordo já registrado para este Documento Fiscal",
}


class Sefaz:
    """POST and GET of the desacordo by two scripts, a word a request; after them, as it should be.

    right    does what was asked
    lost     does it, and resets the connection
    reset    resets the connection
    late     is silent; the POST is at work, and registered when `late` look-ups have found nothing
    503      any status; "503+" does the work before; "503cut" breaks off its body
    html     a proxy's page with 200; "empty": no body; "odd": an answer that says nothing
    s755     SEFAZ refuses with that code, with HTTP 200
    already  registered by somebody, and says so with 400
    """

    def __init__(self, posts: str = "", looks: str = "", *, late: int = 10**6) -> None:
        self.script = {"POST": deque(posts.split()), "GET": deque(looks.split())}
        self.registered: dict[str, str] | None = None
        self.texts: list[str] = []
        self._late, self._at_work = late, False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            self.texts.append(json.loads(await request.read())["observacoes"])
        script = self.script[request.method]
        word = script.popleft() if script else "right"
        if request.method == "GET" and self._at_work:
            self._late -= 1
            if self._late < 0:
                self.registered = REGISTERED
        match word:
            case "right":
                return self._work(request)
            case "lost":
                self._work(request)
                return reset(request)
            case "reset":
                return reset(request)
            case "late":
                self._at_work = request.method == "POST"
                return await silent(request)
            case "html":
                return web.Response(text="<html>Voltamos logo</html>", content_type="text/html")
            case "empty":
                return web.Response()
            case "odd":
                return web.json_response({"status": "evento_registrado", "status_sefaz": "999"})
            case "already":
                self.registered = REGISTERED
                return web.json_response(ALREADY, status=400)
            case _ if word.startswith("s"):
                return self._refusal(word[1:])
        parts = re.fullmatch(r"(\d+)(\+?)(cut)?", word)
        assert parts, word
        if parts[2]:
            self._work(request)
        if parts[3]:
            return await cut(request, b"<html>", status=int(parts[1]))
        return web.json_response({"codigo": "x", "mensagem": "words"}, status=int(parts[1]))

    def _work(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            if self.registered:
                return web.json_response(ALREADY, status=400)
            self.registered = REGISTERED
        if self.registered:
            return web.json_response(self.registered)
        return web.json_response({"codigo": "nao_encontrado", "mensagem": "não há"}, status=404)

    def _refusal(self, code: str) -> web.Response:
        words = "Rejeição: tomador identificado por CPF" if code == "999" else "Rejeição: não pode"
        return web.json_response({"status": "erro", "status_sefaz": code, "mensagem_sefaz": words})


def seen(origin: Origin) -> str:
    """P and G, in the order in which they came."""
    return "".join({"POST": "P", "GET": "G"}[one.method] for one in origin.requests)


@asynccontextmanager
async def at(sefaz: Sefaz, **settings: Any) -> AsyncIterator[tuple[Origin, FocusCTe]]:
    """The script behind a socket, and a client of it with one slot."""
    settings = {"retry": PATIENT, "max_concurrency": 1, "timeout": 5.0, **settings}
    async with serving(sefaz) as origin, client_of(origin, **settings) as client:
        yield origin, client


async def test_a_desacordo_is_registered_with_one_post() -> None:
    texto = "Avaria não ressarcida: ção, ª, º, §"
    async with at(sefaz := Sefaz()) as (origin, client):
        found = await client.informar_desacordo(CHAVE, texto, cnpj="24.178.617/0001-10")
    assert (found.registrado, found.protocolo) == (True, REGISTERED["protocolo"])
    assert sefaz.texts == [texto]
    assert seen(origin) == "P"
    assert origin.requests[0].path == f"/v2/ctes_recebidas/{CHAVE}/desacordo"
    assert origin.requests[0].query == {"cnpj": "24178617000110"}
    assert origin.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("posts", "looks", "expected"),
    [
        pytest.param("lost", "", "PG", id="the answer is lost after the registration"),
        pytest.param("lost", "404", "PGG", id="and is not found at once"),
        pytest.param("lost", "503 html reset", "PGGGG", id="and the look-ups fail at first"),
        pytest.param("200+cut", "", "PG", id="the answer is cut"),
        pytest.param("500+", "", "PG", id="500 after the registration"),
        pytest.param("503+", "404", "PGG", id="503 after the registration"),
        pytest.param("502+", "404 404 404", "PGGGG", id="502 after the registration"),
        pytest.param("504+", "404 404 404", "PGGGG", id="504 after the registration"),
        pytest.param("reset", "", "PGGP", id="reset before the registration"),
        pytest.param("500", "", "PGGP", id="500 before the registration"),
        pytest.param("503", "", "PGGP", id="503 before the registration"),
        pytest.param("503 500", "", "PGGPGGP", id="twice before the registration"),
        pytest.param("reset", "404 503 404 404", "PGGGGP", id="absent twice in a row"),
        pytest.param("429", "", "PP", id="429 did nothing"),
        pytest.param("429 429", "", "PPP", id="429 twice"),
        pytest.param("429 lost", "404", "PPGG", id="429, and then the answer is lost"),
        pytest.param("reset already", "404 404", "PGGPG", id="registered late after a reset"),
        pytest.param("reset s631", "404 404 right", "PGGPG", id="631 after a reset"),
        pytest.param("reset lost", "404 404", "PGGPG", id="the second answer is lost"),
    ],
)
async def test_it_comes_back_registered(posts: str, looks: str, expected: str) -> None:
    sefaz = Sefaz(posts, looks)
    if "s631" in posts:
        sefaz.registered = REGISTERED
    async with at(sefaz) as (origin, client):
        found = await client.informar_desacordo(CHAVE, TEXTO)
        assert found.registrado
        assert seen(origin).replace("GG", "G") == expected.replace("GG", "G")
        assert seen(origin) == expected


@pytest.mark.parametrize(
    "posts",
    ["502", "504", "html", "empty", "odd", "204", "502cut", "504cut", "302", "307"],
)
async def test_what_may_still_be_at_work_is_never_posted_again(posts: str) -> None:
    async with at(Sefaz(posts), retry=SOON) as (origin, client):
        with pytest.raises(OutcomeUnknown) as caught:
            await client.informar_desacordo(CHAVE, TEXTO)
        assert caught.value.chave == CHAVE
        assert "consultar_desacordo" in str(caught.value)
        assert seen(origin).count("P") == 1
        assert seen(origin).count("G") >= 2


async def test_a_server_slower_than_the_timeout_that_registers_late_gets_one_post() -> None:
    async with at(Sefaz("late", late=4), timeout=0.05) as (origin, client):
        assert (await client.informar_desacordo(CHAVE, TEXTO)).registrado
    assert seen(origin) == "PGGGGG"


async def test_a_server_slower_than_the_timeout_that_never_tells_gets_one_post() -> None:
    async with at(Sefaz("late"), retry=SOON, timeout=0.05) as (origin, client):
        with pytest.raises(OutcomeUnknown):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert seen(origin).count("P") == 1
    assert seen(origin).count("G") >= 2


async def test_it_is_looked_up_twice_at_least_also_when_no_time_is_left() -> None:
    retry = Retry(attempts=1, total=0, initial=0.001, maximum=0.001)
    async with at(Sefaz("504"), retry=retry) as (origin, client):
        with pytest.raises(OutcomeUnknown):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert seen(origin) == "PGG"


async def test_the_look_ups_are_apart_however_impatient_the_caller_is() -> None:
    loop = asyncio.get_running_loop()
    looked: list[float] = []
    sefaz = Sefaz("504")

    async def timed(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            looked.append(loop.time())
        return await sefaz(request)

    retry = Retry(attempts=1, total=0, initial=0, maximum=0)
    async with serving(timed) as origin, client_of(origin, retry=retry) as client:
        with pytest.raises(OutcomeUnknown):
            await client.informar_desacordo(CHAVE, TEXTO)
    first, second = looked
    assert second - first > 0.03


@pytest.mark.parametrize("posts", ["lost", "reset", "500", "502", "html"])
@pytest.mark.parametrize("looks", ["503", "reset", "html", "odd", "502", "500cut"])
async def test_when_the_look_ups_fail_the_outcome_is_unknown(posts: str, looks: str) -> None:
    failing = f"{looks} " * 500
    async with at(Sefaz(posts, failing), retry=SOON) as (origin, client):
        with pytest.raises(OutcomeUnknown) as caught:
            await client.informar_desacordo(CHAVE, TEXTO)
    assert caught.value.chave == CHAVE
    assert seen(origin).count("P") == 1


@pytest.mark.parametrize("looks", ["401", "403", "400", "422"])
async def test_a_look_up_that_is_refused_leaves_the_outcome_unknown_at_once(looks: str) -> None:
    async with at(Sefaz("lost", looks)) as (origin, client):
        with pytest.raises(OutcomeUnknown) as caught:
            await client.informar_desacordo(CHAVE, TEXTO)
    assert caught.value.chave == CHAVE
    assert seen(origin) == "PG"


async def test_the_server_down_after_the_post_leaves_the_outcome_unknown() -> None:
    posted = asyncio.Event()

    async def dying(request: web.Request) -> web.StreamResponse:
        posted.set()
        return await silent(request)

    async with serving(dying) as origin:
        client = client_of(origin, retry=SOON)
        task = asyncio.create_task(client.informar_desacordo(CHAVE, TEXTO))
        await posted.wait()
    with pytest.raises(OutcomeUnknown):
        await task
    await client.close()
    assert seen(origin) == "P"


async def test_posts_are_limited_by_the_attempts() -> None:
    async with at(Sefaz("reset " * 9)) as (origin, client):
        with pytest.raises(OutcomeUnknown):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert seen(origin) == "PGGPGGPGG"


@pytest.mark.parametrize("status", ["400", "403", "422"])
async def test_a_refusal_after_a_doubt_leaves_the_outcome_unknown(status: str) -> None:
    async with at(Sefaz(f"reset {status}")) as (origin, client):
        with pytest.raises(OutcomeUnknown):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert seen(origin) == "PGGP"


MEANINGS = [
    ("630", "schema"),
    ("631", "registered already"),
    ("755", "only the tomador"),
    ("787", "45 days"),
    ("999", "https://dfe-portal.svrs.rs.gov.br/CTE/PrestacaoServicoDesacordo"),
]


@pytest.mark.parametrize(("code", "meaning"), MEANINGS)
async def test_sefazs_refusal_with_http_200_is_raised_with_its_meaning(
    code: str, meaning: str
) -> None:
    async with at(Sefaz(f"s{code}")) as (origin, client):
        with pytest.raises(DesacordoRejeitado) as caught:
            await client.informar_desacordo(CHAVE, TEXTO)
    assert code in str(caught.value)
    assert "Rejeição" in str(caught.value)
    assert meaning in str(caught.value)
    assert caught.value.desacordo is not None
    assert caught.value.desacordo.status_sefaz == code
    assert seen(origin) == "P"


@pytest.mark.parametrize("posts", ["lost", "reset", "503", "502", "html", "429 reset"])
async def test_sefazs_refusal_is_raised_also_when_the_look_up_finds_it(posts: str) -> None:
    async with at(Sefaz(posts, "s787")) as (origin, client):
        with pytest.raises(DesacordoRejeitado, match="45 days"):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert seen(origin).endswith("PG")


async def test_a_refusal_after_a_doubt_is_raised() -> None:
    async with at(Sefaz("reset s755")) as (origin, client):
        with pytest.raises(DesacordoRejeitado, match="tomador"):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert seen(origin) == "PGGP"


async def test_a_desacordo_of_somebody_else_is_told_without_a_look_up() -> None:
    async with at(Sefaz("already")) as (origin, client):
        with pytest.raises(DesacordoJaRegistrado, match="já registrado"):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert seen(origin) == "P"


async def test_a_second_desacordo_is_refused_by_the_sandbox_too(sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    async with client_of(sandbox) as client:
        first = await client.informar_desacordo(chave, TEXTO)
        with pytest.raises(DesacordoJaRegistrado):
            await client.informar_desacordo(chave, TEXTO)
        assert await client.consultar_desacordo(chave) == first


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400", BadRequest),
        ("401", AuthenticationError),
        ("403", PermissionDenied),
        ("404", NotFound),
        ("415", BadRequest),
        ("422", BadRequest),
        ("409", ApiError),
    ],
)
async def test_a_plain_refusal_is_raised_as_it_is(status: str, kind: type[ApiError]) -> None:
    async with at(Sefaz(status)) as (origin, client):
        with pytest.raises(kind) as caught:
            await client.informar_desacordo(CHAVE, TEXTO)
    assert type(caught.value) is kind
    assert seen(origin) == "P"


async def test_a_429_that_goes_on_is_raised_as_it_is() -> None:
    async with at(Sefaz("429 " * 500), retry=SOON) as (origin, client):
        with pytest.raises(RateLimited):
            await client.informar_desacordo(CHAVE, TEXTO)
    assert "G" not in seen(origin)


async def test_a_server_that_is_not_there_gets_the_post_when_it_is() -> None:
    sefaz = Sefaz()
    async with serving(sefaz) as gone:
        port = int(gone.url.rpartition(":")[2])
    retry = Retry(attempts=500, total=10, initial=0.005, maximum=0.005)
    async with client_of(gone, retry=retry) as client:
        task = asyncio.create_task(client.informar_desacordo(CHAVE, TEXTO))
        await asyncio.sleep(0.03)
        assert not task.done()
        async with serving(sefaz, port=port) as back:
            assert (await task).registrado
    assert seen(back) == "P"


async def test_a_server_that_is_never_there_is_a_transport_error() -> None:
    """Provably nothing was sent: there is nothing unknown."""
    async with serving(Sefaz()) as gone:
        pass
    async with client_of(gone, retry=SOON) as client:
        with pytest.raises(TransportError, match="no connection"):
            await client.informar_desacordo(CHAVE, TEXTO)


async def test_a_host_without_a_name_is_a_transport_error() -> None:
    class Nowhere:
        url = "https://api.invalid"
        token = "0" * 32

    async with client_of(Nowhere(), retry=SOON, timeout=1) as client:
        with pytest.raises(TransportError):
            await client.informar_desacordo(CHAVE, TEXTO)


@pytest.mark.parametrize("borrowed", [False, True])
@pytest.mark.parametrize(("posts", "looks"), [("late", ""), ("504", "404 late"), ("lost", "late")])
async def test_a_client_closed_in_the_middle_leaves_the_outcome_unknown(
    posts: str, looks: str, borrowed: bool
) -> None:
    async with serving(Sefaz(posts, looks)) as origin, aiohttp.ClientSession() as session:
        client = client_of(origin, retry=SOON, session=session if borrowed else None)
        task = asyncio.create_task(client.informar_desacordo(CHAVE, TEXTO))
        steps = 1 + len(looks.split())
        await eventually(lambda: len(origin.requests) == steps)
        await client.close()
        done, _ = await asyncio.wait([task], timeout=1)
        task.cancel()
        assert done, "it goes on until its time limit"
        with pytest.raises(OutcomeUnknown) as caught:
            task.result()
        assert caught.value.chave == CHAVE
        assert seen(origin).count("P") == 1


async def test_a_client_closed_between_the_look_ups_leaves_the_outcome_unknown() -> None:
    waiting = Retry(attempts=3, total=600, initial=0.2, maximum=0.2)
    async with at(Sefaz("504"), retry=waiting) as (origin, client):
        task = asyncio.create_task(client.informar_desacordo(CHAVE, TEXTO))
        await eventually(lambda: seen(origin) == "P")
        await asyncio.sleep(0.01)
        await client.close()
        with pytest.raises(OutcomeUnknown):
            await asyncio.wait_for(task, 5)
    assert seen(origin) == "P"


async def test_a_cancellation_ends_it_with_one_post_and_nothing_held() -> None:
    async with serving(Sefaz("late")) as origin, aiohttp.ClientSession() as session:
        client = client_of(origin, session=session, max_concurrency=1)
        task = asyncio.create_task(client.informar_desacordo(CHAVE, TEXTO))
        await eventually(lambda: seen(origin) == "P")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: in_use(session) == 0)
        with pytest.raises(NotFound):
            await asyncio.wait_for(client.consultar_desacordo(CHAVE), 2)
    assert seen(origin) == "PG"


async def test_a_shielded_call_ends_although_its_caller_is_cancelled() -> None:
    async with at(Sefaz("lost", "404")) as (origin, client):
        inner = asyncio.ensure_future(client.informar_desacordo(CHAVE, TEXTO))

        async def caller() -> None:
            await asyncio.shield(inner)

        outer = asyncio.create_task(caller())
        await eventually(lambda: seen(origin) == "P")
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert (await inner).registrado
    assert seen(origin) == "PGG"


@pytest.mark.parametrize("fault", ["reset_after", "reset", "slow", "html", "cut"])
async def test_the_sandbox_registers_it_once_whatever_happens(fault: str, sandbox: Sandbox) -> None:
    details = {"slow": {"seconds": 0.15}}.get(fault, {})
    sandbox.fail(fault, on="desacordo_post", **details)
    chave = sandbox.chaves[0]
    retry = SOON if fault == "html" else PATIENT
    async with client_of(sandbox, retry=retry, timeout=0.1, max_concurrency=1) as client:
        if fault == "html":
            with pytest.raises(OutcomeUnknown):
                await client.informar_desacordo(chave, TEXTO)
            assert sandbox.desacordos == {}
        else:
            found = await client.informar_desacordo(chave, TEXTO)
            assert found.raw == sandbox.desacordos[chave]
    posts = [s for s in sandbox.requests if s.method == "POST"]
    assert len(posts) == (2 if fault == "reset" else 1)


@pytest.mark.parametrize(
    "texto",
    [
        "",
        "a" * 14,
        "a" * 256,
        " " + "a" * 20,
        "a" * 20 + " ",
        "uma linha\ne outra linha",
        "com tabulação\t aqui dentro",
        "um travessão – no meio dela",
        "aspas “tipográficas” no meio",
        "valor de 10 € a mais do que devia",
        "carga avariada 😀 no transporte",
        "a" * 20 + "\x00",
        None,
        b"bytes e nada mais que bytes",
    ],
)
async def test_observacoes_that_sefaz_would_refuse_cost_no_request(texto: Any) -> None:
    async with at(Sefaz()) as (origin, client):
        with pytest.raises(InvalidArgument, match="observacoes"):
            await client.informar_desacordo(CHAVE, texto)
    assert origin.requests == []


@pytest.mark.parametrize("texto", ["a" * 15, "a" * 255, "!" * 15, "ÿ" * 15, "não houve a entrega"])
async def test_observacoes_at_the_limits_are_sent(texto: str) -> None:
    async with at(sefaz := Sefaz()) as (_, client):
        await client.informar_desacordo(CHAVE, texto)
    assert sefaz.texts == [texto]


async def test_concurrent_desacordos_of_one_document_are_registered_once(sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    async with client_of(sandbox) as client:
        results = await asyncio.gather(
            *(client.informar_desacordo(chave, TEXTO) for _ in range(8)), return_exceptions=True
        )
    assert sum(not isinstance(result, DesacordoJaRegistrado) for result in results) == 1
    assert list(sandbox.desacordos) == [chave]
