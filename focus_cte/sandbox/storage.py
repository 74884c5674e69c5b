"""The second origin, where DACTes are kept: it takes signed addresses and no other credential."""

from __future__ import annotations

import hmac
import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from itertools import count
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from aiohttp import web

from .faults import Script
from .front import Call, Front

_VALID = 300  # seconds
_KEY_ID = "SANDBOXACCESSKEY"


class Storage(Front):
    """Answers like S3 with query authentication of version 2, whose signature is base64."""

    def __init__(
        self, script: Script, latency: float, *, secret: str, read: Callable[[str], bytes | None]
    ) -> None:
        super().__init__(script, latency)
        self._secret, self._read = secret.encode(), read

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/dactes/{chave:[^/.]+}.pdf", self._get, name="storage"),
            web.route("*", "/{rest:.*}", self._missing, name="storage.other"),
        ]

    def admit(self, call: Call) -> web.Response | None:
        return None

    def sign(self, chave: str, *, now: float | None = None) -> str:
        """Path and query of a DACTe, good for five minutes."""
        path, first = f"/dactes/{chave}.pdf", int((time.time() if now is None else now) + _VALID)
        # Every signature has a "+", so a client that decodes or encodes a Location once too often
        # fails always, and not now and then.
        expires, signature = next(
            pair
            for pair in ((when, self._signature(path, str(when))) for when in count(first))
            if "+" in pair[1]
        )
        query = {"AWSAccessKeyId": _KEY_ID, "Expires": expires, "Signature": signature}
        return f"{path}?{urlencode(query)}"

    def _signature(self, path: str, expires: str) -> str:
        return b64encode(
            hmac.new(self._secret, f"{path}\n{expires}".encode(), sha1).digest()
        ).decode()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        expires = request.query.get("Expires", "")
        signature = request.query.get("Signature", "")
        for header in ("Authorization", "Cookie"):
            if header in request.headers:
                return _refusal(
                    400,
                    "InvalidArgument",
                    f"Only one auth mechanism allowed; {header} was sent too",
                )
        right = self._signature(request.path, expires)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), right.encode()):
            return _refusal(
                403, "SignatureDoesNotMatch", "The request signature we calculated does not match"
            )
        if int(expires) < time.time():
            return _refusal(403, "AccessDenied", "Request has expired")
        body = self._read(request.match_info["chave"])
        if body is None:
            return await self._missing(request)
        return web.Response(body=body, content_type="application/pdf")

    async def _missing(self, request: web.Request) -> web.StreamResponse:
        return _refusal(404, "NoSuchKey", "The specified key does not exist.")


def _refusal(status: int, code: str, message: str) -> web.Response:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    )
    return web.Response(text=text, status=status, content_type="application/xml")
