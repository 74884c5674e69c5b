"""focus-cte deadlines: what can still be disputed by us, the nearest term first."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from scenes import Scene

OTHERS = "23260707615359000112570020000010191812185233"
"""Somebody else pays for it."""
SENT = (
    "INSERT INTO desacordos (id, step, chave, cnpj, actor, observacoes, outcome, at, origin)"
    " VALUES ('1', 'outcome', :chave, '28730186000153', 'Maria', 'Carga recusada', :outcome,"
    " '2026-07-07T00:00:00.000000Z', 'http://127.0.0.1')"
)


def shown(scene: Scene, *arguments: object) -> list[list[str]]:
    """Key, days, day, value, payer of each line."""
    done = scene.invoke("deadlines", *arguments)
    assert (done.code, done.err) == (0, "")
    heading, titles, *lines = done.lines
    assert heading == scene.heading
    assert titles.split() == ["key", "days", "until", "R$", "payer", "issuer"]
    return [line.split()[:5] for line in lines if line[:44].isalnum()]


@pytest.fixture
def due(stored: Scene) -> Scene:
    """Terms of five documents end in the future; those of all others are over."""
    first, second, third, *_more = stored.sandbox.chaves
    stored.due(second, days=20)
    stored.due(first, days=3)
    stored.due(third, days=9)
    stored.due(OTHERS, days=5)
    stored.due(stored.cancelled, days=5)
    return stored


async def test_the_nearest_comes_first(due: Scene) -> None:
    first, second, third, *_more = due.sandbox.chaves
    done = await due.run("deadlines")
    assert (done.code, done.err, done.lines[0]) == (0, "", due.heading)
    assert [line.split()[:2] for line in done.lines[2:]] == [
        [first, "3"],
        [third, "9"],
        [second, "20"],
    ]
    assert done.lines[2].split()[3:5] == ["7.522,61", "28.730.186/0001-53"]


def test_only_within_the_time_that_is_given(due: Scene) -> None:
    first, second, third, *_more = due.sandbox.chaves
    assert [row[0] for row in shown(due, "--within", "10d")] == [first, third]
    assert shown(due, "--within", "2h") == []
    assert {row[0] for row in shown(due, "--within", "30d")} == {first, second, third}


def test_nothing_that_others_pay_for_or_that_is_cancelled(due: Scene) -> None:
    listed = {row[0] for row in shown(due)}
    assert not listed & {OTHERS, due.cancelled}


def test_what_is_not_known_yet_counts_as_ours_and_is_marked(due: Scene) -> None:
    due.sql("UPDATE ctes SET tomador = NULL, prazo_estimado = 1 WHERE chave = :chave", chave=OTHERS)
    row = next(row for row in shown(due) if row[0] == OTHERS)
    assert (row[1], row[4]) == ("~5", "?")
    assert "~: estimated, and who pays is not known" in due.invoke("deadlines").lines[-1]


@pytest.mark.parametrize("situacao", [None, "em_processamento"])
def test_a_status_that_is_not_known_hides_nothing(due: Scene, situacao: str | None) -> None:
    first = due.sandbox.chaves[0]
    due.sql("UPDATE ctes SET situacao = :it WHERE chave = :chave", it=situacao, chave=first)
    assert shown(due)[0][0] == first
    due.sql("UPDATE ctes SET situacao = 'denegada' WHERE chave = :chave", chave=first)
    assert first not in {row[0] for row in shown(due)}


def test_what_has_no_term_yet_comes_first_while_it_may_be_running(due: Scene) -> None:
    first, second, *_more = due.sandbox.chaves
    due.sql("UPDATE ctes SET prazo = NULL, tomador = NULL WHERE chave = :chave", chave=first)
    assert first not in {row[0] for row in shown(due)}  # of July
    month = f"{datetime.now(UTC):%Y-%m}"
    for chave in (first, second):
        due.sql("UPDATE ctes SET competencia = :month WHERE chave = :it", month=month, it=chave)
    lines = due.invoke("deadlines", "--within", "2h").lines
    assert [line.split()[:2] for line in lines[2:3]] == [[first, "?"]]
    (row,) = json.loads(due.invoke("deadlines", "--within", "2h", "--json").out)
    assert (row["days_left"], row["documento"]["chave"]) == (None, first)


def test_nothing_that_is_disputed_already(due: Scene) -> None:
    first, second, third, *_more = due.sandbox.chaves
    due.sql(SENT, chave=first, outcome="registered")
    assert [row[0] for row in shown(due)] == [third, second]


def test_what_was_refused_can_still_be_disputed(due: Scene) -> None:
    first, second, third, *_more = due.sandbox.chaves
    due.sql(SENT, chave=first, outcome="refused")
    assert [row[0] for row in shown(due)] == [first, third, second]


def test_json_has_the_days_and_the_document(due: Scene) -> None:
    done = due.invoke("deadlines", "--json", "--cnpj", due.sandbox.cnpj)
    assert (done.code, done.err) == (0, f"{due.heading}\n")
    found = json.loads(done.out)
    assert [each["days_left"] for each in found] == [3, 9, 20]
    assert found[0]["documento"]["chave"] == due.sandbox.chaves[0]


def test_when_all_terms_are_over_there_is_nothing(stored: Scene) -> None:
    assert shown(stored) == []
    assert json.loads(stored.invoke("deadlines", "--json").out) == []


def test_what_is_no_length_of_time_is_a_usage_error(stored: Scene) -> None:
    done = stored.invoke("deadlines", "--within", "ten days")
    assert (done.code, done.out) == (2, "")
    assert "'ten days' is no length of time such as 2h, 30min or 10d" in done.err
