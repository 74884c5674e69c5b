"""Every CT-e issued against a company, held through the Focus NFe API.

Open a `FocusCTe`, iterate `sync(cnpj, versao=...)`, store one number per CNPJ.
A name is loaded when it is first asked for: who only parses keys does not wait for aiohttp.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from focus_cte._json import read_item
    from focus_cte.chave import ChaveAcesso, parse_chave, parse_cnpj
    from focus_cte.client import FocusCTe
    from focus_cte.desacordo import check_observacoes
    from focus_cte.errors import (
        ApiError,
        AuthenticationError,
        BadRequest,
        ClientClosed,
        CursorStalled,
        DesacordoJaRegistrado,
        DesacordoRejeitado,
        FocusError,
        InvalidArgument,
        InvalidDocument,
        InvalidResponse,
        NotFound,
        OutcomeUnknown,
        PermissionDenied,
        RateLimited,
        RequestTimeout,
        ServerError,
        TransportError,
        UsageError,
    )
    from focus_cte.models import (
        Ambiente,
        Credits,
        CTeCompleta,
        CTeRecebida,
        Desacordo,
        Page,
        Retry,
        Share,
        Situacao,
        TipoCTe,
    )
    from focus_cte.sync import Sync

__all__ = [
    "Ambiente",
    "ApiError",
    "AuthenticationError",
    "BadRequest",
    "CTeCompleta",
    "CTeRecebida",
    "ChaveAcesso",
    "ClientClosed",
    "Credits",
    "CursorStalled",
    "Desacordo",
    "DesacordoJaRegistrado",
    "DesacordoRejeitado",
    "FocusCTe",
    "FocusError",
    "InvalidArgument",
    "InvalidDocument",
    "InvalidResponse",
    "NotFound",
    "OutcomeUnknown",
    "Page",
    "PermissionDenied",
    "RateLimited",
    "RequestTimeout",
    "Retry",
    "ServerError",
    "Share",
    "Situacao",
    "Sync",
    "TipoCTe",
    "TransportError",
    "UsageError",
    "check_observacoes",
    "parse_chave",
    "parse_cnpj",
    "read_item",
]

_WITH_NAMES = ("errors", "chave", "models", "_json", "sync", "desacordo", "client")
"""The modules that have them, those first that load little."""
_OTHERS = tuple(
    "_accounts _cte _files _http _origin _reset _retry _settings _wire"
    " credits documents downloads follow gate listing session".split()
)

if not TYPE_CHECKING:  # whoever checks types should see no more names than there are

    def __getattr__(name: str) -> object:
        """A public name, or a module of the core, loaded now."""
        if name in (*_WITH_NAMES, *_OTHERS):
            return import_module(f"{__name__}.{name}")
        if name in __all__:
            for module in _WITH_NAMES:
                names = vars(import_module(f"{__name__}.{module}"))
                if name in names:
                    return globals().setdefault(name, names[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
