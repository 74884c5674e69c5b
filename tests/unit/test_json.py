"""JSON to models: nothing that the vendor sends is misread, lost, or able to break a caller."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import cattrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from samples import CHAVE, CNPJ, REQUEST, SEED_ITEM, answer, chave

from focus_cte import (
    CTeCompleta,
    CTeRecebida,
    Desacordo,
    FocusError,
    InvalidDocument,
    InvalidResponse,
    Situacao,
    TipoCTe,
    _json,
    _wire,
)
from focus_cte._cte import NO_VERSAO, read_cte, read_page

FIELDS = [name for name in CTeRecebida.__match_args__ if name not in ("chave", "versao", "raw")]


def read(**changes: Any) -> CTeRecebida:
    """The seed's item with these changes, through the listing."""
    (cte,) = _json.listing(REQUEST, answer([SEED_ITEM | changes]))
    assert isinstance(cte, CTeRecebida), cte
    return cte


def read_text(**changes: str) -> CTeRecebida:
    """The same with values written in JSON, for what Python would not write so."""
    parts = {name: json.dumps(value) for name, value in SEED_ITEM.items()} | changes
    text = ",".join(f'"{name}": {value}' for name, value in parts.items())
    (cte,) = _json.listing(REQUEST, answer(f"[{{{text}}}]".encode()))
    assert isinstance(cte, CTeRecebida), cte
    return cte


def unusable(item: Any) -> InvalidDocument:
    (found,) = _json.listing(REQUEST, answer([item]))
    assert isinstance(found, InvalidDocument), found
    return found


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SEED_ITEM.items() if name not in names}


def test_the_seeds_own_example_is_read() -> None:
    cte = read()
    assert cte == CTeRecebida(
        chave=CHAVE,
        versao=1709,
        situacao=Situacao.AUTORIZADA,
        tipo_cte=TipoCTe.NORMAL,
        valor_total=Decimal("295.66"),
        data_emissao=datetime(2019, 10, 7, 23, 44, tzinfo=timezone(timedelta(hours=-3))),
        nome_emitente="Empresa emitente Ltda.",
        documento_emitente="79160190000193",
        cnpj_destinatario=CNPJ,
        digest_value="Xa/AO4zX/qSMh13ILIh1V7GTAQ3=",
        raw=SEED_ITEM,
    )
    assert cte.situacao is Situacao.AUTORIZADA
    assert cte.tipo_cte is TipoCTe.NORMAL
    assert cte.data_emissao is not None
    assert cte.data_emissao.utcoffset() == timedelta(hours=-3)
    assert cte.extra == {}


def test_the_fields_of_events_are_read() -> None:
    cte = read(
        carta_correcao="Onde se lê",
        data_carta_correcao="2026-07-02T10:00:00-03:00",
        data_cancelamento="2026-07-03T10:00:00.123Z",
        justificativa_cancelamento="Serviço não prestado",
    )
    assert cte.carta_correcao == "Onde se lê"
    assert cte.data_carta_correcao == datetime.fromisoformat("2026-07-02T10:00:00-03:00")
    assert cte.data_cancelamento == datetime.fromisoformat("2026-07-03T10:00:00.123+00:00")
    assert cte.justificativa_cancelamento == "Serviço não prestado"


def test_an_empty_listing_has_no_items() -> None:
    assert _json.listing(REQUEST, answer([])) == []


def test_the_items_keep_the_order_they_came_in() -> None:
    items = [SEED_ITEM | {"versao": versao} for versao in (3, 1, 2)]
    assert [i.versao for i in _json.listing(REQUEST, answer(items))] == [3, 1, 2]


@pytest.mark.parametrize("name", ["chave", "chave_cte", "chave_acesso"])
def test_the_key_has_three_names(name: str) -> None:
    item = without("chave") | {name: CHAVE}
    (cte,) = _json.listing(REQUEST, answer([item]))
    assert isinstance(cte, CTeRecebida)
    assert (cte.chave, cte.extra, cte.raw) == (CHAVE, {}, item)


def test_a_null_key_gives_way_to_its_other_names() -> None:
    cte = read(chave=None, chave_acesso=f"CTe{CHAVE}", chave_cte=CHAVE.lower())
    assert cte.chave == CHAVE
    assert cte.extra == {"chave": None, "chave_acesso": f"CTe{CHAVE}"}


