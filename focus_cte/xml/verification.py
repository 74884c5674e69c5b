"""Whether an XML is what its author signed, and what SEFAZ answered to."""

from __future__ import annotations

from base64 import b64decode

import attrs

from focus_cte import parse_chave
from focus_cte.xml import _signature
from focus_cte.xml._certificate import Certificate
from focus_cte.xml._parse import Children, Envelope, InvalidXML, children, find, quoted, read, text
from focus_cte.xml._values import is_cpf, shown
from focus_cte.xml.cte import CTeXML, chave_of, documento_of
from focus_cte.xml.evento import Evento

_OF_THE_ISSUER = "110"
"""How the types of events begin whose author must be the CT-e's issuer (MOC CT-e, "Eventos")."""


@attrs.frozen
class Verification:
    """What was checked. Each check is True, False, or None where there is nothing to check."""

    digest: bool | None
    """The signature is of the infCte (infEvento) that is here, and that is as it was signed."""
    signature: bool | None
    """SignedInfo was signed with the key of the certificate inside."""
    chave: bool | None
    """Id, key and issuer agree; and the key is the one asked for, if one was."""
    protocolo: bool | None
    """SEFAZ's answer has this key and, of a CT-e, this digest. What it answered, `CTeXML.protocolo`
    and `Evento.status` say. None without an answer: then nothing says that it was authorized."""
    certificado: bool | None
    """The certificate is of the issuer's company (the first 8 of the CNPJ), or person."""
    listagem: bool | None
    """The listing's `digest_value` is this digest. For your information: it is not part of `ok`,
    because what the vendor puts there is not documented."""
    problems: tuple[str, ...] = ()
    """What is wrong, a sentence each; `ok` is False if and only if there is one."""

    @property
    def ok(self) -> bool:
        """Signed, and every check but `listagem` that could be made went well."""
        return not self.problems


def verify(
    data: bytes, *, chave: str | None = None, digest_value: str | None = None
) -> Verification:
    """Check the XML of a CT-e or of an event, its bytes as downloaded.

    It says that nothing was changed since the holder of that certificate signed it. It does not say
    that the certificate is genuine: trust in the chain of ICP-Brasil, revocation and validity are
    not looked at, and documents outlive their certificates anyway. SEFAZ does not sign its
    protocols; to know what it holds, consult it.

    Args:
        data: the file, of any root that `CTeXML.parse` and `Evento.parse` take.
        chave: the key that was asked for.
        digest_value: the listing's, compared as bytes: the vendor's base64 is not always canonical.

    Raises `InvalidXML` where there is no one document to check, and `InvalidArgument` for a `chave`
    of the wrong shape.
    """
    return _verified(read(data), None if chave is None else parse_chave(chave), digest_value)


def parse_and_verify(
    data: bytes, *, chave: str | None = None, digest_value: str | None = None
) -> tuple[CTeXML | Evento, Verification]:
    """What a file says, and whether it is what was signed, from one reading of it.

    Arguments and errors are those of `verify` and of `CTeXML.parse` or `Evento.parse`.
    """
    asked = None if chave is None else parse_chave(chave)
    envelope = read(data)
    said = Evento._of(envelope) if envelope.is_event else CTeXML._of(envelope)
    return said, _verified(envelope, asked, digest_value)


def _verified(envelope: Envelope, asked: str | None, digest_value: str | None) -> Verification:
    problems: list[str] = []

    def passed(problem: str | None) -> bool:
        if problem is not None:
            problems.append(problem)
        return problem is None

    told = _told(envelope)
    digest = signature = certificado = listagem = said = None
    try:
        seal = _signature.seal_of(envelope.document)
    except ValueError as error:
        problems.append(str(error))
        digest = signature = certificado = False
    else:
        if seal is None:
            problems.append("it is not signed")
        else:
            said = seal.digest
            certificate = _certificate_of(seal, problems)
            digest = passed(_signature.digest_problem(envelope.signed, seal))
            signature = passed(_signature.signature_problem(seal, certificate))
            certificado = certificate is not None and passed(_holder_problem(told, certificate))
            if digest_value is not None:
                listagem = said is not None and said == _lenient(digest_value)
    own = _own_key(envelope, told)
    return Verification(
        digest=digest,
        signature=signature,
        chave=passed(_key_problem(envelope, told, own, asked)),
        protocolo=_protocol(envelope, told, own, said, problems),
        certificado=certificado,
        listagem=listagem,
        problems=tuple(problems),
    )


