"""Who spends the time: image checks and the features that they share, each without what it calls."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from qc_models.check_registry import Check
from qc_models.features.frame_features import FrameFeatures


class Stopwatch:
    """Seconds by name. What a check or feature asks of a feature counts as the feature's.

    `settle` is called before every reading of the clock: for a device that works behind the caller's back.
    """

    def __init__(self, settle: Callable[[], object] = lambda: None) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._settle = settle
        self._running: list[str] = []
        self._last = 0.0

    @contextmanager
    def measuring(self, name: str) -> Iterator[None]:
        """Counts what happens inside for `name`, but for what is measured inside of it."""
        self._count()
        self._running.append(name)
        try:
            yield
        finally:
            self._count()
            self._running.pop()

    def _count(self) -> None:
        self._settle()
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._last
        self._last = now


@contextmanager
def watching(watch: Stopwatch) -> Iterator[None]:
    """Every image check and every shared feature is measured by `watch`, as long as this lasts."""
    features = {name: value for name, value in vars(FrameFeatures).items() if isinstance(value, cached_property)}
    look, finish = Check.look, Check.finish

    def timed_look(check: Check, block: Any) -> Any:
        with watch.measuring(check.name):
            return look(check, block)

    def timed_finish(check: Check, curve: Any) -> Any:
        with watch.measuring(check.name):
            return list(finish(check, curve))

    try:
        setattr(Check, "look", timed_look)  # noqa: B010  (mypy forbids the plain assignment to a method)
        setattr(Check, "finish", timed_finish)  # noqa: B010
        for name, feature in features.items():
            setattr(FrameFeatures, name, _timed(f"shared {name}", name, feature, watch))
        yield
    finally:
        setattr(Check, "look", look)  # noqa: B010
        setattr(Check, "finish", finish)  # noqa: B010
        for name, feature in features.items():
            setattr(FrameFeatures, name, feature)


def _timed(label: str, name: str, feature: "cached_property[Any]", watch: Stopwatch) -> "cached_property[Any]":
    def measured(features: FrameFeatures) -> Any:
        with watch.measuring(label):
            return feature.func(features)

    timed = cached_property(measured)
    timed.__set_name__(FrameFeatures, name)
    return timed