def test_another_key_beside_the_first_is_not_lost() -> None:
    assert read(chave_acesso=chave(5)).extra == {"chave_acesso": chave(5)}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("autorizado", Situacao.AUTORIZADA),
        ("autorizada", Situacao.AUTORIZADA),
        ("cancelado", Situacao.CANCELADA),
        ("cancelada", Situacao.CANCELADA),
        ("denegado", Situacao.DENEGADA),
        ("denegada", Situacao.DENEGADA),
        ("Autorizado", Situacao.AUTORIZADA),
        (" CANCELADA ", Situacao.CANCELADA),
    ],
)
def test_both_genders_of_situacao_are_one(said: str, meant: Situacao) -> None:
    assert read(situacao=said).situacao is meant


@pytest.mark.parametrize("said", ["inutilizada", "em_processamento", "", "Autorizado o uso"])
def test_an_unknown_situacao_is_kept_as_it_came(said: str) -> None:
    cte = read(situacao=said)
    assert (cte.situacao, cte.extra) == (said, {})


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0", TipoCTe.NORMAL),
        (0, TipoCTe.NORMAL),
        ("normal", TipoCTe.NORMAL),
        ("Normal", TipoCTe.NORMAL),
        (1, TipoCTe.COMPLEMENTO),
        ("anulação", TipoCTe.ANULACAO),
        ("3", TipoCTe.SUBSTITUTO),
        (5, TipoCTe.SIMPLIFICADO),
        ("6", TipoCTe.SIMPLIFICADO_SUBSTITUTO),
    ],
)
def test_tipo_cte_comes_as_digit_number_or_word(said: object, meant: TipoCTe) -> None:
    assert read(tipo_cte=said).tipo_cte is meant


@pytest.mark.parametrize(("said", "kept"), [("4", "4"), (7, "7"), ("globalizado", "globalizado")])
def test_an_unknown_tipo_cte_is_kept_as_it_came(said: object, kept: str) -> None:
    assert read(tipo_cte=said).tipo_cte == kept


def test_fields_not_known_today_are_kept() -> None:
    assert read(modal="rodoviario", valores={"icms": 1}).extra == {
        "modal": "rodoviario",
        "valores": {"icms": 1},
    }


@pytest.mark.parametrize("name", FIELDS)
def test_null_is_none_in_every_field(name: str) -> None:
    cte = read(**{name: None})
    assert getattr(cte, name) is None
    assert cte.extra == {}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_did_not_come_is_none(name: str) -> None:
    (cte,) = _json.listing(REQUEST, answer([without(name)]))
    assert getattr(cte, name) is None


def test_cattrs_by_itself_would_make_a_text_of_null() -> None:
    assert cattrs.structure(None, str) == "None"
    assert cattrs.structure(7, str | None) == "7"
    assert read(nome_emitente=7).nome_emitente is None


def test_a_decimal_never_loses_digits() -> None:
    exact = Decimal("1234567890123456.78")
    assert Decimal(str(json.loads("1234567890123456.78"))) != exact  # what float makes of it
    assert read_text(valor_total="1234567890123456.78").valor_total == exact
    assert read_text(valor_total='"1234567890123456.78"').valor_total == exact
    assert read_text(valor_total="0.10").valor_total == Decimal("0.10")
    assert str(read_text(valor_total="295.60").valor_total) == "295.60"
    assert read_text(valor_total="295").valor_total == 295


def test_the_raw_item_keeps_the_digits_too() -> None:
    cte = read_text(frete="1234567890123456.78")
    assert cte.raw["frete"] == Decimal("1234567890123456.78")


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        '"NaN"',
        '"sNaN"',
        '"-Infinity"',
        "1e999999999",
        "1e-999999999",
        '"1e999999999"',
        "1e30",
        "true",
        '"295,66"',
        '""',
        "[1]",
        '{"valor": 1}',
    ],
)
def test_what_is_no_amount_is_none_and_kept(text: str) -> None:
    cte = read_text(valor_total=text)
    assert cte.valor_total is None
    assert set(cte.extra) == {"valor_total"}
    assert repr(cte)


@pytest.mark.parametrize("text", ["1e99999999999999999999", "1e-99999999999999999999"])
def test_an_exponent_that_decimal_cannot_hold_is_no_crash(text: str) -> None:
    body = json.dumps([SEED_ITEM]).replace('"295.66"', text).encode()
    try:
        (found,) = _json.listing(REQUEST, answer(body))
    except InvalidResponse:
        return
    assert isinstance(found, CTeRecebida)
    assert found.valor_total is None


