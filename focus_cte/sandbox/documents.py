"""What the API says of one document, wherever it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """A cancellation or a correction letter, its date as the API writes it, and its XML.

    `xml()` writes it: a signature takes longer than all the rest of a listing item.
    """

    texto: str | None
    data: str | None
    xml: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Document:
    """The facts of one listing item, without `versao`, which belongs to the catalogue."""

    chave: str
    nome_emitente: str | None
    documento_emitente: str
    valor_total: str | None
    data_emissao: str | None
    situacao: str
    tipo_cte: str | None
    digest_value: str | None
    protocolo: str | None = None
    nosso_frete: bool = (
        True  # whether our company is the tomador, who alone may register a desacordo
    )
    carta_correcao: Event | None = None
    cancelamento: Event | None = None

    @property
    def cancelada(self) -> bool:
        return self.cancelamento is not None

    def item(self, *, versao: int, cnpj: str) -> dict[str, object]:
        """The JSON of the listing; the fields of an event only when there is one."""
        fields: dict[str, object] = {
            "nome_emitente": self.nome_emitente,
            "documento_emitente": self.documento_emitente,
            "chave": self.chave,
            "valor_total": self.valor_total,
            "data_emissao": self.data_emissao,
            "situacao": self.situacao,
            "tipo_cte": self.tipo_cte,
            "versao": versao,
            "digest_value": self.digest_value,
            "cnpj_destinatario": cnpj,
        }
        if self.carta_correcao:
            fields["carta_correcao"] = self.carta_correcao.texto
            fields["data_carta_correcao"] = self.carta_correcao.data
        if self.cancelamento:
            fields["data_cancelamento"] = self.cancelamento.data
            fields["justificativa_cancelamento"] = self.cancelamento.texto
        return fields


class Source(Protocol):
    """Documents by their place, from 0."""

    def document(self, place: int) -> Document:
        """The document as it was received."""

    def xml(self, place: int) -> bytes | None:
        """Its authorized XML, None where there is none."""

    def mdfes(self, place: int) -> list[dict[str, object]]:
        """The MDF-es that carried it."""

    def chave(self, place: int) -> str:
        """Its key, which may cost less than the document."""

    def place(self, chave: str) -> int | None:
        """Where the document with this key is, or would be."""
