"""Every CT-e issued against a company, held through the Focus NFe API.

Open a `FocusCTe`, iterate `sync(cnpj, versao=...)`, store one number per CNPJ.
"""

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