@pytest.mark.parametrize(
    "value",
    ["2019-10-07T23:44:00", "2019-10-07", "07/10/2019 23:44", "", "\ud800", 1570502640, True, []],
)
def test_what_is_no_aware_date_is_none_and_kept(value: object) -> None:
    cte = read(data_emissao=value)
    assert cte.data_emissao is None
    assert cte.extra == {"data_emissao": value}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [True, 1.5, [], {}, ["x"], {"x": None}])
def test_a_value_of_the_wrong_type_is_none_and_kept(name: str, value: object) -> None:
    if name == "valor_total" and value == 1.5:
        value = [1.5]
    cte = read(**{name: value})
    assert getattr(cte, name) is None
    assert cte.extra == {name: value}


@pytest.mark.parametrize("versao", [0, 1709, 2**63 - 1])
def test_a_versao_is_a_whole_number(versao: int) -> None:
    assert read(versao=versao).versao == versao
    assert read(versao=str(versao)).versao == versao


@pytest.mark.parametrize(
    "versao",
    [
        None,
        True,
        False,
        1709.0,
        1709.5,
        -1,
        2**63,
        10**4000,
        "",
        "-1",
        "1709.0",
        " 1709",
        "1_709",
        "١٧",
        "9" * 20,
        "9" * 5000,
        [1709],
        {},
    ],
)
def test_a_versao_that_is_no_whole_number_is_not_usable(versao: object) -> None:
    item = SEED_ITEM | {"versao": versao}
    found = unusable(item)
    assert found.versao == NO_VERSAO
    assert found.raw == item
    assert CHAVE in str(found)
    assert "versao" in str(found)
    assert len(str(found)) < 300


def test_an_item_without_versao_is_not_usable() -> None:
    assert unusable(without("versao")).versao == NO_VERSAO


@pytest.mark.parametrize("key", [None, "", "3519", 35, CHAVE + "0", [CHAVE], "٣" * 44])
def test_an_item_without_a_key_says_where_to_resume(key: object) -> None:
    found = unusable(SEED_ITEM | {"chave": key})
    assert found.versao == 1709
    assert CNPJ in str(found)
    assert "producao" in str(found)


@pytest.mark.parametrize("item", [None, 1, "x", [], True, 1.5])
def test_an_item_that_is_no_object_is_not_usable(item: object) -> None:
    found = unusable(item)
    assert found.versao == NO_VERSAO
    assert found.raw == item


def test_an_unusable_item_does_not_take_its_page_with_it() -> None:
    found = _json.listing(REQUEST, answer([None, SEED_ITEM, {}, SEED_ITEM | {"versao": 1710}]))
    assert [type(f) for f in found] == [InvalidDocument, CTeRecebida] * 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b'[{"chave": "3',
        b"<!DOCTYPE html><html>",
        b"\xff\xfe\x00",
        b"\x80",
        b"[" * 200_000,
        b"9" * 10_000,
        b"[" + b"9" * 10_000 + b"]",
        b"null",
        b"{}",
        b'"[]"',
        b"1.5",
        b"true",
    ],
)
def test_a_listing_that_is_no_list_is_an_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponse, match=f"CNPJ {CNPJ}, producao") as caught:
        _json.listing(REQUEST, answer(body))
    assert not isinstance(caught.value, InvalidDocument)
    assert len(str(caught.value)) < 300


def test_the_error_says_what_came() -> None:
    html = answer(b"<html>", 200, {"Content-Type": "text/html"})
    with pytest.raises(InvalidResponse, match=r"status 200, text/html, 6 bytes.*not JSON"):
        _json.listing(REQUEST, html)


def test_a_consultation_is_about_the_document_asked_for() -> None:
    assert _json.resumo(REQUEST, answer(SEED_ITEM), CHAVE) == read()
    with pytest.raises(InvalidResponse, match=f"another document, {CHAVE}"):
        _json.resumo(REQUEST, answer(SEED_ITEM), chave(1))


def test_a_consultation_without_versao_raises_and_says_zero() -> None:
    with pytest.raises(InvalidDocument) as caught:
        _json.resumo(REQUEST, answer(without("versao")), CHAVE)
    assert caught.value.versao == 0


