"""What other programs call: the names, the signatures, and a docstring for each."""

from __future__ import annotations

import enum
import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import focus_cte
from focus_cte import FocusCTe, Sync
from focus_cte.sandbox import Sandbox

NAMES = """
    Ambiente ApiError AuthenticationError BadRequest CTeCompleta CTeRecebida ChaveAcesso
    ClientClosed Credits CursorStalled Desacordo DesacordoJaRegistrado DesacordoRejeitado FocusCTe
    FocusError InvalidArgument InvalidDocument InvalidResponse NotFound OutcomeUnknown Page
    PermissionDenied RateLimited RequestTimeout Retry ServerError Share Situacao Sync TipoCTe
    TransportError UsageError check_observacoes parse_chave parse_cnpj read_item
""".split()

ONE = "(self, chave: 'str', *, cnpj: 'str | None' = None)"
FILE = "(self, chave: 'str', *, cnpj: 'str | None' = None, to: '_Path | None' = None)"
CLIENT = {
    "__init__": (
        "(self, token: 'str', *, ambiente: 'Ambiente | None' = None,"
        " base_url: 'str | None' = None, session: 'aiohttp.ClientSession | None' = None,"
        " timeout: 'float' = 30.0, retry: 'Retry' = Retry(attempts=4, total=120.0, initial=0.5,"
        " maximum=15.0), max_concurrency: 'int' = 8, reserve: 'int' = 0) -> 'None'"
    ),
    "from_env": "(**overrides: 'Any') -> 'Self'",
    "__aenter__": "(self) -> 'Self'",
    "__aexit__": (
        "(self, kind: 'type[BaseException] | None', error: 'BaseException | None',"
        " traceback: 'TracebackType | None') -> 'None'"
    ),
    "close": "(self) -> 'None'",
    "listar": "(self, cnpj: 'str', *, versao: 'int' = 0) -> 'Page'",
    "sync": (
        "(self, cnpj: 'str', *, versao: 'int' = 0, prefetch: 'bool' = True,"
        " on_invalid: 'OnInvalid | None' = None) -> 'Sync'"
    ),
    "follow": (
        "(self, cnpj: 'str', *, versao: 'int' = 0,"
        " every: 'timedelta' = datetime.timedelta(seconds=7200),"
        " wake: 'asyncio.Event | None' = None, on_invalid: 'OnInvalid | None' = None) -> 'Sync'"
    ),
    "consultar": f"{ONE} -> 'CTeRecebida'",
    "consultar_completa": f"{ONE} -> 'CTeCompleta'",
    "informar_desacordo": (
        "(self, chave: 'str', observacoes: 'str', *, cnpj: 'str | None' = None) -> 'Desacordo'"
    ),
    "consultar_desacordo": f"{ONE} -> 'Desacordo'",
    "baixar_xml": f"{FILE} -> 'bytes | Path'",
    "baixar_dacte": f"{FILE} -> 'bytes | Path'",
    "baixar_xml_cancelamento": f"{FILE} -> 'bytes | Path'",
    "baixar_xml_carta_correcao": f"{FILE} -> 'bytes | Path'",
    "reenviar_notificacao": "(self, chave: 'str') -> 'None'",
    "sharing": "(self, *, reserve: 'int') -> 'AbstractContextManager[Share]'",
}
SYNC = {
    "__aiter__": "(self) -> 'AsyncIterator[CTeRecebida]'",
    "pages": "(self) -> 'AsyncIterator[Page]'",
    "aclose": "(self) -> 'None'",
    "__aenter__": "(self) -> 'Self'",
}
FIELDS = {
    "CTeRecebida": (
        "chave versao situacao tipo_cte valor_total data_emissao nome_emitente documento_emitente"
        " cnpj_destinatario digest_value carta_correcao data_carta_correcao data_cancelamento"
        " justificativa_cancelamento raw"
    ),
    "CTeCompleta": "resumo mdfes requisicao protocolo",
    "Desacordo": "status status_sefaz mensagem_sefaz protocolo raw",
    "Page": "ctes versao total last invalid",
    "Credits": "limit remaining resets_in",
    "Retry": "attempts total initial maximum",
    "ChaveAcesso": "texto uf emissao emitente modelo serie numero dv dv_ok",
}
MEMBERS = {
    "Ambiente": {"HOMOLOGACAO": "homologacao", "PRODUCAO": "producao"},
    "Situacao": {
        "AUTORIZADA": "autorizada",
        "CANCELADA": "cancelada",
        "DENEGADA": "denegada",
    },
    "TipoCTe": {
        "NORMAL": "0",
        "COMPLEMENTO": "1",
        "ANULACAO": "2",
        "SUBSTITUTO": "3",
        "SIMPLIFICADO": "5",
        "SIMPLIFICADO_SUBSTITUTO": "6",
    },
}
SANDBOX = "ctes=250 seed=1 credits=100 window=60.0 acervo=None".split()


