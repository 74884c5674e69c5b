"""`python -m benchmarks [CASE ...] [--rounds N]`: a table a case; exit code 1 for a missed target.

CASE is cpu, xmls, xml, credits, lookahead, memory, mirror or cli; without one, all.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from benchmarks import cli, cpu, credits, lookahead, memory, mirror, xml, xmls

_CASES = {
    "cpu": cpu,
    "xmls": xmls,
    "xml": xml,
    "credits": credits,
    "lookahead": lookahead,
    "memory": memory,
    "mirror": mirror,
    "cli": cli,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(_CASES)}")
    parser.add_argument("--rounds", type=int, default=3, help="of each contender; default 3")
    args = parser.parse_args()
    if args.rounds < 1 or not set(args.cases) <= set(_CASES):
        parser.error(f"--rounds from 1, and each CASE one of {', '.join(_CASES)}")
    missed = 0
    for name in args.cases or _CASES:
        table = asyncio.run(_CASES[name].measure(args.rounds))
        print(f"\n{name}: {table}", flush=True)
        missed += table.missed
    print(f"\n{missed} targets missed" if missed else "\nEvery target is reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
