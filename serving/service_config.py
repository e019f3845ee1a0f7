"""What an operator decides about the service: the file `configs/service.yaml` and its like, checked to the last key.

Secrets stand in the environment alone; in production none may be missing, short or the one that everybody knows.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from configs.strict import HERE, ConfigFileError, Strict, parse, read_yaml
from inference.engine.section import EngineSection
from qc_models.errors import ConfigError
from qc_models.policy import load_policy
from serving.addresses import AeTitle, Port
from serving.auth.rate_limits import RateLimits
from serving.auth.settings import SigningIn
from serving.deliver.outbox import Delivering
from serving.deliver.receivers import Receiver
from serving.evidence_ledger import Closing
from serving.jobs import Leasing
from serving.observing.sections import MetricsSection, TracingSection
from serving.retention_settings import Retention
from serving.reviews import Reviewing
from serving.s3_settings import S3Section

DEFAULT_CONFIG = HERE / "service.yaml"
TRIAL_ADMIN_PASSWORD = "touchstone"  # of a service that listens on this machine alone
_SHORTEST_KEY, _SHORTEST_PASSWORD = 32, 12  # characters, in production
_HOSPITAL_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_RESERVED = frozenset(("incoming", "quarantine"))  # folders of the archive, which hospitals name the others of
_SQLITE_FILE, _ARCHIVE_FOLDER, _KEY_FILE = "touchstone.sqlite", "archive", "secret_key"


class DatabaseSection(Strict):
    """An empty `url` is an SQLite file in the state folder; a password stands in TOUCHSTONE_DATABASE_PASSWORD."""

    url: str = ""
    connections: int = Field(default=10, ge=1, le=200)  # that a process keeps; twice as many at most

    @field_validator("url")
    @classmethod
    def _has_no_password(cls, url: str) -> str:
        try:
            if url and make_url(url).password is not None:
                raise ValueError("holds a password, which belongs into TOUCHSTONE_DATABASE_PASSWORD")
        except ArgumentError as error:
            raise ValueError("is no URL; write postgresql://USER@HOST/NAME") from error
        return url


class ArchiveSection(Strict):
    """An empty `folder` is one in the state folder; `reserve_mib` of its disk stay free.

    With `s3` objects lie in a bucket, and the folder holds what is on its way there and back.
    """

    folder: str = ""
    reserve_mib: int = Field(default=1024, ge=0)
    s3: S3Section | None = None


class IntakeSection(Strict):
    """What one process takes: the largest object, how many at once, how long the next one waits for its turn."""

    largest_mib: int = Field(default=4096, ge=1)
    at_once: int = Field(default=16, ge=1)
    wait_s: float = Field(default=10, ge=0)


class Peer(Strict):
    """A device that sends by DIMSE; its address is where answers go that come later than its association lasts."""

    title: AeTitle
    host: str = ""
    port: Port = 104


class HospitalSection(Strict):
    """A hospital: what the pool has to know of it, and which devices and folders are its own."""

    id: str
    name: str = Field(min_length=1, max_length=200)
    level: str  # of the policy
    alliances: tuple[str, ...] = ()
    issuer: str = Field(default="", max_length=64)  # of the patient ids that it gives; its own id where empty
    peers: tuple[Peer, ...] = ()
    watched_folders: tuple[str, ...] = ()

    @field_validator("id")
    @classmethod
    def _is_an_id(cls, value: str) -> str:
        if not _HOSPITAL_ID.fullmatch(value) or value in _RESERVED:
            raise ValueError("must be 1 to 64 of a-z, 0-9, _ and -, and neither incoming nor quarantine")
        return value

    @field_validator("peers", mode="before")
    @classmethod
    def _from_titles(cls, peers: object) -> object:
        """A device may be written as its AE title alone."""
        if not isinstance(peers, Iterable) or isinstance(peers, str | Mapping):
            return peers
        return [{"title": peer} if isinstance(peer, str) else peer for peer in peers]


class Tls(Strict):
    """Files in PEM; with `authority` every peer has to show a certificate that it signed."""

    certificate: str
    key: str
    authority: str = ""


class DimseSection(Strict):
    """Where DICOM devices connect to; times in seconds."""

    host: str = "127.0.0.1"
    port: Port = 11112
    ae_title: AeTitle = "TOUCHSTONE"
    processes: int = Field(default=1, ge=1)  # side by side at the port, as the kernel shares connections out
    associations: int = Field(default=32, ge=1)  # of one process at once, of all devices
    timeout_s: float = Field(default=60, gt=0)  # for the next message, and for each piece of one
    tls: Tls | None = None


class WebSection(Strict):
    """Where browsers and DICOMweb clients connect to; `address` is what they call it, where a proxy stands in between."""

    host: str = "127.0.0.1"
    port: Port = 8080
    address: str = ""
    tls: Tls | None = None

    @property
    def url(self) -> str:
        """Where others find it."""
        scheme = "https" if self.tls is not None else "http"
        return self.address.rstrip("/") or f"{scheme}://{self.host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS."""
        return self.tls is not None or self.address.startswith("https:")

    @property
    def is_public(self) -> bool:
        """Whether others than this machine reach it."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"


class WorkerSection(Strict):
    """How studies are examined: processes side by side, and what of it is left out."""

    processes: int = Field(default=1, ge=1)
    pixels: bool = True
    models: bool = True


class ServiceConfig(Strict):
    """The file `configs/service.yaml`. An empty `catalogue` or `policy` is the default one."""

    mode: Literal["trial", "production"] = "trial"
    state: str = ""
    catalogue: str = ""
    policy: str = ""
    database: DatabaseSection = DatabaseSection()
    archive: ArchiveSection = ArchiveSection()
    intake: IntakeSection = IntakeSection()
    hospitals: tuple[HospitalSection, ...] = Field(min_length=1)
    dimse: DimseSection = DimseSection()
    web: WebSection = WebSection()
    auth: SigningIn = SigningIn()
    limits: RateLimits = RateLimits()
    closing: Closing = Closing()
    jobs: Leasing = Leasing()
    reviewing: Reviewing = Reviewing()
    worker: WorkerSection = WorkerSection()
    engine: EngineSection = EngineSection()
    retention: Retention = Retention()
    metrics: MetricsSection = MetricsSection()
    tracing: TracingSection = TracingSection()
    receivers: tuple[Receiver, ...] = ()
    outbox: Delivering = Delivering()

    @model_validator(mode="after")
    def _each_once(self) -> "ServiceConfig":
        for what, named in (
            ("id", [hospital.id for hospital in self.hospitals]),
            ("AE title", [peer.title for hospital in self.hospitals for peer in hospital.peers]),
            ("watched folder", [folder for hospital in self.hospitals for folder in hospital.watched_folders]),
        ):
            if twice := sorted({name for name in named if named.count(name) > 1}):
                raise ValueError(f"hospitals: {what} {', '.join(twice)} is named twice")
        receivers = [receiver.name for receiver in self.receivers]
        if twice := sorted({name for name in receivers if receivers.count(name) > 1}):
            raise ValueError(f"receivers: {', '.join(twice)} is named twice")
        known = {hospital.id for hospital in self.hospitals}
        if strange := sorted({id_ for receiver in self.receivers for id_ in receiver.hospitals} - known):
            raise ValueError(f"receivers: there is no hospital {', '.join(strange)}")
        return self

    @model_validator(mode="after")
    def _is_not_overheard(self) -> "ServiceConfig":
        if self.mode == "production" and self.web.is_public and not self.web.secure:
            told = f"others reach {self.web.host} in plain; give tls, or the https address of the proxy before it"
            raise ValueError(f"web: {told}")
        return self

    def hospital_of(self, ae_title: str) -> str | None:
        """The id of the hospital that a device belongs to; None for one that nobody named."""
        for hospital in self.hospitals:
            if any(peer.title == ae_title for peer in hospital.peers):
                return hospital.id
        return None

    @property
    def state_folder(self) -> Path:
        """Where whatever has no other place lies."""
        return Path(self.state)

    @property
    def archive_folder(self) -> Path:
        """Where objects lie."""
        return self.state_folder / (self.archive.folder or _ARCHIVE_FOLDER)

    def database_url(self, environ: Mapping[str, str] = os.environ) -> URL:
        """Where the database is, with the password that the environment holds."""
        if not self.database.url:
            return URL.create("sqlite", database=str(self.state_folder / _SQLITE_FILE))
        url = make_url(self.database.url)
        password = environ.get("TOUCHSTONE_DATABASE_PASSWORD")
        return url.set(password=password) if password else url


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What nobody else may know. `key` signs sessions and digests; no `admin_password`: no account is made for it."""

    key: str
    admin_password: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)  # every other TOUCHSTONE_… variable, by its name


