"""Until when a desacordo can be registered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import attrs

from focus_cte import CTeRecebida, InvalidArgument
from focus_cte.xml._values import require_aware
from focus_cte.xml.cte import CTeXML

_TERM = timedelta(days=45)


@attrs.frozen
class PrazoDesacordo:
    """45 days, of 24 hours each, from the authorization (Ajuste SINIEF 09/07; code 787)."""

    autorizado_em: datetime
    """Aware: the protocol's dhRecbto; where it is not known, the date of issue."""
    limite: datetime
    """Aware: the last moment."""
    ultimo_dia: date
    """Of `limite`, the date at the issuer: in the offset of dhEmi."""
    estimado: bool
    """True where the date of issue stands for the authorization, which is never before it."""

    def dias_restantes(self, now: datetime) -> int:
        """Whole days of 24 hours left; 0 in the last of them, negative when the term is over.

        Raises `InvalidArgument` for a `now` without an offset.
        """
        left = self.limite.astimezone(UTC) - require_aware("now", now).astimezone(UTC)
        return left // timedelta(days=1)


def prazo_desacordo(cte: CTeXML | CTeRecebida) -> PrazoDesacordo:
    """The term of a CT-e, from its XML, or estimated from its listing.

    Raises `InvalidArgument` for a document without a date.
    """
    if isinstance(cte, CTeXML):
        emissao = cte.emissao
        autorizado_em = cte.protocolo.recebido_em if cte.protocolo else None
    else:
        emissao, autorizado_em = cte.data_emissao, None
    estimado = autorizado_em is None
    autorizado_em = autorizado_em or emissao
    if autorizado_em is None:
        raise InvalidArgument(f"{cte.chave} has no date: its term is not known")
    try:
        # In UTC: in a zone with summer time, days are not all of 24 hours.
        limite = (autorizado_em.astimezone(UTC) + _TERM).astimezone(autorizado_em.tzinfo)
        local = limite.astimezone((emissao or autorizado_em).tzinfo)
    except OverflowError:
        raise InvalidArgument(f"{cte.chave} is of {autorizado_em}: its term has no end") from None
    return PrazoDesacordo(
        autorizado_em=autorizado_em, limite=limite, ultimo_dia=local.date(), estimado=estimado
    )
