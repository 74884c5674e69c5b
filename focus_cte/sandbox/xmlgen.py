"""The authorized XML of a generated CT-e, layout 4.00, and of its events.

What is signed is written in canonical form to begin with (no white space between elements, no
empty-element tags, attributes in order, UTF-8), so its digest is SHA-1 over the bytes written here
plus the `xmlns` that C14N 1.0 adds to the top element: the one namespace in scope, inherited from
the parent. SignedInfo likewise.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1
from xml.sax.saxutils import escape

from .companies import Company
from .signing import certificate, sign

NAMESPACE = "http://www.portalfiscal.inf.br/cte"
_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_CONDITIONS = (
    "A Carta de Correcao e disciplinada pelo Art. 58-B do CONVENIO/SINIEF 06/89: Fica permitida a "
    "utilizacao de carta "
    "de correcao, para regularizacao de erro ocorrido na emissao de documentos fiscais relativos a "
    "prestacao de servico "
    "de transporte, desde que o erro nao esteja relacionado com: I - as variaveis que determinam o "
    "valor do imposto tais "
    "como: base de calculo, aliquota, diferenca de preco, quantidade, valor da prestacao;II - a "
    "correcao de dados "
    "cadastrais que implique mudanca do emitente, tomador, remetente ou do destinatario;III - a "
    "data de emissao ou de "
    "saida."
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a generated CT-e says. `toma` is 0 (rem), 3 (dest) or 4 (`tomador`, a third party)."""

    chave: str
    emissao: str
    recebimento: str
    protocolo: str
    denegada: bool
    tipo: str
    referida: str
    emit: Company
    rem: Company
    dest: Company
    toma: int
    tomador: Company
    centavos: int
    peso: int
    notas: tuple[str, ...]

    @property
    def valor(self) -> str:
        return reais(self.centavos)


def reais(centavos: int) -> str:
    return f"{centavos // 100}.{centavos % 100:02}"


def digest(signed: str) -> str:
    """The DigestValue of an element without xmlns: C14N 1.0 writes the inherited one, first."""
    raw = signed.replace(" ", f' xmlns="{NAMESPACE}" ', 1).encode()
    return b64encode(sha1(raw, usedforsecurity=False).digest()).decode()


def infcte(facts: Facts) -> str:
    """The part that is signed."""
    chave, emit = facts.chave, facts.emit
    body = (
        f"{_ide(facts)}<emit><{emit.tag}>{emit.documento}</{emit.tag}><IE>{emit.ie}</IE>"
        f"<xNome>{escape(emit.nome)}</xNome>{_address('enderEmit', emit, country=False)}<CRT>"
        "3</CRT></emit>"
        f"{_party('rem', 'enderReme', facts.rem)}{_party('dest', 'enderDest', facts.dest)}"
        f"<vPrest><vTPrest>{facts.valor}</vTPrest><vRec>{facts.valor}</vRec>"
        f"<Comp><xNome>FRETE PESO</xNome><vComp>{facts.valor}</vComp></Comp></vPrest>"
        f"{_icms(facts.centavos)}"
    )
    return f'<infCte Id="CTe{chave}" versao="4.00">{body}{_kind(facts)}</infCte>'


def cteproc(facts: Facts, signed: str, digest_value: str) -> bytes:
    """The whole file: the CT-e around `signed`, and SEFAZ's protocol."""
    status, reason = (
        ("110", "Uso Denegado") if facts.denegada else ("100", "Autorizado o uso do CT-e")
    )
    text = (
        f'{_HEAD}<cteProc xmlns="{NAMESPACE}" versao="4.00"><CTe xmlns="{NAMESPACE}">{signed}'
        "<infCTeSupl><qrCodCTe>https://dfe-portal.svrs.rs.gov.br/cte/qrCode?"
        f"chCTe={facts.chave}&amp;tpAmb=1</qrCodCTe></infCTeSupl>"
        f"{_signature('CTe' + facts.chave, digest_value, facts.emit.documento)}</CTe>"
        f'<protCTe versao="4.00"><infProt Id="CTe{facts.protocolo}"><tpAmb>1</tpAmb><verAplic>'
        "SANDBOX</verAplic>"
        f"<chCTe>{facts.chave}</chCTe><dhRecbto>{facts.recebimento}</dhRecbto><nProt>"
        f"{facts.protocolo}</nProt>"
        f"<digVal>{digest_value}</digVal><cStat>{status}</cStat><xMotivo>{reason}</xMotivo>"
        "</infProt></protCTe></cteProc>"
    )
    return text.encode()


