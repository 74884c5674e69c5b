"""A token that was refused rests for five minutes, in the next process too; it is not kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from focus_cte.cli import refusals
from focus_cte.cli.config import Access
from focus_cte.cli.refusals import REST, Refusals

SECRET = "a-secret-that-no-file-holds"
MARK = Access(SECRET, "producao", None).fingerprint()
OTHER = Access(SECRET, "homologacao", None).fingerprint()
NOW = 1_790_000_000.0


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The present, in a list of one."""
    clock = [NOW]
    monkeypatch.setattr(refusals.time, "time", lambda: clock[0])
    return clock


def test_a_refused_token_rests_for_five_minutes(tmp_path: Path, at: list[float]) -> None:
    assert Refusals(tmp_path).seconds_left(MARK) == 0
    Refusals(tmp_path).add(MARK)
    next_run = Refusals(tmp_path)
    assert next_run.seconds_left(MARK) == REST == 300
    at[0] += 299
    assert next_run.seconds_left(MARK) == 1
    at[0] += 1
    assert next_run.seconds_left(MARK) == 0


def test_the_same_token_elsewhere_does_not_rest(tmp_path: Path) -> None:
    Refusals(tmp_path).add(MARK)
    assert Refusals(tmp_path).seconds_left(OTHER) == 0


def test_several_tokens_rest_each_by_itself(tmp_path: Path, at: list[float]) -> None:
    Refusals(tmp_path).add(MARK)
    at[0] += 100
    Refusals(tmp_path).add(OTHER)
    assert Refusals(tmp_path).seconds_left(MARK) == 200
    assert Refusals(tmp_path).seconds_left(OTHER) == 300


def test_what_has_rested_is_forgotten(tmp_path: Path, at: list[float]) -> None:
    Refusals(tmp_path).add(MARK)
    at[0] += REST
    Refusals(tmp_path).add(OTHER)
    assert list(json.loads((tmp_path / "refused.json").read_text())) == [OTHER]


def test_only_the_owner_reads_the_file_and_no_token_is_in_it(tmp_path: Path) -> None:
    Refusals(tmp_path).add(MARK)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET not in file.read_text()
    assert MARK in file.read_text()


def test_a_clock_that_was_set_back_makes_nobody_wait_for_longer(
    tmp_path: Path, at: list[float]
) -> None:
    Refusals(tmp_path).add(MARK)
    at[0] -= 86_400
    assert Refusals(tmp_path).seconds_left(MARK) == REST


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", f'{{"{MARK}": "yesterday"}}'.encode()]
)
def test_a_file_that_is_broken_counts_as_empty_and_is_replaced(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "refused.json").write_bytes(content)
    assert Refusals(tmp_path).seconds_left(MARK) == 0
    Refusals(tmp_path).add(MARK)
    assert Refusals(tmp_path).seconds_left(MARK) > 0


def test_the_folder_is_made_where_the_database_is_elsewhere(tmp_path: Path) -> None:
    Refusals(tmp_path / "acervo").add(MARK)
    assert Refusals(tmp_path / "acervo").seconds_left(MARK) > 0


def test_what_cannot_be_written_hides_no_refusal(tmp_path: Path) -> None:
    (tmp_path / "acervo").touch()
    Refusals(tmp_path / "acervo").add(MARK)
    assert Refusals(tmp_path / "acervo").seconds_left(MARK) == 0