@pytest.mark.parametrize("body", [[], [SEED_ITEM], None, "x"])
def test_a_consultation_that_is_no_object_is_an_invalid_response(body: object) -> None:
    for parse in (_json.resumo, _json.completa):
        with pytest.raises(InvalidResponse, match="an object is expected"):
            parse(REQUEST, answer(body), CHAVE)


def test_a_complete_document_has_its_parts() -> None:
    parts: dict[str, Any] = {
        "mdfes": [{"chave": "1"}],
        "requisicao": {"serie": "1"},
        "protocolo": {"numero": "2"},
    }
    found = _json.completa(REQUEST, answer(SEED_ITEM | parts), CHAVE)
    assert found == CTeCompleta(read(), ({"chave": "1"},), {"serie": "1"}, {"numero": "2"})
    assert found.resumo.extra == {}


def test_parts_that_did_not_come_are_empty() -> None:
    assert _json.completa(REQUEST, answer(SEED_ITEM), CHAVE) == CTeCompleta(read())


def test_parts_of_the_wrong_type_stay_in_the_summary() -> None:
    wrong = {"mdfes": {"chave": "1"}, "requisicao": [], "protocolo": "135"}
    found = _json.completa(REQUEST, answer(SEED_ITEM | wrong), CHAVE)
    assert (found.mdfes, found.requisicao, found.protocolo) == ((), {}, {})
    assert found.resumo.extra == wrong


REGISTERED = {
    "status_sefaz": "135",
    "mensagem_sefaz": "Evento registrado e vinculado a CT-e",
    "status": "evento_registrado",
    "protocolo": "123456789",
}


def test_a_desacordo_is_read() -> None:
    found = _json.desacordo(REQUEST, answer(REGISTERED))
    assert found == Desacordo(
        status="evento_registrado",
        status_sefaz="135",
        mensagem_sefaz="Evento registrado e vinculado a CT-e",
        protocolo="123456789",
        raw=REGISTERED,
    )
    assert found.registrado


def test_codes_may_come_as_numbers() -> None:
    found = _json.desacordo(REQUEST, answer(REGISTERED | {"status_sefaz": 135, "protocolo": 1}))
    assert (found.status_sefaz, found.protocolo) == ("135", "1")


@pytest.mark.parametrize("body", [{}, {"status": None}, {"status_sefaz": " "}, {"protocolo": "1"}])
def test_a_desacordo_that_says_nothing_is_an_invalid_response(body: object) -> None:
    with pytest.raises(InvalidResponse, match="neither status nor status_sefaz"):
        _json.desacordo(REQUEST, answer(body))


@pytest.mark.parametrize(
    ("status", "code", "registered", "refused"),
    [
        ("evento_registrado", "134", True, False),
        ("evento_registrado", "135", True, False),
        ("evento_registrado", "136", True, False),
        (None, "135", True, False),
        ("evento_registrado", None, True, False),
        ("erro", "787", False, True),
        ("erro_autorizacao", "755", False, True),
        ("erro_autorizacao", None, False, True),
        (None, "631", False, True),
        # What they say disagrees, or is not known: neither believed done nor believed refused.
        ("erro", "135", False, False),
        ("evento_registrado", "631", False, False),
        ("processando", None, False, False),
        ("processando", "135", False, False),
        (None, None, False, False),
    ],
)
def test_registered_and_refused(
    status: str | None, code: str | None, registered: bool, refused: bool
) -> None:
    found = Desacordo(status, code)
    assert (found.registrado, found.recusado) == (registered, refused)


def test_a_document_is_hashed_by_key_and_versao_and_compared_whole() -> None:
    assert hash(read()) == hash(read(situacao="cancelado", outro={}))
    assert read() == read()
    assert read() != read(situacao="cancelado")
    assert len({read(), read(), read(versao=1710)}) == 2
    assert hash(CTeCompleta(read(), ({},), {"a": []}, {"b": []})) == hash(CTeCompleta(read()))
    assert hash(Desacordo("erro", raw={})) == hash(Desacordo("erro", raw={"x": 1}))


def test_models_pickle_and_copy() -> None:
    for model in (
        read(frete=1.5),
        _json.completa(REQUEST, answer(SEED_ITEM | {"mdfes": [{}]}), CHAVE),
        _json.desacordo(REQUEST, answer(REGISTERED)),
    ):
        assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == model


