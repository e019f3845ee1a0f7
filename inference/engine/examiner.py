"""Examines studies in a process of its own, one at a time: a Serve deployment that is scaled by how many studies wait."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ray
from ray.exceptions import RayError
from ray.serve.handle import DeploymentHandle

from inference.engine.remote_runner import RemoteRunner
from inference.engine.study_engine import Order, carry_out
from inference.engine.told_error import ToldError
from inference.model_runner import ModelRunner
from inference.pipeline import Settings
from inference.threads import Threads
from qc_models.errors import ServiceError
from qc_models.exam_item import Catalogue
from qc_models.policy import Policy
from qc_models.report import QcReport
from qc_models.report_form import ReportForm

MOST_RULES = 16  # that are kept ready
OVERDUE_S = 60.0  # that a study may take beyond its time, to end what it had begun


@dataclass(frozen=True, slots=True)
class Rules:
    """Catalogue and policy, which are large and seldom change: by digest, and where they are to be had in one piece."""

    digest: str
    kept: "tuple[ray.ObjectRef[tuple[Catalogue, Policy]]]"  # inside something, so that Ray does not fetch them for each study


@dataclass(frozen=True, slots=True)
class Message:
    """An order on its way; `settings` are those of its Settings but for the rules."""

    study_instance_uid: str
    paths: tuple[Path, ...]
    declared_instances: int | None
    longest_s: float
    reports: tuple[ReportForm, ...]
    settings: dict[str, Any]
    rules: Rules


class Examiner:
    """See the module."""

    def __init__(self, runners: "DeploymentHandle[Any]") -> None:
        self._runners = runners
        self._rules: OrderedDict[str, tuple[Catalogue, Policy]] = OrderedDict()
        self._lock = Lock()
        self._until: dict[int, float] = {}  # when each study that is being examined must be done

    def examine(self, message: Message) -> QcReport | ToldError:
        """The report on a study, or what went wrong."""
        self._until[id(message)] = time.monotonic() + message.longest_s + OVERDUE_S
        try:
            return carry_out(self._order(message), self._runner)
        except Exception as error:
            return ToldError.of(error)
        finally:
            del self._until[id(message)]

    def check_health(self) -> None:
        """Raises where a study stands still, since no thread can be ended: Serve starts another process in its place."""
        if any(time.monotonic() > until for until in list(self._until.values())):
            raise RuntimeError("a study stands still")

    def _runner(self, settings: Settings, _: Threads) -> ModelRunner | None:
        return RemoteRunner(self._runners, settings.models) if settings.pixels and settings.models is not None else None

    def _order(self, message: Message) -> Order:
        with self._lock:
            found = self._rules.get(message.rules.digest)
            if found is None:
                try:
                    found = ray.get(message.rules.kept[0])
                except RayError as error:
                    raise ServiceError("the catalogue of the study went away with whoever ordered it") from error
                self._rules[message.rules.digest] = found
                while len(self._rules) > MOST_RULES:
                    self._rules.popitem(last=False)
        catalogue, policy = found
        return Order(
            message.study_instance_uid,
            message.paths,
            Settings(catalogue=catalogue, policy=policy, **message.settings),
            message.declared_instances,
            message.longest_s,
            message.reports,
        )
