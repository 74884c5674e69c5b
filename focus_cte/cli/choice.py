"""Which of your companies, and so which token, a command about one document is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from focus_cte.cli import config
from focus_cte.cli.texts import _


@attrs.frozen
class Whose:
    """What was said of it: a companies.toml, a CNPJ, or neither."""

    file: Path | None
    cnpj: str | None

    def cnpj_among(self, received: Sequence[str]) -> str | None:
        """The CNPJ to ask as: the one that was said, or the only one that received the document."""
        return self.cnpj or (received[0] if len(received) == 1 else None)

    def access(self, received: Sequence[str]) -> config.Access:
        """The token of the company. Raises `ConfigError` where that is not clear."""
        if self.file is None:
            return config.access_from_environment()
        companies = config.from_file(self.file, [self.cnpj] if self.cnpj else [])
        receiving = [each for each in companies if each.cnpj in received]
        found = {each.access() for each in receiving or companies}
        if len(found) == 1:
            return found.pop()
        raise config.ConfigError(
            _("{file} has several tokens: say with --cnpj which company this is for").format(
                file=self.file
            )
        )
