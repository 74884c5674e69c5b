"""What the bytes of a file say, and what makes them not the file."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from focus_cte import FocusCTe
from focus_cte.mirror import record
from focus_cte.mirror.models import Kind
from focus_cte.sandbox import Sandbox
from focus_cte.xml import CTeXML


@pytest.fixture
async def data(sandbox: Sandbox, focus: FocusCTe) -> bytes:
    return await focus.baixar_xml(sandbox.chaves[0])


def edited(data: bytes, before: bytes, after: bytes) -> bytes:
    assert before in data
    return data.replace(before, after)


def between(data: bytes, begin: bytes, end: bytes) -> bytes:
    """The first part from `begin` to `end`, both with it."""
    start = data.index(begin)
    return data[start : data.index(end, start) + len(end)]


async def test_an_xml_says_who_pays_what_and_until_when(
    sandbox: Sandbox, focus: FocusCTe, data: bytes
) -> None:
    (item, *_) = (await focus.listar(sandbox.cnpj)).ctes
    found = record.examine(Kind.XML, item.chave, data)
    assert (found.sha256, found.size) == (sha256(data).hexdigest(), len(data))
    assert (found.problems, found.evento) == ((), None)
    assert found.cte is not None
    columns = record.columns(found.cte, found.problems)
    assert columns["tomador"] == sandbox.cnpj
    assert columns["papel_tomador"] == "destinatario"
    assert columns["valor_receber"] == Decimal("135.85")
    assert columns["verificado"] is True
    assert columns["problemas"] == []
    assert columns["autorizado_em_offset"] == -180
    term = record.term(found.cte)
    assert term["prazo"] - columns["autorizado_em"] == timedelta(days=45)
    assert term["prazo_estimado"] is False
    missing = record.where_missing(found.cte)
    assert missing["valor_total"] == item.valor_total
    assert missing["emissao"] == item.data_emissao
    assert missing["competencia"] == "2026-07"
    assert len(record.notas(found.cte)) == 3


async def test_without_a_protocol_the_term_is_estimated(data: bytes, sandbox: Sandbox) -> None:
    alone = between(data, b"<CTe", b"</CTe>")
    found = record.examine(Kind.XML, sandbox.chaves[0], alone)
    assert found.cte is not None
    assert record.term(found.cte)["prazo_estimado"] is True
    columns = record.columns(found.cte, found.problems)
    assert (columns["protocolo"], columns["autorizado_em"]) == (None, None)


async def test_without_a_date_there_is_no_term(data: bytes, sandbox: Sandbox) -> None:
    bare = edited(data, between(data, b"<dhEmi>", b"</dhEmi>"), b"")
    bare = edited(bare, between(bare, b"<protCTe", b"</protCTe>"), b"")
    found = record.examine(Kind.XML, sandbox.chaves[0], bare)
    assert found.cte is not None
    assert record.term(found.cte) == {}
    assert record.where_missing(found.cte)["competencia"] is None


async def test_a_changed_amount_is_told_and_the_file_is_taken(
    data: bytes, sandbox: Sandbox
) -> None:
    found = record.examine(Kind.XML, sandbox.chaves[0], edited(data, b"135.85", b"135.86"))
    assert found.problems
    assert found.cte is not None
    assert record.columns(found.cte, found.problems)["verificado"] is False
    assert record.told(Kind.XML, "xml/2607/x.xml", found)["verificado"] is False


@pytest.mark.parametrize("documento", [b"1234567890123456", b"../etc/passwd1", b"123", b""])
async def test_a_tomador_that_is_neither_cnpj_nor_cpf_is_not_known(
    data: bytes, sandbox: Sandbox, documento: bytes
) -> None:
    receiver = between(data, b"<dest>", b"</dest>")
    other = edited(receiver, f"<CNPJ>{sandbox.cnpj}".encode(), b"<CNPJ>" + documento)
    found = record.examine(Kind.XML, sandbox.chaves[0], edited(data, receiver, other))
    assert found.cte is not None
    assert found.problems
    assert record.columns(found.cte, found.problems)["tomador"] is None


async def test_keys_that_the_tables_do_not_take_are_left_out(data: bytes, sandbox: Sandbox) -> None:
    cte = CTeXML.parse(data)
    group = b"<infCteComp><chCTe>%b</chCTe></infCteComp>"
    more = group % sandbox.chaves[1].encode() + group % (b"9" * 45)
    note = f"<chave>{cte.chaves_nfe[0]}</chave>".encode()
    data = edited(data, note, b"<chave>" + b"9" * 61 + b"</chave>")
    data = edited(data, b"</infCte>", more + b"</infCte>")
    cte = CTeXML.parse(data)
    assert record.others(cte) == [("complementado", sandbox.chaves[1])]
    assert record.notas(cte) == list(cte.chaves_nfe[1:])


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b"", "not well-formed"),
        (b"<html/>", "neither a CT-e nor an event"),
        (b"<?xml version='1.0'?><!DOCTYPE a><a/>", "document type"),
    ],
)
@pytest.mark.parametrize("kind", [Kind.XML, Kind.CANCELAMENTO, Kind.CARTA_CORRECAO])
def test_what_cannot_be_read_is_not_it(kind: Kind, broken: bytes, why: str) -> None:
    with pytest.raises(record.NotIt, match=why):
        record.examine(kind, "43260769859781000170570020000010001899797533", broken)


async def test_another_documents_xml_is_not_it(data: bytes, sandbox: Sandbox) -> None:
    with pytest.raises(record.NotIt, match=sandbox.chaves[0]):
        record.examine(Kind.XML, sandbox.chaves[1], data)


async def test_an_event_is_not_the_cte_and_the_cte_no_event(
    data: bytes, sandbox: Sandbox, focus: FocusCTe
) -> None:
    chave = sandbox.chaves[0]
    sandbox.correct(chave)
    event = await focus.baixar_xml_carta_correcao(chave)
    for kind, other in [(Kind.XML, event), (Kind.CARTA_CORRECAO, data)]:
        with pytest.raises(record.NotIt):
            record.examine(kind, chave, other)


async def test_an_event_says_its_number_and_its_text(sandbox: Sandbox, focus: FocusCTe) -> None:
    chave = sandbox.chaves[0]
    sandbox.correct(chave, "Onde se lê A, leia-se B")
    sandbox.correct(chave, "Onde se lê B, leia-se C")
    letter = await focus.baixar_xml_carta_correcao(chave)
    found = record.examine(Kind.CARTA_CORRECAO, chave, letter)
    assert found.evento is not None
    assert found.problems == ()
    row = record.event_row(found.evento, found, "here")
    assert (row["tipo"], row["sequencia"], row["path"]) == ("110110", 2, "here")
    assert row["sha256"] == sha256(letter).hexdigest()
    assert "leia-se C" in row["texto"]
    assert record.told(Kind.CARTA_CORRECAO, "here", found)["sequencia"] == 2
    with pytest.raises(record.NotIt, match="110110, not 110111"):
        record.examine(Kind.CANCELAMENTO, chave, letter)
    with pytest.raises(record.NotIt, match=chave):
        record.examine(Kind.CARTA_CORRECAO, sandbox.chaves[1], letter)


def test_a_dacte_is_taken_as_it_is() -> None:
    found = record.examine(Kind.DACTE, "", b"%PDF-1.4")
    assert record.told(Kind.DACTE, "a.pdf", found) == {
        "kind": "dacte",
        "path": "a.pdf",
        "sha256": sha256(b"%PDF-1.4").hexdigest(),
    }
