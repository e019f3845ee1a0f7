"""Answers `/metrics` for Prometheus at a port of this process alone, apart from whatever the service answers.

Processes side by side on one machine take ports one after the other, from the first of the configuration on: each the first that
is free. None waits for another, shares a file with it or leaves anything behind when it is killed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from platform import python_version

import structlog
from prometheus_client import start_http_server

from qc_models.version import code_version
from serving.archive import FolderArchive
from serving.observing.metrics import BUILD, REGISTRY
from serving.observing.standing import Standing
from serving.opened_service import OpenedService

log = structlog.get_logger(__name__)


@contextmanager
def metrics_served(service: OpenedService, process: str) -> Iterator[int | None]:
    """Serves the metrics of a process as long as the context; its port, or None where none is free: the process works on."""
    section = service.config.metrics
    BUILD.labels(process, code_version(), python_version()).set(1)
    if section.port is None:
        yield None
        return
    folder = service.config.archive_folder if isinstance(service.archive, FolderArchive) else None
    standing = Standing(service.database, folder)
    REGISTRY.register(standing)
    server = None
    try:
        for port in range(section.port, min(section.port + section.ports, 65536)):
            try:
                server, thread = start_http_server(port, section.host, REGISTRY)
            except OSError:
                continue
            log.info("metrics served", port=port)
            break
        else:
            log.warning("metrics not served; no port is free", host=section.host, first=section.port)
            port = None
        yield port
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()
            thread.join()
        REGISTRY.unregister(standing)
