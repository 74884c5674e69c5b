"""The term of a desacordo: 45 days of 24 hours from the authorization, in the issuer's time."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

import attrs
import pytest
from factory import cte
from freight import Freight
from hypothesis import given
from hypothesis import strategies as st

from focus_cte import CTeRecebida, InvalidArgument
from focus_cte.xml import CTeXML, Protocolo, prazo_desacordo

TERM = timedelta(days=45)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
CHAVE = Freight().chave
BASE = CTeXML.parse(cte())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def parsed(emissao: str, recebimento: str, **what: Any) -> CTeXML:
    return CTeXML.parse(cte(Freight(emissao=emissao, recebimento=recebimento, **what)))


def of(emissao: datetime | None, recebido: datetime | None, *, answered: bool = True) -> CTeXML:
    """A CT-e with these two dates."""
    return attrs.evolve(
        BASE, emissao=emissao, protocolo=Protocolo(recebido_em=recebido) if answered else None
    )


offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=offsets)  # noqa: DTZ001
anywhen = st.datetimes(timezones=offsets)


@pytest.mark.parametrize(
    ("emissao", "recebimento", "limite", "ultimo_dia"),
    [
        # A month of 31 days, one of 30, a February, one of a leap year, a change of year.
        ("2026-07-06T10:20:30-03:00", "2026-07-06T10:20:45-03:00",
         "2026-08-20T10:20:45-03:00", "2026-08-20"),
        ("2026-11-05T10:00:00-03:00", "2026-11-06T09:00:00-03:00",
         "2026-12-21T09:00:00-03:00", "2026-12-21"),
        ("2026-02-01T00:00:00-03:00", "2026-02-01T00:00:00-03:00",
         "2026-03-18T00:00:00-03:00", "2026-03-18"),
        ("2028-02-01T00:00:00-03:00", "2028-02-01T00:00:00-03:00",
         "2028-03-17T00:00:00-03:00", "2028-03-17"),
        ("2026-12-31T23:59:59-03:00", "2026-12-31T23:59:59-03:00",
         "2027-02-14T23:59:59-03:00", "2027-02-14"),
        # SEFAZ answers in another offset: the day is still the issuer's, before and after.
        ("2026-07-06T23:30:00-04:00", "2026-07-07T00:30:10-03:00",
         "2026-08-20T23:30:10-04:00", "2026-08-20"),
        ("2026-07-06T23:59:30-05:00", "2026-07-07T02:00:10-03:00",
         "2026-08-21T00:00:10-05:00", "2026-08-21"),
        ("2026-07-07T00:10:00-02:00", "2026-07-06T23:10:00-03:00",
         "2026-08-21T00:10:00-02:00", "2026-08-21"),
        ("2026-07-06T23:10:00-03:00", "2026-07-07T02:10:00+00:00",
         "2026-08-20T23:10:00-03:00", "2026-08-20"),
        # Authorized the day after it was issued, as in contingency.
        ("2026-07-06T20:00:00-03:00", "2026-07-08T08:00:00-03:00",
         "2026-08-22T08:00:00-03:00", "2026-08-22"),
    ],
)  # fmt: skip
def test_the_term_is_counted_from_the_protocol_and_ends_on_a_day_of_the_issuer(
    emissao: str, recebimento: str, limite: str, ultimo_dia: str
) -> None:
    prazo = prazo_desacordo(parsed(emissao, recebimento))
    assert prazo.autorizado_em == at(recebimento)
    assert prazo.limite == at(limite)
    assert prazo.ultimo_dia == date.fromisoformat(ultimo_dia)
    assert prazo.estimado is False


@pytest.mark.parametrize(("uf", "hours"), [("35", -3), ("51", -4), ("12", -5)])
def test_dates_without_an_offset_are_those_of_the_issuers_uf(uf: str, hours: int) -> None:
    prazo = prazo_desacordo(
        parsed("2013-07-06T23:00:00", "2013-07-06T23:30:00", uf=uf, layout="2.00")
    )
    local = timezone(timedelta(hours=hours))
    assert prazo.limite == datetime(2013, 8, 20, 23, 30, tzinfo=local)
    assert prazo.ultimo_dia == date(2013, 8, 20)


@given(emissao=moments, recebido=moments)
def test_the_end_is_1080_hours_after_the_authorization_whatever_the_offsets(
    emissao: datetime, recebido: datetime
) -> None:
    prazo = prazo_desacordo(of(emissao, recebido))
    assert prazo.autorizado_em == recebido
    assert prazo.limite.utcoffset() is not None
    seconds = (prazo.limite.astimezone(UTC) - recebido.astimezone(UTC)).total_seconds()
    assert seconds == 45 * 24 * 60 * 60
    assert prazo.estimado is False


@given(emissao=moments, recebido=moments)
def test_the_last_day_is_that_of_a_clock_at_the_issuer(
    emissao: datetime, recebido: datetime
) -> None:
    prazo = prazo_desacordo(of(emissao, recebido))
    offset = emissao.utcoffset()
    assert offset is not None
    clock = (recebido.astimezone(UTC) + TERM).replace(tzinfo=None) + offset
    assert prazo.ultimo_dia == clock.date()


@given(emissao=moments, other=offsets)
def test_without_a_protocol_and_from_a_listing_the_term_is_estimated_from_the_issue(
    emissao: datetime, other: tzinfo
) -> None:
    listed = CTeRecebida(chave=CHAVE, versao=1, data_emissao=emissao)
    for document in (
        of(emissao, None, answered=False),
        of(emissao, None),
        listed,
    ):
        prazo = prazo_desacordo(document)
        assert prazo.estimado is True
        assert (prazo.autorizado_em, prazo.limite) == (emissao, emissao + TERM)
        assert prazo.ultimo_dia == (emissao + TERM).date()
        # What is estimated is never after what is true: a CT-e is authorized after its issue.
        later = (emissao + timedelta(hours=30)).astimezone(other)
        assert prazo.limite < prazo_desacordo(of(emissao, later)).limite


def test_a_file_without_sefazs_answer_is_estimated() -> None:
    prazo = prazo_desacordo(CTeXML.parse(cte(Freight(root="CTe"))))
    assert prazo.estimado is True
    assert prazo.autorizado_em == at("2026-07-06T10:20:30-03:00")


def test_without_a_date_of_issue_the_protocols_is_enough() -> None:
    recebido = at("2026-07-06T23:30:00-03:00")
    prazo = prazo_desacordo(of(None, recebido))
    assert (prazo.autorizado_em, prazo.estimado) == (recebido, False)
    assert prazo.ultimo_dia == date(2026, 8, 20)


@pytest.mark.parametrize(
    ("after", "days"),
    [
        (timedelta(0), 45),
        (TICK, 44),
        (DAY, 44),
        (DAY + TICK, 43),
        (44 * DAY - TICK, 1),
        (44 * DAY, 1),
        (44 * DAY + TICK, 0),
        (TERM - TICK, 0),
        (TERM, 0),
        (TERM + TICK, -1),
        (TERM + DAY, -1),
        (TERM + DAY + TICK, -2),
        (-TICK, 45),
        (-DAY, 46),
    ],
)
@pytest.mark.parametrize("hours", [-3, 0, 9])
def test_the_days_left_are_whole_ones_and_negative_when_it_is_over(
    after: timedelta, days: int, hours: int
) -> None:
    prazo = prazo_desacordo(BASE)
    now = (prazo.autorizado_em + after).astimezone(timezone(timedelta(hours=hours)))
    assert prazo.dias_restantes(now) == days


@given(recebido=moments, now=anywhen)
def test_days_left_are_negative_exactly_when_the_term_is_over(
    recebido: datetime, now: datetime
) -> None:
    prazo = prazo_desacordo(of(recebido, recebido))
    days = prazo.dias_restantes(now)
    left = prazo.limite - now
    assert days * DAY <= left < (days + 1) * DAY
    assert (days < 0) is (now > prazo.limite)


@pytest.mark.parametrize("now", [datetime(2026, 8, 1), date(2026, 8, 1), "2026-08-01", None])  # noqa: DTZ001
def test_a_now_without_an_offset_is_refused_and_shown(now: Any) -> None:
    """Three hours more or less would be somebody's guess."""
    with pytest.raises(InvalidArgument) as caught:
        prazo_desacordo(BASE).dias_restantes(now)
    assert repr(now) in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        of(None, None),
        of(None, None, answered=False),
        CTeRecebida(chave=CHAVE, versao=1),
    ],
    ids=["nor the protocol", "nor a protocol", "listing"],
)
def test_a_document_without_a_date_has_no_term_and_is_named(
    document: CTeXML | CTeRecebida,
) -> None:
    with pytest.raises(InvalidArgument, match=CHAVE):
        prazo_desacordo(document)


