"""Companies that do not exist, with names, towns and registrations of the right form."""

from __future__ import annotations

from dataclasses import dataclass

from .keys import Draw, with_cnpj_digits, with_cpf_digits

# code of the state, state, IBGE code of the town, town, CEP
_TOWNS = (
    ("35", "SP", "3550308", "SÃO PAULO", "01310100"),
    ("35", "SP", "3509502", "CAMPINAS", "13010111"),
    ("41", "PR", "4106902", "CURITIBA", "81350100"),
    ("41", "PR", "4115200", "MARINGÁ", "87013000"),
    ("42", "SC", "4209102", "JOINVILLE", "89201300"),
    ("42", "SC", "4204202", "CHAPECÓ", "89801000"),
    ("43", "RS", "4305108", "CAXIAS DO SUL", "95010000"),
    ("31", "MG", "3106200", "BELO HORIZONTE", "31310260"),
    ("31", "MG", "3170206", "UBERLÂNDIA", "38400000"),
    ("33", "RJ", "3303302", "NITERÓI", "24020000"),
    ("52", "GO", "5208707", "GOIÂNIA", "74003010"),
    ("29", "BA", "2927408", "SALVADOR", "40010000"),
    ("26", "PE", "2611606", "RECIFE", "50010000"),
    ("23", "CE", "2304400", "FORTALEZA", "60010000"),
    ("51", "MT", "5103403", "CUIABÁ", "78005000"),
)
_FORMS = (
    "Transportes {} Ltda",
    "Transportadora {} Ltda",
    "Rodoviário {} Ltda",
    "{} Logística S.A.",
    "Expresso {} Ltda",
    "{} Cargas e Encomendas Ltda",
    "{} & Filhos Transportes Ltda - ME",
    "Viação e Cargas {} EIRELI",
    "{} Transportes Rodoviários S/A",
    "TransLog {} Ltda - EPP",
)
_NAMES = (
    "Três Fronteiras",
    "Serra Dourada",
    "Planalto Verde",
    "Rio das Pedras",
    "Irmãos Zanella",
    "São Cristóvão",
    "Bandeirante do Sul",
    "Vale do Itajaí",
    "Estrela da Manhã",
    "Nossa Senhora Aparecida",
    "Pé na Estrada",
    "Água Limpa",
    "Figueiredo",
    "Beltrão",
    "Campos Gerais",
    "Nova Aliança",
    "Sertão Livre",
    "Cruzeiro do Norte",
)
_TRADERS = (
    "Indústria de Móveis {} Ltda",
    "Comercial de Alimentos {} Ltda",
    "{} Materiais de Construção Ltda",
    "Metalúrgica {} S.A.",
    "Distribuidora {} Ltda",
    "Cooperativa Agroindustrial {}",
)
_STREETS = (
    "RUA DAS ACÁCIAS",
    "AVENIDA BRASIL",
    "RODOVIA BR 116",
    "RUA XV DE NOVEMBRO",
    "AVENIDA DO COMÉRCIO",
)
_DRIVERS = ("José Aparecido da Conceição", "Antônio Gonçalves Guimarães", "Sebastião Araújo Falcão")

_CARRIERS = 30


@dataclass(frozen=True, slots=True)
class Company:
    """One party of a CT-e. `documento` is a CNPJ (14 characters) or a CPF (11 digits)."""

    documento: str
    ie: str
    nome: str
    rua: str
    numero: str
    cuf: str
    uf: str
    cmun: str
    municipio: str
    cep: str

    @property
    def tag(self) -> str:
        return "CNPJ" if len(self.documento) == 14 else "CPF"


def carriers(seed: int) -> tuple[Company, ...]:
    """The issuers: one in ten has letters in its CNPJ, one in thirty is a driver with a CPF."""
    return tuple(_carrier(Draw(seed, "carrier", place), place) for place in range(_CARRIERS))


def trader(seed: int, place: int) -> Company:
    """A company that sends or gets goods."""
    draw = Draw(seed, "trader", place)
    return _company(draw, _cnpj(draw), _TRADERS)


def cnpj_of(seed: int) -> str:
    """Our own CNPJ."""
    return _cnpj(Draw(seed, "cnpj"))


def _carrier(draw: Draw, place: int) -> Company:
    if place == 17:
        return _company(
            draw, with_cpf_digits(draw.digits(9)), (_DRIVERS[draw.below(len(_DRIVERS))],)
        )
    if place % 10 == 3:
        # At least one letter, which the draw alone would not promise.
        return _company(
            draw, with_cnpj_digits("ABCDEFGHJK"[draw.below(10)] + draw.letters(7) + "0001"), _FORMS
        )
    return _company(draw, _cnpj(draw), _FORMS)


def _cnpj(draw: Draw) -> str:
    return with_cnpj_digits(draw.digits(8) + "0001")


def _company(draw: Draw, documento: str, forms: tuple[str, ...]) -> Company:
    cuf, uf, cmun, municipio, cep = _TOWNS[draw.below(len(_TOWNS))]
    return Company(
        documento=documento,
        ie=draw.digits(9),
        nome=forms[draw.below(len(forms))].format(_NAMES[draw.below(len(_NAMES))]),
        rua=_STREETS[draw.below(len(_STREETS))],
        numero=str(draw.below(3000) + 1),
        cuf=cuf,
        uf=uf,
        cmun=cmun,
        municipio=municipio,
        cep=cep,
    )
