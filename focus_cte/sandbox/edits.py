"""Faults in what a right answer says."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final

from aiohttp import web

from .faults import Fault
from .front import Call


class _Mark(Enum):
    ABSENT = "ABSENT"


ABSENT: Final = _Mark.ABSENT
"""In the fields of an `item` fault: the field is left out, where None makes it null."""


class _Edited(Fault):
    """A right answer whose JSON is changed on its way out."""

    places: ClassVar[frozenset[str]] = frozenset({"listing"})

    def edit(self, data: Any) -> Any:
        raise NotImplementedError

    async def answer(self, call: Call) -> web.StreamResponse:
        response = await call.work()
        if (
            isinstance(response, web.Response)
            and response.status == 200
            and response.text is not None
        ):
            response.text = json.dumps(self.edit(json.loads(response.text)), ensure_ascii=False)
        return response


@dataclass(frozen=True)
class Unsorted(_Edited):
    """The page in another order, always the same one."""

    def edit(self, data: Any) -> Any:
        order = list(data)
        random.Random(1).shuffle(order)  # noqa: S311
        return order


@dataclass(frozen=True)
class _Renamed(_Edited):
    """Items call the key something else, as newer answers do."""

    places: ClassVar[frozenset[str]] = frozenset({"listing", "document"})
    name: ClassVar[str]

    def edit(self, data: Any) -> Any:
        if isinstance(data, list):
            return [self.edit(item) for item in data]
        return {self.name if field == "chave" else field: value for field, value in data.items()}


@dataclass(frozen=True)
class ChaveCte(_Renamed):
    name: ClassVar[str] = "chave_cte"


@dataclass(frozen=True)
class ChaveAcesso(_Renamed):
    name: ClassVar[str] = "chave_acesso"


@dataclass(frozen=True)
class Item(_Edited):
    """One item of the page, changed or replaced by any JSON; no effect without that index."""

    index: int = 0
    fields: Mapping[str, Any] | None = None
    replace: Any = ABSENT

    def __post_init__(self) -> None:
        if isinstance(self.index, bool) or not isinstance(self.index, int):
            raise TypeError("index must be an integer")
        if self.fields is not None and not isinstance(self.fields, Mapping):
            raise TypeError("fields must be a mapping")
        if (self.fields is None) == (self.replace is ABSENT):
            raise ValueError("give either fields or replace")
        known = {name: value for name, value in (self.fields or {}).items() if value is not ABSENT}
        json.dumps([known, None if self.replace is ABSENT else self.replace])

    def edit(self, data: Any) -> Any:
        if not -len(data) <= self.index < len(data):
            return data
        if self.replace is not ABSENT:
            data[self.index] = self.replace
            return data
        fields = data[self.index] | dict(self.fields or {})
        data[self.index] = {name: value for name, value in fields.items() if value is not ABSENT}
        return data
