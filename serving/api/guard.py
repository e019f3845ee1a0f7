"""What stands before every route: limits on size and time of a request, secure headers, and a log line without a patient's data.

Nothing that goes wrong behind it reaches a client or a log in words that may quote a study.
"""

import asyncio
import secrets
import time
from collections.abc import Callable

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from serving.jobs import reason_of
from serving.observing.metrics import HTTP_SECONDS, method_of

LARGEST_BODY = 1 << 20  # of a request that does not stream
PATIENCE_S = 30.0  # for the next piece of a body
SLOWEST_PER_S = 1024  # bytes of a body, on the whole
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_ONE_YEAR = "max-age=31536000"
_WENT_AWAY = 499

log = structlog.get_logger(__name__)


class Guard:
    """Wraps an application; `streams` says of a path whether bodies of any size come by it, `secure` whether TLS stands before."""

    def __init__(self, app: ASGIApp, *, streams: Callable[[str], bool], secure: bool) -> None:
        self._app = app
        self._streams = streams
        headers = HEADERS | ({"strict-transport-security": _ONE_YEAR} if secure else {})
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        request_id = secrets.token_hex(8)
        bind_contextvars(request=request_id)
        headers = [*self._headers, (b"x-request-id", request_id.encode())]
        code: int | None = None

        async def answer(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                named = {name for name, _ in message.setdefault("headers", [])}
                message["headers"] = [*message["headers"], *(pair for pair in headers if pair[0] not in named)]
            await send(message)

        body = _Body(receive, float("inf") if self._streams(scope["path"]) else LARGEST_BODY)
        try:
            await self._app(scope, body.receive, answer)
        except ClientDisconnect:
            code = code or _WENT_AWAY
        except Exception as error:
            log.exception("request failed", reason=reason_of(error), exc_info=False)
            if code is not None:  # the connection is closed, so that nobody takes half an answer for a whole one
                raise ConnectionAbortedError("the answer ended in the middle") from None
            failed = JSONResponse({"detail": "our mistake; it was written down"}, 500)
            await failed(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "none")  # without what stands in its place, and without a query
            seconds = time.monotonic() - begun
            HTTP_SECONDS.labels(method_of(scope["method"]), route, str(code)).observe(seconds)
            milliseconds = round(1000 * seconds)
            log.info("request", method=scope["method"], route=route, code=code, milliseconds=milliseconds)


class _Body:
    """A body as it comes, which may become neither too large nor too slow."""

    def __init__(self, receive: Receive, largest: float) -> None:
        self._receive = receive
        self._largest = largest
        self._size = 0
        self._begun = 0.0
        self._whole = False

    async def receive(self) -> Message:
        """The next piece; 413 or 408 where it is one too many, or comes too late."""
        if self._whole:  # what else comes is that the client goes away
            return await self._receive()
        self._begun = self._begun or time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, "the body did not come in time") from error
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self._largest:
            raise HTTPException(413, "the body is too large")
        if time.monotonic() - self._begun > PATIENCE_S + self._size / SLOWEST_PER_S:
            raise HTTPException(408, "the body came too slowly")
        return message