def _certificate_of(seal: _signature.Seal, problems: list[str]) -> Certificate | None:
    try:
        return _signature.certificate_of(seal)
    except ValueError as error:
        problems.append(str(error))
        return None


def _told(envelope: Envelope) -> Children:
    """Who must have signed it and, of an event, what it is about."""
    if envelope.is_event:
        return children(envelope.signed, "CNPJ", "CPF", "chCTe", "tpEvento", "nSeqEvento")
    return children(find(envelope.signed, "emit"), "CNPJ", "CPF")


def _own_key(envelope: Envelope, told: Children) -> str | None:
    if envelope.is_event:
        return text(told.get("chCTe"))
    try:
        return chave_of(envelope.signed)
    except InvalidXML:
        return None


def _holder_problem(told: Children, certificate: Certificate) -> str | None:
    author = documento_of(told)
    if author is None:
        return "it has no CNPJ or CPF of its author"
    try:
        holder = certificate.holder
    except ValueError as error:
        return str(error)
    same = author == holder if is_cpf(author) else author[:8] == holder[:8]
    if same and len(author) == len(holder):
        return None
    return f"the certificate is of {shown(holder)}, not of the author, {shown(author)}"


def _key_problem(
    envelope: Envelope, told: Children, own: str | None, asked: str | None
) -> str | None:
    ident, author = envelope.signed.get("Id"), documento_of(told)
    if own is None:
        return f"no access key: the Id is {quoted(ident)}"
    key, issuer, company = quoted(own), own[6:20], (author or "").zfill(14)
    if asked is not None and own != asked:
        return f"it is {key}, and {asked} was asked for"
    if not envelope.is_event:
        if company != issuer:
            return f"the issuer, {shown(author)}, is not the one in the key {key}"
        return None
    tipo, number = text(told.get("tpEvento")) or "", text(told.get("nSeqEvento")) or ""
    # The sequence takes two digits in layouts before 4.00, and three since.
    if ident not in {f"ID{tipo}{own}{number.zfill(width)}" for width in (2, 3)}:
        return f"the Id {quoted(ident)} is not that of event {quoted(tipo + ' ' + number)} of {key}"
    if tipo.startswith(_OF_THE_ISSUER) and company[:8] != issuer[:8]:
        return f"the author of the event, {shown(author)}, is not the issuer in the key {key}"
    return None


def _protocol(
    envelope: Envelope, told: Children, own: str | None, said: bytes | None, problems: list[str]
) -> bool | None:
    answer = envelope.answer
    if answer is None:
        return None
    about = {"chCTe": own}
    if envelope.is_event:
        # Its schema leaves these two out where it likes.
        about |= {n: text(told.get(n)) for n in ("tpEvento", "nSeqEvento") if text(answer.get(n))}
    for name, ours in about.items():
        theirs = text(answer.get(name))
        if (theirs or "").lstrip("0") != (ours or "").lstrip("0"):
            problems.append(
                f"SEFAZ's answer is about {name} {quoted(theirs)}, and this is {quoted(ours)}"
            )
            return False
    digest = None if envelope.is_event else text(answer.get("digVal"))
    if digest is None:
        return True
    if said is None:
        return None
    if _signature.decode(digest) != said:
        problems.append(f"the protocol's digVal, {quoted(digest)}, is not the DigestValue")
        return False
    return True


def _lenient(value: str) -> bytes | None:
    """Base64 whose padding or last bits may be wrong; None for what cannot be read."""
    bare = "".join(value.split()).rstrip("=")
    try:
        return b64decode(bare + "=" * (-len(bare) % 4))
    except ValueError:
        return None
