"""One client for the life of a FastAPI application.

pip install fastapi uvicorn
FOCUS_NFE_TOKEN=... FOCUS_NFE_AMBIENTE=producao uvicorn --app-dir examples fastapi_app:app
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from focus_cte import FocusCTe, FocusError, InvalidArgument, NotFound

STATUS = {InvalidArgument: 400, NotFound: 404}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Made here, not at import: a client belongs to the event loop that it is used in.
    async with FocusCTe.from_env() as app.state.focus:
        yield


app = FastAPI(lifespan=lifespan)


def focus_of(request: Request) -> FocusCTe:
    focus: FocusCTe = request.app.state.focus
    return focus


Focus = Annotated[FocusCTe, Depends(focus_of)]


@app.exception_handler(FocusError)
async def refused(request: Request, error: FocusError) -> JSONResponse:
    """Answer with what the vendor said; no message holds the token."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 502)
    return JSONResponse({"erro": str(error)}, status)


@app.get("/ctes/{chave}/dacte")
async def dacte(chave: str, focus: Focus) -> Response:
    return Response(await focus.baixar_dacte(chave), media_type="application/pdf")
