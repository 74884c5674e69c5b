"""What `verify` says of a file, check by check, and in words."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from factory import USUAL, Happening, cte, evento, swapped
from freight import CPF, EMITENTE, NFE, OTHER, REMETENTE, TERCEIRO, Freight, Person
from markup import read, source
from schema import protocol
from signing import Signer, signer
from style import CTE, Style, finished

from focus_cte import InvalidArgument
from focus_cte.xml import (
    CTeXML,
    Evento,
    InvalidXML,
    Verification,
    _certificate,
    parse_and_verify,
    verify,
)

BRANCH = "79160190000274"
DRIVER = Person(CPF, "João Ninguém", "SP", "SANTOS")
KEY = Freight().chave
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"
CHECKS = ("digest", "signature", "chave", "protocolo", "certificado")


def failed(check: Verification) -> set[str]:
    """The checks that are False; `ok` and `problems` must say the same."""
    found = {name for name in CHECKS if getattr(check, name) is False}
    assert check.ok is not bool(check.problems)
    assert not (found and check.ok)
    return found


def words(check: Verification) -> str:
    return "\n".join(check.problems)


def digest_in(data: bytes) -> str:
    found = re.search(rb"<DigestValue>([^<]+)", data)
    assert found
    return found[1].decode()


def seal_in(data: bytes) -> bytes:
    found = re.search(rb"<Signature .*</Signature>", data, re.DOTALL)
    assert found
    return found[0]


def sealed_anew(data: bytes, signed: str, author: str) -> bytes:
    """An unsigned file, signed as it stands: what a program with an error in it sends."""
    return finished(read(data), signed, author, Style(namespace=None), signer(author))


def test_the_certificate_of_another_company_did_not_sign_it() -> None:
    data = swapped(cte(), signer(EMITENTE).text, signer(REMETENTE.documento).text)
    check = verify(data)
    assert failed(check) == {"signature", "certificado"}
    assert len(check.problems) == 2
    assert "SignedInfo was not signed with the key" in words(check)
    assert f"the certificate is of '{REMETENTE.documento}'" in words(check)
    assert f"'{EMITENTE}'" in words(check)


def test_another_certificate_of_the_same_company_did_not_sign_it_either() -> None:
    other = signer(EMITENTE, years_ago=1)
    check = verify(swapped(cte(), signer(EMITENTE).text, other.text))
    assert failed(check) == {"signature"}
    assert "SignedInfo was not signed with the key" in words(check)


def test_what_another_company_signed_is_whole_and_not_the_issuers() -> None:
    check = verify(cte(by=signer(REMETENTE.documento)))
    assert failed(check) == {"certificado"}
    assert REMETENTE.documento in words(check)


FINE: dict[str, Callable[[], Signer]] = {
    "a branch": lambda: signer(BRANCH),
    "expired": lambda: signer(EMITENTE, years_ago=9),
    "octets": lambda: signer(EMITENTE, octets=True),
    "common name only": lambda: signer(EMITENTE, told=""),
    "alternative name only": lambda: signer(EMITENTE, named="EMPRESA SEM NUMERO"),
}


@pytest.mark.parametrize("by", FINE)
def test_a_certificate_of_the_company_is_fine(by: str) -> None:
    check = verify(cte(by=FINE[by]()))
    assert check.problems == ()
    assert check.ok is check.signature is check.certificado is True


@pytest.mark.parametrize("named", ["EMPRESA", "EMPRESA:", "EMPRESA:123"])
def test_a_certificate_that_names_nobody_is_not_the_issuers(named: str) -> None:
    check = verify(cte(by=signer(EMITENTE, named=named, told="")))
    assert failed(check) == {"certificado"}
    assert "names no CNPJ or CPF" in words(check)


def test_a_person_signs_as_a_person() -> None:
    freight = Freight(emit=DRIVER)
    assert verify(cte(freight)).ok
    stranger = "11144477735"
    for other in (stranger, EMITENTE):
        check = verify(cte(freight, by=signer(other)))
        assert failed(check) == {"certificado"}
        assert CPF not in words(check).replace(freight.chave, "")
        assert stranger not in words(check), "personal data"


def test_sha_256_is_as_good() -> None:
    check = verify(cte(style=Style(sha="sha256")))
    assert check.ok is check.digest is check.signature is check.protocolo is True


def test_an_answer_about_another_key_is_not_about_this_one() -> None:
    check = verify(cte(Freight(prot={"chCTe": OTHER})))
    assert failed(check) == {"protocolo"}
    assert f"SEFAZ's answer is about chCTe '{OTHER}'" in words(check)


@pytest.mark.parametrize("value", ["QXa8YoNioWGxTwpBRhMsZwuzcBw=", "rubbish", "%%%"])
def test_an_answer_to_another_digest_is_not_about_this_one(value: str) -> None:
    check = verify(cte(Freight(prot={"digVal": value})))
    assert failed(check) == {"protocolo"}
    assert f"digVal, '{value}', is not the DigestValue" in words(check)


def test_the_signature_of_another_document_is_not_of_this_one() -> None:
    data, other = cte(), cte(Freight(uf="41"))
    check = verify(swapped(data, seal_in(data), seal_in(other)))
    assert failed(check) == {"digest", "protocolo"}
    assert check.signature is True, "it is a signature, of another document"
    assert f"'#CTe{Freight(uf='41').chave}'" in words(check)


def test_nor_is_that_of_another_document_with_this_key() -> None:
    data, other = cte(), cte(Freight(valor="9999.99"))
    check = verify(swapped(data, seal_in(data), seal_in(other)))
    assert failed(check) == {"digest", "protocolo"}
    assert "infCte is not what was signed" in words(check)


def test_the_key_asked_for_is_compared() -> None:
    assert verify(cte(), chave=KEY).ok
    formatted = " ".join(KEY[i : i + 4] for i in range(0, 44, 4))
    assert verify(cte(), chave=formatted).chave is True
    check = verify(cte(), chave=OTHER)
    assert failed(check) == {"chave"}
    assert check.problems == (f"it is '{KEY}', and {OTHER} was asked for",)


@pytest.mark.parametrize("chave", ["", "123", KEY[:-1], KEY + "0", "x" * 44])
def test_a_key_asked_for_must_be_one(chave: str) -> None:
    with pytest.raises(InvalidArgument):
        verify(cte(), chave=chave)


def test_the_issuer_is_the_one_in_the_key() -> None:
    data = cte(unsigned=True).replace(EMITENTE.encode() + b"</CNPJ>", BRANCH.encode() + b"</CNPJ>")
    check = verify(sealed_anew(data, "infCte", BRANCH))
    assert failed(check) == {"chave", "protocolo"}, "the digVal is of the first"
    assert f"the issuer, '{BRANCH}', is not the one in the key" in words(check)


def uncanonical(value: str) -> str:
    """The same bytes, with another character where base64 has bits to spare."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = value[:-2] + alphabet[alphabet.index(value[-2]) + 1] + "="
    assert other != value
    assert b64decode(other) == b64decode(value)
    return other


