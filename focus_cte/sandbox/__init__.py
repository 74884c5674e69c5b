"""An embedded Focus NFe API for tests and trials: `async with Sandbox() as sandbox`.

It is written from the vendor's documents alone and imports nothing of the client, so that one
misreading cannot agree with itself. `python -m focus_cte.sandbox` runs it by itself.
"""

from .edits import ABSENT
from .front import Seen
from .server import Sandbox

__all__ = ["ABSENT", "Sandbox", "Seen"]
