"""A desacordo prepared: what would have SEFAZ refuse it is told before it is registered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import attrs

import focus_cte
from focus_cte import (
    Ambiente,
    CTeRecebida,
    Desacordo,
    InvalidArgument,
    NotFound,
    Situacao,
    TipoCTe,
    check_observacoes,
    parse_chave,
    parse_cnpj,
)
from focus_cte.xml._parse import InvalidXML
from focus_cte.xml._values import is_cpf, require_aware
from focus_cte.xml.cte import CTeXML
from focus_cte.xml.prazo import PrazoDesacordo, prazo_desacordo

_GOV_BR = "https://dfe-portal.svrs.rs.gov.br/CTE/PrestacaoServicoDesacordo"
_AUTHORIZED = ("100", "150")
"""SEFAZ's codes for an authorization, in time and late."""
_NOT_OF_THESE = (TipoCTe.COMPLEMENTO, TipoCTe.ANULACAO)


@attrs.frozen
class PlanoDesacordo:
    """What is to be expected of a desacordo. Nothing was registered."""

    chave: str
    cnpj: str
    observacoes: str
    impedimentos: tuple[str, ...]
    """Why it would be refused, a sentence each."""
    avisos: tuple[str, ...]
    """Why it may be refused, or what could not be verified: SEFAZ decides."""
    prazo: PrazoDesacordo | None
    """None where no date is known."""
    cte: CTeXML | None
    """What the XML says; None where there is none (yet) that can be read."""
    resumo: CTeRecebida

    @property
    def ok(self) -> bool:
        """Nothing is known that stands against it. There may be `avisos`."""
        return not self.impedimentos


async def checar_desacordo(
    focus: focus_cte.FocusCTe,
    chave: str,
    *,
    cnpj: str,
    observacoes: str,
    now: datetime | None = None,
) -> PlanoDesacordo:
    """Look at all that would have SEFAZ refuse this desacordo, and register nothing.

    It asks for the document's summary, its XML and its desacordo: three credits. The XML's
    signature is not checked; `verify` does that. Without an XML the term is estimated, and whether
    the company is the tomador is not verified: both are told in `avisos`.

    Args:
        focus: an open client.
        chave: the access key.
        cnpj: the company that is to register it.
        observacoes: the text, exactly as it would be sent; never rewritten.
        now: for the term; aware. The current time by default.

    Raises `InvalidArgument`, before any request, for a key, CNPJ or `now` of the wrong shape, and
    what `consultar`, `baixar_xml` and `consultar_desacordo` raise.
    """
    chave, cnpj = parse_chave(chave), parse_cnpj(cnpj)
    now = datetime.now(UTC) if now is None else require_aware("now", now)
    resumo = await focus.consultar(chave, cnpj=cnpj)
    cte, no_cte = await _xml(focus, chave, cnpj)
    desacordo = await _desacordo(focus, chave, cnpj)
    prazo = (cte and _prazo(cte)) or _prazo(resumo)
    impedimentos = (
        *_of_the_document(resumo, cte, desacordo, focus.ambiente),
        *_of_the_tomador(cte, cnpj, observacoes),
        *_of_the_text(observacoes),
    )
    return PlanoDesacordo(
        chave=chave,
        cnpj=cnpj,
        observacoes=observacoes,
        impedimentos=impedimentos,
        avisos=tuple(_avisos(resumo, cte, desacordo, prazo, no_cte=no_cte, now=now)),
        prazo=prazo,
        cte=cte,
        resumo=resumo,
    )


async def _xml(focus: focus_cte.FocusCTe, chave: str, cnpj: str) -> tuple[CTeXML | None, str]:
    try:
        cte = CTeXML.parse(await focus.baixar_xml(chave, cnpj=cnpj))
    except NotFound:
        return None, "there is no XML (yet)"
    except InvalidXML as error:
        return None, f"its XML cannot be read: {error}"
    if cte.chave != chave:
        return None, f"the API gave the XML of another document, {cte.chave}"
    return cte, ""


async def _desacordo(focus: focus_cte.FocusCTe, chave: str, cnpj: str) -> Desacordo | None:
    try:
        return await focus.consultar_desacordo(chave, cnpj=cnpj)
    except NotFound:
        return None


