"""A file made to do harm is refused, or is said not to be what was signed; nothing is fetched."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import hostile
import pytest
from factory import Happening, cte, evento, swapped
from freight import OTHER, Freight
from hostile import HEAVY, judged, laughs, with_dtd
from hypothesis import given
from hypothesis import strategies as st
from known import CTE, SIGNED, UNSIGNED, sample
from mutate import MUTATIONS, mutated
from style import Style

from focus_cte import InvalidArgument
from focus_cte.xml import CTeXML, Evento, InvalidXML, verify

DTDS = {
    "nothing in it": "",
    "an empty one": "[]",
    "a file": f'[<!ENTITY x SYSTEM "{Path(__file__).as_uri()}">]',
    "a public one": f'[<!ENTITY x PUBLIC "x" "{Path(__file__).as_uri()}">]',
    "a file as parameter": f'[<!ENTITY % x SYSTEM "{Path(__file__).as_uri()}"> %x;]',
    "a file as subset": f'SYSTEM "{Path(__file__).as_uri()}"',
    "an attribute by default": '[<!ATTLIST infCte x CDATA "y">]',
    "laughs": laughs(),
}
FETCHED = {
    "general": '[<!ENTITY x SYSTEM "{}">]',
    "parameter": '[<!ENTITY % x SYSTEM "{}"> %x;]',
    "subset": 'SYSTEM "{}"',
}


def document(data: bytes, name: str) -> bytes:
    """The bytes of the one element of that name."""
    (found,) = re.findall(rb"<%s[ >].*?</%s>" % (name.encode(), name.encode()), data, re.DOTALL)
    return bytes(found)


@pytest.mark.parametrize("kind", DTDS)
def test_a_dtd_is_refused_for_being_one(kind: str) -> None:
    use = "&x;" if "ENTITY x" in DTDS[kind] else ""
    with pytest.raises(InvalidXML, match="DTD"):
        verify(with_dtd(DTDS[kind], use=use))


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037", "utf-7"]
)
@pytest.mark.parametrize("declared", [True, False])
def test_a_dtd_hides_behind_no_encoding(encoding: str, declared: bool) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>' if declared else " "
    data = with_dtd(DTDS["a file"], use="&x;", head=head.lstrip() or "<?x?>")
    with pytest.raises(InvalidXML, match=r"not well-formed XML in UTF-8|DTD"):
        verify(data.decode().encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("kind", FETCHED)
def test_nobody_is_asked_for_an_entity(kind: str, encoding: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.dtd"
        data = with_dtd(FETCHED[kind].format(url), use="&x;" if kind == "general" else "")
        for read in (verify, CTeXML.parse, Evento.parse):
            with pytest.raises(InvalidXML):
                read(data.decode().encode(encoding))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_an_entity_that_nobody_declared_is_refused() -> None:
    with pytest.raises(InvalidXML, match="not defined"):
        verify(swapped(cte(), "Hi-Top", "&x;"))


def check_heavy(group: str) -> None:
    """Judged by a program of its own, which ends when it takes too much, or touches anything."""
    command = [sys.executable, "-W", "error", hostile.__file__, group]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{ended.returncode}: {ended.stdout[-300:]}{ended.stderr[-600:]}"
    assert ended.stdout.count("\n") == len(HEAVY[group])


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the bounds are set as in Linux")


@LINUX
def test_junk_bombs_and_depth_take_little_and_touch_nothing() -> None:
    check_heavy("junk")


@LINUX
@pytest.mark.parametrize("group", sorted(set(HEAVY) - {"junk"}))
def test_a_canonical_form_takes_little_too(group: str) -> None:
    """Well-formed, within the limits of size, with a signature that says to digest it all."""
    check_heavy(group)


@pytest.mark.parametrize("data", [b"", b" \n\t", b"\xef\xbb\xbf", b"\xff\xfe", b"<", b"{}", b"\0"])
def test_what_has_no_element_is_refused(data: bytes) -> None:
    for read in (verify, CTeXML.parse, Evento.parse):
        with pytest.raises(InvalidXML, match="not well-formed"):
            read(data)


@pytest.mark.parametrize("data", [bytearray(b"<a/>"), memoryview(b"<a/>"), "<a/>", None, 1])
def test_what_is_not_bytes_is_the_callers_error(data: object) -> None:
    for read in (verify, CTeXML.parse, Evento.parse):
        with pytest.raises(InvalidArgument, match="must be bytes"):
            read(data)  # type: ignore[arg-type]


def test_a_truncated_file_is_refused_wherever_it_ends() -> None:
    data = sample(CTE)
    for end in range(0, len(data.rstrip()), len(data) // 200):
        for read in (verify, CTeXML.parse):
            with pytest.raises(InvalidXML):
                read(data[:end])


@pytest.mark.parametrize(
    "encoding", ["latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"]
)
@pytest.mark.parametrize("declared", ["UTF-8", None])
def test_a_file_in_another_encoding_is_refused(encoding: str, declared: str | None) -> None:
    text = cte(style=Style(encoding="UTF-8")).decode()
    if declared is None:
        text = text.replace('encoding="UTF-8"', f'encoding="{encoding}"')
    with pytest.raises(InvalidXML, match="not well-formed XML in UTF-8"):
        verify(text.encode(encoding))


def forged(data: bytes) -> bytes:
    return data.replace(b"1234.56", b"9.99").replace(b"135260000000001", b"135260000000009")


def seal(data: bytes) -> bytes:
    return document(data, "Signature")


def into(data: bytes, place: bytes, what: bytes) -> bytes:
    """With something more before a tag that stands there once."""
    return swapped(data, place, what + place)


def attacks() -> dict[str, bytes]:
    data, event = cte(), evento()
    body, sign = document(data, "infCte"), seal(data)
    info, reference = document(data, "SignedInfo"), document(data, "Reference")
    aside = b"<x>" + body + b"</x>"
    renamed = body.replace(b"infCte", b"infCTeX")
    key, number = Freight().chave.encode(), Happening().chave.encode()
    signed = event[event.index(b"<infEvento") : event.index(b"<Signature ")]
    lie = signed.replace(b"Emiss", b"Omiss")
    other_id = lie.replace(number + b'001"', number + b'002"')
    wrap = b"<Object>" + signed + b"</Object></Signature>"
    return {
        "two infCte": into(data, b"<Signature ", body),
        "two CTe": into(data, b"<protCTe", document(data, "CTe")),
        "two Signatures": into(data, b"<Signature ", sign),
        "a Signature in a Signature": into(data, b"</Signature>", sign),
        "two SignedInfo": into(data, b"<SignatureValue", info),
        "a forged SignedInfo first": into(data, b"<SignedInfo", info.replace(b"#CTe", b"#CTx")),
        "two Reference": into(data, b"</SignedInfo", reference),
        "two protocols": into(data, b"</cteProc>", document(data, "protCTe")),
        "no Reference": swapped(data, reference, b""),
        "no SignedInfo": swapped(data, info, b""),
        "no certificate": swapped(data, document(data, "X509Certificate"), b""),
        "two certificates": into(data, b"</X509Data", document(data, "X509Certificate")),
        "elsewhere": swapped(data, b'URI="#CTe' + key, b'URI="#CTe' + OTHER.encode()),
        "nowhere": swapped(data, b'URI="#CTe' + key, b'URI="'),
        "a file": swapped(data, b'URI="#CTe' + key, b'URI="file:///x'),
        "the Signature above": into(swapped(data, sign, b""), b"<protCTe", sign),
        "the Signature inside": into(swapped(data, sign, b""), b"</infCte>", sign),
        "the Signature in no namespace": data.replace(b"<Signature xmlns=", b"<Signature x="),
        "the signed one before": into(forged(data), b"<infCte", aside),
        "the signed one after": into(forged(data), b"<protCTe", aside),
        "the signed one in an Object": into(
            forged(data), b"</Signature>", b"<Object>" + body + b"</Object>"
        ),
        "the signed one renamed": into(forged(data), b"<protCTe", renamed),
        "the Id twice": swapped(data, b"<emit>", b'<emit Id="CTe' + key + b'">'),
        "the Id twice, outside": into(data, b"<protCTe", b'<x Id="CTe' + key + b'"/>'),
        "no Id": swapped(data, b' Id="CTe' + key + b'"', b""),
        "an event with the signed one in an Object": swapped(
            event, signed, lie).replace(b"</Signature>", wrap),
        "an event of another Id, the signed one in an Object": swapped(
            event, signed, other_id).replace(b"</Signature>", wrap),
        "an event with the signed one inside": swapped(
            event, signed, lie.replace(b"</detEvento>", signed + b"</detEvento>")),
        "an event with two": swapped(event, signed, signed + lie),
    }  # fmt: skip


@pytest.mark.parametrize("kind", attacks())
def test_a_signature_is_of_what_is_read_and_of_nothing_else(kind: str) -> None:
    data = attacks()[kind]
    assert data not in (cte(), evento())
    assert judged(data)


def test_the_reasons_name_what_is_odd() -> None:
    said = {kind: judged(data) for kind, data in attacks().items()}
    assert "2 infCte in <CTe>" in said["two infCte"]
    assert "2 Signatures" in said["two Signatures"]
    assert "2 SignedInfo" in said["two SignedInfo"]
    assert "2 References" in said["two Reference"]
    assert f"the signature is of '#CTe{OTHER}'" in said["elsewhere"]
    assert "more than one element has the Id" in said["the Id twice, outside"]
    assert "more than one infCte" in said["the signed one in an Object"]


def test_a_comment_is_no_change_and_cuts_no_text() -> None:
    data = swapped(cte(), "1234.56", "1<!-- 0 -->234.56")
    assert verify(data).ok
    assert CTeXML.parse(data) == CTeXML.parse(cte())


def test_an_instruction_within_a_text_is_a_change() -> None:
    assert "infCte is not what was signed" in judged(swapped(cte(), "1234.56", "1<?x 0?>234.56"))


@cache
def whole() -> dict[str, bytes]:
    roots = ("cteProc", "cteOSProc", "cteSimpProc", "GTVeProc", "CTe")
    files = {root: cte(Freight(root=root)) for root in roots}
    return files | {tipo: evento(Happening(tipo=tipo)) for tipo in ("110110", "610110")}


def told(data: bytes) -> object:
    """What a file says, SEFAZ's answer aside, which nobody signed; or why it cannot be read."""
    for kind, answer in ((CTeXML, ("protocolo",)), (Evento, ("protocolo", "status"))):
        try:
            found = kind.parse(data)
        except InvalidXML:
            continue
        else:
            names = [n for n in found.__slots__ if n not in (*answer, "__weakref__")]
            return [getattr(found, name) for name in names]
    return None


def check_read_or_refused(data: bytes, originals: list[bytes]) -> None:
    """Any other exception than `InvalidXML` fails the test."""
    says = told(data)
    try:
        check = verify(data)
    except InvalidXML:
        return
    assert check.ok is not bool(check.problems)
    if check.ok and says is not None:
        assert says in [told(original) for original in originals]


@given(st.sampled_from(sorted(whole())), st.sampled_from(sorted(whole())), MUTATIONS)
def test_a_generated_file_changed_at_random_is_read_or_refused(
    name: str, other: str, mutations: list[tuple[str, int, int, int]]
) -> None:
    """And if it still verifies, it says what was signed."""
    files = whole()
    changed = mutated(files[name], files[other], mutations)
    check_read_or_refused(changed, [files[name], files[other]])


@given(st.sampled_from((*SIGNED, *UNSIGNED)), st.sampled_from((*SIGNED, *UNSIGNED)), MUTATIONS)
def test_a_sample_changed_at_random_is_read_or_refused(
    name: str, other: str, mutations: list[tuple[str, int, int, int]]
) -> None:
    files = [sample(name), sample(other)]
    check_read_or_refused(mutated(*files, mutations), files)
