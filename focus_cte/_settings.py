"""The client's settings and arguments, checked before anything is sent."""

from __future__ import annotations

import math
import os
from typing import Any

from focus_cte._origin import parse_base_url
from focus_cte._wire import HOSTS, Endpoints
from focus_cte.errors import InvalidArgument
from focus_cte.models import Ambiente


def check_token(token: str) -> str:
    """The token, if it can be a user name of HTTP Basic; never shown in an error."""
    if not isinstance(token, str):
        raise InvalidArgument(f"token must be a str, not {type(token).__name__}")
    if not token:
        raise InvalidArgument("token is empty")
    if not token.isascii() or not token.isprintable() or " " in token or ":" in token:
        raise InvalidArgument(
            "token must be printable ASCII without spaces and colons;"
            " was a line break read with it?"
        )
    return token


def from_env(overrides: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a client: those of the environment, and `overrides` before them."""
    settings: dict[str, Any] = {}
    if not {"ambiente", "base_url"} & set(overrides):
        settings["ambiente"] = os.environ.get("FOCUS_NFE_AMBIENTE") or None
        settings["base_url"] = os.environ.get("FOCUS_NFE_BASE_URL") or None
    settings["token"] = os.environ.get("FOCUS_NFE_TOKEN")
    settings |= overrides
    if not settings["token"]:
        raise InvalidArgument("FOCUS_NFE_TOKEN is not set")
    return settings


def endpoints(ambiente: Ambiente | None, base_url: str | None) -> Endpoints:
    if ambiente is not None:
        try:
            ambiente = Ambiente(ambiente)
        except ValueError:
            known = " or ".join(repr(a.value) for a in Ambiente)
            raise InvalidArgument(f"ambiente {ambiente!r} is not known: use {known}") from None
    if base_url is not None:
        url = parse_base_url(base_url)
    elif ambiente is not None:
        url = parse_base_url(HOSTS[ambiente])
    else:
        raise InvalidArgument(
            "say which environment, since a wrong one answers with an empty list:"
            " ambiente=Ambiente.PRODUCAO or Ambiente.HOMOLOGACAO (FOCUS_NFE_AMBIENTE), or a"
            " base_url (FOCUS_NFE_BASE_URL)"
        )
    return Endpoints(url, str(ambiente or url.origin()))


def cursor(versao: int) -> int:
    return whole("versao", versao, at_least=0)


def whole(name: str, value: int, *, at_least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value < 2**63:
        raise InvalidArgument(f"{name} must be a whole number from {at_least}, not {value!r}")
    return value


def seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InvalidArgument(f"{name} must be a number of seconds above 0, not {value!r}")
    return float(value)