def cancellation(*, chave: str, issuer: str, texto: str, data: str, protocolo: str) -> bytes:
    detail = (
        f"<evCancCTe><descEvento>Cancelamento</descEvento><nProt>{protocolo}</nProt>"
        f"<xJust>{escape(texto)}</xJust></evCancCTe>"
    )
    return _event("110111", "Cancelamento", detail, chave=chave, issuer=issuer, data=data, number=1)


def correction(*, chave: str, issuer: str, texto: str, data: str, number: int) -> bytes:
    detail = (
        "<evCCeCTe><descEvento>Carta de Correcao</descEvento><infCorrecao><grupoAlterado>"
        "compl</grupoAlterado>"
        f"<campoAlterado>xObs</campoAlterado><valorAlterado>{escape(texto)}</valorAlterado>"
        "</infCorrecao>"
        f"<xCondUso>{_CONDITIONS}</xCondUso></evCCeCTe>"
    )
    return _event(
        "110110", "Carta de Correção", detail, chave=chave, issuer=issuer, data=data, number=number
    )


def _event(
    tipo: str, name: str, detail: str, *, chave: str, issuer: str, data: str, number: int
) -> bytes:
    tag = "CNPJ" if len(issuer) == 14 else "CPF"
    ident = f"ID{tipo}{chave}{number:03}"
    signed = (
        f'<infEvento Id="{ident}"><cOrgao>{chave[:2]}</cOrgao><tpAmb>1</tpAmb><{tag}>'
        f"{issuer}</{tag}>"
        f"<chCTe>{chave}</chCTe><dhEvento>{data}</dhEvento><tpEvento>{tipo}</tpEvento><nSeqEvento>"
        f"{number}</nSeqEvento>"
        f'<detEvento versaoEvento="4.00">{detail}</detEvento></infEvento>'
    )
    protocolo = f"1{chave[:4]}{chave[25:34]}{number % 10}"
    text = (
        f'{_HEAD}<procEventoCTe xmlns="{NAMESPACE}" versao="4.00">'
        f'<eventoCTe xmlns="{NAMESPACE}" versao="4.00">'
        f"{signed}{_signature(ident, digest(signed), issuer)}</eventoCTe>"
        '<retEventoCTe versao="4.00"><infEvento><tpAmb>1</tpAmb><verAplic>SANDBOX</verAplic>'
        f"<cOrgao>{chave[:2]}</cOrgao>"
        "<cStat>135</cStat><xMotivo>Evento registrado e vinculado a CT-e</xMotivo><chCTe>"
        f"{chave}</chCTe>"
        f"<tpEvento>{tipo}</tpEvento><xEvento>{name}</xEvento><nSeqEvento>{number}</nSeqEvento>"
        f"<dhRegEvento>{data}</dhRegEvento><nProt>{protocolo}</nProt></infEvento></retEventoCTe>"
        "</procEventoCTe>"
    )
    return text.encode()


def _signature(ident: str, digest_value: str, issuer: str) -> str:
    signed = (
        f'<SignedInfo><CanonicalizationMethod Algorithm="{_C14N}"></CanonicalizationMethod>'
        f'<SignatureMethod Algorithm="{_DSIG}rsa-sha1"></SignatureMethod>'
        f'<Reference URI="#{ident}"><Transforms>'
        f'<Transform Algorithm="{_DSIG}enveloped-signature"></Transform>'
        f'<Transform Algorithm="{_C14N}"></Transform></Transforms>'
        f'<DigestMethod Algorithm="{_DSIG}sha1"></DigestMethod>'
        f"<DigestValue>{digest_value}</DigestValue></Reference></SignedInfo>"
    )
    value = sign(signed.replace(">", f' xmlns="{_DSIG}">', 1).encode())
    return (
        f'<Signature xmlns="{_DSIG}">{signed}<SignatureValue>{value}</SignatureValue>'
        f"<KeyInfo><X509Data><X509Certificate>{certificate(issuer)}</X509Certificate>"
        "</X509Data></KeyInfo></Signature>"
    )


