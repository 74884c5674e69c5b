"""What a generated CT-e is about: who takes part, who pays, what it is worth and carries."""

from __future__ import annotations

from dataclasses import dataclass, field

from markup import Element, el

INNER = {"cteProc": "CTe", "cteOSProc": "CTeOS", "cteSimpProc": "CTeSimp", "GTVeProc": "GTVe"}
"""What each wrapper wraps."""
ROOTS = (*INNER, *INNER.values())
MODELO = {"CTe": "57", "CTeOS": "67", "CTeSimp": "57", "GTVe": "64"}
OLD = ("1.04", "2.00")
"""Layouts whose times have no offset, and whose groups are toma03 and toma04."""

EMITENTE = "79160190000193"
LETTERS = "12ABC34501DE35"
CPF = "52998224725"
NFE = "35260707270824000120550030000131991030234390"
OTHER = "35260679160190000193570010000000771000000772"
"""The key of another CT-e of the same issuer."""


@dataclass(frozen=True)
class Person:
    """A part, with the address that the schema wants."""

    documento: str
    nome: str
    uf: str
    municipio: str

    def element(self, name: str, address: str, first: str | None = None) -> Element:
        """rem, exped, toma4 and so on; `first` is the code that some begin with."""
        return el(
            name,
            el("toma", first) if first else None,
            el("CNPJ" if len(self.documento) == 14 else "CPF", self.documento),
            el("IE", "9033552804"),
            el("xNome", self.nome),
            el(
                address,
                el("xLgr", "RUA A"),
                el("nro", "160"),
                el("cMun", "4106902"),
                el("xMun", self.municipio),
                el("UF", self.uf),
            ),
        )


TRANSPORTADORA = Person(EMITENTE, "Transportes Já", "SP", "SAO PAULO")
REMETENTE = Person("07270824000120", "Hi-Top & Filhos", "PR", "CURITIBA")
EXPEDIDOR = Person("33000167000101", "Expresso Sul", "RS", "CANOAS")
RECEBEDOR = Person("60746948000112", "Depósito Norte", "PA", "BELEM")
DESTINATARIO = Person("17155342000345", "Régua Nova", "MG", "BELO HORIZONTE")
TERCEIRO = Person("24178617000110", "Quem Paga", "SP", "CAMPINAS")


def icms(group: str, cst: str | None, **values: str) -> Element:
    return el(group, el("CST", cst) if cst else None, *(el(n, v) for n, v in values.items()))


@dataclass(frozen=True, kw_only=True)
class Freight:
    """A CT-e. What is not said is a common cteProc, paid by the sender."""

    root: str = "cteProc"
    layout: str = "4.00"
    emit: Person = TRANSPORTADORA
    rem: Person | None = REMETENTE
    exped: Person | None = None
    receb: Person | None = None
    dest: Person | None = DESTINATARIO
    toma: str | None = "0"
    """The code. With "4" it is `tomador`, whom a CT-e OS and a Simplificado show anyway."""
    tomador: Person | None = TERCEIRO
    tipo: str = "0"
    ambiente: str = "1"
    emissao: str = "2026-07-06T10:20:30-03:00"
    recebimento: str = "2026-07-06T10:20:45-03:00"
    valor: str = "1234.56"
    receber: str = "1200.00"
    icms: Element = field(default_factory=lambda: icms("ICMS00", "00", vICMS="148.15"))
    notas: tuple[str, ...] = (NFE,)
    substituido: str | None = None
    complementados: tuple[str, ...] = ()
    anulado: str | None = None
    uf: str = "35"
    prot: dict[str, str] = field(default_factory=dict)
    """Fields of the protocol that are to be as nobody would expect."""

    @property
    def inner(self) -> str:
        return INNER.get(self.root, self.root)

    @property
    def modelo(self) -> str:
        return MODELO[self.inner]

    @property
    def chave(self) -> str:
        aamm = self.emissao[2:4] + self.emissao[5:7]
        issuer = self.emit.documento.rjust(14, "0")
        return with_digit(f"{self.uf}{aamm}{issuer}{self.modelo}001000000052100000049")


def with_digit(front: str) -> str:
    """The key of 43 characters with its check digit: mod 11, weights 2 to 9 from the right."""
    weighed = sum((ord(c) - 48) * (2 + i % 8) for i, c in enumerate(reversed(front)))
    return front + str(0 if weighed % 11 < 2 else 11 - weighed % 11)
