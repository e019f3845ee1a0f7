"""Has studies examined by processes of a Ray cluster, by handles and references alone, and finds a lost connection again.

Ray's own ways to learn that its head is gone wait for a minute and may then end the process; so the head is asked beside it, and
the connection is closed in the background where it does not answer.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread

from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException

from inference.engine.ray_session import RaySession, num_gpus
from inference.engine.section import EngineSection
from inference.engine.study_engine import Health, Order, released_versions
from inference.engine.told_error import ToldError
from qc_models.errors import ConfigError, CrashError, QcError, ServiceError
from qc_models.report import QcReport

LOOK_S = 5.0  # between two looks at Ray while a study is awaited


class RayEngine:
    """See inference.engine.study_engine.Engine. It joins Ray with the first study, and again with the next where Ray was away."""

    def __init__(self, section: EngineSection) -> None:
        """ConfigError where Ray's authentication is off."""
        if os.environ.get("RAY_AUTH_MODE") == "disabled":
            raise ConfigError("RAY_AUTH_MODE: is disabled, so that anybody may run code on Ray's nodes; leave it out")
        self._section = section
        self._lock = Lock()
        self._session: RaySession | None = None
        self._leaving: Thread | None = None
        # a cluster of this process ends with the thread that began it, which must be none of those that ask
        self._beginner = ThreadPoolExecutor(1, thread_name_prefix="Ray")
        self._closed = False

    def examine(self, order: Order) -> QcReport:
        """See Engine. A study whose process or machine ends in the middle is a CrashError, and to be ordered again."""
        session = self._joined()
        until = time.monotonic() + order.longest_s
        examiners_at = time.monotonic()
        try:
            response = session.ask(order)
            while True:
                try:
                    said = response.result(timeout_s=LOOK_S)
                    break
                except TimeoutError:
                    now = time.monotonic()
                    self._require_head(session)
                    if now > until + LOOK_S:
                        response.cancel()
                        raise CrashError(
                            f"the study took longer than {order.longest_s:g} s; look at what it holds"
                        ) from None
                    if session.num_examiners():
                        examiners_at = now
                    elif now - examiners_at > self._section.wait_s:
                        response.cancel()
                        raise ServiceError("Ray runs no examiner; look at its nodes") from None
        except (RayError, RayServeException) as error:
            self._require_head(session)
            if isinstance(error, BackPressureError | DeploymentUnavailableError):
                raise ServiceError("Ray runs no examiner; look at its nodes") from error
            raise CrashError(
                f"the process that examined the study ended in the middle, or its machine did ({type(error).__name__})"
            ) from error
        if isinstance(said, ToldError):
            raise said.error
        report: QcReport = said
        return report

    def lack(self) -> str:
        """See Engine. GPUs of nodes that joined since are taken into use."""
        if self._section.gpu != "required":
            return ""
        session = self._joined()
        if not session.gpus and num_gpus():
            self._leave(session)
            session = self._joined()
        return "" if session.gpus else "no GPU"

    def health(self) -> Health:
        """See Engine."""
        try:
            session = self._joined()
            self._require_head(session)
            device = "cuda" if session.gpus else "cpu"
            if not session.num_examiners():
                return Health(False, "Ray runs no examiner", device)
            return Health(True, device=device, versions=released_versions())
        except (QcError, RayError, RayServeException) as error:
            return Health(False, str(error) if isinstance(error, QcError) else type(error).__name__)

    def close(self) -> None:
        """See Engine. What others run on a cluster that was joined goes on."""
        with self._lock:
            self._closed = True
            if self._session is not None:
                self._session.leave()
                self._session = None
        if self._leaving is not None:
            self._leaving.join()
        self._beginner.shutdown()

    def _joined(self) -> RaySession:
        with self._lock:
            if self._closed:
                raise ServiceError("the engine is closed; start the worker again")
            if self._leaving is not None and self._leaving.is_alive():
                raise ServiceError("Ray's head went away; its connection is still being closed")
            if self._session is None:
                self._session = self._beginner.submit(RaySession, self._section).result()
            return self._session

    def _require_head(self, session: RaySession) -> None:
        if not session.head_answers():
            self._leave(session)
            raise ServiceError(f"Ray's head at {session.head} does not answer; start it again")

    def _leave(self, session: RaySession) -> None:
        """Gives up a connection, once, however many studies were waiting for it."""
        with self._lock:
            if self._session is session:
                self._session = None
                self._leaving = Thread(target=session.leave, name="leaving Ray", daemon=True)
                self._leaving.start()
