"""A connection that begins no request in time, or one with a head without end, is closed; others go on."""

import socket
from collections.abc import Callable

import pytest

from qc_models.errors import ConfigError, ServiceError
from serving.api import web_server
from tests.serving.transfer.conftest import Service, Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def connected(web: Web) -> socket.socket:
    host, port = web.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


@pytest.mark.parametrize("sent", [b"", b"GET /health HT"])
def test_a_head_that_does_not_come_is_not_waited_for(web: Web, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(web_server, "HEAD_S", 0.3)
    with connected(web) as connection:
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_a_head_without_end_is_cut_off(web: Web) -> None:
    head = b"GET /health HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(100_000))
    with connected(web) as connection, pytest.raises(OSError, match=r"."):
        connection.sendall(head)


def test_several_requests_by_one_connection(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    client = web.stranger()
    assert [client.get("/health").status_code for _ in range(3)] == [200] * 3


def test_what_is_no_http_is_400(web: Web) -> None:
    with connected(web) as connection:
        connection.sendall(b"\x01\x00\x00\x00\x00\xd0 an association\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_a_port_that_is_taken_is_told(make_service: Callable[..., Service]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        service = make_service(web={"port": taken.getsockname()[1]})
        with pytest.raises(ServiceError, match=r"web: 127.0.0.1:.* cannot be listened at"):
            web_server.make_server(service.opened)


def test_a_certificate_that_is_none_is_told(make_service: Callable[..., Service]) -> None:
    service = make_service(web={"tls": {"certificate": "absent.pem", "key": "absent.key"}})
    with pytest.raises(ConfigError, match=r"web\.tls: the files cannot be used"):
        web_server.make_server(service.opened)
