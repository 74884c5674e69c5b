"""A plan tells, one by one, what SEFAZ would refuse a desacordo for, and registers nothing."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from factory import cte, swapped
from freight import CPF, LETTERS, OTHER, Freight, Person
from one_document import (
    ABSENT,
    AUTORIZADO,
    AVISOS,
    CHAVE,
    CNPJ,
    IMPEDIMENTOS,
    LIMITE,
    NO_MATTER,
    NOW,
    PARTS,
    REGISTERED,
    SILENT,
    TEXTO,
    TEXTS,
    THIRD,
    UNREAD,
    WHOLE,
    listed,
    of,
    served,
)

from focus_cte import (
    Ambiente,
    AuthenticationError,
    FocusError,
    InvalidArgument,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    ServerError,
    Situacao,
)
from focus_cte.xml import CTeXML, PlanoDesacordo, checar_desacordo


async def planned(
    *,
    cnpj: str = CNPJ,
    texto: str = TEXTO,
    now: datetime | None = NOW,
    ambiente: Ambiente | None = None,
    **parts: Any,
) -> PlanoDesacordo:
    """The plan over these parts; what is not said stands in no desacordo's way."""
    async with served(**parts) as api, api.client(ambiente=ambiente) as focus:
        plan = await checar_desacordo(focus, CHAVE, cnpj=cnpj, observacoes=texto, now=now)
    assert api.methods == ["GET"] * 3, "nothing is ever sent"
    assert plan.ok is (plan.impedimentos == ())
    assert (plan.observacoes, plan.chave) == (texto, CHAVE)
    return plan


async def test_where_nothing_stands_against_it_the_plan_says_so_and_shows_what_it_saw() -> None:
    xml = cte()
    plan = await planned(xml=xml)
    assert (plan.ok, plan.impedimentos, plan.avisos) == (True, (), ())
    assert plan.cte == CTeXML.parse(xml)
    assert (plan.resumo.chave, plan.resumo.versao) == (CHAVE, 7)
    assert plan.resumo.situacao is Situacao.AUTORIZADA
    assert plan.prazo is not None
    assert (plan.prazo.autorizado_em, plan.prazo.limite) == (AUTORIZADO, LIMITE)
    assert (plan.prazo.ultimo_dia, plan.prazo.estimado) == (date(2026, 8, 20), False)


@pytest.mark.parametrize("what", IMPEDIMENTOS)
async def test_what_stands_against_it_is_told_alone_in_one_sentence(what: str) -> None:
    """Each of them, in a document that is otherwise as it should be."""
    parts, *words = IMPEDIMENTOS[what]
    plan = await planned(**parts)
    assert not plan.ok
    (why,) = plan.impedimentos
    assert [word for word in words if word not in why] == []
    assert plan.avisos == ()
    assert CPF not in why, "it is personal data"
    assert ("branch" in why) is (what == "a branch")


@pytest.mark.parametrize("what", AVISOS)
async def test_what_sefaz_may_decide_otherwise_is_told_alone_and_stops_nothing(what: str) -> None:
    parts, *words = AVISOS[what]
    plan = await planned(**parts)
    assert (plan.ok, plan.impedimentos) == (True, ())
    (aviso,) = plan.avisos
    assert [word for word in words if word not in aviso] == []


@pytest.mark.parametrize("what", NO_MATTER)
async def test_what_is_no_matter_is_not_told(what: str) -> None:
    plan = await planned(**NO_MATTER[what])
    assert (plan.impedimentos, plan.avisos) == ((), ())


async def test_all_that_stands_against_it_is_told_at_once() -> None:
    plan = await planned(
        **of(**THIRD, tipo="1", complementados=(OTHER,)),
        summary=listed(situacao="cancelada"),
        desacordo=REGISTERED,
        texto="curto — ",
        ambiente=Ambiente.HOMOLOGACAO,
        now=LIMITE + timedelta(days=1),
    )
    assert not plan.ok
    for why, word in zip(
        plan.impedimentos, ["homologacao", "218", "631", "755", "observacoes"], strict=True
    ):
        assert word in why
    for aviso, word in zip(plan.avisos, ["787", "869"], strict=True):
        assert word in aviso


