"""The protocol without I/O: what is asked, and what an answer's status and headers mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import API, CHAVE, CNPJ, REQUEST, answer
from yarl import URL

from focus_cte import (
    ApiError,
    AuthenticationError,
    BadRequest,
    DesacordoJaRegistrado,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from focus_cte._wire import GOV_BR, Endpoints, Request, header_int, refusal

ENDPOINTS = Endpoints(URL(API), "producao")
BEHIND_A_GATEWAY = Endpoints(URL("https://gateway.example/focus/api"), "gateway")
DOCUMENT = f"{API}/v2/ctes_recebidas/{CHAVE}"
ALREADY = "Desacordo já registrado para este Documento Fiscal"


@pytest.mark.parametrize(
    ("request_", "url"),
    [
        (ENDPOINTS.listing(CNPJ, 0), f"{API}/v2/ctes_recebidas?cnpj={CNPJ}&versao=0"),
        (ENDPOINTS.listing(CNPJ, 1709), f"{API}/v2/ctes_recebidas?cnpj={CNPJ}&versao=1709"),
        (ENDPOINTS.document(CHAVE, ".json", None), f"{DOCUMENT}.json"),
        (ENDPOINTS.document(CHAVE, ".json", CNPJ), f"{DOCUMENT}.json?cnpj={CNPJ}"),
        (
            ENDPOINTS.document(CHAVE, ".json", None, completa="1"),
            f"{DOCUMENT}.json?completa=1",
        ),
        (
            ENDPOINTS.document(CHAVE, ".json", CNPJ, completa="1"),
            f"{DOCUMENT}.json?cnpj={CNPJ}&completa=1",
        ),
        (ENDPOINTS.document(CHAVE, ".pdf", CNPJ), f"{DOCUMENT}.pdf?cnpj={CNPJ}"),
        (ENDPOINTS.document(CHAVE, "/cancelamento.xml", None), f"{DOCUMENT}/cancelamento.xml"),
        (
            BEHIND_A_GATEWAY.listing(CNPJ, 3),
            f"https://gateway.example/focus/api/v2/ctes_recebidas?cnpj={CNPJ}&versao=3",
        ),
        (
            BEHIND_A_GATEWAY.document(CHAVE, "/desacordo", None),
            f"https://gateway.example/focus/api/v2/ctes_recebidas/{CHAVE}/desacordo",
        ),
    ],
)
def test_what_is_asked_with_get(request_: Request, url: str) -> None:
    assert (request_.method, str(request_.url), request_.body) == ("GET", url, None)


def test_a_desacordo_is_posted_as_json() -> None:
    request = ENDPOINTS.desacordo(CHAVE, "Serviço não prestado", CNPJ)
    assert (request.method, str(request.url)) == ("POST", f"{DOCUMENT}/desacordo?cnpj={CNPJ}")
    assert request.body is not None
    assert json.loads(request.body) == {"observacoes": "Serviço não prestado"}


def test_a_notification_is_asked_for_with_an_empty_post() -> None:
    request = ENDPOINTS.hook(CHAVE)
    assert (request.method, str(request.url), request.body) == ("POST", f"{DOCUMENT}/hook", None)


def test_a_request_is_named_without_its_query() -> None:
    signed = Request("GET", URL("https://storage.example/a.pdf?X-Sig=secret"), "chave 1, producao")
    assert str(signed) == "GET /a.pdf (chave 1, producao)"
    listing = ENDPOINTS.listing(CNPJ, 1709)
    assert str(listing) == f"GET /v2/ctes_recebidas (CNPJ {CNPJ}, producao)"


def test_a_request_is_no_place_for_credentials() -> None:
    names = {name for name in dir(ENDPOINTS.listing(CNPJ, 0)) if not name.startswith("_")}
    assert names == {"method", "url", "subject", "body"}


@pytest.mark.parametrize(
    ("status", "codigo", "kind"),
    [
        (400, "requisicao_invalida", BadRequest),
        (400, None, BadRequest),
        (415, None, BadRequest),
        (422, None, BadRequest),
        (422, "requisicao_invalida", BadRequest),
        (400, "codigo_novo", BadRequest),
        # The codigo decides: permissao_negada is documented as 403 and seen as 422.
        (403, "permissao_negada", PermissionDenied),
        (422, "permissao_negada", PermissionDenied),
        (400, "permissao_negada", PermissionDenied),
        (403, None, PermissionDenied),
        (404, "nao_encontrado", NotFound),
        (404, None, NotFound),
        (400, "nao_encontrado", NotFound),
        (429, "limite_excedido", RateLimited),
        (429, None, RateLimited),
        (403, "limite_excedido", RateLimited),
        # But insisting after these gets the address blocked, whatever the codigo says.
        (401, None, AuthenticationError),
        (401, "permissao_negada", AuthenticationError),
        (401, "limite_excedido", AuthenticationError),
        (429, "nao_encontrado", RateLimited),
        (500, None, ServerError),
        (500, "requisicao_invalida", ServerError),
        (502, "nao_encontrado", ServerError),
        (503, None, ServerError),
        (504, None, ServerError),
        (599, None, ServerError),
        (402, None, ApiError),
        (405, None, ApiError),
        (410, None, ApiError),
    ],
)
def test_what_a_refusal_is(status: int, codigo: str | None, kind: type[ApiError]) -> None:
    error = refusal(REQUEST, answer({"codigo": codigo, "mensagem": "Não foi possível"}, status))
    assert type(error) is kind
    assert isinstance(error, ApiError)
    assert (error.status, error.codigo, error.mensagem) == (status, codigo, "Não foi possível")


@pytest.mark.parametrize("status", [100, 204, 301, 302, 304, 399, 600, 999])
def test_a_status_that_is_no_refusal_is_not_documented(status: int) -> None:
    error = refusal(REQUEST, answer(b"", status))
    assert type(error) is InvalidResponse
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("said", [ALREADY, ALREADY.upper(), ALREADY.replace("á", "a")])
def test_a_second_desacordo_has_an_error_of_its_own(status: int, said: str) -> None:
    error = refusal(REQUEST, answer({"codigo": "requisicao_invalida", "mensagem": said}, status))
    assert type(error) is DesacordoJaRegistrado


@pytest.mark.parametrize("status", [403, 404, 500])
def test_only_a_bad_request_says_that_there_is_a_desacordo(status: int) -> None:
    assert type(refusal(REQUEST, answer({"mensagem": ALREADY}, status))) in (
        PermissionDenied,
        NotFound,
        ServerError,
    )


def test_the_message_has_what_was_asked_where_and_the_vendors_words() -> None:
    body = {
        "codigo": "requisicao_invalida",
        "mensagem": "Parâmetros\n inválidos",
        "erros": [{"campo": "cnpj", "mensagem": "não informado"}, "x", {"campo": "versao"}],
    }
    error = refusal(REQUEST, answer(body, 400))
    assert isinstance(error, BadRequest)
    assert str(error).startswith(
        f"GET /v2/ctes_recebidas (CNPJ {CNPJ}, producao): 400 requisicao_invalida:"
        " Parâmetros inválidos; cnpj: não informado; versao"
    )
    assert error.erros == ({"campo": "cnpj", "mensagem": "não informado"}, {"campo": "versao"})


@pytest.mark.parametrize("erro", [{"campo": "versao"}, {"mensagem": "não informado"}, {}])
def test_a_message_does_not_speak_of_none(erro: dict[str, str]) -> None:
    error = refusal(REQUEST, answer({"mensagem": "inválido", "erros": [erro]}, 400))
    assert "None" not in str(error)


@pytest.mark.parametrize(
    ("status", "mensagem", "hint"),
    [
        (401, "HTTP Basic: Access denied", "each environment has its own token"),
        (400, "CNPJ do emitente não autorizado ou não informado.", "Recebimento de CTes"),
        (422, "CNPJ/UF do emitente não autorizado", "Recebimento de CTes"),
        (403, "CNPJ do emitente não autorizado.", "Recebimento de CTes"),
        (429, "Limite excedido", "credits are spent"),
        (400, "O tomador é pessoa física (CPF)", GOV_BR),
    ],
)
def test_the_message_says_what_to_do(status: int, mensagem: str, hint: str) -> None:
    error = refusal(REQUEST, answer({"mensagem": mensagem}, status))
    assert mensagem in str(error)
    assert hint in str(error)


@pytest.mark.parametrize(
    ("suffix", "hinted"),
    [(".xml", True), (".pdf", True), ("/cancelamento.xml", True), (".json", False)],
)
def test_a_file_that_is_not_found_may_come_yet(suffix: str, hinted: bool) -> None:
    error = refusal(ENDPOINTS.document(CHAVE, suffix, None), answer({"mensagem": "não há"}, 404))
    assert ("take a while" in str(error)) is hinted
    assert CHAVE in str(error)
    assert "producao" in str(error)


def test_a_page_of_a_proxy_gives_its_words() -> None:
    html = b"<html><style>p {color: red}</style><h1>502</h1><p>Bad\n Gateway</p></html>"
    error = refusal(REQUEST, answer(html, 502))
    assert isinstance(error, ServerError)
    assert error.mensagem == "502 Bad Gateway"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<p></p>", b'{"mensagem": 5}'])
def test_a_refusal_without_words_is_a_refusal(body: bytes) -> None:
    error = refusal(REQUEST, answer(body, 404))
    assert type(error) is NotFound


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("100", 100),
        ("007", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("9" * 20, None),
        ("9" * 5000, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("1e3", None),
        ("0x10", None),
        (" 5", None),
        ("5 ", None),
        ("5\n", None),
        ("1_000", None),
        ("1,5", None),
        ("5, 5", None),
        ("٥", None),
        ("²", None),
        ("abc", None),
        ("NaN", None),
    ],
)
def test_a_headers_number_is_bounded_or_ignored(text: str, value: int | None) -> None:
    assert header_int({"N": text}, "N") == value


def test_an_absent_header_has_no_number() -> None:
    assert header_int({}, "N") is None


def test_the_bound_is_included() -> None:
    assert header_int({"N": "60"}, "N", highest=60) == 60
    assert header_int({"N": "61"}, "N", highest=60) is None


@given(st.text(), st.integers(0, 2**63 - 1))
def test_any_header_is_a_number_from_zero_to_the_bound_or_none(text: str, highest: int) -> None:
    value = header_int({"N": text}, "N", highest=highest)
    assert value is None or (0 <= value <= highest and int(text) == value)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Rate-Limit-Reset": "30"}, 30),
        ({"Retry-After": "7"}, 7),
        ({"Rate-Limit-Reset": "30", "Retry-After": "45"}, 45),
        ({"Rate-Limit-Reset": "30", "Retry-After": "soon"}, 30),
        ({"Rate-Limit-Reset": "0"}, 0),
        ({"Retry-After": "86400"}, 86_400),
        ({"Retry-After": "86401"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_the_wait_that_a_refusal_asks_for(headers: dict[str, str], wait: int | None) -> None:
    error = refusal(REQUEST, answer(b"", 429, headers))
    assert isinstance(error, RateLimited)
    assert error.retry_after == wait


def test_a_server_that_is_down_may_ask_for_a_wait() -> None:
    error = refusal(REQUEST, answer(b"", 503, {"Retry-After": "7"}))
    assert isinstance(error, ServerError)
    assert error.retry_after == 7


def test_a_server_that_is_down_is_not_asked_only_when_the_window_starts_again() -> None:
    # Every answer carries Rate-Limit-Reset: on one that is not 429 it asks for no wait.
    headers = {"Rate-Limit-Limit": "100", "Rate-Limit-Remaining": "99", "Rate-Limit-Reset": "59"}
    error = refusal(REQUEST, answer(b"", 503, headers))
    assert isinstance(error, ServerError)
    assert error.retry_after is None


@pytest.mark.parametrize("status", [400, 404, 500])
def test_other_refusals_ask_for_no_wait(status: int) -> None:
    error = refusal(REQUEST, answer(b"", status, {"Rate-Limit-Reset": "30", "Retry-After": "7"}))
    assert isinstance(error, ApiError)
    assert error.retry_after is None