EVENTS = {
    "carta_correcao": "Leia-se placa XYZ9K87",
    "data_carta_correcao": "2019-10-08T10:00:00-03:00",
    "data_cancelamento": None,
    "justificativa_cancelamento": 7,
}
USUAL = (SEED_ITEM, SEED_ITEM | EVENTS, SEED_ITEM | {"chave": chave(1), "novo": [1]})


def test_a_usual_page_is_read_in_one_go() -> None:
    found = read_page(USUAL)
    assert found == [read_cte(item) for item in USUAL]
    assert [type(cte) for cte in found] == [CTeRecebida] * 3


@pytest.mark.parametrize("name", [*SEED_ITEM, *EVENTS])
@pytest.mark.parametrize(
    "value", [None, 7, -1, 2**63, 1.5, True, "", "texto", "NaN", "1e99", [], {}]
)
def test_a_page_is_read_the_same_in_one_go_and_one_by_one(name: str, value: object) -> None:
    items = [*USUAL, SEED_ITEM | {name: value}]
    found = read_page(items)
    assert found is None or repr(found) == repr([read_cte(item) for item in items])


def test_models_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        read().versao = 1  # type: ignore[misc]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([CHAVE, CHAVE.lower(), 10**30, -1, 1709, "1709", "135", "erro", "autorizado"])
    | st.sampled_from(["2019-10-07T23:44:00-03:00", "295.66", "1e99", "NaN", "\ud800"])
)
WORDS = """chave_cte chave_acesso data_cancelamento raw extra mdfes requisicao protocolo status
    status_sefaz mensagem_sefaz codigo mensagem erros campo"""
NAMES = st.text() | st.sampled_from([*SEED_ITEM, *WORDS.split()])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)
NEARLY = OBJECTS.map(lambda changes: SEED_ITEM | changes)
DOCUMENTS = VALUES | OBJECTS | NEARLY | st.lists(NEARLY | VALUES)
BODIES = st.binary() | st.text().map(lambda text: text.encode(errors="replace"))
ENCODED = st.builds(
    lambda document, encoding: json.dumps(document).encode(encoding),
    DOCUMENTS,
    st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig"]),
)
CUT = st.builds(lambda body, n: body[: n % (len(body) + 1)], ENCODED, st.integers(0))


@given(BODIES | ENCODED | CUT)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"[" + b"1" * 5000 + b"]")
@example(b'[{"versao": 1' + b"0" * 5000 + b"}]")
@example(b'{"x": 1e99999999999999999999}')
@example(b'[{"valor_total": -1E+99999999999999999999999}]')
@example(b"\xef\xbb\xbf[]")
@example(b'"\\ud800"')
@example(b"[NaN, Infinity, -Infinity]")
def test_any_answer_is_models_or_a_focus_error(body: bytes) -> None:
    whole = answer(body)
    for parse in (
        lambda: _json.listing(REQUEST, whole),
        lambda: _json.resumo(REQUEST, whole, CHAVE),
        lambda: _json.completa(REQUEST, whole, CHAVE),
        lambda: _json.desacordo(REQUEST, whole),
    ):
        try:
            found: Any = parse()
        except FocusError as error:
            found = error
        for one in found if isinstance(found, list) else [found]:
            pickle.loads(pickle.dumps(one))
            assert repr(one)
            if isinstance(one, CTeRecebida):
                assert hash(one) == hash(CTeRecebida(one.chave, one.versao))
                assert isinstance(one.extra, dict)
            if isinstance(one, FocusError):
                str(one).encode()


@given(st.lists(NEARLY | VALUES, max_size=4))
@example([[]])
@example([None])
def test_any_page_is_read_the_same_in_one_go_and_one_by_one(items: list[Any]) -> None:
    found = read_page(items)
    if found is not None:
        assert found == [read_cte(item) for item in items]


@given(BODIES | ENCODED | CUT, st.integers(100, 999))
@example(b"[" * 100_000, 400)
@example(b'{"codigo": 1e99999999999999999999}', 400)
@example(b'{"mensagem": "\\ud800", "codigo": "\\ud800", "erros": [{"campo": "\\ud800"}]}', 422)
@example(b"<style>" * 3000, 502)
def test_any_refusal_is_a_focus_error_fit_to_print(body: bytes, status: int) -> None:
    error = _wire.refusal(REQUEST, answer(body, status))
    assert isinstance(error, FocusError)
    str(error).encode()
    assert "\n" not in str(error)
    assert len(str(error)) < 15_000
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
