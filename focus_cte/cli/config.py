"""Which companies, in which environment, with whose token: the environment's, or a file's.

No token is an argument: what runs is shown to everybody on the machine.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from focus_cte import Ambiente, InvalidArgument, parse_cnpj
from focus_cte.cli.output import environment

if TYPE_CHECKING:
    import aiohttp

    from focus_cte import FocusCTe

TOKEN, AMBIENTE, BASE_URL = "FOCUS_NFE_TOKEN", "FOCUS_NFE_AMBIENTE", "FOCUS_NFE_BASE_URL"
_PATIENCE: Final = 60
"""Seconds for a `token_command`: it may ask a person."""
_TOP = {"ambiente", "base_url", "companies"}
_OF_A_COMPANY = {"cnpj", "nome", "ambiente", "base_url", "token_env", "token_command", "token"}
_TOKENS = ("token_env", "token_command", "token")


class ConfigError(InvalidArgument):
    """A setting that is missing or wrong: its name and what to do, never a token."""


@attrs.frozen
class Access:
    """One API, and a token for it."""

    token: str = attrs.field(repr=False)
    ambiente: str | None
    base_url: str | None

    def client(self, *, session: aiohttp.ClientSession | None = None) -> FocusCTe:
        from focus_cte import FocusCTe

        ambiente = None if self.ambiente is None else Ambiente(self.ambiente)
        return FocusCTe(self.token, ambiente=ambiente, base_url=self.base_url, session=session)

    def fingerprint(self) -> str:
        """Tells this token at this API from others, and not what it is."""
        what = f"{self.ambiente or self.base_url}\n{self.token}"
        return hashlib.sha256(what.encode()).hexdigest()[:16]

    @property
    def where(self) -> str:
        return environment(self.ambiente, self.base_url)


@attrs.frozen
class Company:
    """One CNPJ that is to be synced."""

    cnpj: str
    nome: str | None
    ambiente: str | None
    base_url: str | None
    _find_token: Callable[[], str] = attrs.field(repr=False)

    @property
    def where(self) -> str:
        return environment(self.ambiente, self.base_url)

    def access(self) -> Access:
        """Raises `ConfigError` where there is no token to be had."""
        return Access(self._find_token(), self.ambiente, self.base_url)


def access_from_environment() -> Access:
    """FOCUS_NFE_TOKEN, in FOCUS_NFE_AMBIENTE or at FOCUS_NFE_BASE_URL. Raises `ConfigError`."""
    base_url = os.environ.get(BASE_URL) or None
    ambiente = None if base_url else os.environ.get(AMBIENTE) or None
    _check_where(AMBIENTE, ambiente, base_url)
    return Access(_of_variable(TOKEN), ambiente, base_url)


def from_environment(cnpjs: Iterable[str]) -> list[Company]:
    """These companies, all with the environment's token. Raises `ConfigError`."""
    access = access_from_environment()
    return [
        Company(cnpj, None, access.ambiente, access.base_url, lambda: access.token)
        for cnpj in dict.fromkeys(map(parse_cnpj, cnpjs))
    ]


