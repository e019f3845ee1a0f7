"""What every process of the service opens first: its settings, its secrets, the database, the archive, and the one door to both."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, select

from qc_models.errors import ServiceError
from serving.archive import Archive, FolderArchive
from serving.auth.accounts import make_first_admin
from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.database.tables import InstanceRow
from serving.hospitals import write_hospitals
from serving.intake import Intake, Limits
from serving.service_config import TRIAL_ADMIN_PASSWORD, Secrets, ServiceConfig, make_state_folder, read_secrets

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class OpenedService:
    """One process's own; threads share it."""

    config: ServiceConfig
    secrets: Secrets
    database: Database
    archive: Archive
    intake: Intake


def open_service(config: ServiceConfig, environ: Mapping[str, str]) -> OpenedService:
    """Opens all of it; ConfigError for settings that cannot be, ServiceError where database or archive are away.

    An embedded database takes its missing steps here, since nobody else sees to it; one of a centre must have them.
    """
    make_state_folder(config)
    secrets = read_secrets(config, environ)
    database = open_database(config.database_url(environ), pool_size=config.database.connections)
    with ExitStack() as undone:
        undone.callback(database.close)
        if not database.is_postgres:
            schema.upgrade(database)
        schema.require_newest(database)
        write_hospitals(database, config.hospitals)
        is_trial_here = config.mode == "trial" and not config.web.is_public
        known_to_all = None if is_trial_here else TRIAL_ADMIN_PASSWORD
        make_first_admin(database, secrets.admin_password, known_to_all)
        _require_archive(config, database)
        archive = open_archive(config, environ)
        limits = Limits(config.intake.largest_mib * _MIB, config.intake.at_once, config.intake.wait_s)
        intake = Intake(database, archive, limits, timedelta(seconds=config.closing.settle_s))
        undone.pop_all()
    return OpenedService(config, secrets, database, archive, intake)


def open_existing_database(config: ServiceConfig) -> Database:
    """The database of a configuration, for a command beside the service; ServiceError where it has another shape."""
    database = open_database(config.database_url())
    schema.require_newest(database)
    return database


def open_archive(config: ServiceConfig, environ: Mapping[str, str] = os.environ) -> Archive:
    """The archive of a configuration; ServiceError where it is away."""
    reserve = config.archive.reserve_mib * _MIB
    if config.archive.s3 is not None:
        from serving.s3_archive import S3Archive  # a library that a folder does without

        return S3Archive(config.archive.s3, config.archive_folder, reserve, environ)
    return FolderArchive(config.archive_folder, reserve)


def _require_archive(config: ServiceConfig, database: Database) -> None:
    """ServiceError where known objects have no folder: begun anew, it would be hidden by the disk that is mounted there later."""
    with database.reading() as session:
        begun = session.scalar(select(exists(InstanceRow)))
    folder = config.archive_folder
    if config.archive.s3 is not None or not begun:
        return
    if not (folder.is_dir() and any(folder.iterdir())):  # a disk that is not mounted leaves an empty folder
        raise ServiceError(f"the archive {folder} is not there; mount it, or restore it")