def _ide(facts: Facts) -> str:
    chave, rem, dest, emit = facts.chave, facts.rem, facts.dest, facts.emit
    return (
        f"<ide><cUF>{chave[:2]}</cUF><cCT>{chave[35:43]}</cCT><CFOP>"
        f"{5353 if rem.uf == dest.uf else 6353}</CFOP>"
        "<natOp>PRESTAÇÃO DE SERVIÇO DE TRANSPORTE</natOp><mod>57</mod><serie>"
        f"{int(chave[22:25])}</serie>"
        f"<nCT>{int(chave[25:34])}</nCT><dhEmi>{facts.emissao}</dhEmi><tpImp>1</tpImp><tpEmis>"
        "1</tpEmis>"
        f"<cDV>{chave[43]}</cDV><tpAmb>1</tpAmb><tpCTe>{facts.tipo}</tpCTe><procEmi>0</procEmi>"
        f"<verProc>SANDBOX</verProc><cMunEnv>{emit.cmun}</cMunEnv><xMunEnv>"
        f"{emit.municipio}</xMunEnv>"
        f"<UFEnv>{emit.uf}</UFEnv><modal>01</modal><tpServ>0</tpServ><cMunIni>{rem.cmun}</cMunIni>"
        f"<xMunIni>{rem.municipio}</xMunIni><UFIni>{rem.uf}</UFIni><cMunFim>{dest.cmun}</cMunFim>"
        f"<xMunFim>{dest.municipio}</xMunFim><UFFim>{dest.uf}</UFFim><retira>1</retira><indIEToma>"
        "1</indIEToma>"
        f"{_toma(facts)}</ide>"
    )


def _toma(facts: Facts) -> str:
    if facts.toma != 4:
        return f"<toma3><toma>{facts.toma}</toma></toma3>"
    who = facts.tomador
    return (
        f"<toma4><toma>4</toma><CNPJ>{who.documento}</CNPJ><IE>{who.ie}</IE><xNome>"
        f"{escape(who.nome)}</xNome>"
        f"{_address('enderToma', who)}</toma4>"
    )


def _party(tag: str, address: str, who: Company) -> str:
    return (
        f"<{tag}><CNPJ>{who.documento}</CNPJ><IE>{who.ie}</IE><xNome>{escape(who.nome)}</xNome>"
        f"{_address(address, who)}</{tag}>"
    )


def _address(tag: str, who: Company, *, country: bool = True) -> str:
    brazil = "<cPais>1058</cPais><xPais>BRASIL</xPais>" if country else ""
    return (
        f"<{tag}><xLgr>{who.rua}</xLgr><nro>{who.numero}</nro><xBairro>CENTRO</xBairro><cMun>"
        f"{who.cmun}</cMun>"
        f"<xMun>{who.municipio}</xMun><CEP>{who.cep}</CEP><UF>{who.uf}</UF>{brazil}</{tag}>"
    )


def _icms(centavos: int) -> str:
    return (
        f"<imp><ICMS><ICMS00><CST>00</CST><vBC>{reais(centavos)}</vBC><pICMS>12.00</pICMS>"
        f"<vICMS>{reais(centavos * 12 // 100)}</vICMS></ICMS00></ICMS></imp>"
    )


def _kind(facts: Facts) -> str:
    """A complement names the CT-e it adds to; a substitute carries goods, and names the old one."""
    if facts.tipo == "1":
        return f"<infCteComp><chCTe>{facts.referida}</chCTe></infCteComp>"
    notas = "".join(f"<infNFe><chave>{nota}</chave></infNFe>" for nota in facts.notas)
    instead = f"<infCteSub><chCte>{facts.referida}</chCte></infCteSub>" if facts.tipo == "3" else ""
    return (
        f"<infCTeNorm><infCarga><vCarga>{reais(facts.centavos * 12)}</vCarga><proPred>"
        "DIVERSOS</proPred>"
        f"<infQ><cUnid>01</cUnid><tpMed>PESO BRUTO</tpMed><qCarga>{facts.peso}.0000</qCarga></infQ>"
        "</infCarga>"
        f'<infDoc>{notas}</infDoc><infModal versaoModal="4.00"><rodo><RNTRC>'
        f"{facts.emit.ie[:8]}</RNTRC></rodo></infModal>"
        f"{instead}</infCTeNorm>"
    )
