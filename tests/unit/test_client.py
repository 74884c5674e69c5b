"""Each call of the client: the one request that it sends, and what it refuses to send.

Without sockets, and so without credentials and time limits: those are tested in tests/behaviour.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
from aioresponses import aioresponses as Mocked
from samples import ALPHANUMERIC_CNPJ, API, CHAVE, CNPJ, SEED_ITEM, chave, rate
from yarl import URL

from focus_cte import (
    Ambiente,
    ApiError,
    AuthenticationError,
    BadRequest,
    ClientClosed,
    Credits,
    CTeCompleta,
    CTeRecebida,
    Desacordo,
    DesacordoRejeitado,
    FocusCTe,
    FocusError,
    InvalidArgument,
    InvalidDocument,
    InvalidResponse,
    NotFound,
    Retry,
    ServerError,
    UsageError,
)

HOMOLOGACAO = "https://homologacao.focusnfe.com.br"
LISTING = f"{API}/v2/ctes_recebidas"
DOCUMENT = f"{LISTING}/{CHAVE}"
TOKEN = "8f2bd6e0a1c94c3d9e7b5a6f4d3c2b1a"
TEXT = "O serviço não foi prestado"
REGISTERED = {
    "status_sefaz": "135",
    "mensagem_sefaz": "Evento registrado e vinculado a CT-e",
    "status": "evento_registrado",
    "protocolo": "335190000000001",
}
XML = b'<?xml version="1.0"?><cteProc xmlns="http://www.portalfiscal.inf.br/cte">\n</cteProc>\n'
PDF = b"%PDF-1.4\n%%EOF\n"

Call: TypeAlias = Callable[[FocusCTe], Awaitable[Any]]


@pytest.fixture
async def client(fast_retry: Retry) -> AsyncIterator[FocusCTe]:
    async with FocusCTe(TOKEN, ambiente=Ambiente.PRODUCAO, retry=fast_retry) as opened:
        yield opened


def sent(mocked: Mocked) -> list[tuple[str, str]]:
    """Every request, by method and URL; aioresponses sorts the query."""
    return [(method, str(url)) for (method, url), calls in mocked.requests.items() for _ in calls]


async def test_listar_sends_one_request_and_gives_its_page(
    client: FocusCTe, mocked: Mocked
) -> None:
    url = f"{LISTING}?cnpj={CNPJ}&versao=1700"
    mocked.get(url, payload=[SEED_ITEM], headers={"X-Max-Version": "1709", "X-Total-Count": "1"})
    page = await client.listar("24.178.617/0001-10", versao=1700)
    assert (page.versao, page.total, page.last, page.invalid) == (1709, 1, True, ())
    assert [cte.chave for cte in page.ctes] == [CHAVE]
    assert sent(mocked) == [("GET", url)]


async def test_listar_never_raises_for_an_invalid_item(client: FocusCTe, mocked: Mocked) -> None:
    mocked.get(f"{LISTING}?cnpj={CNPJ}&versao=0", payload=[{"versao": 3}, SEED_ITEM, None])
    page = await client.listar(CNPJ)
    assert [type(error) for error in page.invalid] == [InvalidDocument] * 2
    assert [error.versao for error in page.invalid] == [3, 1709]
    assert len(page.ctes) == 1


async def test_sync_goes_on_from_page_to_page(client: FocusCTe, mocked: Mocked) -> None:
    for after, items in [(0, [1, 2]), (2, [3]), (3, [])]:
        mocked.get(
            f"{LISTING}?cnpj={ALPHANUMERIC_CNPJ}&versao={after}",
            payload=[SEED_ITEM | {"versao": n, "chave": chave(n)} for n in items],
        )
    found = [cte.versao async for cte in client.sync("12.ABC.345/01DE-35")]
    assert found == [1, 2, 3]
    assert len(sent(mocked)) == 3


@pytest.mark.parametrize("cnpj", [None, "24.178.617/0001-10"])
@pytest.mark.parametrize(
    ("call", "path", "answer", "kind"),
    [
        (FocusCTe.consultar, ".json", SEED_ITEM, CTeRecebida),
        (FocusCTe.consultar_completa, ".json?completa=1", SEED_ITEM, CTeCompleta),
        (FocusCTe.consultar_desacordo, "/desacordo", REGISTERED, Desacordo),
        (FocusCTe.baixar_xml, ".xml", XML, bytes),
        (FocusCTe.baixar_dacte, ".pdf", PDF, bytes),
        (FocusCTe.baixar_xml_cancelamento, "/cancelamento.xml", XML, bytes),
        (FocusCTe.baixar_xml_carta_correcao, "/carta_correcao.xml", XML, bytes),
    ],
)
async def test_what_is_asked_of_one_document(
    client: FocusCTe,
    mocked: Mocked,
    call: Callable[..., Awaitable[Any]],
    path: str,
    answer: Any,
    kind: type,
    cnpj: str | None,
) -> None:
    url = URL(DOCUMENT + path)
    if cnpj is not None:
        url = url.with_query({"cnpj": CNPJ, **url.query})
    body = answer if isinstance(answer, bytes) else json.dumps(answer)
    mocked.get(url, body=body)
    spelt = " ".join(CHAVE[i : i + 4] for i in range(0, 44, 4))
    found = await call(client, spelt, cnpj=cnpj)
    assert type(found) is kind
    assert isinstance(answer, dict) or found == answer
    assert sent(mocked) == [("GET", str(url))]


@pytest.mark.parametrize("cnpj", [None, CNPJ])
async def test_a_desacordo_is_one_post_of_json(
    client: FocusCTe, mocked: Mocked, cnpj: str | None
) -> None:
    url = f"{DOCUMENT}/desacordo" + (f"?cnpj={cnpj}" if cnpj else "")
    mocked.post(url, payload=REGISTERED)
    found = await client.informar_desacordo(CHAVE, TEXT, cnpj=cnpj)
    assert found.registrado
    assert found.protocolo == "335190000000001"
    ((_, [call]),) = mocked.requests.items()
    assert json.loads(call.kwargs["data"]) == {"observacoes": TEXT}
    assert call.kwargs["headers"] == {"Content-Type": "application/json"}
    assert call.kwargs["allow_redirects"] is False
    assert sent(mocked) == [("POST", url)]


async def test_a_desacordo_refused_with_http_200_is_refused(
    client: FocusCTe, mocked: Mocked
) -> None:
    refused = {"status": "erro", "status_sefaz": "787", "mensagem_sefaz": "Fora do prazo"}
    mocked.post(f"{DOCUMENT}/desacordo", payload=refused)
    with pytest.raises(DesacordoRejeitado, match=r"787 Fora do prazo.*45 days") as caught:
        await client.informar_desacordo(CHAVE, TEXT)
    assert caught.value.desacordo is not None
    assert caught.value.desacordo.raw == refused
    assert len(sent(mocked)) == 1


async def test_a_notification_is_asked_for_with_one_post(client: FocusCTe, mocked: Mocked) -> None:
    mocked.post(f"{DOCUMENT}/hook", body="{}")
    assert await client.reenviar_notificacao(CHAVE) is None
    assert sent(mocked) == [("POST", f"{DOCUMENT}/hook")]


async def test_no_request_is_redirected_by_aiohttp_or_carries_the_token_in_its_arguments(
    client: FocusCTe, mocked: Mocked
) -> None:
    mocked.get(f"{DOCUMENT}.json", payload=SEED_ITEM)
    await client.consultar(CHAVE)
    ((_, [call]),) = mocked.requests.items()
    assert call.kwargs["allow_redirects"] is False
    assert TOKEN not in str(call)
    assert "auth" not in call.kwargs


async def test_a_dacte_is_fetched_from_where_it_is_redirected(
    client: FocusCTe, mocked: Mocked
) -> None:
    storage = "https://storage.example/dacte.pdf?X-Signature=secret"
    mocked.get(f"{DOCUMENT}.pdf", status=302, headers={"Location": storage})
    mocked.get(storage, body=PDF, content_type="application/pdf")
    assert await client.baixar_dacte(CHAVE) == PDF
    assert sent(mocked) == [("GET", f"{DOCUMENT}.pdf"), ("GET", storage)]


@pytest.mark.parametrize("location", ["http://storage.example/a.pdf", "", "https://u:p@x/a.pdf"])
async def test_a_redirect_that_is_not_safe_is_not_followed(
    client: FocusCTe, mocked: Mocked, location: str
) -> None:
    mocked.get(f"{DOCUMENT}.pdf", status=302, headers={"Location": location}, repeat=True)
    with pytest.raises(InvalidResponse):
        await client.baixar_dacte(CHAVE)
    assert {url for _, url in sent(mocked)} == {f"{DOCUMENT}.pdf"}


@pytest.mark.parametrize("body", [b"<html><body>Acesso</body></html>", b"", XML[:-2]])
async def test_a_download_that_is_no_whole_file_is_an_invalid_response(
    client: FocusCTe, mocked: Mocked, body: bytes
) -> None:
    mocked.get(f"{DOCUMENT}.xml", body=body, repeat=True)
    with pytest.raises(InvalidResponse, match="not a whole xml file"):
        await client.baixar_xml(CHAVE)


async def test_a_file_is_put_where_it_is_wanted(
    client: FocusCTe, mocked: Mocked, tmp_path: Path
) -> None:
    target = tmp_path / "cte.xml"
    target.write_bytes(b"old")
    mocked.get(f"{DOCUMENT}.xml", body=XML, repeat=True)
    assert await client.baixar_xml(CHAVE, to=str(target)) == target
    assert target.read_bytes() == XML
    assert os.listdir(tmp_path) == ["cte.xml"]


async def test_a_file_that_is_refused_leaves_the_old_one(
    client: FocusCTe, mocked: Mocked, tmp_path: Path
) -> None:
    target = tmp_path / "cte.xml"
    target.write_bytes(b"old")
    mocked.get(f"{DOCUMENT}.xml", body=b"<html></html>", repeat=True)
    with pytest.raises(InvalidResponse):
        await client.baixar_xml(CHAVE, to=target)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["cte.xml"]


async def test_a_get_is_tried_again_within_attempts(client: FocusCTe, mocked: Mocked) -> None:
    mocked.get(f"{DOCUMENT}.json", status=503, body="down")
    mocked.get(f"{DOCUMENT}.json", exception=aiohttp.ClientConnectionError("reset"))
    mocked.get(f"{DOCUMENT}.json", body="<html>a proxy's page</html>")
    mocked.get(f"{DOCUMENT}.json", payload=SEED_ITEM)
    assert (await client.consultar(CHAVE)).chave == CHAVE
    assert len(sent(mocked)) == 4


async def test_the_last_error_is_raised_when_the_attempts_are_used_up(
    client: FocusCTe, mocked: Mocked
) -> None:
    mocked.get(f"{DOCUMENT}.json", status=502, repeat=True)
    with pytest.raises(ServerError) as caught:
        await client.consultar(CHAVE)
    assert caught.value.status == 502
    assert len(sent(mocked)) == 4


@pytest.mark.parametrize(("status", "kind"), [(400, BadRequest), (404, NotFound), (410, ApiError)])
async def test_a_refusal_is_not_tried_again(
    client: FocusCTe, mocked: Mocked, status: int, kind: type[ApiError]
) -> None:
    mocked.get(f"{DOCUMENT}.json", status=status, repeat=True)
    with pytest.raises(kind, match=rf"{CHAVE}.*\(.*producao\)"):
        await client.consultar(CHAVE)
    assert len(sent(mocked)) == 1


async def test_an_invalid_document_is_not_asked_for_again(client: FocusCTe, mocked: Mocked) -> None:
    mocked.get(f"{DOCUMENT}.json", payload={"chave": CHAVE}, repeat=True)
    with pytest.raises(InvalidDocument):
        await client.consultar(CHAVE)
    assert len(sent(mocked)) == 1


async def test_a_refused_token_is_sent_once(client: FocusCTe, mocked: Mocked) -> None:
    mocked.get(f"{DOCUMENT}.json", status=401, body="HTTP Basic: Access denied", repeat=True)
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="each environment has its own token"):
            await client.consultar(CHAVE)
    async with FocusCTe(TOKEN, ambiente=Ambiente.PRODUCAO) as second:
        with pytest.raises(AuthenticationError) as caught:
            await second.consultar(CHAVE)
    assert len(sent(mocked)) == 1
    assert caught.value.retry_after == pytest.approx(300, abs=10)


async def test_credits_are_those_that_the_answers_tell(client: FocusCTe, mocked: Mocked) -> None:
    assert client.credits == Credits(None, None, None)
    mocked.get(f"{DOCUMENT}.json", payload=SEED_ITEM, headers=rate(41, 30))
    await client.consultar(CHAVE)
    assert (client.credits.limit, client.credits.remaining) == (100, 41)
    assert client.credits.resets_in == pytest.approx(30, abs=2)


async def test_homologacao_without_documents_hints_at_why(
    mocked: Mocked, caplog: pytest.LogCaptureFixture
) -> None:
    for versao in (0, 7):
        mocked.get(f"{HOMOLOGACAO}/v2/ctes_recebidas?cnpj={CNPJ}&versao={versao}", payload=[])
    async with FocusCTe(TOKEN, ambiente=Ambiente.HOMOLOGACAO) as client:
        for versao in (0, 7):
            assert (await client.listar(CNPJ, versao=versao)).ctes == ()
    hints = [r for r in caplog.records if "producao" in r.getMessage()]
    assert len(hints) == 1


async def test_a_token_that_the_server_echoes_is_not_shown(
    client: FocusCTe, mocked: Mocked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = {"codigo": TOKEN, "mensagem": f"token {TOKEN} inválido", "erros": [{"campo": TOKEN}]}
    mocked.get(f"{DOCUMENT}.json", status=400, payload=body)
    mocked.get(f"{DOCUMENT}.xml", status=401, body=f"<p>{TOKEN}</p>")
    shown: list[object] = []
    for call in (client.consultar, client.baixar_xml):
        with pytest.raises(ApiError) as caught:
            await call(CHAVE)
        error = caught.value
        shown += [error, repr(error), vars(error), pickle.dumps(error)]
        shown += [error.__cause__, error.__context__]
    assert TOKEN not in f"{shown} {caplog.text}"


async def test_a_token_that_is_echoed_is_not_in_a_result_either(
    client: FocusCTe, mocked: Mocked
) -> None:
    mocked.get(f"{DOCUMENT}.json", payload=SEED_ITEM | {"pedido": f"?token={TOKEN}"})
    cte = await client.consultar(CHAVE)
    assert "pedido" in cte.extra
    assert TOKEN not in str(cte.raw)


NOT_A_KEY = ["", "3519", CHAVE + "0", CHAVE[:43], f"{CHAVE}/../x", CHAVE + "\n", None, 35]
NOT_A_CNPJ = ["", "123", "123.456.789-09", CNPJ + "1", CNPJ + "&versao=9", 24178617000110]
NOT_A_TEXT = [
    "curto demais",
    "x" * 14,
    "x" * 256,
    " O serviço não foi prestado",
    "O serviço não foi prestado ",
    "O serviço\nnão foi prestado",
    "O serviço\tnão foi prestado",
    "O serviço – não foi prestado",
    "O serviço “não” foi prestado",
    "Custou 20 € a mais do que devia",
    "O serviço não foi prestado 😡",
    "O serviço não foi\x00 prestado",
    " " * 20,
    None,
    b"O servico nao foi prestado",
]


def misuses() -> Iterator[tuple[str, Call]]:
    documents = [n for n in dir(FocusCTe) if n.startswith(("consultar", "baixar"))]
    for name in documents:
        for key in NOT_A_KEY:
            yield f"{name}({key!r})", lambda c, n=name, k=key: getattr(c, n)(k)
        for cnpj in NOT_A_CNPJ:
            yield (
                f"{name}(cnpj={cnpj!r})",
                lambda c, n=name, x=cnpj: getattr(c, n)(CHAVE, cnpj=x),
            )
    for key in NOT_A_KEY:
        yield f"desacordo({key!r})", lambda c, k=key: c.informar_desacordo(k, TEXT)
        yield f"hook({key!r})", lambda c, k=key: c.reenviar_notificacao(k)
    for text in NOT_A_TEXT:
        yield f"desacordo(text={text!r})", lambda c, t=text: c.informar_desacordo(CHAVE, t)
    for cnpj in [*NOT_A_CNPJ, None]:
        yield f"listar({cnpj!r})", lambda c, x=cnpj: c.listar(x)
        yield f"sync({cnpj!r})", lambda c, x=cnpj: anext(aiter(c.sync(x)))
        yield f"follow({cnpj!r})", lambda c, x=cnpj: anext(aiter(c.follow(x)))
    for versao in [-1, 1.0, True, "7", None, 2**63]:
        yield f"listar(versao={versao!r})", lambda c, v=versao: c.listar(CNPJ, versao=v)
        yield f"sync(versao={versao!r})", lambda c, v=versao: anext(aiter(c.sync(CNPJ, versao=v)))
    for every in [timedelta(0), timedelta(hours=-1), 7200, None]:
        yield (
            f"follow(every={every!r})",
            lambda c, e=every: anext(aiter(c.follow(CNPJ, every=e))),
        )
    yield "to=folder", lambda c: c.baixar_xml(CHAVE, to="/")
    yield "to=no folder", lambda c: c.baixar_xml(CHAVE, to="/no/such/folder/cte.xml")


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in misuses()])
async def test_an_argument_of_the_wrong_shape_costs_no_request(
    client: FocusCTe, mocked: Mocked, call: Call
) -> None:
    with pytest.raises(InvalidArgument):
        await call(client)
    assert mocked.requests == {}


@pytest.mark.parametrize(
    "text", ["x" * 15, "x" * 255, "Não prestado: ÿ ¡ ç º", "a" + " " * 13 + "b"]
)
async def test_a_text_that_sefaz_takes_is_sent_as_it_is(
    client: FocusCTe, mocked: Mocked, text: str
) -> None:
    mocked.post(f"{DOCUMENT}/desacordo", payload=REGISTERED)
    await client.informar_desacordo(CHAVE, text)
    ((_, [call]),) = mocked.requests.items()
    assert json.loads(call.kwargs["data"])["observacoes"] == text


def opened(**settings: Any) -> FocusCTe:
    return FocusCTe(**{"token": TOKEN, "ambiente": Ambiente.PRODUCAO} | settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("timeout", True),
        ("timeout", "30"),
        ("timeout", None),
        ("max_concurrency", 0),
        ("max_concurrency", 2.0),
        ("max_concurrency", True),
        ("reserve", -1),
        ("reserve", None),
        ("ambiente", "produção"),
        ("ambiente", "prod"),
        ("ambiente", 1),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_its_value(name: str, value: object) -> None:
    with pytest.raises(InvalidArgument) as caught:
        opened(**{name: value})
    assert name in str(caught.value)
    assert repr(value) in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.focusnfe.com.br",
        "ftp://localhost",
        "api.focusnfe.com.br",
        "/v2",
        "",
        "https://",
        "https://[::1",
        "http://192.168.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
        "https://host:99999",
        "https://host/?a=1",
        "https://host/#a",
        7,
    ],
)
def test_a_base_url_where_the_token_would_travel_in_clear_is_refused(url: object) -> None:
    with pytest.raises(InvalidArgument, match="base_url"):
        FocusCTe(TOKEN, base_url=url)  # type: ignore[arg-type]


def test_a_password_in_a_base_url_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidArgument) as caught:
        FocusCTe(TOKEN, base_url=f"https://{TOKEN}:hunter2@api.focusnfe.com.br")
    assert TOKEN not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://gateway.example/focus/", "https://gateway.example"),
    ],
)
def test_a_base_url_is_https_or_of_this_machine(url: str, where: str) -> None:
    assert where in repr(FocusCTe(TOKEN, base_url=url))


async def test_a_path_of_the_base_url_goes_before_the_apis(mocked: Mocked) -> None:
    url = f"https://gateway.example/focus/v2/ctes_recebidas/{CHAVE}.json"
    mocked.get(url, payload=SEED_ITEM)
    async with FocusCTe(TOKEN, base_url="https://gateway.example/focus/") as client:
        await client.consultar(CHAVE)
    assert sent(mocked) == [("GET", url)]


def test_the_environment_must_be_said() -> None:
    with pytest.raises(InvalidArgument, match="say which environment"):
        FocusCTe(TOKEN)


@pytest.mark.parametrize(
    "token", ["", " ", "abc def", "abc:def", "abc\n", "ação", "tok\x00en", None, b"token", 5]
)
def test_a_token_that_cannot_be_one_is_refused_and_never_shown(token: Any) -> None:
    with pytest.raises(InvalidArgument, match="token") as caught:
        opened(token=token)
    if isinstance(token, str) and len(token.strip()) > 1:
        assert token.strip() not in str(caught.value)


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="time_out"):
        opened(time_out=5)


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({"FOCUS_NFE_AMBIENTE": "producao"}, "producao"),
        ({"FOCUS_NFE_AMBIENTE": "homologacao"}, "homologacao"),
        ({"FOCUS_NFE_BASE_URL": "http://localhost:8080"}, "http://localhost:8080"),
    ],
)
def test_from_env_takes_what_is_there(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], where: str
) -> None:
    for name, value in ({"FOCUS_NFE_TOKEN": TOKEN} | variables).items():
        monkeypatch.setenv(name, value)
    client = FocusCTe.from_env(timeout=5.0)
    assert where in repr(client)
    assert TOKEN not in repr(client)


def test_what_is_said_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOCUS_NFE_TOKEN", "of the environment")
    monkeypatch.setenv("FOCUS_NFE_AMBIENTE", "nonsense")
    monkeypatch.setenv("FOCUS_NFE_BASE_URL", "https://of.the.environment")
    assert "producao" in repr(FocusCTe.from_env(token=TOKEN, ambiente=Ambiente.PRODUCAO))
    assert "localhost" in repr(FocusCTe.from_env(token=TOKEN, base_url="http://localhost"))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FOCUS_NFE_AMBIENTE": "producao"}, "FOCUS_NFE_TOKEN"),
        ({"FOCUS_NFE_AMBIENTE": "producao", "FOCUS_NFE_TOKEN": ""}, "FOCUS_NFE_TOKEN"),
        ({"FOCUS_NFE_TOKEN": TOKEN}, "environment"),
        ({"FOCUS_NFE_TOKEN": TOKEN, "FOCUS_NFE_AMBIENTE": ""}, "environment"),
        ({"FOCUS_NFE_TOKEN": TOKEN, "FOCUS_NFE_AMBIENTE": "prod"}, "'prod'"),
        ({"FOCUS_NFE_TOKEN": TOKEN + "\n", "FOCUS_NFE_AMBIENTE": "producao"}, "line break"),
    ],
)
def test_from_env_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name in ("FOCUS_NFE_TOKEN", "FOCUS_NFE_AMBIENTE", "FOCUS_NFE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgument, match=said) as caught:
        FocusCTe.from_env()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
async def test_a_client_can_neither_be_pickled_nor_copied(
    client: FocusCTe, take: Callable[[FocusCTe], object]
) -> None:
    with pytest.raises(TypeError, match="FocusCTe cannot be pickled"):
        take(client)


async def test_neither_the_client_nor_its_parts_show_the_token(client: FocusCTe) -> None:
    sync = client.sync(CNPJ)
    await sync.aclose()
    assert TOKEN not in f"{client!r} {client} {sync!r} {client.sync!r}"


@pytest.mark.parametrize("times", [1, 2])
async def test_after_close_every_call_says_so(mocked: Mocked, times: int) -> None:
    client = opened()
    for _ in range(times):
        await client.close()
    calls: list[Call] = [
        lambda c: c.listar(CNPJ),
        lambda c: anext(aiter(c.sync(CNPJ))),
        lambda c: anext(aiter(c.follow(CNPJ))),
        lambda c: c.consultar(CHAVE),
        lambda c: c.informar_desacordo(CHAVE, TEXT),
        lambda c: c.baixar_dacte(CHAVE),
        lambda c: c.reenviar_notificacao(CHAVE),
        lambda c: c.__aenter__(),
    ]
    for call in calls:
        with pytest.raises(ClientClosed):
            await call(client)
    assert mocked.requests == {}


async def test_a_borrowed_session_is_left_open(mocked: Mocked) -> None:
    mocked.get(f"{DOCUMENT}.json", payload=SEED_ITEM)
    async with aiohttp.ClientSession() as session:
        async with opened(session=session) as client:
            await client.consultar(CHAVE)
        assert not session.closed


async def test_a_borrowed_session_that_was_closed_is_said_to_be(mocked: Mocked) -> None:
    session = aiohttp.ClientSession()
    await session.close()
    async with opened(session=session) as client:
        with pytest.raises(ClientClosed, match="session is closed"):
            await client.consultar(CHAVE)


def test_from_a_second_event_loop_it_says_so(mocked: Mocked) -> None:
    mocked.get(f"{DOCUMENT}.json", payload=SEED_ITEM, repeat=True)
    client = opened()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(client.consultar(CHAVE))
        with pytest.raises(UsageError, match="second event loop"):
            second.run(client.consultar(CHAVE))
        first.run(client.consultar(CHAVE))
        first.run(client.close())


async def test_every_error_of_a_call_is_of_the_tree(mocked: Mocked, fast_retry: Retry) -> None:
    causes: list[dict[str, Any]] = [
        {"exception": aiohttp.ClientConnectionError("x")},
        {"exception": aiohttp.ServerDisconnectedError()},
        {"exception": aiohttp.ClientPayloadError()},
        {"exception": aiohttp.InvalidURL("x")},
        {"exception": aiohttp.TooManyRedirects(None, ())},
        {"exception": TimeoutError()},
        {"exception": ConnectionResetError()},
        {"exception": OSError(24, "Too many open files")},
        {"status": 302},
        {"status": 204},
        {"body": b"\xff"},
    ]
    async with opened(retry=fast_retry) as client:
        for cause in causes:
            mocked.get(f"{DOCUMENT}.json", repeat=True, **cause)
            with pytest.raises(FocusError, match=CHAVE) as caught:
                await client.consultar(CHAVE)
            assert (caught.value.__cause__, caught.value.__context__) == (None, None)
            mocked.clear()
