"""One client for the life of an aiohttp.web application.

FOCUS_NFE_TOKEN=... FOCUS_NFE_AMBIENTE=producao python examples/aiohttp_app.py
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from focus_cte import (
    Desacordo,
    DesacordoJaRegistrado,
    DesacordoRejeitado,
    FocusCTe,
    FocusError,
    InvalidArgument,
    NotFound,
)

FOCUS = web.AppKey("focus", FocusCTe)
STATUS = {
    InvalidArgument: 400,
    NotFound: 404,
    DesacordoJaRegistrado: 409,
    DesacordoRejeitado: 422,
}
log = logging.getLogger(__name__)
routes = web.RouteTableDef()


async def focus(app: web.Application) -> AsyncIterator[None]:
    # Made here, not at import: a client belongs to the event loop that it is used in.
    async with FocusCTe.from_env() as app[FOCUS]:
        yield


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with what the vendor said; no message holds the token."""
    try:
        return await handler(request)
    except FocusError as error:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 502)
        return web.json_response({"erro": str(error)}, status=status)


@routes.get("/ctes/{chave}/dacte")
async def dacte(request: web.Request) -> web.Response:
    pdf = await request.app[FOCUS].baixar_dacte(request.match_info["chave"])
    return web.Response(body=pdf, content_type="application/pdf")


@routes.post("/ctes/{chave}/desacordo")
async def desacordo(request: web.Request) -> web.Response:
    observacoes = (await request.post()).get("observacoes", "")
    found = await register(request.app[FOCUS], request.match_info["chave"], str(observacoes))
    return web.json_response({"protocolo": found.protocolo}, status=201)


async def register(focus: FocusCTe, chave: str, observacoes: str) -> Desacordo:
    """A legal act goes on to its end, also when the browser hangs up or the server stops."""
    act = asyncio.create_task(focus.informar_desacordo(chave, observacoes))
    try:
        return await asyncio.shield(act)
    except asyncio.CancelledError:
        await asyncio.wait([act])
        outcome = act.exception() or act.result()
        log.warning("nobody waited for the desacordo of %s: %r", chave, outcome)
        raise


def application() -> web.Application:
    app = web.Application(middlewares=[errors])
    app.add_routes(routes)
    app.cleanup_ctx.append(focus)
    return app


if __name__ == "__main__":
    web.run_app(application())