def test_the_listings_digest_is_compared_as_bytes() -> None:
    data = cte()
    value = digest_in(data)
    for same in (value, uncanonical(value), value.rstrip("="), f" {value}\n"):
        check = verify(data, digest_value=same)
        assert (check.listagem, check.ok) == (True, True), same
    for other in (b64encode(b"x" * 20).decode(), "rubbish", "%%%", "", "é", "A"):
        check = verify(data, digest_value=other)
        assert (check.listagem, check.ok) == (False, True), other
        assert check.problems == ()
    assert verify(data).listagem is None


def test_the_listings_digest_makes_nothing_good_either() -> None:
    data = cte()
    check = verify(swapped(data, "1234.56", "1234.57"), digest_value=digest_in(data))
    assert (check.listagem, check.digest, check.ok) == (True, False, False)


def test_of_an_unsigned_document_nothing_is_known() -> None:
    check = verify(cte(unsigned=True), digest_value="QXa8YoNioWGxTwpBRhMsZwuzcBw=")
    assert (check.digest, check.signature, check.certificado) == (None, None, None)
    assert (check.listagem, check.chave, check.ok) == (None, True, False)
    assert check.problems == ("it is not signed",)


@pytest.mark.parametrize("root", ["CTe", "CTeOS", "CTeSimp", "GTVe"])
def test_a_document_without_a_protocol_has_none_to_check(root: str) -> None:
    check = verify(cte(Freight(root=root)))
    assert (check.protocolo, check.ok) == (None, True)


def wrapped() -> bytes:
    """A CTe signed standing alone, put with its protocol into a cteProc that declares more."""
    alone = cte(Freight(root="CTe"), style=Style(declaration=False))
    answer = source(protocol(Freight(prot={"digVal": digest_in(alone)})))
    head = f'<cteProc xmlns:xsi="{XSI}" xmlns:xsd="{XSD}" xmlns="{CTE}" versao="4.00">'
    return head.encode() + alone + answer.encode() + b"</cteProc>"


def test_a_wrapper_may_declare_what_nothing_uses() -> None:
    check = verify(wrapped())
    assert check.problems == ()
    assert check.digest is check.signature is check.protocolo is True


def test_a_wrapper_hides_no_change() -> None:
    check = verify(swapped(wrapped(), "1234.56", "1234.57"))
    assert failed(check) == {"digest"}
    assert check.signature is True


