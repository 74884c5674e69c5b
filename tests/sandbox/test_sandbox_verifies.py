"""The XML of the sandbox, written without the client's code, is what `focus_cte.xml` reads."""

from __future__ import annotations

import pytest

from focus_cte import Ambiente, DesacordoRejeitado, FocusCTe, InvalidArgument, Situacao
from focus_cte.sandbox import Sandbox
from focus_cte.xml import CTeXML, Evento, Papel, checar_desacordo, prazo_desacordo, verify

TEXTO = "A mercadoria chegou com avaria"


async def test_every_document_parses_and_verifies() -> None:
    async with (
        Sandbox(ctes=120, credits=None) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
    ):
        issuers = set()
        async for listed in focus.sync(sandbox.cnpj):
            data = await focus.baixar_xml(listed.chave)
            cte = CTeXML.parse(data)
            check = verify(data, chave=listed.chave, digest_value=listed.digest_value)
            assert check.problems == ()
            assert check.ok
            assert check.listagem
            assert (cte.chave, cte.valor_total) == (listed.chave, listed.valor_total)
            assert (cte.emissao, cte.tipo_cte) == (listed.data_emissao, listed.tipo_cte)
            assert cte.emitente is not None
            assert cte.emitente.documento == listed.documento_emitente
            issuers.add(cte.emitente.documento)
    assert {len(issuer) for issuer in issuers} == {11, 14}, "a driver with a CPF among them"
    assert any(not issuer.isdecimal() for issuer in issuers), "and a CNPJ with letters"


async def test_every_event_parses_and_verifies(sandbox: Sandbox, focus: FocusCTe) -> None:
    first, second = sandbox.chaves[:2]
    sandbox.correct(first, "Leia-se <placa> ABC1D23 & não outra")
    sandbox.cancel(second, "Emissão em duplicidade")
    for chave, download, tipo, texto in (
        (first, focus.baixar_xml_carta_correcao, "110110", "Leia-se <placa> ABC1D23 & não outra"),
        (second, focus.baixar_xml_cancelamento, "110111", "Emissão em duplicidade"),
    ):
        data = await download(chave)
        evento = Evento.parse(data)
        assert (evento.tipo, evento.chave, evento.status) == (tipo, chave, "135")
        assert texto in (evento.texto or "")
        assert verify(data, chave=chave).problems == ()


async def test_a_document_of_another_seed_is_not_the_one_asked_for() -> None:
    async with Sandbox(ctes=1, seed=1) as one, Sandbox(ctes=1, seed=2) as two:
        async with FocusCTe(one.token, base_url=one.url) as focus:
            data = await focus.baixar_xml(one.chaves[0])
        check = verify(data, chave=two.chaves[0])
        assert (check.ok, check.chave, check.signature) == (False, False, True)


async def outcome(focus: FocusCTe, chave: str) -> str | None:
    """SEFAZ's code for the refusal of a desacordo, or "registered"."""
    try:
        await focus.informar_desacordo(chave, TEXTO)
    except DesacordoRejeitado as error:
        return error.desacordo and error.desacordo.status_sefaz
    return "registered"


async def test_a_plan_foretells_what_sefaz_says_to_each_desacordo() -> None:
    """755, 218 and 205 are the sandbox's own: whoever has no impediment registers it."""
    async with (
        Sandbox(ctes=60, credits=None) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
    ):
        outcomes = set()
        for chave in sandbox.chaves:
            now = prazo_desacordo(await focus.consultar(chave)).autorizado_em
            plan = await checar_desacordo(
                focus, chave, cnpj=sandbox.cnpj, observacoes=TEXTO, now=now
            )
            assert chave not in sandbox.desacordos, "it sends nothing"
            said = await outcome(focus, chave)
            assert plan.ok is (said == "registered"), plan.impedimentos
            assert plan.ok or any(f"code {said}" in why for why in plan.impedimentos)
            outcomes.add(said)
    assert outcomes == {"registered", "755", "218", "205"}


async def test_a_plan_costs_three_requests_and_is_sent_nowhere(
    sandbox: Sandbox, focus: FocusCTe
) -> None:
    plan = await checar_desacordo(focus, sandbox.chaves[0], cnpj=sandbox.cnpj, observacoes=TEXTO)
    assert plan.cte is not None
    assert Papel.TOMADOR in plan.cte.papeis(sandbox.cnpj)
    assert plan.resumo.situacao is Situacao.AUTORIZADA
    assert [seen.method for seen in sandbox.requests] == ["GET"] * 3
    assert sandbox.desacordos == {}


async def test_without_its_xml_a_plan_tells_what_it_could_not_verify(
    sandbox: Sandbox, focus: FocusCTe
) -> None:
    sandbox.fail("status", status=404, on="xml")
    resumo = await focus.consultar(sandbox.chaves[0])
    assert resumo.data_emissao is not None
    plan = await checar_desacordo(
        focus,
        sandbox.chaves[0],
        cnpj=sandbox.cnpj,
        observacoes=TEXTO,
        now=resumo.data_emissao,
    )
    assert (plan.ok, plan.cte) == (True, None)
    assert plan.prazo is not None
    assert (plan.prazo.estimado, plan.prazo.autorizado_em) == (True, resumo.data_emissao)
    (aviso,) = plan.avisos
    assert "tomador was not verified" in aviso


async def test_a_desacordo_that_there_is_stands_against_another(
    sandbox: Sandbox, focus: FocusCTe
) -> None:
    chave = sandbox.chaves[0]
    done = await focus.informar_desacordo(chave, TEXTO)
    plan = await checar_desacordo(focus, chave, cnpj=sandbox.cnpj, observacoes=TEXTO)
    (why,) = plan.impedimentos
    assert str(done.protocolo) in why
    assert "631" in why


@pytest.mark.parametrize(
    ("ambiente", "ok"), [(Ambiente.PRODUCAO, True), (Ambiente.HOMOLOGACAO, False), (None, True)]
)
async def test_a_document_of_the_other_environment_stands_against_it(
    sandbox: Sandbox, ambiente: Ambiente | None, ok: bool
) -> None:
    """The sandbox's documents are of produção."""
    async with FocusCTe(sandbox.token, ambiente=ambiente, base_url=sandbox.url) as focus:
        assert focus.ambiente is ambiente
        plan = await checar_desacordo(
            focus, sandbox.chaves[0], cnpj=sandbox.cnpj, observacoes=TEXTO
        )
    assert plan.ok is ok, plan.impedimentos


@pytest.mark.parametrize("chave", ["123", "x" * 44])
async def test_a_key_of_the_wrong_shape_costs_nothing(
    sandbox: Sandbox, focus: FocusCTe, chave: str
) -> None:
    with pytest.raises(InvalidArgument, match="not an access key"):
        await checar_desacordo(focus, chave, cnpj=sandbox.cnpj, observacoes=TEXTO)
    assert sandbox.requests == []
