"""The CT-e itself: who pays the freight, until when it can be disputed, what SEFAZ authorized.

`CTeXML.parse` and `Evento.parse` read the files that `FocusCTe` downloads, `verify` checks their
signatures, `prazo_desacordo` counts the 45 days, and `checar_desacordo` looks, before a desacordo
is registered, at all that would have SEFAZ refuse it. It needs the extra: `focus-cte[xml]`.
"""

try:
    import cryptography  # noqa: F401
    import lxml  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"focus_cte.xml needs {error.name}: pip install focus-cte[xml]", name=error.name
    ) from error

from focus_cte.xml._parse import InvalidXML
from focus_cte.xml.cte import CTeXML, Papel, Parte, Protocolo
from focus_cte.xml.desacordo import PlanoDesacordo, checar_desacordo
from focus_cte.xml.evento import Evento
from focus_cte.xml.prazo import PrazoDesacordo, prazo_desacordo
from focus_cte.xml.verification import Verification, parse_and_verify, verify

__all__ = [
    "CTeXML",
    "Evento",
    "InvalidXML",
    "Papel",
    "Parte",
    "PlanoDesacordo",
    "PrazoDesacordo",
    "Protocolo",
    "Verification",
    "checar_desacordo",
    "parse_and_verify",
    "prazo_desacordo",
    "verify",
]
