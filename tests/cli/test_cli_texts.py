"""Every sentence is there in Portuguese, and the language is the one that was asked for."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import ROOT

from focus_cte.cli import texts
from focus_cte.cli.portuguese import TEXTS

SOURCES = sorted((ROOT / "focus_cte" / "cli").glob("*.py"))


def said(source: Path) -> Iterator[ast.expr]:
    """What is passed to `_()`."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            assert len(node.args) == 1
            yield node.args[0]


def literals() -> set[str]:
    return {
        each.value
        for source in SOURCES
        for each in said(source)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def placeholders(text: str) -> list[tuple[str, str | None, str | None]]:
    return sorted(
        (field, spec, conversion)
        for _text, field, spec, conversion in string.Formatter().parse(text)
        if field is not None
    )


def test_only_literals_are_translated() -> None:
    made_up = [
        f"{source.name}:{each.lineno}"
        for source in SOURCES
        for each in said(source)
        if not isinstance(each, ast.Constant)
    ]
    assert made_up == []


def test_every_sentence_is_there_in_portuguese() -> None:
    assert literals() - TEXTS.keys() == set()


def test_no_portuguese_is_left_over() -> None:
    assert TEXTS.keys() - literals() == set()


def test_both_languages_fill_in_the_same_values() -> None:
    assert {
        english: portuguese
        for english, portuguese in TEXTS.items()
        if placeholders(english) != placeholders(portuguese)
    } == {}


@pytest.mark.parametrize(
    ("arguments", "language", "left"),
    [
        (["focus-cte", "--lang", "pt", "list"], "pt", ["focus-cte", "list"]),
        (["focus-cte", "list", "--lang=en"], "en", ["focus-cte", "list"]),
        (["focus-cte", "list", "--lang", "pt"], "pt", ["focus-cte", "list"]),
        (["focus-cte", "list", "--lang=pt", "--json"], "pt", ["focus-cte", "list", "--json"]),
        (["focus-cte", "--", "--lang", "pt"], "en", ["focus-cte", "--", "--lang", "pt"]),
        (["focus-cte", "--language"], "en", ["focus-cte", "--language"]),
        (["focus-cte"], "en", ["focus-cte"]),
    ],
)
def test_lang_is_taken_from_anywhere_among_the_arguments(
    arguments: list[str], language: str, left: list[str]
) -> None:
    assert texts.chosen(arguments, {}) == language
    assert arguments == left


@pytest.mark.parametrize(
    "arguments",
    [["--lang"], ["--lang="], ["--lang", "fr"], ["--lang=PT"], ["--lang", "--", "pt"]],
)
def test_a_language_that_is_not_there_is_refused(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="--lang must be pt or en"):
        texts.chosen(["focus-cte", *arguments], {"LANG": "pt_BR.UTF-8"})


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "PT"}, "pt"),
        ({"LC_ALL": "", "LANG": "pt_BR.UTF-8"}, "pt"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "pt_BR.UTF-8"}, "en"),
        ({"LC_MESSAGES": "pt_PT", "LANG": "en_US.UTF-8"}, "pt"),
        ({"LC_ALL": "pt_BR", "LC_MESSAGES": "en_US", "LANG": "en_US"}, "pt"),
    ],
)
def test_without_lang_the_environment_says_it(environ: dict[str, str], language: str) -> None:
    assert texts.chosen(["focus-cte", "list"], environ) == language


def test_lang_is_stronger_than_the_environment() -> None:
    assert texts.chosen(["focus-cte", "--lang=en"], {"LC_ALL": "pt_BR.UTF-8"}) == "en"


def test_a_sentence_without_a_translation_is_shown_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(texts, "_language", "pt")
    assert texts._("documents") == "documentos"
    assert texts._("no such sentence") == "no such sentence"