@pytest.mark.parametrize("texto", TEXTS)
async def test_a_text_that_sefaz_does_not_take_is_told_by_what_and_where_and_never_changed(
    texto: str,
) -> None:
    plan = await planned(texto=texto)
    (why,) = plan.impedimentos
    assert TEXTS[texto] in why
    assert plan.observacoes == texto


@pytest.mark.parametrize(
    "texto", ["x" * 15, "x" * 255, "ÿ" * 15, "A & B: <12>  'não' \"é\"", "!" + "\xa0" * 14]
)
async def test_a_text_that_sefaz_takes_is_returned_as_given(texto: str) -> None:
    plan = await planned(texto=texto)
    assert plan.ok
    assert plan.observacoes == texto


@pytest.mark.parametrize("what", UNREAD)
async def test_without_an_xml_that_can_be_read_the_term_is_estimated_and_the_rest_is_told(
    what: str,
) -> None:
    xml, why = UNREAD[what]
    plan = await planned(xml=xml)
    assert (plan.ok, plan.cte) == (True, None)
    (aviso,) = plan.avisos
    for words in (why, "tomador was not verified", "755", "estimated"):
        assert words in aviso
    assert plan.prazo is not None
    assert plan.prazo.estimado is True
    assert plan.prazo.autorizado_em == datetime.fromisoformat("2026-07-06T10:20:30-03:00")
    assert plan.prazo.limite == plan.prazo.autorizado_em + timedelta(days=45)


async def test_without_an_xml_the_listing_alone_still_says_what_stands_against_it() -> None:
    plan = await planned(
        xml=ABSENT,
        summary=listed(situacao="denegada", tipo_cte="2"),
        desacordo=REGISTERED,
        texto="curto",
        now=LIMITE,
    )
    for why, word in zip(plan.impedimentos, ["205", "631", "has 5"], strict=True):
        assert word in why
    for aviso, word in zip(plan.avisos, ["755", "by estimate on 2026-08-20", "869"], strict=True):
        assert word in aviso


async def test_without_any_date_there_is_no_term_and_that_is_told() -> None:
    plan = await planned(xml=ABSENT, summary=listed(data_emissao=None))
    assert (plan.ok, plan.prazo) == (True, None)
    _, aviso = plan.avisos
    assert "date is not known" in aviso
    assert "787" in aviso


async def test_a_date_that_the_listing_alone_has_is_a_date_known() -> None:
    """`prazo` is None only "where no date is known"."""
    xml = swapped(cte(Freight(root="CTe")), "<dhEmi>2026-07-06T10:20:30-03:00</dhEmi>", "")
    plan = await planned(xml=xml)
    assert plan.prazo is not None
    assert plan.prazo.autorizado_em == plan.resumo.data_emissao


async def test_three_gets_are_all_that_is_sent_and_all_are_about_that_company() -> None:
    async with served() as api, api.client() as focus:
        await checar_desacordo(focus, CHAVE, cnpj=CNPJ, observacoes=TEXTO, now=NOW)
    assert api.methods == ["GET", "GET", "GET"]
    assert sorted(api.paths) == sorted(PARTS.values())
    assert api.cnpjs == [CNPJ] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"chave": CHAVE[:43]},
        {"chave": ""},
        {"chave": None},
        {"cnpj": "123"},
        {"cnpj": CPF},
        {"cnpj": None},
        {"now": datetime(2026, 7, 7)},  # noqa: DTZ001
        {"now": date(2026, 7, 7)},
        {"now": "2026-07-07T00:00:00-03:00"},
    ],
    ids=repr,
)
async def test_a_wrong_argument_is_refused_before_any_request(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"chave": CHAVE, "cnpj": CNPJ, "observacoes": TEXTO, "now": NOW}
    async with served() as api, api.client() as focus:
        with pytest.raises(InvalidArgument):
            await checar_desacordo(focus, **(right | wrong))
    assert api.methods == []