def make_state_folder(config: ServiceConfig) -> None:
    """Makes the state folder, for its owner's eyes alone, where it is not there yet."""
    try:
        config.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        told = f"{config.state_folder} cannot be made ({error.strerror}); name another one by --state"
        raise ConfigError(f"state: {told}") from error


def load_service_config(
    path: Path = DEFAULT_CONFIG, *, state: Path | None = None, environ: Mapping[str, str] = os.environ
) -> ServiceConfig:
    """Loads a configuration; ConfigError with file and key.

    State lies where `state` says, else the file, else under XDG_STATE_HOME; it becomes an absolute path.
    """
    try:
        config = parse(ServiceConfig, read_yaml(path), path)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error
    levels = [level.id for level in load_policy(*([Path(config.policy)] if config.policy else [])).recognition.levels]
    for number, hospital in enumerate(config.hospitals):
        if hospital.level not in levels:
            raise ConfigError(f"{path}: hospitals.{number}.level: the policy has {', '.join(levels)}")
    folder = state or Path(config.state or _xdg_state(environ))
    return config.model_copy(update={"state": str(folder.expanduser().absolute())})


def read_secrets(config: ServiceConfig, environ: Mapping[str, str] = os.environ) -> Secrets:
    """The secrets of the environment; on trial what is missing is made up, and the key kept in the state folder.

    ConfigError names the variable that is missing or too short in production, or known to everybody where others reach the service.
    """
    production = config.mode == "production"
    key = environ.get("TOUCHSTONE_SECRET_KEY", "")
    password = environ.get("TOUCHSTONE_ADMIN_PASSWORD") or (None if production else TRIAL_ADMIN_PASSWORD)
    if production:
        if len(key) < _SHORTEST_KEY or len(set(key)) < 8:
            raise ConfigError(
                f"TOUCHSTONE_SECRET_KEY: set it to {_SHORTEST_KEY} or more random characters in production"
            )
        if password is not None and (len(password) < _SHORTEST_PASSWORD or TRIAL_ADMIN_PASSWORD in password.lower()):
            raise ConfigError(
                f"TOUCHSTONE_ADMIN_PASSWORD: choose another one of {_SHORTEST_PASSWORD} or more characters"
            )
    elif password == TRIAL_ADMIN_PASSWORD and config.web.is_public:
        told = f"others reach {config.web.host}, and everybody knows the password of a trial; set another one"
        raise ConfigError(f"TOUCHSTONE_ADMIN_PASSWORD: {told}")
    return Secrets(
        key=key or kept_in_state(config.state_folder, _KEY_FILE, lambda: secrets.token_urlsafe(32)),
        admin_password=password,
        others={name: value for name, value in environ.items() if name.startswith("TOUCHSTONE_")},
    )


def _xdg_state(environ: Mapping[str, str]) -> str:
    return str(Path(environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "~"), ".local", "state")) / "touchstone")


def kept_in_state(state: Path, name: str, make: Callable[[], str]) -> str:
    """A secret of a service on trial: made by the first process that asks, and the same for all after it."""
    path = state / name
    fresh = path.with_name(f"{name}.{secrets.token_hex(8)}")
    try:
        if not path.exists():
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(make())
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass  # another process was first
            finally:
                fresh.unlink()
        return path.read_text()
    except OSError as error:
        raise ConfigError(f"state: {state} cannot be written ({error.strerror}); name another by --state") from error
