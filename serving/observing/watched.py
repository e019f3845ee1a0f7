"""What each process of the service has around its work, so that it can be watched."""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.observing.metrics_port import metrics_served
from serving.observing.tracing import traced
from serving.opened_service import OpenedService


@contextmanager
def watched(service: OpenedService, process: str) -> Iterator[None]:
    """Serves metrics and sends traces of a process as long as the context."""
    with metrics_served(service, process), traced(service.config.tracing, service.secrets.key, process):
        yield
