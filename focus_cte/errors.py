"""Every exception of focus_cte: one root, and branches by what the caller can do about it.

None holds the token, and all pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from focus_cte.models import Desacordo


class FocusError(Exception):
    """The root of all errors of this package."""

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message)
        for name, value in details.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no attribute {name!r}")
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[FocusError], args: tuple[Any, ...], state: dict[str, Any]) -> FocusError:
    error = cls(*args)
    error.__dict__.update(state)
    return error


class InvalidArgument(FocusError, ValueError):
    """Refused before any request: a key, CNPJ, text or setting of the wrong shape."""


class UsageError(FocusError, RuntimeError):
    """Used in a way that cannot work: from a second event loop, or a `Sync` iterated twice."""


class TransportError(FocusError):
    """No answer: DNS, refused, reset, or cut in the middle."""

    reached: bool = True
    """False when the request provably never left: no connection was made."""


class RequestTimeout(TransportError, TimeoutError):
    """No whole answer in time."""


class InvalidResponse(FocusError):
    """An answer that the API does not document: HTML with 200, cut JSON, a PDF that is none."""

    passing: bool = True
    """Whether the same request may go better another time."""


class InvalidDocument(InvalidResponse):
    """One listing item without a usable key or `versao`."""

    passing: bool = False
    raw: Any = None
    """The item as it came."""
    versao: int = 0
    """Where to resume past it: every document up to here was handed out, or is this one."""


class CursorStalled(FocusError):
    """A page with documents that does not move the cursor: asking again would loop for ever."""


class ClientClosed(FocusError):
    """Used after `close()`, also inside a loop under way."""


CLOSED = "the client is closed"


class OutcomeUnknown(FocusError):
    """A desacordo that may or may not be registered.

    Ask `consultar_desacordo(error.chave)` before anything else: this API cannot take one back, and
    refuses a second one.
    """

    chave: str = ""


class DesacordoRejeitado(FocusError):
    """SEFAZ said no to the desacordo; nothing was registered."""

    desacordo: Desacordo | None = None
    """The refusal as it came."""


class ApiError(FocusError):
    """The API refused the request."""

    status: int = 0
    """The HTTP status."""
    codigo: str | None = None
    """The vendor's `codigo`, such as `nao_encontrado`."""
    mensagem: str | None = None
    """The vendor's own words."""
    erros: tuple[Mapping[str, Any], ...] = ()
    """Errors by field, `{campo, mensagem}` each."""
    retry_after: float | None = None
    """Seconds to wait before the next try, when known."""


class BadRequest(ApiError):
    """400, 415 or 422: the API did not accept the parameters."""


class DesacordoJaRegistrado(BadRequest):
    """The document already has a desacordo; `consultar_desacordo` shows it."""


class AuthenticationError(ApiError):
    """401: the token is not known in this environment. It is not sent again for five minutes."""


class PermissionDenied(ApiError):
    """403, or `permissao_negada`: the token may not act for this company."""


class NotFound(ApiError):
    """404: no such document, or it has no such file (yet)."""


class RateLimited(ApiError):
    """429: no credits left, and the wait asked for is longer than `Retry.total`."""


class ServerError(ApiError):
    """5xx, after the retries."""
