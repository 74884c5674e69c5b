"""Exit codes: what schedulers and monitoring go by."""

from __future__ import annotations

import subprocess
import sys

import pytest

from focus_cte import (
    AuthenticationError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ServerError,
    TransportError,
)
from focus_cte.cli.codes import Code, code_of, worst
from focus_cte.cli.config import ConfigError
from focus_cte.mirror import LeaseHeld, OtherOrigin


def test_the_numbers_are_those_that_the_help_gives() -> None:
    assert {code.name: int(code) for code in Code} == {
        "DONE": 0,
        "ERROR": 1,
        "USAGE": 2,
        "FILES": 3,
        "REFUSED": 4,
        "HELD": 5,
        "SILENT": 6,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthenticationError("no", status=401), Code.REFUSED),
        (PermissionDenied("no", status=403), Code.REFUSED),
        (ConfigError("no"), Code.USAGE),
        (InvalidArgument("no"), Code.USAGE),
        (LeaseHeld("no"), Code.HELD),
        (NotFound("no", status=404), Code.ERROR),
        (ServerError("no", status=500), Code.ERROR),
        (TransportError("no"), Code.ERROR),
        (OtherOrigin("no"), Code.ERROR),
        (OSError("no"), Code.ERROR),
    ],
)
def test_an_error_has_its_code(error: Exception, code: Code) -> None:
    assert code_of(error) is code


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], Code.DONE),
        ([Code.DONE, Code.DONE], Code.DONE),
        ([Code.DONE, Code.SILENT], Code.SILENT),
        ([Code.SILENT, Code.FILES], Code.FILES),
        ([Code.FILES, Code.HELD], Code.HELD),
        ([Code.HELD, Code.USAGE], Code.USAGE),
        ([Code.USAGE, Code.ERROR], Code.ERROR),
        ([Code.ERROR, Code.REFUSED, Code.DONE], Code.REFUSED),
    ],
)
def test_of_several_the_worst_is_told(codes: list[Code], code: Code) -> None:
    assert worst(codes) is code
    assert worst(reversed(codes)) is code


def test_every_code_has_a_place_among_the_worst() -> None:
    assert all(worst([code]) is code for code in Code)


def test_to_tell_a_code_the_mirror_is_not_loaded() -> None:
    program = (
        "import sys; from focus_cte.cli.codes import Code, code_of;"
        "assert code_of(OSError()) is Code.ERROR;"
        "sys.exit('focus_cte.mirror' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
