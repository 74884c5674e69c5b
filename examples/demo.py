"""A sync, a second one, two files and a desacordo, against the embedded sandbox: `make demo`."""

from __future__ import annotations

import asyncio
import codecs
import io
import os
import sys
import tempfile
import unicodedata
from collections import Counter
from decimal import Decimal
from pathlib import Path

from focus_cte import CTeRecebida, FocusCTe, FocusError
from focus_cte.sandbox import Sandbox

COLOURS = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
BOLD, DIM, GREEN = "1", "2", "32"
Store = dict[str, CTeRecebida]


def fold(error: UnicodeError) -> tuple[str, int]:
    """What to write instead of a character that the output's encoding has not."""
    assert isinstance(error, UnicodeEncodeError)
    text = unicodedata.normalize("NFKD", error.object[error.start : error.end].replace("…", "~"))
    return text.encode("ascii", "ignore").decode(), error.end


def say(text: str = "", style: str = "") -> None:
    print(f"\033[{style}m{text}\033[0m" if style and COLOURS else text)


def step(title: str, call: str) -> None:
    say(f"\n{title}", BOLD)
    say(f"  {call}", DIM)


def check(claim: bool, otherwise: str) -> None:
    if not claim:
        raise SystemExit(f"demo: {otherwise}")


def fit(text: str, width: int) -> str:
    return (text if len(text) <= width else text[: width - 1].rstrip() + "…").ljust(width)


def reais(value: Decimal | None) -> str:
    return f"{value or 0:,.2f}".translate(str.maketrans(",.", ".,"))


async def sync_everything(focus: FocusCTe, sandbox: Sandbox) -> tuple[Store, int]:
    step("1. Every CT-e of the company", "async for cte in focus.sync(cnpj)")
    ctes: Store = {}
    versao = 0
    async for cte in focus.sync(sandbox.cnpj):
        ctes[cte.chave] = cte
        versao = cte.versao  # the one number to store, together with the document
    check(len(ctes) == 250, f"250 documents were expected, and {len(ctes)} came")

    say(f"\n  {'chave':44}  {'emitente':19}  {'emissão':8}  valor R$  situação", DIM)
    for cte in list(ctes.values())[:8]:
        who, when = fit(cte.nome_emitente or "-", 19), f"{cte.data_emissao:%d/%m/%y}"
        say(f"  {cte.chave}  {who}  {when}  {reais(cte.valor_total):>8}  {cte.situacao}")
    say(f"  … and {len(ctes) - 8} more", DIM)

    say(f"\n  {'situação':12}{'documents':>11}{'value R$':>18}", DIM)
    for situacao in [*sorted({str(cte.situacao) for cte in ctes.values()}), "total"]:
        these = [c for c in ctes.values() if situacao in (c.situacao, "total")]
        value = sum((c.valor_total or Decimal(0) for c in these), Decimal(0))
        say(f"  {situacao:12}{len(these):>11}{reais(value):>18}")
    left = f"{focus.credits.remaining} of {focus.credits.limit} credits left"
    say(f"\n  {len(sandbox.requests)} requests, {left}; stored versao {versao}")
    return ctes, versao


def something_happens(sandbox: Sandbox, ctes: Store) -> None:
    step("2. Time passes", "two CT-es are corrected, one is cancelled, three arrive")
    _, first, second, third, *_ = ctes
    sandbox.correct(first, "Leia-se placa XYZ9K87")
    sandbox.correct(second, "Leia-se peso 1.020 kg")
    sandbox.cancel(third, "Emissão em duplicidade")
    sandbox.receive(3)


async def sync_again(focus: FocusCTe, sandbox: Sandbox, ctes: Store, versao: int) -> None:
    step("3. The same call, from the stored versao", f"focus.sync(cnpj, versao={versao})")
    asked, seen = len(sandbox.requests), Counter[str]()
    say(f"\n  {'chave':44}   was  versao  change", DIM)
    async for cte in focus.sync(sandbox.cnpj, versao=versao):
        before = ctes.get(cte.chave)
        if before is None:
            change, detail = "new", f"R$ {reais(cte.valor_total)}, {cte.nome_emitente}"
        elif cte.situacao != before.situacao:
            change, detail = str(cte.situacao), cte.justificativa_cancelamento or ""
        else:
            change, detail = "corrected", cte.carta_correcao or ""
        was = str(before.versao) if before else ""
        say(f"  {cte.chave}  {was:>4}  {cte.versao:>6}  {change:9}  {fit(detail, 26)}".rstrip())
        ctes[cte.chave] = cte
        seen[change] += 1
    six = seen == {"new": 3, "corrected": 2, "cancelada": 1}
    check(six, f"3 new, 2 corrected and 1 cancelada were expected, and not {dict(seen)}")
    asked = len(sandbox.requests) - asked
    say(f"\n  {seen.total()} documents, exactly what changed; requests: {asked}", GREEN)


async def download(focus: FocusCTe, cte: CTeRecebida, folder: Path) -> None:
    step("4. Two files of the first", "focus.baixar_xml(chave, to=path), focus.baixar_dacte(...)")
    xml = await focus.baixar_xml(cte.chave, to=folder / f"{cte.chave}.xml")
    dacte = await focus.baixar_dacte(cte.chave, to=folder / f"{cte.chave}.pdf")
    check(str(cte.digest_value) in xml.read_text("utf-8"), "the XML is not the listed document's")
    say(f"\n  {xml.name}  {xml.stat().st_size:>6} bytes  holds the digest that was listed")
    say(f"  {dacte.name}  {dacte.stat().st_size:>6} bytes  from storage, without the token")


async def object_to(focus: FocusCTe, cte: CTeRecebida) -> None:
    step("5. A desacordo of it, at SEFAZ", "focus.informar_desacordo(chave, observacoes)")
    found = await focus.informar_desacordo(cte.chave, "A mercadoria chegou com avaria")
    say(f"\n  {found.status_sefaz} {found.mensagem_sefaz}, protocolo {found.protocolo}")


async def main() -> None:
    async with Sandbox(ctes=250) as sandbox, FocusCTe(sandbox.token, base_url=sandbox.url) as focus:
        say(f"A sandbox of the Focus NFe API, at {sandbox.url}, with 250 CT-es of one company")
        ctes, versao = await sync_everything(focus, sandbox)
        something_happens(sandbox, ctes)
        await sync_again(focus, sandbox, ctes, versao)
        first = next(iter(ctes.values()))
        with tempfile.TemporaryDirectory(prefix="focus_cte-") as folder:
            await download(focus, first, Path(folder))
        await object_to(focus, first)
        say(f"\nAll of it took {len(sandbox.requests)} of the 100 requests that a minute allows.")


if __name__ == "__main__":
    codecs.register_error("fold", fold)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="fold")
    try:
        asyncio.run(main())
        sys.stdout.flush()
    except FocusError as error:
        raise SystemExit(f"demo: {error}") from None
    except BrokenPipeError:  # `make demo | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
