"""What a file says of its document: columns and rows, or why it is not the file. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import attrs

from focus_cte import InvalidArgument
from focus_cte.mirror.folder import EVENTS
from focus_cte.mirror.models import Kind
from focus_cte.mirror.schema import instant
from focus_cte.xml import CTeXML, Evento, InvalidXML, parse_and_verify, prazo_desacordo

_KEY = 44
"""Characters, as `referencias` takes them."""
_NFE = 60
"""Characters, at most, as `nfes` takes them: keys as they are written, right or wrong."""


class NotIt(Exception):
    """What came is not the file that was asked for: why."""


@attrs.frozen
class Found:
    """A file that was asked for, and what it says."""

    sha256: str
    size: int
    problems: tuple[str, ...] = ()
    """Of its digest and signature."""
    cte: CTeXML | None = None
    evento: Evento | None = None


def examine(kind: Kind, chave: str, data: bytes) -> Found:
    """Read a file. Raises `NotIt` for what cannot be read, or is of another document or kind."""
    found = Found(sha256(data).hexdigest(), len(data))
    if kind is Kind.DACTE:
        return found
    try:
        about, verification = parse_and_verify(data, chave=chave)
    except InvalidXML as error:
        raise NotIt(str(error)) from None
    if about.chave != chave:
        raise NotIt(f"it is of {about.chave}")
    if isinstance(about, CTeXML):
        if kind is not Kind.XML:
            raise NotIt("it is a CT-e, not an event")
        return attrs.evolve(found, problems=verification.problems, cte=about)
    if about.tipo != EVENTS.get(kind):
        raise NotIt(f"it is an event of type {about.tipo}, not {EVENTS.get(kind, 'a CT-e')}")
    return attrs.evolve(found, problems=verification.problems, evento=about)


def columns(cte: CTeXML, problems: tuple[str, ...]) -> dict[str, Any]:
    """The columns of `ctes` that only an XML fills."""
    tomador, protocolo = cte.tomador, cte.protocolo
    return {
        "tomador": tomador_of(cte),
        "nome_tomador": tomador and tomador.nome,
        "papel_tomador": tomador and str(tomador.papel),
        "valor_receber": cte.valor_receber,
        "icms": cte.icms,
        **instant("autorizado_em", protocolo.recebido_em if protocolo else None),
        "protocolo": protocolo and protocolo.numero,
        "verificado": not problems,
        "problemas": list(problems),
    }


def tomador_of(cte: CTeXML) -> str | None:
    """CNPJ or CPF of who pays; None for what is neither: the XML may say anything."""
    documento = None if cte.tomador is None else cte.tomador.documento
    plain = documento is not None and documento.isascii() and documento.isalnum()
    return documento if plain and documento is not None and len(documento) in (11, 14) else None


def others(cte: CTeXML) -> list[tuple[str, str]]:
    """How it refers to which other CT-es, those whose keys are keys."""
    return [(relacao, outra) for relacao, outra in cte.referencias if len(outra) == _KEY]


def notas(cte: CTeXML) -> list[str]:
    """The keys of the NF-es that it carries."""
    return list(dict.fromkeys(chave for chave in cte.chaves_nfe if len(chave) <= _NFE))


def where_missing(cte: CTeXML) -> dict[str, Any]:
    """Columns of `ctes` that the listing fills, and the XML where it did not."""
    emissao = cte.emissao
    return {
        **instant("emissao", emissao),
        "competencia": None if emissao is None else f"{emissao:%Y-%m}",
        "valor_total": cte.valor_total,
    }


def term(cte: CTeXML) -> dict[str, Any]:
    """The end of the term of a desacordo; {} where no date is known."""
    try:
        prazo = prazo_desacordo(cte)
    except InvalidArgument:
        return {}
    return {"prazo": prazo.limite, "prazo_estimado": prazo.estimado}


def event_row(evento: Evento, found: Found, path: str) -> dict[str, Any]:
    """The row of `eventos`."""
    return {
        "chave": evento.chave,
        "tipo": evento.tipo,
        "sequencia": evento.sequencia,
        "sha256": found.sha256,
        **instant("at", evento.data),
        "protocolo": evento.protocolo,
        "status": evento.status,
        "texto": evento.texto,
        "path": path,
    }


def told(kind: Kind, path: str, found: Found) -> Mapping[str, Any]:
    """What the feed says of a file that was stored."""
    said: dict[str, Any] = {"kind": str(kind), "path": path, "sha256": found.sha256}
    if kind is not Kind.DACTE:
        said["verificado"] = not found.problems
    if found.cte is not None and found.cte.tomador is not None:
        said["tomador"] = tomador_of(found.cte)
        said["papel_tomador"] = str(found.cte.tomador.papel)
    if found.evento is not None:
        said["sequencia"] = found.evento.sequencia
    return said
