"""A file that is whole or as it was: written beside its target, then renamed, off the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from focus_cte.errors import InvalidArgument

T = TypeVar("T")

_BUFFER = 2**18


def check_target(to: str | os.PathLike[str]) -> Path:
    """The path, if a file can be put there; `InvalidArgument` otherwise."""
    target = Path(to)
    if target.is_dir():
        raise InvalidArgument(f"to={str(to)!r} is a folder: name the file")
    if not target.parent.is_dir():
        raise InvalidArgument(f"to={str(to)!r}: the folder {str(target.parent)!r} does not exist")
    if not os.access(target.parent, os.W_OK):
        raise InvalidArgument(f"to={str(to)!r}: the folder {str(target.parent)!r} is not writable")
    return target


@asynccontextmanager
async def replacing(target: Path) -> AsyncIterator[BinaryIO]:
    """A new file that takes the target's place when the block ends well, and is gone otherwise."""
    beside = target.with_name(f".{target.name[:100]}.{os.urandom(8).hex()}.part")
    opened: list[BinaryIO] = []
    try:
        await off_loop(lambda: opened.append(beside.open("xb", _BUFFER)))
        yield opened[0]
        await off_loop(lambda: _put(opened[0], beside, target))
    finally:
        await off_loop(lambda: _discard(opened, beside))


async def off_loop(work: Callable[[], T]) -> T:
    """Run blocking work in a thread; when cancelled, only after the thread is done with it."""
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        if not running.cancelled():
            running.exception()
        raise


def _put(file: BinaryIO, beside: Path, target: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
    os.replace(beside, target)
    with suppress(OSError):  # not every system lets a folder be opened
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _discard(opened: list[BinaryIO], beside: Path) -> None:
    for file in opened:
        with suppress(OSError):  # a full disk says so once more when the buffer is flushed
            file.close()
    beside.unlink(missing_ok=True)
