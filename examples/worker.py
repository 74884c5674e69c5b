"""One pass over your companies: documents and one number per CNPJ, in SQLite.

    python examples/worker.py --sandbox
    FOCUS_NFE_TOKEN=... FOCUS_NFE_AMBIENTE=producao python examples/worker.py CNPJ [CNPJ ...]

Run it from cron: the vendor asks SEFAZ every two hours, so more often mostly finds nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
from contextlib import AsyncExitStack, closing

from focus_cte import CTeRecebida, FocusCTe, FocusError, InvalidDocument
from focus_cte.sandbox import Sandbox

# A document may be listed for two of your companies, under another versao each.
SCHEMA = """
CREATE TABLE IF NOT EXISTS cursor (cnpj TEXT PRIMARY KEY, versao INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cte (
    cnpj TEXT, chave TEXT, versao INTEGER NOT NULL, situacao TEXT, valor TEXT, raw TEXT NOT NULL,
    PRIMARY KEY (cnpj, chave)
);
CREATE TABLE IF NOT EXISTS unreadable (
    cnpj TEXT, versao INTEGER, raw TEXT, why TEXT, PRIMARY KEY (cnpj, versao, raw)
);
"""
UPSERT = """
INSERT INTO cte (cnpj, chave, versao, situacao, valor, raw) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (cnpj, chave) DO UPDATE SET versao = excluded.versao, situacao = excluded.situacao,
    valor = excluded.valor, raw = excluded.raw
"""


def row(cnpj: str, cte: CTeRecebida) -> tuple[object, ...]:
    valor = None if cte.valor_total is None else str(cte.valor_total)
    situacao = None if cte.situacao is None else str(cte.situacao)
    return cnpj, cte.chave, cte.versao, situacao, valor, json.dumps(cte.raw, default=str)


async def pull(focus: FocusCTe, db: sqlite3.Connection, cnpj: str) -> int:
    """Store what is new or changed since the last pass; how many documents that was."""

    def set_aside(error: InvalidDocument) -> None:
        raw = json.dumps(error.raw, default=str)
        with db:
            db.execute(
                "INSERT OR IGNORE INTO unreadable VALUES (?, ?, ?, ?)",
                (cnpj, error.versao, raw, str(error)),
            )

    stored = db.execute("SELECT versao FROM cursor WHERE cnpj = ?", (cnpj,)).fetchone()
    count = 0
    sync = focus.sync(cnpj, versao=stored[0] if stored else 0, on_invalid=set_aside)
    async for page in sync.pages():
        with db:  # the documents and the number in one transaction: both, or neither
            db.executemany(UPSERT, [row(cnpj, cte) for cte in page.ctes])
            db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (cnpj, page.versao))
        count += len(page.ctes)
    return count


async def pull_all(focus: FocusCTe, db: sqlite3.Connection, cnpjs: list[str]) -> bool:
    """Pull every company, whatever happens to the others; whether all went well."""

    async def one(cnpj: str) -> bool:
        try:
            count = await pull(focus, db, cnpj)
        except FocusError as error:
            print(f"{cnpj}: {error}", file=sys.stderr)
            return False
        print(f"{cnpj}: {count} new or changed")
        return True

    # All at once: the client itself keeps to the token's credits.
    async with asyncio.TaskGroup() as group:
        pulls = [group.create_task(one(cnpj)) for cnpj in cnpjs]
    return all(pull.result() for pull in pulls)


async def main(args: argparse.Namespace) -> bool:
    async with AsyncExitStack() as stack:
        if args.sandbox:
            sandbox = await stack.enter_async_context(Sandbox())
            focus = FocusCTe(sandbox.token, base_url=sandbox.url)
            cnpjs = [sandbox.cnpj]
        else:
            focus = FocusCTe.from_env()
            cnpjs = args.cnpj
        await stack.enter_async_context(focus)
        db = stack.enter_context(closing(sqlite3.connect(args.db)))
        db.executescript(SCHEMA)
        return await pull_all(focus, db, cnpjs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pull the CT-es of your companies into SQLite.")
    parser.add_argument("cnpj", nargs="*", help="whose documents")
    parser.add_argument("--db", default="ctes.sqlite3", help="the database file")
    parser.add_argument("--sandbox", action="store_true", help="try it without an account")
    args = parser.parse_args()
    if bool(args.cnpj) == args.sandbox:
        parser.error("give the CNPJs, or --sandbox")
    try:
        sys.exit(0 if asyncio.run(main(args)) else 1)
    except FocusError as error:
        sys.exit(f"worker: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
