"""One page of the listing: the request, and the answer with the cursor's rules applied."""

from __future__ import annotations

import logging

from focus_cte import _json
from focus_cte._wire import Answer, Request
from focus_cte.models import Ambiente, Page
from focus_cte.session import Session
from focus_cte.sync import advance

_log = logging.getLogger("focus_cte")


async def list_page(session: Session, cnpj: str, versao: int) -> Page:
    """At most 100 documents of a CNPJ, those after `versao`."""

    def read(request: Request, answer: Answer) -> Page:
        return advance(versao, _json.listing(request, answer), answer.headers)

    page = await session.fetch(session.endpoints.listing(cnpj, versao), read)
    nothing = versao == 0 and page.last and not (page.ctes or page.invalid)
    if nothing and session.endpoints.where == Ambiente.HOMOLOGACAO:
        _log.warning(
            "homologacao lists no document of CNPJ %s: it has no real ones, they are in producao,"
            " with a token of its own",
            cnpj,
        )
    return page