def public(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(kind).items():
        if not name.startswith("_"):
            yield name, getattr(member, "__func__", member)


def test_the_public_names_are_these() -> None:
    assert focus_cte.__all__ == sorted(focus_cte.__all__)
    assert set(focus_cte.__all__) == set(NAMES)
    assert all(hasattr(focus_cte, name) for name in NAMES)


def test_a_star_import_gives_the_public_names() -> None:
    space: dict[str, Any] = {}
    exec("from focus_cte import *", space)
    assert set(space) - {"__builtins__"} == set(NAMES)


def test_dir_gives_the_public_names_before_they_are_asked_for() -> None:
    code = "import focus_cte; print(*dir(focus_cte))"
    told = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert set(told) >= {*NAMES, "__all__", "__doc__"}
    assert told == sorted(set(told))


def test_a_name_is_looked_for_once() -> None:
    for name in NAMES:
        assert getattr(focus_cte, name) is vars(focus_cte)[name]


def test_a_name_that_is_none_is_refused_in_pythons_words() -> None:
    with pytest.raises(AttributeError) as caught:
        focus_cte.FocusCTE  # type: ignore[attr-defined] # noqa: B018
    assert str(caught.value) == "module 'focus_cte' has no attribute 'FocusCTE'"
    assert (caught.value.name, caught.value.obj) == ("FocusCTE", focus_cte)
    with pytest.raises(ImportError, match="cannot import name 'FocusCTE' from 'focus_cte'"):
        exec("from focus_cte import FocusCTE")
    assert not hasattr(focus_cte, "import_nothing")


@pytest.mark.parametrize("name", CLIENT)
def test_the_clients_methods_have_the_documented_signatures(name: str) -> None:
    assert str(inspect.signature(getattr(FocusCTe, name))) == CLIENT[name]


def test_the_client_has_no_other_methods() -> None:
    pinned = {name for name in CLIENT if not name.startswith("_")}
    assert {name for name, _ in public(FocusCTe)} == pinned | {"ambiente", "credits", "origin"}
    assert isinstance(vars(FocusCTe)["ambiente"], property)
    assert isinstance(vars(FocusCTe)["credits"], property)
    assert isinstance(vars(FocusCTe)["origin"], property)


def test_what_sends_a_request_is_awaited() -> None:
    plain = {"sync", "follow", "from_env", "__init__", "sharing"}
    for name in CLIENT:
        assert inspect.iscoroutinefunction(getattr(FocusCTe, name)) is (name not in plain), name


@pytest.mark.parametrize("name", SYNC)
def test_a_syncs_methods_have_the_documented_signatures(name: str) -> None:
    assert str(inspect.signature(getattr(Sync, name))) == SYNC[name]


def test_a_sync_has_no_other_methods() -> None:
    assert {name for name, _ in public(Sync)} == {"pages", "aclose"}


@pytest.mark.parametrize("name", FIELDS)
def test_the_models_have_the_documented_fields_and_are_frozen(name: str) -> None:
    kind = getattr(focus_cte, name)
    assert [field.name for field in attrs.fields(kind)] == FIELDS[name].split()
    assert kind.__setattr__ is attrs.make_class("Frozen", [], frozen=True).__setattr__


@pytest.mark.parametrize("name", MEMBERS)
def test_the_enums_have_the_documented_members_and_are_texts(name: str) -> None:
    kind = getattr(focus_cte, name)
    assert issubclass(kind, enum.StrEnum)
    assert {member.name: member.value for member in kind} == MEMBERS[name]


def test_the_sandbox_takes_what_is_documented() -> None:
    parameters = inspect.signature(Sandbox).parameters
    for setting in SANDBOX:
        name, default = setting.split("=")
        assert str(parameters[name].default) == default
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
    for name in ("url", "token", "cnpj", "receive", "cancel", "correct", "fail"):
        assert hasattr(Sandbox, name) or hasattr(Sandbox(), name)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_class_and_method_says_what_it_does(name: str) -> None:
    kind = getattr(focus_cte, name)
    assert kind.__doc__
    if inspect.isfunction(kind):
        return
    assert "__doc__" in vars(kind)  # its own
    for member_name, member in public(kind):
        if inspect.isfunction(member) or isinstance(member, property):
            assert member.__doc__, f"{name}.{member_name}"


def test_the_package_says_what_it_is_for() -> None:
    assert focus_cte.__doc__
