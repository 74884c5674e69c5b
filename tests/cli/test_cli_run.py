"""How a command's work ends: with a sentence and a code, whatever goes wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
import typer

from focus_cte import AuthenticationError, InvalidArgument
from focus_cte.cli import output, run
from focus_cte.cli.codes import Code
from focus_cte.cli.run import ask, finish

REFUSED = AuthenticationError("the token was refused", status=401)
FULL = OSError(28, "No space left on device", "acervo/file")


@pytest.fixture(autouse=True)
def _consoles_of_this_test() -> None:
    output.console.cache_clear()


def ended(work: Callable[[], Code | None]) -> int:
    """The exit code."""

    async def working() -> Code | None:
        return work()

    with pytest.raises(typer.Exit) as caught:
        finish(working)
    return caught.value.exit_code


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def work() -> NoReturn:
        raise error

    return work


@pytest.mark.parametrize("code", [None, *Code])
def test_the_code_of_the_work_is_the_programs(code: Code | None) -> None:
    assert ended(lambda: code) == (code or 0)


@pytest.mark.parametrize(
    ("error", "code", "why"),
    [
        (REFUSED, 4, "the token was refused"),
        (InvalidArgument("no such month"), 2, "no such month"),
        (FULL, 1, "acervo/file: No space left on device"),
        (OSError("gone"), 1, "gone"),
        (ExceptionGroup("several", [FULL, REFUSED]), 1, "acervo/file: No space left on device"),
        (ExceptionGroup("a", [ExceptionGroup("b", [REFUSED])]), 4, "the token was refused"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_code(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, why: str
) -> None:
    assert ended(raising(error)) == code
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"focus-cte: {why}\n")


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), ExceptionGroup("several", [BrokenPipeError()])]
)
def test_that_nobody_reads_on_is_nothing_wrong(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = list[bool]()
    monkeypatch.setattr(run, "_nobody_reads_on", lambda: gone.append(True))
    assert ended(raising(error)) == 0
    assert gone == [True]


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        ended(raising(ZeroDivisionError()))


def test_who_stops_at_a_question_has_done_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(lambda: "yes") == "yes"
    with pytest.raises(typer.Exit) as caught:
        ask(raising(typer.Abort()))
    assert caught.value.exit_code == 130
    assert capsys.readouterr().err == "\nfocus-cte: stopped: nothing was done\n"
