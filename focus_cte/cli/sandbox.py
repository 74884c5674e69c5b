"""`focus-cte sandbox`: the embedded API, to try everything without an account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from focus_cte.cli import options
from focus_cte.cli.texts import _


def command(
    port: Annotated[
        int,
        options.option("--port", help=_("0: a free one"), min=0, max=65_535, metavar="N"),
    ] = 0,
    acervo: Annotated[
        Path | None,
        options.option(
            "--acervo", help=_("serve the CT-e XMLs of this folder instead"), metavar="DIR"
        ),
    ] = None,
    ctes: Annotated[
        int, options.option("--ctes", help=_("documents at the start"), min=0, metavar="N")
    ] = 250,
    credits: Annotated[
        int,
        options.option("--credits", help=_("a minute; 0: no limit"), min=0, metavar="N"),
    ] = 100,
) -> None:
    from focus_cte.sandbox.__main__ import main

    arguments = [f"--port={port}", f"--ctes={ctes}", f"--credits={credits}"]
    arguments += [] if acervo is None else [f"--acervo={acervo}"]
    raise typer.Exit(main(arguments))
