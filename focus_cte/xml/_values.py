"""Texts of a CT-e as values: dates, amounts, documents of persons and companies."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from focus_cte import InvalidArgument, parse_chave, parse_cnpj
from focus_cte.xml._parse import InvalidXML, quoted

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?")
_CPF = re.compile(r"[0-9]{11}")
_HOURS = {"12": -5} | dict.fromkeys(("11", "13", "14", "50", "51"), -4)
"""The UFs (cUF) whose standard time is not Brasília's, UTC-3, and the hours theirs is from UTC."""


def moment(value: str | None, *, uf: str, name: str) -> datetime | None:
    """An aware date and time, or `InvalidXML`.

    Layouts before 3.00 write local time without an offset. Then the standard time of the UF is
    taken (`uf`, its two digits): -05:00 in Acre; -04:00 in Rondônia, Amazonas, Roraima, Mato Grosso
    do Sul and Mato Grosso; -03:00 elsewhere (Decreto 2.784/1913, Lei 11.662/2008, Lei 12.876/2013).
    Summer time, which some of them had until 2019, is not taken into account.
    """
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            found = found.replace(tzinfo=timezone(timedelta(hours=_HOURS.get(uf, -3))))
        found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidXML(f"{name} {quoted(value)} is not a date and time") from None
    return found


def amount(value: str | None, *, name: str) -> Decimal | None:
    """An amount in reais, or `InvalidXML`."""
    if value is None:
        return None
    if not _AMOUNT.fullmatch(value):
        raise InvalidXML(f"{name} {quoted(value)} is not an amount")
    return Decimal(value)


def is_chave(value: str) -> bool:
    """Whether these are the 44 characters of an access key, written as in a CT-e."""
    try:
        return parse_chave(value) == value
    except InvalidArgument:
        return False


def is_cpf(documento: str | None) -> bool:
    return documento is not None and _CPF.fullmatch(documento) is not None


def parse_documento(texto: str) -> str:
    """The characters of a CNPJ or CPF, which may be formatted. Raises `InvalidArgument`."""
    if isinstance(texto, str) and is_cpf(bare := re.sub("[ ./-]", "", texto)):
        return bare
    return parse_cnpj(texto)


def shown(documento: str | None) -> str:
    """For a repr: a CPF is personal data, and stays out of logs."""
    return "'***'" if is_cpf(documento) else repr(documento)


def require_aware(name: str, value: datetime) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidArgument(f"{name} must be a datetime with an offset, not {value!r}")
    return value
