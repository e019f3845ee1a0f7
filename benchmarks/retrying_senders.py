"""Devices and gateways that send objects until each was acknowledged, whatever happens to the service meanwhile."""

import threading
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

import httpx

from qc_models.errors import QcError
from serving.started_service import Prepared
from serving.transfer.sending import Answer, Device, stow

_AGAIN_S = 0.3
_LOOK_S = 0.01
_OBJECTS_A_REQUEST = 5


class RetryingSenders:
    """Threads that share a list of files: some send by C-STORE, the others by STOW-RS. `acknowledged` grows up to `allowed`."""

    def __init__(self, prepared: Prepared, files: Sequence[Path], key: str, devices: int, gateways: int) -> None:
        self.acknowledged: set[Path] = set()
        self.failures: Counter[str] = Counter()  # each was followed by another try
        self._prepared = prepared
        self._left = deque(files)
        self._key = key
        self._over = threading.Event()
        self.allowed = 0  # objects; who has sent so many waits
        targets = [self._send_by_dimse] * devices + [self._send_by_stow] * gateways
        self._threads = [threading.Thread(target=target, daemon=True) for target in targets]
        for thread in self._threads:
            thread.start()

    @property
    def at_work(self) -> bool:
        """Whether something is still to be acknowledged."""
        return any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Sends nothing more."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _next(self, number: int) -> list[Path]:
        taken: list[Path] = []
        while self._left and len(self.acknowledged) >= self.allowed and not self._over.is_set():
            self._over.wait(_LOOK_S)
        while self._left and len(taken) < number:
            try:
                taken.append(self._left.popleft())
            except IndexError:  # another thread took the last
                break
        return taken

    def _send_by_dimse(self) -> None:
        dimse = self._prepared.config.dimse
        title = self._prepared.config.hospitals[0].peers[0].title
        device: Device | None = None
        while files := self._next(1):
            while not self._over.is_set():
                try:
                    device = device or Device(title, dimse.host, dimse.port, dimse.ae_title, files)
                    if self._heard([device.store(files[0])]) == files:
                        break
                except (QcError, OSError, RuntimeError, ValueError) as error:
                    self.failures[f"C-STORE {type(error).__name__}"] += 1
                    if device is not None:
                        device.close()
                    device = None
                self._over.wait(_AGAIN_S)
        if device is not None:
            device.close()

    def _send_by_stow(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx.Client(base_url=self._prepared.url, headers=headers, timeout=60) as client:
            while files := self._next(_OBJECTS_A_REQUEST):
                while files and not self._over.is_set():
                    try:
                        taken = self._heard(stow(client, files))
                        files = [path for path in files if path not in taken]
                    except QcError:
                        self.failures["STOW-RS no answer"] += 1
                    if files:
                        self._over.wait(_AGAIN_S)

    def _heard(self, answers: Sequence[Answer]) -> list[Path]:
        """The files that were taken."""
        taken = [answer.path for answer in answers if answer.taken]
        self.failures.update(f"status {answer.code:04X}" for answer in answers if not answer.taken)
        self.acknowledged.update(taken)
        return taken