def _prazo(cte: CTeXML | CTeRecebida) -> PrazoDesacordo | None:
    try:
        return prazo_desacordo(cte)
    except InvalidArgument:
        return None


def _of_the_document(
    resumo: CTeRecebida, cte: CTeXML | None, desacordo: Desacordo | None, ambiente: Ambiente | None
) -> Iterator[str]:
    if cte is not None and cte.ambiente and ambiente and cte.ambiente is not ambiente:
        yield f"the CT-e is of {cte.ambiente}, and the client is of {ambiente}"
    if resumo.situacao is Situacao.CANCELADA or resumo.data_cancelamento is not None:
        yield "the CT-e is cancelled: SEFAZ refuses a desacordo of it (code 218)"
    if resumo.situacao is Situacao.DENEGADA:
        yield "the CT-e was denied: SEFAZ refuses a desacordo of it (code 205)"
    if cte is not None and cte.protocolo and cte.protocolo.status not in _AUTHORIZED:
        yield f"SEFAZ did not authorize the CT-e: its protocol's cStat is {cte.protocolo.status}"
    if desacordo is not None and desacordo.registrado:
        yield (
            "it has a desacordo already, and takes one only (code 631): protocol"
            f" {desacordo.protocolo}; consultar_desacordo shows it"
        )


def _of_the_tomador(cte: CTeXML | None, cnpj: str, observacoes: str) -> Iterator[str]:
    """Only the tomador may register a desacordo: code 755."""
    if cte is None:
        return
    tomador = cte.tomador
    if tomador is None or tomador.documento is None:
        yield "the CT-e names no tomador, and only the tomador may register it (code 755)"
    elif is_cpf(tomador.documento):
        yield (
            "the tomador is a person (CPF), who registers it on gov.br only (NT 2022.001):"
            f" {_GOV_BR}, with this text: {observacoes}"
        )
    elif tomador.documento != cnpj:
        ours = ", ".join(cte.papeis(cnpj)) or "none of its parts"
        branch = tomador.documento[:8] == cnpj[:8]
        yield (
            f"the tomador is {tomador.documento}, {tomador.nome} ({tomador.papel}), and {cnpj} is"
            f" {ours}: only the tomador may register it (code 755)"
            + ("; it is a branch of the same company: register it as that one" if branch else "")
        )


def _of_the_text(observacoes: str) -> Iterator[str]:
    try:
        check_observacoes(observacoes)
    except InvalidArgument as error:
        yield str(error)


def _avisos(
    resumo: CTeRecebida,
    cte: CTeXML | None,
    desacordo: Desacordo | None,
    prazo: PrazoDesacordo | None,
    *,
    no_cte: str,
    now: datetime,
) -> Iterator[str]:
    if cte is None:
        yield (
            f"the tomador was not verified, and SEFAZ refuses all others (code 755): {no_cte};"
            " the term is estimated from the date of issue"
        )
    elif cte.ambiente is Ambiente.HOMOLOGACAO:
        yield "the CT-e is of homologação: it has no fiscal value"
    if resumo.situacao not in tuple(Situacao):
        yield f"the CT-e is not known to be authorized: its situacao is {resumo.situacao!r}"
    if cte is not None and cte.protocolo is None:
        yield "its XML does not say that SEFAZ authorized it: it has no protocol"
    if desacordo is not None and not desacordo.registrado and not desacordo.recusado:
        yield f"the API does not tell whether there is a desacordo already: {desacordo}"
    if prazo is None:
        yield "its date is not known, so neither is the end of the 45 days (code 787)"
    elif now > prazo.limite:
        estimated = "by estimate " if prazo.estimado else ""
        yield (
            f"the 45 days ended {estimated}on {prazo.ultimo_dia} ({prazo.limite}):"
            " SEFAZ may refuse it (code 787)"
        )
    tipo = resumo.tipo_cte if cte is None else cte.tipo_cte
    if isinstance(tipo, TipoCTe) and tipo in _NOT_OF_THESE:
        yield f"the CT-e is a {tipo.name.lower()}: SEFAZ may refuse a desacordo of it (code 869)"
