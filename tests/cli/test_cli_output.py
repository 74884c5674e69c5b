"""How values are written, and that nothing of an issuer's makes a terminal do things."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from focus_cte import Situacao, TipoCTe
from focus_cte.cli import output
from focus_cte.cli.output import Column
from focus_cte.mirror import Documento

CHAVE = "29260700083497183660579200000010011057168786"
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31mTransportes\r\nMALDADE\x9b5n\u202e"
BRASILIA = timezone(timedelta(hours=-3))


@pytest.fixture(autouse=True)
def _consoles_of_this_test() -> None:
    """They keep the streams that they were made for."""
    output.console.cache_clear()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (Decimal("0"), "0,00"),
        (Decimal("1234.5"), "1.234,50"),
        (Decimal("-1234567.891"), "-1.234.567,89"),
        (Decimal("0.105"), "0,10"),
    ],
)
def test_money_is_written_as_on_invoices(value: Decimal | None, text: str) -> None:
    assert output.reais(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("28730186000153", "28.730.186/0001-53"),
        ("12ABC34501DE35", "12.ABC.345/01DE-35"),
        ("83497183660", "***.971.836-**"),
        ("another", "another"),
    ],
)
def test_a_company_is_shown_in_full_and_a_person_is_masked(value: str | None, text: str) -> None:
    assert output.documento(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=9, hours=23), "9 d"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_unit(value: timedelta, text: str) -> None:
    assert output.length(value) == text


def test_dates_are_shown_as_in_brazil() -> None:
    emitted = datetime(2026, 7, 6, 23, 30, tzinfo=BRASILIA)
    assert output.day(emitted) == "06/07/2026"
    assert output.minute(emitted) == f"{emitted.astimezone():%d/%m/%Y %H:%M}"
    assert output.day(None) == output.minute(None) == ""


@pytest.mark.parametrize(
    ("ambiente", "origin", "text"),
    [
        ("producao", None, "produção"),
        ("homologacao", None, "homologação"),
        (None, "https://api.focusnfe.com.br", "produção"),
        (None, "https://homologacao.focusnfe.com.br", "homologação"),
        (None, "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        (None, None, "no environment yet"),
    ],
)
def test_an_environment_is_called_by_its_name_or_its_address(
    ambiente: str | None, origin: str | None, text: str
) -> None:
    assert output.environment(ambiente, origin) == text


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Decimal("1234.50"), "1234.50"),
        (datetime(2026, 7, 6, 8, 5, tzinfo=BRASILIA), "2026-07-06T08:05:00-03:00"),
        (date(2026, 7, 6), "2026-07-06"),
        (Path("acervo/files"), "acervo/files"),
        (Situacao.AUTORIZADA, "autorizada"),
        (TipoCTe.NORMAL, "0"),
        ({1: Decimal(2), "b": None}, {"1": "2", "b": None}),
        ((1, 2.5, True, None, "x"), [1, 2.5, True, None, "x"]),
        (frozenset({"x"}), ["x"]),
    ],
)
def test_json_has_money_and_dates_as_exact_texts(value: Any, plain: Any) -> None:
    assert json.loads(output.to_json(value)) == plain


def test_json_of_a_document_has_all_of_it() -> None:
    document = Documento(
        CHAVE,
        ("28730186000153",),
        situacao=Situacao.AUTORIZADA,
        valor_total=Decimal("7522.61"),
        emissao=datetime(2026, 7, 6, 8, 5, tzinfo=UTC),
        nome_emitente="José",
    )
    found = json.loads(output.to_json([document]))[0]
    assert found.keys() == {name for name in dir(document) if not name.startswith("_")}
    assert found["cnpjs"] == ["28730186000153"]
    assert (found["valor_total"], found["nome_emitente"]) == ("7522.61", "José")


def test_json_keeps_every_character_and_sends_none_to_a_terminal() -> None:
    text = output.to_json({"nome": f"São\u00a0João {HOSTILE}\x7f\u2028\U000e0001"})
    assert json.loads(text) == {"nome": f"São\u00a0João {HOSTILE}\x7f\u2028\U000e0001"}
    assert text.isprintable()
    assert "São" in text


def test_nothing_that_is_shown_moves_a_cursor_or_begins_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.show(HOSTILE)
    output.say(HOSTILE)
    output.problem(HOSTILE)
    output.table([Column("name", 20)], [[HOSTILE]])
    shown = capsys.readouterr()
    for text, lines in ((shown.out, 3), (shown.err, 2)):
        assert len(text.splitlines()) == lines
        assert text.replace("\n", "").isprintable()
        assert "Transportes" in text


def test_what_an_issuer_wrote_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.show("[bold]Transportes[/bold] :warning: [link=http://x]y[/link]")
    assert capsys.readouterr().out == "[bold]Transportes[/bold] :warning: [link=http://x]y[/link]\n"


def test_without_a_terminal_a_table_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    name = "Transportes " * 40
    output.table(
        [Column("key", 44), Column("R$", 6, "right"), Column("name")], [[CHAVE, "1", name]]
    )
    title, row = capsys.readouterr().out.splitlines()
    assert title == f"{'key':44}      R$  name"
    assert row == f"{CHAVE}       1  {name.rstrip()}"


def test_without_a_terminal_a_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.problem("word " * 5_000)
    assert len(capsys.readouterr().err.splitlines()) == 1