@pytest.mark.parametrize(
    ("documento", "written"),
    [(CNPJ, "07.270.824/0001-20"), (LETTERS, "12.ABC.345/01DE-35"), (LETTERS, "12abc34501de35")],
)
async def test_a_formatted_cnpj_and_key_are_those_that_they_stand_for(
    documento: str, written: str
) -> None:
    payer = Person(documento, "Quem Paga", "SP", "SANTOS")
    async with served(**of(toma="4", tomador=payer)) as api, api.client() as focus:
        spaced = " ".join(CHAVE[i : i + 4] for i in range(0, 44, 4))
        plan = await checar_desacordo(focus, spaced, cnpj=written, observacoes=TEXTO, now=NOW)
    assert plan.ok, plan.impedimentos
    assert (plan.chave, plan.cnpj, api.cnpjs) == (CHAVE, documento, [documento] * 3)


async def test_without_a_now_the_term_is_looked_at_by_the_clock() -> None:
    over = of(recebimento="2006-07-06T10:20:45-03:00")
    ahead = of(recebimento="9000-07-06T10:20:45-03:00")
    assert "787" in "".join((await planned(now=None, **over)).avisos)
    assert (await planned(now=None, **ahead)).avisos == ()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (403, PermissionDenied), (500, ServerError)]
)
async def test_an_error_of_any_of_the_three_comes_through_and_ends_it(
    part: str, status: int, kind: type[FocusError]
) -> None:
    async with served(**{part: status}) as api, api.client() as focus:
        with pytest.raises(kind) as caught:
            await checar_desacordo(focus, CHAVE, cnpj=CNPJ, observacoes=TEXTO, now=NOW)
    assert PARTS[part] in str(caught.value), "it tells what was asked"
    assert api.paths[-1] == PARTS[part], "nothing after it"
    assert len(set(api.paths)) == len(api.paths), "and none twice"


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"summary": ABSENT}, NotFound),
        ({"summary": listed(chave=OTHER)}, InvalidResponse),
        ({"xml": b"<html>Bad gateway</html>"}, InvalidResponse),
        ({"xml": WHOLE[:-9]}, InvalidResponse),
        ({"desacordo": {"protocolo": "1"}}, InvalidResponse),
    ],
)
async def test_an_answer_without_which_nothing_can_be_said_is_an_error(
    parts: dict[str, Any], kind: type[FocusError]
) -> None:
    async with served(**parts) as api, api.client() as focus:
        with pytest.raises(kind, match=CHAVE):
            await checar_desacordo(focus, CHAVE, cnpj=CNPJ, observacoes=TEXTO, now=NOW)
    assert set(api.methods) == {"GET"}


@pytest.mark.parametrize("part", PARTS)
async def test_a_cancelled_plan_leaves_nothing_open_and_the_client_goes_on(part: str) -> None:
    """What is left besides, a task or a socket, is seen by what every test has."""
    async with (
        served(**{part: SILENT}) as api,
        aiohttp.ClientSession() as session,
        api.client(session=session, max_concurrency=1) as focus,
    ):
        plan = checar_desacordo(focus, CHAVE, cnpj=CNPJ, observacoes=TEXTO, now=NOW)
        task = asyncio.create_task(plan)
        await api.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert session.connector is not None
        assert not session.connector._acquired, "no connection is held"
        api.summary, api.xml, api.desacordo = listed(), WHOLE, ABSENT
        again = await checar_desacordo(focus, CHAVE, cnpj=CNPJ, observacoes=TEXTO, now=NOW)
    assert again.ok