def from_file(path: Path, only: Sequence[str] = ()) -> list[Company]:
    """The companies of a `companies.toml`, or those of them that are named.

    Raises `ConfigError`; of a token that cannot be had, when it is asked for.
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    _check_keys(f"{path}", said, _TOP)
    tables = said.get("companies")
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise ConfigError(f"{path}: it names no companies: [[companies]] with a cnpj begins one")
    found = [_company(path, each, said) for each in tables]
    cnpjs = [company.cnpj for company in found]
    if twice := sorted({cnpj for cnpj in cnpjs if cnpjs.count(cnpj) > 1}):
        raise ConfigError(f"{path}: {', '.join(twice)} is there twice")
    wanted = list(map(parse_cnpj, only))
    if unknown := [cnpj for cnpj in wanted if cnpj not in cnpjs]:
        raise ConfigError(f"{path}: {', '.join(unknown)} is not one of its companies")
    return [company for company in found if not wanted or company.cnpj in wanted]


def _company(path: Path, said: Mapping[str, Any], top: Mapping[str, Any]) -> Company:
    name = f"{path}: {said.get('nome') or said.get('cnpj') or 'a company'}"
    _check_keys(name, said, _OF_A_COMPANY)
    for key, value in (*said.items(), *top.items()):
        listed = key == "token_command" and isinstance(value, list)
        if key != "companies" and not listed and not isinstance(value, str):
            raise ConfigError(f"{name}: {key} must be a text, not {type(value).__name__}")
    if "cnpj" not in said:
        raise ConfigError(f"{name}: it has no cnpj")
    try:
        cnpj = parse_cnpj(said["cnpj"])
    except InvalidArgument as error:
        raise ConfigError(f"{name}: {error}") from None
    own = said if {"ambiente", "base_url"} & said.keys() else top
    ambiente, base_url = own.get("ambiente"), own.get("base_url")
    _check_where(f"{name}: ambiente", ambiente, base_url)
    given = [key for key in _TOKENS if key in said]
    if len(given) > 1:
        raise ConfigError(f"{name}: one of {' and '.join(given)}, not both")
    if "token" in said:
        _check_private(path)
    return Company(cnpj, said.get("nome"), ambiente, base_url, lambda: _token(name, said))


def _token(name: str, said: Mapping[str, Any]) -> str:
    if "token" in said:
        return str(said["token"])
    if "token_command" in said:
        command = said["token_command"]
        try:
            words = shlex.split(command) if isinstance(command, str) else map(str, command)
        except ValueError as error:  # a quotation that does not end
            raise ConfigError(f"{name}: token_command: {error}") from None
        asked = tuple(words)
        with _asking(asked):  # it may ask a person, and the companies are many
            try:
                return _of_command(asked)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
    return _of_variable(said.get("token_env", TOKEN))


def _of_variable(variable: str) -> str:
    token = os.environ.get(variable)
    if not token:
        raise ConfigError(f"{variable} is not set: it must hold the token")
    return token


def forget_tokens() -> None:
    """Have the commands asked again: whoever runs for days outlives a token."""
    _of_command.cache_clear()


@cache
def _asking(_words: tuple[str, ...]) -> threading.Lock:
    return threading.Lock()


@cache
def _of_command(words: tuple[str, ...]) -> str:
    if not words:
        raise ConfigError("token_command is empty")
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
            words, stdout=subprocess.PIPE, timeout=_PATIENCE, check=False, text=True
        )
    except OSError as error:
        raise ConfigError(f"token_command {words[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ConfigError(f"token_command {words[0]} took over {_PATIENCE} s") from None
    except UnicodeDecodeError:
        raise ConfigError(f"token_command {words[0]} printed no text") from None
    except ValueError as error:  # a NUL, which TOML can write
        raise ConfigError(f"token_command: {error}") from None
    if done.returncode or not done.stdout.strip():
        how = f"ended with {done.returncode}" if done.returncode else "printed nothing"
        raise ConfigError(f"token_command {words[0]} {how}")
    return done.stdout.strip()


def _check_where(name: str, ambiente: str | None, base_url: str | None) -> None:
    if ambiente is None and base_url is None:
        raise ConfigError(
            f"{name} is not set: say homologacao or producao, for the wrong environment answers"
            " with an empty list"
        )
    if ambiente is not None and base_url is not None:
        raise ConfigError(f"{name}: one of ambiente and base_url, not both")
    if ambiente is not None and ambiente not in tuple(Ambiente):
        known = " or ".join(Ambiente)
        raise ConfigError(f"{name}: {ambiente!r} is not known: say {known}")


def _check_keys(name: str, said: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(said.keys() - known):
        raise ConfigError(f"{name}: {', '.join(unknown)}? It may have {', '.join(sorted(known))}")


def _check_private(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(
            f"{path}: it holds a token, and others may read it (mode {mode:04o}):"
            f" chmod 600 {path}, or use token_env or token_command"
        )
