"""The server below the web application: uvicorn, with patience for neither endless nor slow headers."""

import asyncio
import socket
import ssl
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from qc_models.errors import ConfigError, ServiceError
from serving.api.app import create_app
from serving.opened_service import OpenedService
from serving.service_config import WebSection

LONGEST_HEAD = 1 << 16  # bytes of a request before its body
HEAD_S = 15.0  # from the connection, or from its last answer, to the end of the next head
MOST_CONNECTIONS = 512
GRACE_S = 20
_KEPT_ALIVE_S = 10


class PatientHttp(HttpToolsProtocol):
    """A connection whose next request must come in time, and begin with a head of bounded length."""

    _late: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: Any) -> None:
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._expect_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes; closes the connection where a head is too long."""
        if self._late is None and (self.cycle is None or self.cycle.response_complete):
            self._expect()
        super().data_received(data)
        if self._late is not None:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.transport.close()

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        self._expect_no_more()
        super().on_headers_complete()

    def _expect(self) -> None:
        self._head = 0
        self._late = self.loop.call_later(HEAD_S, self.transport.close)

    def _expect_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def make_server(service: OpenedService) -> tuple[uvicorn.Server, socket.socket]:
    """A server of the web application and the socket that it is to be run with; several processes may listen side by side."""
    web = service.config.web
    tls: dict[str, Any] = {}
    if web.tls is not None:
        tls = {"ssl_certfile": web.tls.certificate, "ssl_keyfile": web.tls.key}
        if web.tls.authority:
            tls |= {"ssl_ca_certs": web.tls.authority, "ssl_cert_reqs": ssl.CERT_REQUIRED}
    config = uvicorn.Config(
        create_app(service),
        http=PatientHttp,
        ws="none",
        lifespan="off",
        access_log=False,  # it quotes queries, which may name patients
        log_config=None,
        log_level="critical",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=_KEPT_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        **tls,
    )
    try:
        config.load()
    except OSError as error:
        raise ConfigError(f"web.tls: the files cannot be used ({error.strerror or type(error).__name__})") from error
    return uvicorn.Server(config), _listening(web)


def _listening(web: WebSection) -> socket.socket:
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((web.host, web.port))
    except OSError as error:
        listening.close()
        told = f"{web.host}:{web.port} cannot be listened at ({error.strerror}); choose another port"
        raise ServiceError(f"web: {told}") from error
    return listening
