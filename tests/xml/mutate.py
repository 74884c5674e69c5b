"""Files changed at random, and yet much as they were."""

from __future__ import annotations

import re

from hypothesis import strategies as st

_LEAF = re.compile(rb"<([\w:]+)(?: [^<>]*)?>[^<]*</\1>")
KINDS = ("delete", "duplicate", "flip", "splice", "swap")
_PLACE = st.integers(0, 2**20)
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(KINDS), _PLACE, _PLACE, st.integers(1, 400)), min_size=1, max_size=4
)


def mutated(data: bytes, other: bytes, mutations: list[tuple[str, int, int, int]]) -> bytes:
    """The file after these; a splice takes from the other."""
    for kind, here, there, size in mutations:
        data = _once(data or b" ", other, kind, here, there, size)
    return data


def _once(data: bytes, other: bytes, kind: str, here: int, there: int, size: int) -> bytes:
    start, place = here % len(data), there % len(data)
    match kind:
        case "delete":
            return data[:start] + data[start + size :]
        case "duplicate":
            return data[:place] + data[start : start + size] + data[place:]
        case "flip":
            return data[:start] + bytes([data[start] ^ (size % 255 + 1)]) + data[start + 1 :]
        case "splice":
            part = other[there % len(other) :][:size]
            return data[:start] + part + data[start + size :]
    leaves = [match.span() for match in _LEAF.finditer(data)]
    if len(leaves) < 2:
        return data
    (a, b), (c, d) = sorted((leaves[here % len(leaves)], leaves[there % len(leaves)]))
    return data if a == c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]
