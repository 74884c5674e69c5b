"""What programs say that the tests of the documents run."""

from __future__ import annotations

import re


def without_slowness(stderr: str) -> str:
    """Without what asyncio's debug mode (-X dev) tells of slow steps: the machine decides them."""
    return re.sub(r"(?m)^Executing .* took [0-9.]+ seconds\n", "", stderr)
