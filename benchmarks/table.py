"""Tables whose figures have their target beside them."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

_RELATIONS = {"≤": operator.le, "<": operator.lt, "≥": operator.ge, "=": operator.eq}


@dataclass(frozen=True)
class Check:
    """A figure, and the target that it must reach: `Check(1.52, "≤ 1.80")`."""

    value: float
    target: str
    shown: str = "{:.2f}"

    @property
    def reached(self) -> bool:
        relation, bound = self.target.rstrip(" %").split()
        return bool(_RELATIONS[relation](self.value, float(bound)))

    def __str__(self) -> str:
        verdict = "reached" if self.reached else "MISSED"
        return f"{self.shown.format(self.value)} ({self.target}: {verdict})"


@dataclass
class Table:
    """Rows of figures under a title."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str | Check, ...]] = field(default_factory=list)

    def add(self, *cells: str | Check) -> None:
        self.rows.append(cells)

    @property
    def missed(self) -> int:
        return sum(isinstance(c, Check) and not c.reached for row in self.rows for c in row)

    def __str__(self) -> str:
        lines = [self.columns, *(tuple(map(str, row)) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, tuple("-" * width for width in widths))
        return "\n".join([self.title, *(_line(cells, widths) for cells in lines)])


def _line(cells: tuple[str | Check, ...], widths: list[int]) -> str:
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
