"""focus-cte status: how each company stands, and the exit code that monitoring goes by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scenes import Scene

COMPANY = "28.730.186/0001-53"
OLD = "2026-01-01T00:00:00.000000Z"

BLOCKED = "UPDATE cursors SET blocked = 'HTTP 401: wrong token'"
SILENT = "UPDATE cursors SET changed_at = '2026-07-07T00:00:00.000000Z'"
OVERDUE = f"UPDATE files SET state = 'wanted', wanted_at = '{OLD}', path = NULL WHERE kind = 'xml'"
REJECTED = "UPDATE files SET state = 'rejected' WHERE kind = 'cancelamento'"
MISSING = "UPDATE files SET state = 'missing' WHERE kind = 'cancelamento'"
INVALID = (
    "INSERT INTO invalid (id, cnpj, raw, why, versao, seen_at, origin)"
    f" VALUES ('1', '28730186000153', '{{}}', 'no key', 1, '{OLD}', 'http://127.0.0.1')"
)


async def test_a_company_is_a_line(stored: Scene) -> None:
    done = await stored.run("status")
    assert (done.code, done.err) == (0, "")
    heading, titles, row = done.lines
    assert heading == stored.heading
    assert titles.split() == ["CNPJ", "checked", "documents", "files", "waiting", "term"]
    cnpj, _day, _time, documents, files, waiting = row.split()
    assert (cnpj, documents, files, waiting) == (COMPANY, "30", "34", "0")


def test_json_has_all_of_it(stored: Scene) -> None:
    done = stored.invoke("status", "--json")
    assert (done.code, done.err) == (0, f"{stored.heading}\n")
    found: dict[str, Any] = json.loads(done.out)
    assert (found["environment"], found["acervo"]) == (stored.sandbox.url, "acervo")
    (company,) = found["companies"]
    assert (company["cnpj"], company["documents"], company["files"]) == (
        stored.sandbox.cnpj,
        30,
        34,
    )
    assert (company["findings"], company["blocked"], company["silent"]) == ([], None, False)


@pytest.mark.parametrize(
    ("wrong", "code", "why"),
    [
        ([BLOCKED], 4, "the last listing was refused: HTTP 401: wrong token"),
        ([OVERDUE], 3, "30 files are overdue: wanted for more than a day"),
        ([REJECTED], 3, "3 files are not what was asked for, and lie beside as .rejected"),
        ([MISSING], 3, "3 files never came, and are asked for no more"),
        ([INVALID], 3, "1 items of the listing cannot be used"),
        ([SILENT], 6, "no document since 06/07/2026, far longer than usual"),
        ([SILENT, OVERDUE], 3, "no document since 06/07/2026"),
        ([SILENT, OVERDUE, BLOCKED], 4, "30 files are overdue"),
    ],
)
def test_what_is_wrong_is_said_and_the_worst_is_the_exit_code(
    stored: Scene, wrong: list[str], code: int, why: str
) -> None:
    for statement in wrong:
        stored.sql(statement)
    done = stored.invoke("status")
    assert (done.code, done.err) == (code, "")
    assert len(done.lines) == 3 + len(wrong)
    assert any(line.startswith(f"{COMPANY}: ") and why in line for line in done.lines)
    as_json = stored.invoke("status", "--json")
    assert as_json.code == code
    findings = json.loads(as_json.out)["companies"][0]["findings"]
    assert any(why in finding for finding in findings)


def test_what_waits_and_is_not_late_is_counted_and_no_finding(stored: Scene) -> None:
    stored.sql(
        "UPDATE files SET state = 'wanted', path = NULL WHERE kind = 'xml' AND chave = :chave",
        chave=stored.corrected,
    )
    done = stored.invoke("status")
    assert (done.code, len(done.lines)) == (0, 3)
    assert done.lines[2].split()[-2:] == ["33", "1"]


def test_the_nearest_term_is_told_in_days(stored: Scene) -> None:
    stored.due(stored.sandbox.chaves[0], days=5)
    assert stored.invoke("status").lines[2].endswith("  5 d")
    stored.sql("UPDATE ctes SET situacao = NULL")  # it may be
    assert stored.invoke("status").lines[2].endswith("  5 d")


def test_without_an_archive_none_is_made(alone: Scene) -> None:
    done = alone.invoke("status")
    assert (done.code, done.out) == (2, "")
    assert "there is no archive" in done.err
    assert list(alone.folder.iterdir()) == []
