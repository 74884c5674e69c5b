"""Whose token a command about one document takes: never one of two by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from focus_cte.cli.choice import Whose
from focus_cte.cli.config import ConfigError

OTHER = "28730186000153"


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty companies of one token, and then one of another."""
    monkeypatch.setenv("ALL", "a" * 32)
    monkeypatch.setenv("LAST", "b" * 32)
    companies = [(f"11222333{n:04}81", "ALL") for n in range(60)] + [(OTHER, "LAST")]
    path = tmp_path / "companies.toml"
    path.write_text(
        'ambiente = "producao"\n'
        + "".join(f'[[companies]]\ncnpj = "{c}"\ntoken_env = "{t}"\n' for c, t in companies)
    )
    return path


def test_of_two_tokens_none_is_taken_by_chance(many: Path) -> None:
    with pytest.raises(ConfigError, match="several tokens: say with --cnpj"):
        Whose(many, None).access(())


def test_who_received_the_document_or_was_named_decides(many: Path) -> None:
    assert Whose(many, None).access([OTHER]).token == "b" * 32
    assert Whose(many, OTHER).access(()).token == "b" * 32
    assert Whose(many, None).access(["11222333000081"]).token == "a" * 32
