"""`touchstone serve`: runs the service, all of its processes below one that restarts what ends, or one of them by itself.

web answers browsers, hospitals and DICOMweb clients; receive listens for devices and watches folders; worker closes studies and
examines them. Any of them may be killed at any moment, and there may be several of each.
"""

import os
import sys
import threading
from pathlib import Path

import click

from qc_models.errors import ConfigError
from serving.observing.log_lines import log_as
from serving.service_config import DEFAULT_CONFIG, ServiceConfig, load_service_config
from serving.supervisor import end_with_supervisor, supervise, until_told

WEB, RECEIVE, WORKER = "web", "receive", "worker"
_TOUCHSTONE = (sys.executable, "-c", "from serving.command_line import main; main()")


@click.command(
    epilog="""\b
Examples:
  touchstone serve                                 a trial on this machine
  touchstone serve --config centre.yaml            a centre, all on one machine
  touchstone serve --config centre.yaml worker     one more worker, wherever it is"""
)
@click.argument("process", type=click.Choice([WEB, RECEIVE, WORKER]), required=False)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    help="Configuration of the service; a trial on this machine otherwise.",
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Folder of database and archive.")
def serve(process: str | None, config: Path, state: Path | None) -> None:
    """Receive studies, score them and answer for them: the whole service, or one of its processes.

    It ends on SIGTERM or Ctrl+C, once what it has begun is done. Secrets stand in the environment: TOUCHSTONE_SECRET_KEY,
    TOUCHSTONE_ADMIN_PASSWORD, TOUCHSTONE_DATABASE_PASSWORD.
    """
    end_with_supervisor()
    loaded = load_service_config(config, state=state)
    log_as(process or "serve", for_a_person=loaded.mode == "trial" and sys.stderr.isatty())
    if process is None:
        options = ("--config", str(config), *(("--state", str(state)) if state is not None else ()))
        sys.exit(_run_all(loaded, options))
    {WEB: _run_web, RECEIVE: _run_receive, WORKER: _run_worker}[process](loaded)


def _run_all(config: ServiceConfig, options: tuple[str, ...]) -> int:
    from serving.opened_service import open_service

    open_service(config, os.environ).database.close()  # what cannot be is told here, once
    receiving = config.dimse.processes if _receives(config) else 0
    wanted = [WEB, *([RECEIVE] * receiving), *([WORKER] * config.worker.processes)]
    commands = {f"{name}-{number}": (*_TOUCHSTONE, "serve", *options, name) for number, name in enumerate(wanted, 1)}
    scheme = "https" if config.web.tls is not None else "http"
    click.echo(f"web    {config.web.address or f'{scheme}://{config.web.host}:{config.web.port}'}")
    if _receives(config):
        click.echo(f"DICOM  {config.dimse.ae_title} at {config.dimse.host}:{config.dimse.port}")
    return supervise(commands, until_told())


def _run_web(config: ServiceConfig) -> None:
    from serving.api.web_server import make_server
    from serving.observing.watched import watched
    from serving.opened_service import open_service

    service = open_service(config, os.environ)
    with watched(service, WEB):
        server, listening = make_server(service)
        server.run(sockets=[listening])  # until SIGTERM
    service.database.close()


def _run_receive(config: ServiceConfig) -> None:
    from serving.observing.watched import watched
    from serving.opened_service import open_service
    from serving.transfer.dimse import Receiver
    from serving.transfer.folder_watch import FolderWatch

    if not _receives(config):
        raise ConfigError("hospitals: none has peers or watched folders, so that there is nothing to receive")
    stop = until_told()
    service = open_service(config, os.environ)
    watches = [
        threading.Thread(target=FolderWatch(service.intake, hospital.id, Path(folder)).run, args=(stop,))
        for hospital in config.hospitals
        for folder in hospital.watched_folders
    ]
    with watched(service, RECEIVE):
        receiver = Receiver(service) if any(hospital.peers for hospital in config.hospitals) else None
        for watch in watches:
            watch.start()
        stop.wait()
        if receiver is not None:
            receiver.close()
        for watch in watches:
            watch.join()
    service.database.close()


def _run_worker(config: ServiceConfig) -> None:
    from serving.observing.watched import watched
    from serving.opened_service import open_service
    from serving.worker import make_worker

    stop = until_told()
    service = open_service(config, os.environ)
    with watched(service, WORKER):
        make_worker(service).run(stop)
    service.database.close()


def _receives(config: ServiceConfig) -> bool:
    return any(hospital.peers or hospital.watched_folders for hospital in config.hospitals)
