"""What is typed for a time, a date, a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import typer

from focus_cte import InvalidArgument
from focus_cte.cli import options
from focus_cte.cli.options import day, length
from focus_cte.cli.show import moment


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10s", timedelta(seconds=10)),
        ("30min", timedelta(minutes=30)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("10d", timedelta(days=10)),
        (" 10 D ", timedelta(days=10)),
        ("999999d", timedelta(days=999_999)),
    ],
)
def test_a_length_of_time(text: str, value: timedelta) -> None:
    assert length(text) == value


@pytest.mark.parametrize(
    "text", ["", "10", "d", "0d", "-1d", "1.5h", "1h30", "2w", "1000000d", "１０d", "1d1"]
)
def test_what_is_no_length_of_time_is_said(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is no length of time such as 2h, 30min or 10d"):
        length(text)


@pytest.mark.parametrize("text", ["2026-10-31", "31/10/2026", " 2026-10-31 "])
def test_a_date(text: str) -> None:
    assert day(text) == date(2026, 10, 31)


@pytest.mark.parametrize("text", ["", "2026-02-30", "30/02/2026", "10/31/2026", "31-10-2026", "x"])
def test_what_is_no_date_is_said(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is no date such as 2026-10-31"):
        day(text)


def test_a_date_as_a_moment_is_its_end_at_this_machines_clock() -> None:
    end = datetime(2026, 10, 31, 23, 59, 59, 999_999).astimezone()
    assert moment("2026-10-31") == moment("31/10/2026") == end


def test_a_moment_is_taken_as_it_is() -> None:
    assert moment("2026-10-31T12:00:00-03:00") == datetime(2026, 10, 31, 15, tzinfo=UTC)
    assert moment("2026-10-31T12:00") == datetime(2026, 10, 31, 12).astimezone()


@pytest.mark.parametrize("text", ["0001-01-01", "yesterday", "2026-10-32"])
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is no date such as 2026-10-31"):
        moment(text)


def test_what_an_option_refuses_is_a_usage_error_of_typers() -> None:
    read = options._checked(length)
    assert read("2h") == timedelta(hours=2)
    assert read(timedelta(1)) == timedelta(1)
    with pytest.raises(typer.BadParameter, match="is no length of time"):
        read("2 hours")
