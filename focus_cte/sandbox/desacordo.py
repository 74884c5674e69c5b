"""What the vendor and SEFAZ say to a desacordo, in the order in which they look."""

from __future__ import annotations

import json
import re

from .documents import Document
from .keys import Draw

Answer = dict[str, str]

ALREADY = "Desacordo já registrado para este Documento Fiscal"
_MISSING = 'Parâmetro "observacoes" não informado'
_LENGTH = 'Parâmetro "observacoes" deve ter entre 15 e 255 caracteres'
_XOBS = re.compile(r"[!-ÿ]([ -ÿ]*[!-ÿ])?")  # SEFAZ's pattern for text


def read(body: bytes) -> str:
    """The text of `observacoes`. ValueError has the vendor's message; JSONDecodeError: no JSON."""
    try:
        data = json.loads(body)
    except (UnicodeDecodeError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), "", 0) from None
    text = data.get("observacoes") if isinstance(data, dict) else None
    if not isinstance(text, str) or not text:
        raise ValueError(_MISSING)
    if not 15 <= len(text) <= 255:
        raise ValueError(_LENGTH)
    return text


def register(document: Document, text: str) -> Answer:
    """SEFAZ's answer, of either kind; both come with HTTP 200."""
    if not _XOBS.fullmatch(text):
        return _refused("630", "Rejeição: Falha no schema XML específico do evento")
    if document.cancelada:
        return _refused("218", "Rejeição: CT-e já está cancelado na base de dados da SEFAZ")
    if document.situacao == "denegada":
        return _refused("205", "Rejeição: CT-e está denegado na base de dados da SEFAZ")
    if not document.nosso_frete:
        return _refused(
            "755",
            "Rejeição: Autor do evento Prestação do Serviço em Desacordo deve ser o tomador",
        )
    return {
        "status_sefaz": "135",
        "mensagem_sefaz": "Evento registrado e vinculado a CT-e",
        "status": "evento_registrado",
        "protocolo": "891" + Draw("desacordo", document.chave).digits(12),
    }


def _refused(code: str, message: str) -> Answer:
    return {"status_sefaz": code, "mensagem_sefaz": message, "status": "erro"}
