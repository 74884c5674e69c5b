"""`focus-cte get`: files of one document, from the archive or, where it has none, the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from focus_cte import InvalidArgument
from focus_cte.cli import choice, options
from focus_cte.cli.archive import check_origin, existing, is_there
from focus_cte.cli.output import environment, heading, problem, say, show
from focus_cte.cli.refusals import asking
from focus_cte.cli.run import finish
from focus_cte.cli.texts import _
from focus_cte.cli.whole import replacing

if TYPE_CHECKING:
    from focus_cte import FocusCTe
    from focus_cte.mirror import Documento

_NAMES = {"xml": "{chave}-cte.xml", "dacte": "{chave}-dacte.pdf"}


def command(
    chave: options.Chave,
    xml: Annotated[bool, options.option("--xml", help=_("the XML; it is the default"))] = False,
    pdf: Annotated[bool, options.option("--pdf", help=_("the DACTe"))] = False,
    output: Annotated[
        Path, options.option("-o", "--output", help=_("where to put them"), metavar="DIR")
    ] = Path(),
    cnpj: options.Cnpj = None,
    config: options.Config = None,
    acervo: options.Acervo = options.ACERVO,
) -> None:
    kinds = [kind for kind, wanted in (("xml", xml or not pdf), ("dacte", pdf)) if wanted]
    finish(lambda: _get(chave, kinds, output, choice.Whose(config, cnpj), acervo))


async def _get(
    chave: str, kinds: list[str], folder: Path, whose: choice.Whose, acervo: Path
) -> None:
    if not folder.is_dir():
        raise InvalidArgument(_("{folder}: there is no such folder").format(folder=folder))
    here, document, origin = await _in_the_archive(chave, kinds, acervo)
    if here:
        say(heading(environment(None, origin), acervo))
    for kind, path in here.items():
        target = folder / _NAMES[kind].format(chave=chave)
        with replacing(target) as file:
            file.write(path.read_bytes())
        show(str(target))
    if "xml" in here and document is not None and document.verificado is False:
        problem(_("{chave}: its XML is NOT what was signed").format(chave=chave))
    if missing := [kind for kind in kinds if kind not in here]:
        received = () if document is None else document.cnpjs
        access = whose.access(received)
        say(heading(access.where))
        async with asking(access, acervo) as focus:
            check_origin(origin, focus)
            cnpj = whose.cnpj_among(received)
            for kind in missing:
                show(str(await _download(focus, chave, kind, folder, cnpj)))


async def _in_the_archive(
    chave: str, kinds: list[str], acervo: Path
) -> tuple[dict[str, Path], Documento | None, str | None]:
    """The files that are there, the document, and the archive's API."""
    if not is_there(acervo):
        return {}, None, None
    async with existing(acervo) as mirror:
        document = await mirror.get(chave)
        paths = {kind: mirror.path(chave, kind) for kind in kinds}
        found = {kind: path for kind, path in paths.items() if path is not None}
        return found, document, mirror.origin


async def _download(focus: FocusCTe, chave: str, kind: str, folder: Path, cnpj: str | None) -> Path:
    target = folder / _NAMES[kind].format(chave=chave)
    if kind == "xml":
        return await focus.baixar_xml(chave, cnpj=cnpj, to=target)
    return await focus.baixar_dacte(chave, cnpj=cnpj, to=target)
