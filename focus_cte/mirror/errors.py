"""What can go wrong with an archive, beside what can go wrong with the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from focus_cte import FocusError

if TYPE_CHECKING:
    from focus_cte.xml import PlanoDesacordo


class MirrorError(FocusError):
    """Something about the archive. Nothing half-done is left: cursor and files are as they were."""


class OtherOrigin(MirrorError):
    """The archive is of another API: homologação, sandbox and produção never mix."""


class SchemaTooNew(MirrorError):
    """A newer release of focus_cte made or migrated this archive: upgrade to read it."""


class StoreError(MirrorError):
    """The database cannot be used: locked, corrupt, full, gone, without permission."""


class FilesError(MirrorError):
    """The folder of files cannot be used: full, read-only, gone."""


class LeaseHeld(MirrorError):
    """Another process is pulling this CNPJ."""

    cnpj: str = ""
    until: datetime | None = None
    """When its lease ends, unless it renews it."""


class LeaseLost(MirrorError):
    """This process paused for so long that another took its lease over; it wrote nothing since."""

    cnpj: str = ""


class DesacordoImpedido(MirrorError):
    """`checar_desacordo` found something against it: nothing was registered."""

    plano: PlanoDesacordo | None = None
