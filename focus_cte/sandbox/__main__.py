"""`python -m focus_cte.sandbox`: the sandbox by itself, until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from .server import Sandbox

_Number = TypeVar("_Number", int, float)


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    try:
        sandbox = Sandbox(
            ctes=args.ctes,
            seed=args.seed,
            credits=args.credits or None,
            window=args.window,
            port=args.port,
            acervo=args.acervo,
            latency=args.latency,
        )
        asyncio.run(_run(sandbox))
    except (OSError, ValueError) as error:
        print(f"focus_cte.sandbox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Where the loop takes no signal handlers (Windows).
        pass
    return 0


async def _run(sandbox: Sandbox) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:
            break
    async with sandbox:
        _announce(sandbox)
        await stop.wait()


def _announce(sandbox: Sandbox) -> None:
    for name, reason in sandbox.skipped.items():
        print(f"skipped {name}: {reason}", file=sys.stderr)
    print("Focus NFe sandbox; Ctrl-C ends it")
    print(f"URL:   {sandbox.url}")
    print(f"Token: {sandbox.token}")
    print(f"CNPJ:  {sandbox.cnpj}")
    print(f"export FOCUS_NFE_TOKEN={sandbox.token} FOCUS_NFE_BASE_URL={sandbox.url}", flush=True)


def count(text: str) -> int:
    return _at_least(int(text), 0)


def port(text: str) -> int:
    number = _at_least(int(text), 0)
    if number > 65535:
        raise argparse.ArgumentTypeError("must be at most 65535")
    return number


def latency(text: str) -> float:
    return _at_least(float(text), 0.0)


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be a positive number of seconds")
    return value


def _at_least(value: _Number, least: float) -> _Number:
    if not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be at least {least:g}")
    return value


_OPTIONS: tuple[tuple[str, Callable[[str], object], object, str, str], ...] = (
    ("--ctes", count, 250, "N", "documents at the start"),
    ("--seed", int, 1, "N", "what all data follows from"),
    ("--credits", count, 100, "N", "requests per window; 0: unlimited"),
    ("--window", seconds, 60.0, "S", "seconds of a window"),
    ("--port", port, 0, "N", "port of the API; 0: a free one"),
    ("--acervo", str, None, "DIR", "serve the CT-e XML files of this folder instead"),
    ("--latency", latency, 0.0, "S", "seconds before each answer"),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m focus_cte.sandbox",
        description="An embedded Focus NFe API (CT-es recebidas) for trials and tests.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for flag, read, default, metavar, text in _OPTIONS:
        parser.add_argument(flag, type=read, default=default, metavar=metavar, help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
