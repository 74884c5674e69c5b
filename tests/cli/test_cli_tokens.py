"""Where a company's token comes from: a variable, a command, a file that nobody else reads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from focus_cte.cli import config
from focus_cte.cli.config import ConfigError, from_file

SECRET = "a-secret-that-no-message-holds"
COMPANY = 'ambiente = "producao"\n[[companies]]\ncnpj = "28730186000153"\n'

Token = Callable[..., str]


@pytest.fixture
def token(tmp_path: Path) -> Token:
    """The token that a company has by these lines of its own."""

    def found(lines: str, *, mode: int = 0o644) -> str:
        path = tmp_path / "companies.toml"
        path.write_text(COMPANY + lines)
        path.chmod(mode)
        (company,) = from_file(path)
        return company.access().token

    return found


def test_a_password_in_an_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOCUS_NFE_BASE_URL", f"https://user:{SECRET}@gateway.example")
    monkeypatch.setenv("FOCUS_NFE_TOKEN", SECRET)
    (company,) = config.from_environment(["28730186000153"])
    assert (company.where, company.access().where) == ("gateway.example", "gateway.example")


def refused(token: Token, lines: str, *, mode: int = 0o644) -> str:
    """Why there is none."""
    with pytest.raises(ConfigError) as caught:
        token(lines, mode=mode)
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666])
def test_a_token_in_a_file_that_others_may_read_is_refused(token: Token, mode: int) -> None:
    why = refused(token, f'token = "{SECRET}"', mode=mode)
    assert f"others may read it (mode {mode:04o})" in why
    assert "chmod 600" in why


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_token_in_a_file_of_ones_own_is_taken(token: Token, mode: int) -> None:
    assert token(f'token = "{SECRET}"', mode=mode) == SECRET


def test_a_token_in_a_variable(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_MATRIZ", SECRET)
    assert token('token_env = "TOKEN_MATRIZ"') == SECRET


def test_without_a_word_the_usual_variable_has_it(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOCUS_NFE_TOKEN", SECRET)
    assert token("") == SECRET


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_without_a_token_is_named(
    token: Token, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("TOKEN_MATRIZ", raising=False)
    if value is not None:
        monkeypatch.setenv("TOKEN_MATRIZ", value)
    assert "TOKEN_MATRIZ is not set" in refused(token, 'token_env = "TOKEN_MATRIZ"')


def test_a_command_is_a_text_or_a_list_of_words(token: Token) -> None:
    assert token(f"token_command = \"printf '%s\\\\n' {SECRET}\"") == SECRET
    assert token(f'token_command = ["printf", "%s", "{SECRET}"]') == SECRET


def test_a_command_is_run_by_no_shell(token: Token) -> None:
    assert token('token_command = "echo $HOME;ls"') == "$HOME;ls"


def test_a_command_is_run_once_for_all_companies_that_have_it(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = f"open({str(ran)!r}, 'a').write('.'); print('{SECRET}')"
    lines = f"token_command = ['''{sys.executable}''', '-c', '''{program}''']"
    path = tmp_path / "companies.toml"
    path.write_text(f'{COMPANY}{lines}\n[[companies]]\ncnpj = "07642113000148"\n{lines}')
    with ThreadPoolExecutor() as threads:
        found = threads.map(config.Company.access, from_file(path))
        assert [access.token for access in found] == [SECRET, SECRET]
    assert ran.read_text() == "."


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("sh -c 'echo a-secret-that-no-message-holds; exit 3'", "sh ended with 3"),
        ("true", "true printed nothing"),
        ("echo", "echo printed nothing"),
        ("printf '\\\\377'", "printf printed no text"),
        ("focus-cte-no-such-program", "focus-cte-no-such-program: No such file"),
        ("", "token_command is empty"),
        ("pass 'focus", "token_command: No closing quotation"),
        ("pass\\u0000", "token_command: embedded null byte"),
    ],
)
def test_a_command_that_gives_no_token_is_named(token: Token, command: str, why: str) -> None:
    assert why in refused(token, f'token_command = "{command}"')


def test_a_command_that_takes_too_long_is_ended(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_PATIENCE", 0.05)
    assert "sleep took over 0.05 s" in refused(token, 'token_command = "sleep 30"')
