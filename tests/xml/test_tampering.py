"""Whatever is changed of what was signed is found, wherever it stands."""

from __future__ import annotations

import pytest
from factory import Happening, cte, evento
from freight import Freight
from known import CANCELAMENTO, CORRECAO, CTE, sample
from style import Style
from walk import Place, places

from focus_cte.xml import verify

GENERATED = {
    "cteProc": lambda: cte(),
    "cteOSProc": lambda: cte(Freight(root="cteOSProc")),
    "cteSimpProc": lambda: cte(Freight(root="cteSimpProc")),
    "GTVeProc": lambda: cte(Freight(root="GTVeProc")),
    "cteProc, prefixes": lambda: cte(style=Style(prefix="cte", ds="ds", xsi=True)),
    "cteProc, laid out": lambda: cte(style=Style(spaced=True)),
    "cteProc, SHA-256": lambda: cte(style=Style(sha="sha256")),
    "CTe": lambda: cte(Freight(root="CTe")),
    "110111": lambda: evento(),
    "610110": lambda: evento(Happening(tipo="610110")),
}
FILES = (CTE, CORRECAO, CANCELAMENTO, *GENERATED)


def file(name: str) -> bytes:
    return GENERATED[name]() if name in GENERATED else sample(name)


def signed_of(data: bytes) -> str:
    return "infEvento" if b"eventoCTe" in data else "infCte"


def whole(data: bytes) -> bytes:
    """The file, which says of itself that nothing was changed yet."""
    check = verify(data)
    assert (check.digest, check.signature) == (True, True)
    return data


def of_other_verdict(
    data: bytes, walked: list[Place], verdict: tuple[bool | None, bool | None]
) -> list[str]:
    """The places where a change is not told as it should be: digest, signature."""
    odd = []
    for place in walked:
        check = verify(place.changed(data))
        if (check.digest, check.signature) != verdict or check.ok or not check.problems:
            odd.append(f"{place.shown(data)}: {check}")
    return odd


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_what_is_signed_is_told_by_its_digest_alone(name: str) -> None:
    """Each text and each attribute, Id included: its URI no longer agrees then."""
    data = whole(file(name))
    walked = places(data, signed_of(data))
    assert of_other_verdict(data, walked, (False, True)) == []


@pytest.mark.parametrize("name", [CTE, "cteProc"])
def test_it_may_be_any_character(name: str) -> None:
    data = whole(file(name))
    for place in places(data, "infCte"):
        for changed in place.changes(data):
            check = verify(changed)
            said = (check.ok, check.digest, check.signature)
            assert said == (False, False, True), place.shown(data)


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_signed_info_is_told_by_the_signature(name: str) -> None:
    data = whole(file(name))
    for place in places(data, "SignedInfo"):
        check = verify(place.changed(data))
        assert check.signature is False, place.shown(data)
        assert not check.ok


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_the_uri_is_told_by_both(name: str) -> None:
    data = whole(file(name))
    (uri,) = (p for p in places(data, "Reference") if data[: p.start].endswith(b'URI="'))
    assert of_other_verdict(data, [uri], (False, False)) == []


@pytest.mark.parametrize("name", ["cteProc", "110111"])
def test_an_element_more_or_less_is_a_change_too(name: str) -> None:
    data = whole(file(name))
    more = data.replace(b"<tpAmb>1</tpAmb>", b"<tpAmb>1</tpAmb><x/>", 1)
    less = data.replace(b"<tpAmb>1</tpAmb>", b"", 1)
    for changed in (more, less):
        assert changed != data
        check = verify(changed)
        assert (check.digest, check.signature, check.ok) == (False, True, False)
