"""Tokens that the API refused lately: the next run leaves them alone, as the vendor's guard wants.

The vendor blocks addresses that insist on a wrong token. A process knows what it was told; this is
for the next one. Of a token only its fingerprint is kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from focus_cte import AuthenticationError
from focus_cte.cli.texts import _
from focus_cte.cli.whole import replacing

if TYPE_CHECKING:
    from focus_cte import FocusCTe
    from focus_cte.cli.config import Access

REST: Final = 300.0
"""Seconds, as within a process."""


class Refusals:
    """Those of one archive, in a file beside it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "refused.json"

    def seconds_left(self, fingerprint: str) -> float:
        """How long the token rests still; 0 where it may be tried."""
        at = self._read().get(fingerprint)
        if not isinstance(at, int | float):
            return 0.0
        # A clock that was set back makes nobody wait for longer.
        return max(0.0, min(REST, at + REST - time.time()))

    @contextmanager
    def minding(self, access: Access) -> Iterator[None]:
        """A block that asks with this token: it raises at once while the token rests."""
        mark = access.fingerprint()
        if rest := self.seconds_left(mark):
            raise AuthenticationError(
                _(
                    "not asked: the token was refused in {where} less than five minutes ago, and"
                    " the vendor blocks who insists; correct it, or wait {seconds:.0f} s"
                ).format(where=access.where, seconds=rest),
                status=401,
                retry_after=rest,
            )
        try:
            yield
        except AuthenticationError:
            self.add(mark)
            raise

    def add(self, fingerprint: str) -> None:
        """What cannot be written is not remembered: the refusal says more than a full disk."""
        with suppress(OSError):
            self._add(fingerprint)

    def _add(self, fingerprint: str) -> None:
        now = time.time()
        known = {
            each: at
            for each, at in self._read().items()
            if isinstance(at, int | float) and now - at < REST
        }
        # It is not there yet where FOCUS_CTE_DATABASE is elsewhere.
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(self._path, mode=0o600) as file:
            file.write(json.dumps({**known, fingerprint: now}).encode())

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


@asynccontextmanager
async def asking(access: Access, acervo: Path) -> AsyncIterator[FocusCTe]:
    """A client for one command, of a token that does not rest."""
    with Refusals(acervo).minding(access):
        async with access.client() as focus:
            yield focus
