"""Exit codes, and which one an error or a finding has."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import IntEnum

from focus_cte import AuthenticationError, BadRequest, InvalidArgument, PermissionDenied


class Code(IntEnum):
    """How a command ended. After a signal: 130 (Ctrl-C), 143 (SIGTERM), as everywhere."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    FILES = 3
    """Files overdue, or documents and files that cannot be used."""
    REFUSED = 4
    """The token, or the company to the token."""
    HELD = 5
    """Another process is pulling the company."""
    SILENT = 6


_WORST_FIRST = (Code.REFUSED, Code.ERROR, Code.USAGE, Code.HELD, Code.FILES, Code.SILENT)


def is_refusal(error: BaseException) -> bool:
    """Of the token, or of a company to it, which comes as a 400 too ("não autorizado")."""
    if isinstance(error, BadRequest):
        return "autorizad" in (error.mensagem or "")
    return isinstance(error, AuthenticationError | PermissionDenied)


def code_of(error: BaseException) -> Code:
    if is_refusal(error):
        return Code.REFUSED
    if isinstance(error, InvalidArgument):
        return Code.USAGE
    mirror = sys.modules.get("focus_cte.mirror")  # not imported only to be asked
    if mirror is not None and isinstance(error, mirror.LeaseHeld):
        return Code.HELD
    return Code.ERROR


def worst(codes: Iterable[Code]) -> Code:
    """The one to exit with, of several."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), Code.DONE)
