"""What tests of the web application share: the service that tests of transfers call."""

from tests.serving.transfer.conftest import make_service, serve_web, service, web

__all__ = ["make_service", "serve_web", "service", "web"]
