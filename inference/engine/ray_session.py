"""A connection to a Ray cluster on which the application runs: joined, deployed where it is not there as wanted, asked, left."""

import hashlib
import logging
import os
import socket
import time
from dataclasses import fields
from threading import Lock
from typing import Any

import ray
from ray import serve
from ray._private import auto_init_hook
from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from inference.engine.examiner import MOST_RULES, Examiner, Message, Rules
from inference.engine.section import EngineSection
from inference.engine.shared_runner import SharedRunner
from inference.engine.study_engine import Order
from inference.pipeline import Settings
from qc_models.errors import ServiceError
from qc_models.version import code_version

APPLICATION = "touchstone"
EXAMINERS, RUNNERS = "Examiner", "ModelRunner"
MOST_RUNNERS = 64  # on GPUs, of nodes that may join
FINISHING_S = 3600.0  # that an old process has for its study when a new one takes its place
PROBE_S = 3.0
POLL_S = 0.2


class RaySession:
    """One connection; Ray allows a process no more."""

    def __init__(self, section: EngineSection) -> None:
        """Joins; raises ServiceError where Ray cannot be reached, or has no room for an examiner."""
        logging.getLogger("ray.serve").setLevel(logging.CRITICAL)  # what goes wrong is told by our errors
        auto_init_hook.enable_auto_connect = False  # threads of Serve that outlive a connection would make another one
        self._section = section
        self._lock = Lock()
        self._rules: dict[str, Rules] = {}
        self._join()
        try:
            self.gpus = 0 if section.gpu == "never" else num_gpus()
            self._examiners = self._deployed()
            self._deployed_mark()  # or nodes do not reach us
        except BaseException as error:
            self.leave()
            if isinstance(error, RayError | RayServeException | RuntimeError | TimeoutError):
                raise ServiceError(f"Ray runs no examiner ({type(error).__name__}); look at its nodes") from error
            raise

    def ask(self, order: Order) -> Any:
        """Hands an order to an examiner; the response will hold a report or a ToldError."""
        return self._examiners.examine.remote(self._message(order))

    def head_answers(self) -> bool:
        """Whether Ray's head is still there, asked without Ray, which would wait for it."""
        return _answers(self.head)

    def num_examiners(self) -> int:
        """How many examiners are ready for work."""
        return self._num_running(EXAMINERS)

    def _num_running(self, deployment: str) -> int:
        status = serve.status().applications.get(APPLICATION)
        if status is None or deployment not in status.deployments:
            return 0
        states = status.deployments[deployment].replica_states
        return sum(number for state, number in states.items() if getattr(state, "value", state) == "RUNNING")

    def leave(self) -> None:
        """Disconnects; a cluster of this process alone ends."""
        ray.shutdown()

    def _join(self) -> None:
        address = self._section.address
        # Ray's processes step back behind all others (niceness 15) unless told otherwise; here they are the work itself
        own = {
            "address": "local",
            "include_dashboard": False,
            "_system_config": {"worker_niceness": 0, "enable_metrics_collection": False},
        }
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of each cluster
        if address not in ("", "auto") and not _answers(address):
            raise ServiceError(f"Ray's head at {address} does not answer; start it")
        if not address:  # a busy machine may take longer than Ray's half a minute
            os.environ.setdefault("RAY_gcs_server_port_wait_time_s", f"{max(30.0, self._section.wait_s):.0f}")
        else:  # Ray shows its token to clusters that it finds by itself, and to none that is named
            maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
        try:
            ray.init(
                **({"address": address} if address else own),
                namespace=APPLICATION,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (RayError, ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            ray.shutdown()
            where = address or "of this process"
            raise ServiceError(
                f"Ray {where} cannot be joined ({type(error).__name__}); start it, or correct the token"
            ) from error
        self.head = str(ray.get_runtime_context().gcs_address)

    def _deployed(self) -> "DeploymentHandle[Any]":
        """The examiners; the application is deployed where none runs, or one of other code or another configuration.

        Then processes are replaced one after the other, each once its study is done.
        """
        wanted = f"{code_version()} {self._section.digest} {self.gpus > 0}"
        mark = hashlib.sha256(wanted.encode()).hexdigest()
        serve.start(proxy_location="Disabled")  # no HTTP: handles alone
        if self._deployed_mark() != mark:
            target = serve.RunTarget(application(self._section, mark, self.gpus), APPLICATION, route_prefix=None)
            serve.run_many([target], wait_for_applications_running=False)
        until = time.monotonic() + self._section.wait_s
        while not self.num_examiners():
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(POLL_S)
        return serve.get_deployment_handle(EXAMINERS, APPLICATION)

    def _deployed_mark(self) -> str:
        """What the application was deployed as; empty where no runner can tell.

        Raises ServiceError where one runs and no answer comes: a node without our token hears us, and cannot hand us what it made.
        """
        status = serve.status().applications.get(APPLICATION)
        if status is None or RUNNERS not in status.deployments:
            return ""
        try:
            runners = serve.get_deployment_handle(RUNNERS, APPLICATION)
            return str(runners.mark.remote().result(timeout_s=self._section.wait_s))
        except TimeoutError:
            if not self._num_running(RUNNERS):
                return ""
            raise ServiceError(
                "Ray's nodes do not reach this process; give it and all of them one token, and start them again"
            ) from None
        except (RayError, RayServeException):
            return ""

    def _message(self, order: Order) -> Message:
        settings = order.settings
        rest = {one.name: getattr(settings, one.name) for one in fields(Settings)}
        catalogue, policy = rest.pop("catalogue"), rest.pop("policy")
        # two policies of one digest may differ in whom they suspend
        held = hashlib.sha256(policy.model_dump_json().encode()).hexdigest()
        digest = f"{catalogue.digest} {type(policy).__name__} {policy.digest} {held}"
        with self._lock:
            rules = self._rules.get(digest)
            if rules is None:
                rules = self._rules[digest] = Rules(digest, (ray.put((catalogue, policy)),))
                while len(self._rules) > MOST_RULES:  # an order on its way keeps its own
                    del self._rules[next(iter(self._rules))]
        return Message(
            order.study_instance_uid,
            order.paths,
            order.declared_instances,
            order.longest_s,
            order.reports,
            rest | {"workers": self._section.threads},
            rules,
        )


def application(section: EngineSection, mark: str, gpus: int) -> serve.Application:
    """Examiners, and the runners of models that they share: one for each GPU, or on processors."""
    runners = serve.deployment(
        name=RUNNERS,
        max_ongoing_requests=256,
        autoscaling_config={
            "min_replicas": gpus or 1,
            "max_replicas": MOST_RUNNERS if gpus else section.most_examiners,
            "target_ongoing_requests": 64 if gpus else 8,
        },
        ray_actor_options={"num_cpus": 0, "num_gpus": 1 if gpus else 0},
        graceful_shutdown_timeout_s=60,
    )(SharedRunner)
    examiners = serve.deployment(
        name=EXAMINERS,
        max_ongoing_requests=1,
        autoscaling_config={
            "min_replicas": section.least_examiners,
            "max_replicas": section.most_examiners,
            "target_ongoing_requests": 1,
            "upscale_delay_s": 2,
        },
        ray_actor_options={"num_cpus": section.cpus},
        graceful_shutdown_timeout_s=FINISHING_S,
    )(Examiner)
    bound: serve.Application = examiners.bind(runners.bind(mark, gpus > 0))
    return bound


def num_gpus() -> int:
    """How many GPUs the cluster has."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return int(resources.get("GPU", 0))


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    for _ in range(2):
        try:
            socket.create_connection((host.strip("[]"), int(port)), PROBE_S).close()
        except ValueError:
            return False
        except OSError:
            continue
        return True
    return False
