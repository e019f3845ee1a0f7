"""Requests are bounded in size and time, and every answer carries secure headers."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Request

from serving.api import app as application
from serving.api import guard
from tests.serving.transfer.conftest import Service, Web

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def echo(service: Service, serve_web: Callable[[Service], Web], monkeypatch: pytest.MonkeyPatch) -> Web:
    """A service that says how many bytes it was sent, and breaks off an answer."""
    from fastapi.responses import StreamingResponse

    router = APIRouter()

    @router.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @router.post("/json")
    async def as_json(content: dict[str, Any]) -> int:
        return len(content)

    @router.get("/half")
    async def half() -> StreamingResponse:
        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise ValueError("SECRET^NAME")

        return StreamingResponse(pieces())

    monkeypatch.setattr(application, "ROUTERS", (router,))
    return serve_web(service)


@on_sqlite
def test_every_answer_has_secure_headers(web: Web) -> None:
    client = web.stranger()
    for response in (client.get("/health"), client.get("/absent"), client.get("/dicom-web/studies")):
        assert {name: response.headers[name] for name in guard.HEADERS} == guard.HEADERS
        assert "server" not in response.headers
        assert "strict-transport-security" not in response.headers


@on_sqlite
def test_behind_tls_it_asks_for_tls(make_service: Callable[..., Service], serve_web: Callable[[Service], Web]) -> None:
    web = serve_web(make_service(web={"address": "https://qc.example"}))
    assert web.stranger().get("/health").headers["strict-transport-security"] == "max-age=31536000"


@on_sqlite
def test_a_body_may_be_so_large_and_no_larger(echo: Web) -> None:
    client, largest = echo.stranger(), guard.LARGEST_BODY
    assert client.post("/length", content=b"x" * largest).json() == largest
    assert client.post("/length", content=b"x" * (largest + 1)).status_code == 413
    pieces = (b"x" * (1 << 16) for _ in range(17))  # whose length is not declared
    assert client.post("/length", content=pieces).status_code == 413
    assert client.post("/json", content=b" " * (largest + 1)).status_code == 413
    assert client.post("/json", json={"a": 1}).json() == 1


@on_sqlite
def test_a_body_that_does_not_come_is_408(echo: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE_S", 0.3)
    host, port = echo.url.removeprefix("http://").split(":")
    head = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head + b"x")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408")
    with socket.create_connection((host, int(port))) as connection:  # a byte now and then
        connection.sendall(head)
        connection.settimeout(0.1)
        for _ in range(100):
            connection.sendall(b"x")
            try:
                answer = connection.recv(1000)
                break
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408")


@on_sqlite
def test_half_an_answer_ends_the_connection(echo: Web) -> None:
    host, port = echo.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while piece := connection.recv(1000):
            received += piece
    assert b"half" in received
    assert not received.endswith(b"0\r\n\r\n")  # the end of a whole one
    assert b"SECRET" not in received


def test_a_slow_body_is_told_from_a_fast_one() -> None:
    """By the whole of its bytes, whatever the pieces."""
    sent = iter([{"type": "http.request", "body": b"x" * 100, "more_body": True}] * 3)

    async def receive() -> Any:
        return next(sent)

    body = guard._Body(receive, 250)
    assert [len(asyncio.run(body.receive())["body"]) for _ in range(2)] == [100, 100]
    with pytest.raises(guard.HTTPException, match="413"):
        asyncio.run(body.receive())
