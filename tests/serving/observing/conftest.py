"""What tests of observing share: the service that tests of transfers call."""

from tests.serving.transfer.conftest import connect, make_service, receive, serve_web, service, web

__all__ = ["connect", "make_service", "receive", "serve_web", "service", "web"]