LAST = datetime.max.replace(tzinfo=UTC)


def test_dates_up_to_the_last_that_there_can_be_have_a_term() -> None:
    prazo = prazo_desacordo(of(LAST - TERM, LAST - TERM))
    assert (prazo.limite, prazo.ultimo_dia) == (LAST, date.max)
    assert prazo.dias_restantes(LAST) == 0
    assert prazo.dias_restantes(datetime.min.replace(tzinfo=UTC)) == (LAST.date() - date.min).days


@pytest.mark.parametrize(
    "document",
    [
        of(LAST, LAST),
        of(BASE.emissao, LAST - TERM + TICK),
        of(LAST - TERM + TICK, None),
        CTeRecebida(chave=CHAVE, versao=1, data_emissao=LAST),
        # The end there is, but no date of it at the issuer.
        of(LAST.replace(year=2026, tzinfo=timezone(timedelta(hours=14))), LAST - TERM),
    ],
)
def test_a_term_past_the_last_date_is_an_error_that_names_the_document(
    document: CTeXML | CTeRecebida,
) -> None:
    with pytest.raises(InvalidArgument, match=CHAVE):
        prazo_desacordo(document)


@given(emissao=anywhen | st.none(), recebido=anywhen | st.none())
def test_any_dates_have_a_term_or_are_refused(
    emissao: datetime | None, recebido: datetime | None
) -> None:
    document, told = of(emissao, recebido), recebido or emissao
    if told is None or told.year == 9999:
        with suppress(InvalidArgument):
            assert prazo_desacordo(document).autorizado_em == told
    else:
        prazo = prazo_desacordo(document)
        assert prazo.limite - prazo.autorizado_em == TERM
        assert prazo.dias_restantes(prazo.limite) == 0


class SummerTime(tzinfo):
    """São Paulo in 2018: an hour ahead from 4 November."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(hours=-3) + self.dst(when)

    def dst(self, when: datetime | None) -> timedelta:
        ahead = when is not None and when.replace(tzinfo=None) >= datetime(2018, 11, 4)  # noqa: DTZ001
        return timedelta(hours=1 if ahead else 0)

    def tzname(self, when: datetime | None) -> str:
        return "São Paulo"


def test_across_a_change_to_summer_time_it_is_still_1080_hours() -> None:
    """Dates read from files have fixed offsets; those that a caller puts in a model may not."""
    emissao = datetime(2018, 10, 20, 12, tzinfo=SummerTime())
    prazo = prazo_desacordo(CTeRecebida(chave=CHAVE, versao=1, data_emissao=emissao))
    assert prazo.limite.astimezone(UTC) == emissao.astimezone(UTC) + TERM
