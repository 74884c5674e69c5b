"""English and Portuguese: the English text is the key, as with gettext."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "pt")
_language = "en"


def chosen(arguments: list[str], environ: Mapping[str, str]) -> str:
    """The language of `--lang`, which it takes out of the arguments; by default, of LANG.

    ValueError for one that is not there.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for place, argument in enumerate(arguments[:end]):
        name, equals, value = argument.partition("=")
        if name != "--lang":
            continue
        if not equals:
            value = arguments[place + 1] if place + 1 < end else ""
        if value not in LANGUAGES:
            raise ValueError(f"--lang must be pt or en, not {value!r}")
        del arguments[place : place + (1 if equals else 2)]
        return value
    said = next(filter(None, map(environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "pt" if said.lower().startswith("pt") else "en"


def use(language: str) -> None:
    global _language
    _language = language


def _(text: str) -> str:
    """In the language in use."""
    if _language == "en":
        return text
    from focus_cte.cli.portuguese import TEXTS

    return TEXTS.get(text, text)