@pytest.mark.parametrize("tipo", ["110110", "110111", "610110", "610111"])
def test_an_event_is_its_authors(tipo: str) -> None:
    check = verify(evento(Happening(tipo=tipo)), chave=KEY)
    assert check.problems == ()
    assert check.ok is check.digest is check.signature is check.chave is check.protocolo is True
    others = {EMITENTE, TERCEIRO.documento} - {Happening(tipo=tipo).autor}
    (other,) = others
    check = verify(evento(Happening(tipo=tipo), by=signer(other)))
    assert failed(check) == {"certificado"}
    assert other in words(check)


def test_an_event_without_an_answer_has_none_to_check() -> None:
    check = verify(evento(Happening(root="eventoCTe")))
    assert (check.protocolo, check.ok) == (None, True)


@pytest.mark.parametrize("tipo", ["110110", "110111"])
def test_only_the_issuer_cancels_and_corrects(tipo: str) -> None:
    theirs = Freight(emit=REMETENTE).chave
    check = verify(evento(Happening(tipo=tipo, chave=theirs)))
    assert failed(check) == {"chave"}
    assert f"'{EMITENTE}', is not the issuer in the key '{theirs}'" in words(check)


def test_a_tomador_need_not_be_the_issuer() -> None:
    assert verify(evento(Happening(tipo="610110", chave=Freight(emit=REMETENTE).chave))).ok


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<nSeqEvento>1</nSeqEvento><detEvento", "<nSeqEvento>2</nSeqEvento><detEvento"),
        (f'Id="ID110111{KEY}001"', f'Id="ID110111{KEY}002"'),
        (f'Id="ID110111{KEY}001"', f'Id="ID110110{KEY}001"'),
        (f'Id="ID110111{KEY}001"', f'Id="ID110111{OTHER}001"'),
    ],
    ids=["sequence", "sequence in the Id", "type in the Id", "key in the Id"],
)
def test_the_id_of_an_event_is_made_of_type_key_and_sequence(old: str, new: str) -> None:
    unsigned = evento(Happening(root="eventoCTe"), unsigned=True)
    assert verify(sealed_anew(unsigned, "infEvento", EMITENTE)).ok
    check = verify(sealed_anew(swapped(unsigned, old, new), "infEvento", EMITENTE))
    assert failed(check) == {"chave"}
    assert "is not that of event" in words(check)


@pytest.mark.parametrize(
    ("name", "value"), [("chCTe", OTHER), ("chCTe", NFE), ("tpEvento", "110110"),
                        ("nSeqEvento", "2")],
)  # fmt: skip
def test_an_answer_about_another_event_is_told(name: str, value: str) -> None:
    check = verify(evento(Happening(ret={name: value})))
    assert failed(check) == {"protocolo"}
    assert f"SEFAZ's answer is about {name} '{value}'" in words(check)


@pytest.mark.parametrize("name", ["tpEvento", "nSeqEvento"])
def test_what_an_answer_may_leave_out_is_no_problem(name: str) -> None:
    check = verify(evento(Happening(ret={name: ""}), style=USUAL))
    assert (check.protocolo, check.ok) == (True, True)


def test_one_reading_gives_what_a_file_says_and_whether_it_is_what_was_signed() -> None:
    told = {"chave": KEY, "digest_value": "AAAA"}
    for data, kind in ((cte(), CTeXML), (evento(Happening()), Evento)):
        said, check = parse_and_verify(data, **told)
        assert said == kind.parse(data)
        assert check == verify(data, **told)
    with pytest.raises(InvalidXML):
        parse_and_verify(b"<a/>")
    with pytest.raises(InvalidArgument):
        parse_and_verify(cte(), chave="1")


def test_a_certificate_is_kept_for_the_carriers_next_document_unless_it_is_huge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    der = b64decode(signer(EMITENTE).text)
    assert _certificate.load(der) is _certificate.load(der)
    monkeypatch.setattr(_certificate, "_USUAL", len(der) - 1)
    assert _certificate.load(der) is not _certificate.load(der)


def test_what_is_kept_of_one_carriers_certificate_is_not_taken_for_anothers() -> None:
    carriers = (EMITENTE, REMETENTE.documento)
    for _ in range(2):
        for carrier in carriers:
            by = signer(carrier)
            assert verify(cte(by=by)).signature is True
            kept = _certificate.load(b64decode(by.text))
            assert kept.holder == carrier
            assert kept.rsa_key == by.key.public_key()
            assert kept.rsa_key is kept.rsa_key
    data = swapped(cte(), signer(EMITENTE).text, signer(REMETENTE.documento).text)
    assert failed(verify(data)) == {"signature", "certificado"}
    assert verify(cte()).ok
