"""A local copy of every CT-e of a company, complete after any crash, with a feed of what changed.

`Mirror.at(folder)` opens one, `Mirror.sync(focus, cnpj)` brings it up to date. It needs the extra:
`focus-cte[mirror]`, and `focus-cte[postgres]` for PostgreSQL.
"""

try:
    import aiosqlite  # noqa: F401
    import sqlalchemy  # noqa: F401

    import focus_cte.xml  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"focus_cte.mirror needs {error.name}: pip install focus-cte[mirror]", name=error.name
    ) from error

from focus_cte.mirror.errors import (
    DesacordoImpedido,
    FilesError,
    LeaseHeld,
    LeaseLost,
    MirrorError,
    OtherOrigin,
    SchemaTooNew,
    StoreError,
)
from focus_cte.mirror.mirror import Mirror
from focus_cte.mirror.models import (
    Change,
    Damage,
    Documento,
    Evento,
    Kind,
    Progress,
    Purged,
    Report,
    State,
    Status,
    Verified,
    What,
)
from focus_cte.mirror.steps import Step

__all__ = [
    "Change",
    "Damage",
    "DesacordoImpedido",
    "Documento",
    "Evento",
    "FilesError",
    "Kind",
    "LeaseHeld",
    "LeaseLost",
    "Mirror",
    "MirrorError",
    "OtherOrigin",
    "Progress",
    "Purged",
    "Report",
    "SchemaTooNew",
    "State",
    "Status",
    "Step",
    "StoreError",
    "Verified",
    "What",
]
