"""What the API tells, as frozen attrs classes, and the settings a client takes.

Unknown values of an enum are kept as they came: the vendor and the law add new ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from focus_cte.chave import parse_chave
from focus_cte.errors import InvalidArgument, InvalidDocument

_REGISTERED = frozenset({"134", "135", "136"})


class Ambiente(StrEnum):
    """The vendor's environments. Each has its own token; homologação has no real documents."""

    HOMOLOGACAO = "homologacao"
    PRODUCAO = "producao"


class Situacao(StrEnum):
    """The state of a document; the vendor writes both genders."""

    AUTORIZADA = "autorizada"
    CANCELADA = "cancelada"
    DENEGADA = "denegada"


class TipoCTe(StrEnum):
    """The purpose of a CT-e (`tpCTe`); 5 and 6 came with CT-e Simplificado."""

    NORMAL = "0"
    COMPLEMENTO = "1"
    ANULACAO = "2"
    SUBSTITUTO = "3"
    SIMPLIFICADO = "5"
    SIMPLIFICADO_SUBSTITUTO = "6"


@attrs.frozen(slots=False)  # made for every document: without slots it is made a third faster
class CTeRecebida:
    """One received CT-e, as the listing and the consultation show it.

    A field is None when the vendor did not send it or sent what cannot be read; the latter stays
    in `extra`. Hashable by (chave, versao).
    """

    chave: str
    """Access key, 44 characters."""
    versao: int
    """Unique within the CNPJ; a document that changes gets a new, higher one."""
    situacao: Situacao | str | None = attrs.field(default=None, hash=False)
    tipo_cte: TipoCTe | str | None = attrs.field(default=None, hash=False)
    valor_total: Decimal | None = attrs.field(default=None, hash=False)
    """In reais."""
    data_emissao: datetime | None = attrs.field(default=None, hash=False)
    """Aware, with the offset it came with."""
    nome_emitente: str | None = attrs.field(default=None, hash=False)
    documento_emitente: str | None = attrs.field(default=None, hash=False)
    """CNPJ or CPF of the issuer."""
    cnpj_destinatario: str | None = attrs.field(default=None, hash=False)
    """Your company's CNPJ: it plays some part in the CT-e, not always the addressee's."""
    digest_value: str | None = attrs.field(default=None, hash=False)
    carta_correcao: str | None = attrs.field(default=None, hash=False)
    data_carta_correcao: datetime | None = attrs.field(default=None, hash=False)
    data_cancelamento: datetime | None = attrs.field(default=None, hash=False)
    justificativa_cancelamento: str | None = attrs.field(default=None, hash=False)
    raw: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=False)
    """The JSON object as it came; numbers with a decimal point as `Decimal`."""

    @property
    def extra(self) -> dict[str, Any]:
        """What `raw` has that no field shows: unknown fields, and known ones not readable."""
        return {name: value for name, value in self.raw.items() if not self._shows(name, value)}

    def _shows(self, name: str, value: Any) -> bool:
        if name in CHAVE_NAMES:
            return readable_chave(value) == self.chave
        return name in _SHOWN and (value is None or getattr(self, name) is not None)


_SHOWN = frozenset(field.name for field in attrs.fields(CTeRecebida)) - {"raw"}

CHAVE_NAMES = ("chave", "chave_cte", "chave_acesso")
"""What the vendor calls the key: the seed, the newer portal, and some answers."""


def readable_chave(value: Any) -> str | None:
    """The access key in a vendor's value, or None."""
    try:
        return parse_chave(value)
    except InvalidArgument:
        return None


@attrs.frozen
class CTeCompleta:
    """One document with what `completa=1` adds."""

    resumo: CTeRecebida
    mdfes: tuple[Mapping[str, Any], ...] = attrs.field(default=(), hash=False)
    """The MDF-es that carry it."""
    requisicao: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=False)
    """The whole CT-e as JSON."""
    protocolo: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    """SEFAZ's answer to its authorization."""


@attrs.frozen
class Desacordo:
    """SEFAZ's answer to a desacordo."""

    status: str | None = None
    """`evento_registrado`, or an error such as `erro` and `erro_autorizacao`."""
    status_sefaz: str | None = None
    """SEFAZ's code: 134, 135 and 136 mean registered."""
    mensagem_sefaz: str | None = None
    protocolo: str | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=False)

    @property
    def registrado(self) -> bool:
        """Whether it is registered: what the vendor and SEFAZ say of it must not disagree."""
        if self.status_sefaz in _REGISTERED:
            return self.status in (None, "evento_registrado")
        return self.status == "evento_registrado" and self.status_sefaz is None

    @property
    def recusado(self) -> bool:
        """Whether it is refused. Neither this nor `registrado`: the answer does not tell."""
        if self.status_sefaz in _REGISTERED:
            return False
        if self.status is None:
            return self.status_sefaz is not None
        return self.status.startswith("erro")


@attrs.frozen
class Page:
    """One answer of the listing, in rising `versao`."""

    ctes: tuple[CTeRecebida, ...]
    versao: int
    """The cursor after this page."""
    total: int | None
    """X-Total-Count: how many documents there are, counting those that did not fit the page."""
    last: bool
    """Whether nothing is left. False may also mean that the vendor did not say."""
    invalid: tuple[InvalidDocument, ...] = ()
    """Items without a usable key or `versao`."""


@attrs.frozen
class Credits:
    """What is known of the token's credits; each None until the API told."""

    limit: int | None = None
    remaining: int | None = None
    resets_in: float | None = None
    """Seconds until the window starts again, at most."""


@attrs.define(eq=False)
class Share:
    """A part of the work of a client: what it leaves to others, and what it took."""

    reserve: int
    """Credits of each window left to others; those of the client, if they are more."""
    requests: int = 0
    """How many requests were admitted so far, repeated ones included."""


def _seconds(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InvalidArgument(f"Retry.{attribute.name} must be seconds from 0 up, not {value!r}")


def _count(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgument(
            f"Retry.{attribute.name} must be a whole number from 1, not {value!r}"
        )


@attrs.frozen
class Retry:
    """How long to insist: at most `attempts` tries within `total` seconds.

    The wait before try n is drawn from the upper half of `initial * 2**(n-1)` seconds, at most
    `maximum`. Time queued for slots and credits does not count towards `total`.
    """

    attempts: int = attrs.field(default=4, validator=_count)
    total: float = attrs.field(default=120.0, validator=_seconds)
    initial: float = attrs.field(default=0.5, validator=_seconds)
    maximum: float = attrs.field(default=15.0, validator=_seconds)
