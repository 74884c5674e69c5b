"""What an item of the listing means: columns, news, files to fetch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focus_cte import CTeRecebida, Situacao, TipoCTe
from focus_cte.mirror import facts
from focus_cte.mirror.models import Kind, What

CHAVE = "41150302618946000141570010000000521000000497"
EMISSAO = datetime.fromisoformat("2026-07-01T00:10:00-03:00")
USUAL = CTeRecebida(
    CHAVE,
    7,
    situacao=Situacao.AUTORIZADA,
    tipo_cte=TipoCTe.NORMAL,
    valor_total=Decimal("10.50"),
    data_emissao=EMISSAO,
    nome_emitente="Transportes",
    documento_emitente="02618946000141",
)
CANCELLED = attrs.evolve(
    USUAL, versao=9, situacao=Situacao.CANCELADA, data_cancelamento=EMISSAO + timedelta(days=2)
)
CORRECTED = attrs.evolve(USUAL, versao=8, carta_correcao="Leia-se B", data_carta_correcao=EMISSAO)


def news(
    before: CTeRecebida | None, after: CTeRecebida
) -> Iterator[tuple[What, facts.Row, facts.Row]]:
    return facts.news(before, after.versao, facts.columns(after))


def kinds(*items: CTeRecebida) -> list[list[Kind]]:
    known, found = None, []
    for item in items:
        row = facts.merged(known, facts.columns(item))
        found.append(list(facts.wanted(known, row)))
        known = row
    return found


def test_the_month_is_that_of_the_issuer() -> None:
    assert facts.columns(USUAL)["competencia"] == "2026-07", "in UTC it is 03:10 of that day"
    late = attrs.evolve(USUAL, data_emissao=datetime.fromisoformat("2026-07-31T23:30:00-03:00"))
    assert facts.columns(late)["competencia"] == "2026-07", "in UTC it is August"


def test_what_is_new_is_to_be_fetched_once() -> None:
    assert kinds(USUAL, USUAL) == [[Kind.XML], []]
    assert kinds(CANCELLED, CANCELLED) == [[Kind.XML, Kind.CANCELAMENTO], []]
    assert kinds(USUAL, CORRECTED, CORRECTED) == [[Kind.XML], [Kind.CARTA_CORRECAO], []]
    again = attrs.evolve(CORRECTED, versao=10, carta_correcao="Leia-se C")
    assert kinds(USUAL, CORRECTED, again)[-1] == [Kind.CARTA_CORRECAO]
    both = attrs.evolve(CORRECTED, versao=11, situacao=Situacao.CANCELADA)
    assert kinds(CORRECTED, both)[-1] == [Kind.CANCELAMENTO]


def test_a_company_hears_of_each_thing_by_its_name() -> None:
    ((what, before, after),) = news(None, USUAL)
    assert (what, before) == (What.RECEIVED, {})
    assert after["valor_total"] == "10.50"
    assert after["emissao"] == "2026-07-01T00:10:00-03:00"
    ((what, before, after),) = news(USUAL, CANCELLED)
    assert (what, before["situacao"], after["situacao"]) == (
        What.CANCELLED,
        "autorizada",
        "cancelada",
    )
    assert (before["versao"], after["versao"]) == (7, 9)
    ((what, before, after),) = news(USUAL, CORRECTED)
    assert (what, after["carta_correcao"]) == (What.CORRECTED, "Leia-se B")
    richer = attrs.evolve(USUAL, versao=8, valor_total=Decimal("11.00"))
    ((what, before, after),) = news(USUAL, richer)
    assert (what, before["valor_total"], after["valor_total"]) == (What.CHANGED, "10.50", "11.00")


def test_all_that_happened_between_two_looks_is_told() -> None:
    much = attrs.evolve(
        CANCELLED, carta_correcao="Leia-se B", valor_total=Decimal("1.00"), versao=20
    )
    assert [what for what, *_ in news(USUAL, much)] == [
        What.CANCELLED,
        What.CORRECTED,
        What.CHANGED,
    ]


def test_a_number_that_moved_for_no_reason_shown_is_told_too() -> None:
    ((what, before, after),) = news(USUAL, attrs.evolve(USUAL, versao=8))
    assert (what, before, after) == (What.CHANGED, {"versao": 7}, {"versao": 8})


def test_what_is_cancelled_stays_so_and_what_is_known_is_not_forgotten() -> None:
    row = facts.merged(None, facts.columns(CANCELLED))
    older = facts.merged(row, facts.columns(attrs.evolve(USUAL, nome_emitente=None)))
    assert older["situacao"] == "cancelada"
    assert older["nome_emitente"] == "Transportes"


def test_the_term_is_estimated_until_the_xml_tells() -> None:
    row = facts.merged(None, facts.columns(USUAL))
    assert (row["prazo"], row["prazo_estimado"]) == (EMISSAO + timedelta(days=45), True)
    told = {**row, "prazo": EMISSAO + timedelta(days=46), "prazo_estimado": False}
    later = facts.merged(told, facts.columns(CORRECTED))
    assert (later["prazo"], later["prazo_estimado"]) == (EMISSAO + timedelta(days=46), False)


@pytest.mark.parametrize("emissao", [None, datetime.max.replace(tzinfo=EMISSAO.tzinfo)])
def test_a_document_without_a_date_that_can_be_counted_from_has_no_term(
    emissao: datetime | None,
) -> None:
    row = facts.merged(None, facts.columns(attrs.evolve(USUAL, data_emissao=emissao)))
    assert row["prazo"] is None


@given(st.recursive(st.none() | st.booleans() | st.text() | st.decimals(), st.lists, max_leaves=5))
def test_any_item_has_an_identity_of_its_own(raw: object) -> None:
    assert facts.identity("1", raw) == facts.identity("1", raw) != facts.identity("2", raw)
