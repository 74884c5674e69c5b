"""Generated CT-es: each follows from the seed and its place, so few are kept, however many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property, lru_cache, partial

from . import companies, xmlgen
from .companies import Company
from .documents import Document, Event
from .keys import CHAVE, Draw, build_chave

# The first Monday after IN RFB 2.229/2024 allows letters in a CNPJ. A fixed date keeps the output
# reproducible.
_START = datetime(2026, 7, 6, 8, 0, 0)  # noqa: DTZ001 - the offset is that of the issuer's state
_BRASILIA = timezone(timedelta(hours=-3))
_CUIABA = timezone(timedelta(hours=-4))
_STEP = 240  # seconds between two documents
_FIRST_NUMBER = 1000
_PLAIN = 5  # the first few have nothing special, so that examples can take them blindly
_TRADERS = 40
_KEPT = 2**14  # those made last: who lists them asks for their XML next
_REASONS = (
    "Emissão em duplicidade",
    "Valor do frete informado incorretamente",
    "Serviço não prestado ao tomador",
)
_FIXES = (
    "Onde se lê placa ABC1D23, leia-se XYZ9K87",
    "Observação: entregar no depósito 2, portão B & C",
)


@dataclass(frozen=True, slots=True)
class _Heading:
    """What the key needs, and the choices not yet made."""

    chave: str
    emit: Company
    emissao: datetime
    draw: Draw


class Generator:
    """A `Source` without end. One freight in twelve was hired by somebody else."""

    def __init__(self, seed: int, cnpj: str) -> None:
        self._seed = seed
        self._carriers = companies.carriers(seed)
        self._us = replace(companies.trader(seed, -1), documento=cnpj)
        self.document = lru_cache(_KEPT)(self._document)
        self.facts = lru_cache(_KEPT)(self._facts)

    @cached_property
    def _traders(self) -> tuple[Company, ...]:
        return tuple(companies.trader(self._seed, place) for place in range(_TRADERS))

    def chave(self, place: int) -> str:
        return self._heading(place).chave

    def place(self, chave: str) -> int | None:
        """The number in the key tells the place; whether it is in use is for the caller to know."""
        if not CHAVE.fullmatch(chave):
            return None
        place = int(chave[25:34]) - _FIRST_NUMBER
        return place if place >= 0 and self.chave(place) == chave else None

    def xml(self, place: int) -> bytes:
        facts = self.facts(place)
        signed = xmlgen.infcte(facts)
        return xmlgen.cteproc(facts, signed, xmlgen.digest(signed))

    def _document(self, place: int) -> Document:
        facts, draw = self.facts(place), Draw(self._seed, "situacao", place)
        document = Document(
            chave=facts.chave,
            nome_emitente=facts.emit.nome,
            documento_emitente=facts.emit.documento,
            valor_total=facts.valor,
            data_emissao=facts.emissao,
            # The vendor's prose says one, its example the other.
            situacao="denegada"
            if facts.denegada
            else "autorizado"
            if draw.below(5) == 0
            else "autorizada",
            tipo_cte=facts.tipo,
            digest_value=xmlgen.digest(xmlgen.infcte(facts)),
            protocolo=facts.protocolo,
            nosso_frete=facts.tomador is self._us,
        )
        chance = draw.below(100)
        if facts.denegada or place < _PLAIN or chance > 12:
            return document
        if chance < 7:
            return cancelled(document, _REASONS[draw.below(len(_REASONS))], number=draw.below(60))
        return corrected(document, _FIXES[draw.below(len(_FIXES))], number=1)

    def _facts(self, place: int) -> xmlgen.Facts:
        heading = self._heading(place)
        draw, emit, moment = heading.draw, heading.emit, heading.emissao
        plain = place < _PLAIN
        kind, denied = draw.below(100), draw.below(50) == 0
        rem, dest, toma, tomador = self._parties(place, draw)
        # The same issuer's key with another number: what a complement or a substitute points to.
        other = build_chave(
            uf=emit.cuf,
            aamm=f"{moment:%y%m}",
            issuer=emit.documento,
            modelo="57",
            serie=int(heading.chave[22:25]),
            numero=1 + draw.below(_FIRST_NUMBER - 1),
            codigo=draw.digits(8),
        )
        return xmlgen.Facts(
            chave=heading.chave,
            emissao=moment.isoformat(),
            recebimento=(moment + timedelta(seconds=15 + draw.below(90))).isoformat(),
            protocolo=f"1{emit.cuf}{moment:%y}{draw.digits(10)}",
            denegada=denied and not plain,
            tipo="0" if plain or kind > 6 else "1" if kind < 4 else "3",
            referida=other,
            emit=emit,
            rem=rem,
            dest=dest,
            toma=toma,
            tomador=tomador,
            centavos=5_000 + draw.below(900_000),
            peso=10 + draw.below(27_000),
            notas=tuple(_nota(rem, moment, draw) for _ in range(1 + draw.below(3))),
        )

    def mdfes(self, place: int) -> list[dict[str, object]]:
        """The MDF-es of a document. The vendor publishes no schema for one."""
        heading, draw = self._heading(place), Draw(self._seed, "mdfe", place)
        emit, moment = heading.emit, heading.emissao + timedelta(hours=1)
        return [
            {
                "chave": build_chave(
                    uf=emit.cuf,
                    aamm=f"{moment:%y%m}",
                    issuer=emit.documento,
                    modelo="58",
                    serie=1,
                    numero=1 + draw.below(99_999),
                    codigo=draw.digits(8),
                ),
                "data_emissao": moment.isoformat(),
                "situacao": "encerrado",
            }
            for _ in range(draw.below(3))
        ]

    def _heading(self, place: int) -> _Heading:
        draw = Draw(self._seed, "cte", place)
        emit = self._carriers[draw.below(len(self._carriers))]
        zone = _CUIABA if emit.uf == "MT" else _BRASILIA
        moment = (_START + timedelta(seconds=_STEP * place + draw.below(_STEP))).replace(
            tzinfo=zone
        )
        chave = build_chave(
            uf=emit.cuf,
            aamm=f"{moment:%y%m}",
            issuer=emit.documento,
            modelo="57",
            serie=1 + draw.below(3) if emit.tag == "CNPJ" else 920,
            numero=_FIRST_NUMBER + place,
            codigo=draw.digits(8),
        )
        return _Heading(chave, emit, moment, draw)

    def _parties(self, place: int, draw: Draw) -> tuple[Company, Company, int, Company]:
        """Sender, addressee, the code of who hired the freight, and who that is."""
        one, two = (self._traders[draw.below(_TRADERS)] for _ in range(2))
        if place % 12 == 7:
            return one, self._us, 0, one
        match draw.below(10):
            case 0 | 1:
                return self._us, one, 0, self._us
            case 2:
                return one, two, 4, self._us
            case _:
                return one, self._us, 3, self._us


def cancelled(document: Document, texto: str, *, number: int) -> Document:
    """The document after its cancellation, some hours after it was issued."""
    data = _later(document, hours=20, minutes=number)
    xml = partial(
        xmlgen.cancellation,
        chave=document.chave,
        issuer=document.documento_emitente,
        texto=texto,
        data=data,
        protocolo=document.protocolo or "0" * 15,
    )
    return replace(document, situacao="cancelada", cancelamento=Event(texto, data, xml))


def corrected(document: Document, texto: str, *, number: int) -> Document:
    """The document after its correction letter number `number`."""
    data = _later(document, hours=2, minutes=number)
    xml = partial(
        xmlgen.correction,
        chave=document.chave,
        issuer=document.documento_emitente,
        texto=texto,
        data=data,
        number=number,
    )
    return replace(document, carta_correcao=Event(texto, data, xml))


def _later(document: Document, *, hours: int, minutes: int) -> str:
    try:
        issued = datetime.fromisoformat(document.data_emissao or "")
    except ValueError:
        # A stored file need not have a date that can be read.
        issued = _START.replace(tzinfo=_BRASILIA)
    return (issued + timedelta(hours=hours, minutes=minutes)).isoformat()


def _nota(sender: Company, moment: datetime, draw: Draw) -> str:
    return build_chave(
        uf=sender.cuf,
        aamm=f"{moment:%y%m}",
        issuer=sender.documento,
        modelo="55",
        serie=1,
        numero=1 + draw.below(99_999),
        codigo=draw.digits(8),
    )
