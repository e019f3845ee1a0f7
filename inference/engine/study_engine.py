"""What the service asks of whatever examines its studies: one order, one report, and what goes wrong as one of our errors.

An `InputError` is the sender's, a `ServiceError` an outage, after which the same order will do; a `CrashError` is of this study: it
stood still, or its examination met a mistake of ours or ended in the middle. Of an order that raised nothing was said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Timer
from time import perf_counter
from typing import Protocol

from inference.model_runner import ModelRunner
from inference.pipeline import Settings, examine_on
from inference.reading import read_studies
from inference.threads import Threads
from qc_models.errors import CrashError, QcError, ServiceError, reason_of
from qc_models.model_bundle import SHIPPED, releases
from qc_models.report import QcReport
from qc_models.report_form import ReportForm


@dataclass(frozen=True, slots=True)
class Order:
    """One study to be examined: its files, among which others' may lie, how, and how long that may take.

    `reports` are those of radiologists that came by another way.
    """

    study_instance_uid: str
    paths: tuple[Path, ...]
    settings: Settings
    declared_instances: int | None = None
    longest_s: float = 3600.0
    reports: tuple[ReportForm, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether studies can be examined, and if not why; where models run; which versions of them are served."""

    ready: bool
    reason: str = ""
    device: str = "cpu"
    versions: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """Examines studies, several at a time, asked from any thread."""

    def examine(self, order: Order) -> QcReport:
        """The report on a study, made wholly by one set of model versions, which it names."""
        ...

    def lack(self) -> str:
        """What is missing of what the configuration requires for pixels, such as a GPU; empty where nothing is."""
        ...

    def health(self) -> Health:
        """How it is; never raises."""
        ...

    def close(self) -> None:
        """Ends it; whoever asks later gets a ServiceError."""
        ...


def carry_out(order: Order, runner_of: Callable[[Settings, Threads], ModelRunner | None]) -> QcReport:
    """Reads and examines in this process; `runner_of` says where models run. Raises as Engine.examine does."""
    begun = perf_counter()
    over = Event()
    absent = sum(not path.exists() for path in order.paths)
    if absent:
        raise ServiceError(
            f"{absent} of {len(order.paths)} files of the study are not to be seen; mount the archive where studies are examined"
        )
    with Threads(order.settings.workers) as threads:

        def end() -> None:
            over.set()
            threads.cancel()

        clock = Timer(order.longest_s, end)
        clock.daemon = True
        clock.start()
        try:
            read = read_studies(order.paths, declared_instances=order.declared_instances)
            read_s = round(perf_counter() - begun, 4)
            found = [study for study in read.studies if study.study_instance_uid == order.study_instance_uid]
            if not found:
                raise ServiceError("the archive holds no object of the study; restore it")
            study = replace(found[0], reports=order.reports)
            report = examine_on(threads, study, order.settings, runner_of(order.settings, threads)).report
        except Exception as error:
            if over.is_set():
                raise CrashError(f"the study took longer than {order.longest_s:g} s; look at what it holds") from error
            if isinstance(error, QcError):
                raise
            raise CrashError(reason_of(error)) from error
        finally:
            clock.cancel()
    if over.is_set():  # what was left out by then is no part of a verdict
        raise CrashError(f"the study took longer than {order.longest_s:g} s; look at what it holds")
    content = report.content
    return QcReport({**content, "timings_s": {"read": read_s, **content["timings_s"]}})


def released_versions(bundles: Path | None = SHIPPED) -> dict[str, str]:
    """The version of each model that is served; none without bundles. Raises ModelError for a broken list."""
    return {name: str(entries[-1]["version"]) for name, entries in releases(bundles).items()} if bundles else {}
