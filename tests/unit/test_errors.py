"""The tree of exceptions: what a caller can catch, and that it travels between processes."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import focus_cte
from focus_cte import Desacordo, FocusError, errors

TREE = {
    "FocusError": "Exception",
    "InvalidArgument": "FocusError, ValueError",
    "UsageError": "FocusError, RuntimeError",
    "TransportError": "FocusError",
    "RequestTimeout": "TransportError, TimeoutError",
    "InvalidResponse": "FocusError",
    "InvalidDocument": "InvalidResponse",
    "CursorStalled": "FocusError",
    "ClientClosed": "FocusError",
    "OutcomeUnknown": "FocusError",
    "DesacordoRejeitado": "FocusError",
    "ApiError": "FocusError",
    "BadRequest": "ApiError",
    "DesacordoJaRegistrado": "BadRequest",
    "AuthenticationError": "ApiError",
    "PermissionDenied": "ApiError",
    "NotFound": "ApiError",
    "RateLimited": "ApiError",
    "ServerError": "ApiError",
}
API_DETAILS = {
    "status": 422,
    "codigo": "requisicao_invalida",
    "mensagem": "Parâmetro inválido",
    "erros": ({"campo": "cnpj", "mensagem": "não informado"},),
    "retry_after": 12.5,
}
DETAILS = {
    "TransportError": {"reached": False},
    "RequestTimeout": {"reached": False},
    "InvalidDocument": {"raw": {"chave": None}, "versao": 7},
    "OutcomeUnknown": {"chave": "3" * 44},
    "DesacordoRejeitado": {"desacordo": Desacordo("erro", "787", "fora do prazo", raw={"a": 1})},
}


ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == errors.__name__
]


def filled(kind: type[FocusError]) -> FocusError:
    api = issubclass(kind, errors.ApiError)
    return kind("what went wrong", **(API_DETAILS if api else DETAILS.get(kind.__name__, {})))


def test_the_tree_is_the_one_that_is_documented() -> None:
    assert {k.__name__: ", ".join(b.__name__ for b in k.__bases__) for k in ALL} == TREE


@pytest.mark.parametrize("name", TREE)
def test_every_error_is_public_and_says_what_it_is_for(name: str) -> None:
    assert name in focus_cte.__all__
    assert getattr(focus_cte, name).__doc__


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_pickles_with_its_details(kind: type[FocusError], protocol: int) -> None:
    error = filled(kind)
    again = pickle.loads(pickle.dumps(error, protocol))
    assert (type(again), str(again), vars(again)) == (kind, "what went wrong", vars(error))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_can_be_copied(kind: type[FocusError]) -> None:
    error = filled(kind)
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert (type(again), str(again), vars(again)) == (kind, "what went wrong", vars(error))


def test_a_note_survives_the_pickle() -> None:
    error = errors.NotFound("no such document", status=404)
    error.add_note("while mirroring")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while mirroring"]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_may_be_raised_bare(kind: type[FocusError]) -> None:
    assert str(kind()) == ""
    assert kind().args == ("",)


def test_details_that_were_not_given_have_a_value() -> None:
    error = errors.ApiError("refused")
    assert (error.status, error.codigo, error.mensagem) == (0, None, None)
    assert (error.erros, error.retry_after) == ((), None)
    assert errors.TransportError("broken").reached is True
    assert errors.InvalidDocument("no key").versao == 0
    assert errors.OutcomeUnknown("lost").chave == ""
    assert errors.DesacordoRejeitado("refused").desacordo is None


def test_a_misspelt_detail_is_refused() -> None:
    with pytest.raises(TypeError, match="ApiError has no attribute 'stauts'"):
        errors.ApiError("refused", stauts=400)


def test_errors_are_caught_by_what_python_calls_them() -> None:
    with pytest.raises(ValueError, match="shape"):
        raise errors.InvalidArgument("wrong shape")
    with pytest.raises(TimeoutError, match="late"):
        raise errors.RequestTimeout("late", reached=False)
    with pytest.raises(RuntimeError, match="twice"):
        raise errors.UsageError("twice")
