"""Sending by HTTP: what counts as away and what as refused, and what is never done."""

from collections.abc import Callable

import pytest

from serving.deliver.http_sending import HttpSender, ReceiverAwayError, RefusedError
from tests.serving.deliver.conftest import Listening
from tests.serving.transfer.conftest import free_port


def post(url: str, token: str = "") -> None:
    sender = HttpSender(url, 0.3, token)
    try:
        sender.post(b"{}", {"content-type": "application/json"}, range(200, 300))
    finally:
        sender.close()


def test_a_body_arrives_with_the_bearer_token(listen: Callable[[], Listening]) -> None:
    listening = listen()
    post(listening.url, "abc")
    ((path, headers, body),) = listening.requests
    assert (path, headers["authorization"], body) == ("/hook", "Bearer abc", b"{}")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(listen: Callable[[], Listening], status: int) -> None:
    first, second = listen(), listen()
    first.status, first.location = status, second.url
    with pytest.raises(RefusedError, match=str(status)):
        post(first.url, "abc")
    assert second.requests == []


@pytest.mark.parametrize("status", [408, 429, 500, 503, 507])
def test_who_may_take_it_later_is_away(listen: Callable[[], Listening], status: int) -> None:
    listening = listen()
    listening.status = status
    with pytest.raises(ReceiverAwayError, match=str(status)):
        post(listening.url)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_who_does_not_take_it_refuses_and_is_not_quoted(listen: Callable[[], Listening], status: int) -> None:
    listening = listen()
    listening.status = status
    with pytest.raises(RefusedError, match=str(status)) as caught:
        post(listening.url)
    assert "SECRET" not in str(caught.value)


def test_nobody_there_is_away() -> None:
    with pytest.raises(ReceiverAwayError, match="cannot be reached"):
        post(f"http://127.0.0.1:{free_port()}/")


def test_no_proxy_of_the_environment_is_asked(listen: Callable[[], Listening], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    listening = listen()
    post(listening.url)
    assert len(listening.requests) == 1
