"""Each process answers `/metrics` at a port of its own; processes side by side take the next one."""

import socket
from collections.abc import Callable

import httpx
import pytest

from serving.observing.metrics_port import metrics_served
from tests.serving.transfer.conftest import Service, free_port

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def lines(port: int | None) -> dict[str, float]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    pairs = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


@on_sqlite
def test_processes_side_by_side_take_ports_one_after_the_other(make_service: Callable[..., Service]) -> None:
    service = make_service(metrics={"port": free_port(), "ports": 2}).opened
    first = service.config.metrics.port
    with metrics_served(service, "web") as port:
        assert port == first
        found = lines(port)
        assert found["touchstone_database_up"] == 1
        assert found["touchstone_archive_free_bytes"] > 0
        assert [value for name, value in found.items() if name.startswith('touchstone_build_info{process="web"')] == [1]
    with metrics_served(service, "web") as again:
        assert again == first  # what ended has left nothing behind


@on_sqlite
def test_where_no_port_is_free_the_process_works_on(make_service: Callable[..., Service]) -> None:
    service = make_service(metrics={"port": free_port(), "ports": 1}).opened
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", service.config.metrics.port or 0))
        taken.listen()
        with metrics_served(service, "web") as port:
            assert port is None


@on_sqlite
def test_no_port_is_nowhere(make_service: Callable[..., Service]) -> None:
    service = make_service(metrics={"port": None}).opened
    with metrics_served(service, "web") as port:
        assert port is None
