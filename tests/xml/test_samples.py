"""The sample files are read and verified as their index says, byte for byte as stored."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from known import (
    CANCELAMENTO,
    CORRECAO,
    CTE,
    CTES,
    DESACORDO,
    DESISTENCIA,
    EVENTOS,
    NORMAL,
    OS,
    SIMPLIFICADO,
    UNSIGNED,
    sample,
)

from focus_cte import Ambiente, ChaveAcesso, TipoCTe
from focus_cte.xml import CTeXML, Evento, InvalidXML, Papel, Parte, Protocolo, verify

GARRA = Parte(
    Papel.EMITENTE,
    "02618946000141",
    "GARRA IND. MOV. E ACES. EM METAL EIRELI - ME",
    "PR",
    "CURITIBA",
)
SEM_VALOR = "CT-E EMITIDO EM AMBIENTE DE HOMOLOGACAO - SEM VALOR FISCAL"


def masked(papel: Papel, uf: str) -> Parte:
    return Parte(papel, "9" * 14, "EMPRESA EXEMPLO", uf, "CIDADE EXEMPLO")


CHECKS = {
    # file: digest, signature, chave, protocolo, certificado
    CTE: (True, True, True, True, True),
    CORRECAO: (True, True, True, True, True),
    # Signed by the maker of the program, in a test; SEFAZ's answer is of another key.
    CANCELAMENTO: (True, True, True, False, False),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_signed_file_verifies_as_its_index_says(name: str) -> None:
    check = verify(sample(name))
    found = (check.digest, check.signature, check.chave, check.protocolo, check.certificado)
    assert found == CHECKS[name]
    assert check.ok is all(CHECKS[name])
    assert len(check.problems) == CHECKS[name].count(False)
    assert check.listagem is None, "no listing was given"


def test_the_odd_event_is_told_by_what_is_odd() -> None:
    problems = "\n".join(verify(sample(CANCELAMENTO)).problems)
    assert "06117473" in problems, "the holder of the certificate"
    assert "75892067" in problems, "the author"
    assert "42131175892067000187570040000001091211932160" in problems, "whom SEFAZ answered about"


@pytest.mark.parametrize("name", UNSIGNED)
def test_an_unsigned_file_is_never_ok(name: str) -> None:
    check = verify(sample(name))
    assert check.ok is False
    assert (check.digest, check.signature, check.certificado) == (None, None, None)
    assert any("signed" in problem for problem in check.problems)


def test_what_the_signed_sample_says() -> None:
    cte = CTeXML.parse(sample(CTE))
    assert cte.chave == "41150302618946000141570010000000521000000497"
    assert (cte.modelo, cte.layout, cte.tipo_cte) == ("57", "2.00", TipoCTe.NORMAL)
    assert cte.ambiente is Ambiente.HOMOLOGACAO
    assert cte.emissao == datetime.fromisoformat("2015-03-24T17:35:23-03:00")
    assert (cte.valor_total, cte.valor_receber) == (Decimal("3700.00"), Decimal("3700.00"))
    assert cte.icms is None, "Simples Nacional"
    assert cte.emitente == GARRA
    remetente = Parte(Papel.REMETENTE, "07270824000120", SEM_VALOR, "PR", "CURITIBA")
    assert (cte.remetente, cte.tomador) == (remetente, remetente)
    assert cte.destinatario == Parte(
        Papel.DESTINATARIO, "17155342000345", SEM_VALOR, "MG", "BELO HORIZONTE"
    )
    assert (cte.expedidor, cte.recebedor) == (None, None)
    assert cte.chaves_nfe == ("41150307270824000120550030000131991030234390",)
    assert cte.referencias == ()
    assert cte.protocolo == Protocolo(
        "141150000010055",
        datetime.fromisoformat("2015-03-24T17:35:41-03:00"),
        "100",
        "QXa8YoNioWGxTwpBRhMsZwuzcBw=",
    )
    assert cte.papeis("07.270.824/0001-20") == (Papel.REMETENTE, Papel.TOMADOR)


def test_what_the_sample_of_layout_4_says() -> None:
    cte = CTeXML.parse(sample(NORMAL))
    assert (cte.chave, cte.modelo, cte.layout) == ("9" * 44, "57", "4.00")
    assert (cte.tipo_cte, cte.ambiente) == (TipoCTe.NORMAL, Ambiente.PRODUCAO)
    assert cte.emissao == datetime.fromisoformat("2020-12-04T08:00:29-03:00")
    assert (cte.valor_total, cte.valor_receber) == (Decimal("104.04"), Decimal("104.04"))
    assert cte.icms == 0
    assert cte.tomador == cte.remetente == masked(Papel.REMETENTE, "PR")
    assert cte.destinatario == masked(Papel.DESTINATARIO, "PR")
    assert cte.chaves_nfe == ("9" * 44,) * 2
    assert cte.referencias == ()
    assert cte.protocolo == Protocolo(
        "9" * 15,
        datetime.fromisoformat("2020-12-04T08:00:44-03:00"),
        "100",
        "VFHL16ctT5MqBqQld/8D9CwBbIA=",
    )
    roles = (Papel.EMITENTE, Papel.REMETENTE, Papel.DESTINATARIO, Papel.TOMADOR)
    assert cte.papeis("9" * 14) == roles


def test_what_the_sample_of_a_cte_os_says() -> None:
    cte = CTeXML.parse(sample(OS))
    assert (cte.chave, cte.modelo, cte.layout) == ("9" * 44, "67", "3.00")
    assert (cte.valor_total, cte.valor_receber, cte.icms) == (0, 0, 0)
    assert cte.emitente == masked(Papel.EMITENTE, "AC")
    assert cte.tomador == masked(Papel.TOMADOR, "AC")
    assert (cte.remetente, cte.expedidor, cte.recebedor, cte.destinatario) == (None,) * 4
    assert cte.chaves_nfe == ()
    assert cte.referencias == (("substituido", "9" * 44),)
    assert cte.protocolo is not None
    assert cte.protocolo.numero == "9" * 15


def test_what_the_sample_of_a_simplificado_says() -> None:
    cte = CTeXML.parse(sample(SIMPLIFICADO))
    assert cte.chave == "17241000000000000000570010000008611099999990"
    assert (cte.modelo, cte.layout, cte.tipo_cte) == ("57", "4.00", TipoCTe.SIMPLIFICADO)
    assert (cte.valor_total, cte.valor_receber, cte.icms) == (1, 1, 1)
    assert cte.tomador == Parte(Papel.REMETENTE, "0" * 14, "xNome1", "TO", "xMun1")
    assert cte.chaves_nfe == ("50230500000000000000570010000008611099999999",)
    assert cte.protocolo is None


EVENTS = [
    (CORRECAO, "110110", "35131111319532000102570010000019501011529288"),
    (CANCELAMENTO, "110111", "35131075892067000187570040000001081211931324"),
    (DESACORDO, "610110", "41191199999999000199570010000005664416227436"),
    # The index has its key otherwise; this is what stands in the file.
    (DESISTENCIA, "610111", "35190100000000000000670010000000011089844061"),
]
ANSWERED = {
    CORRECAO: ("135130006290768", "135", "11319532000102", "2013-11-23T08:47:15"),
    CANCELAMENTO: ("342130000096132", "135", "75892067000187", "2013-10-31T09:44:20"),
    DESACORDO: (None, None, "99999999000199", "2019-11-26T10:45:09"),
    DESISTENCIA: (None, None, "00000000000000", "2019-01-27T03:00:52"),
}


@pytest.mark.parametrize(("name", "tipo", "chave"), EVENTS)
def test_what_the_samples_of_events_say(name: str, tipo: str, chave: str) -> None:
    evento = Evento.parse(sample(name))
    assert (evento.tipo, evento.chave, evento.sequencia) == (tipo, chave, 1)
    protocolo, status, autor, local = ANSWERED[name]
    assert (evento.protocolo, evento.status, evento.autor) == (protocolo, status, autor)
    assert evento.data.isoformat()[:19] == local
    assert evento.data.utcoffset() is not None


def test_the_text_of_the_samples_of_events() -> None:
    texts = {name: Evento.parse(sample(name)).texto for name in EVENTOS}
    assert texts[CANCELAMENTO] == "TESTE DE ENVIO DE CANCELAMENTO VIA EVENTO"
    assert (texts[DESACORDO] or "").startswith("Teste de manifestacao de servico em desacordo")
    assert all(word in (texts[CORRECAO] or "") for word in ("nro", "170", "fone", "14991001000"))
    assert "disciplinada" not in (texts[CORRECAO] or ""), "the conditions of use are no text of it"


@pytest.mark.parametrize("name", CTES)
def test_a_cte_is_no_event(name: str) -> None:
    with pytest.raises(InvalidXML):
        Evento.parse(sample(name))


@pytest.mark.parametrize("name", EVENTOS)
def test_an_event_is_no_cte(name: str) -> None:
    with pytest.raises(InvalidXML):
        CTeXML.parse(sample(name))


@pytest.mark.parametrize("name", CTES)
def test_the_key_of_a_sample_can_be_taken_apart(name: str) -> None:
    cte = CTeXML.parse(sample(name))
    assert len(ChaveAcesso.parse(cte.chave).texto) == 44
