"""The stopwatch counts for each what it does itself, and leaves everything as it was."""

from itertools import count

import pytest

from benchmarks import stopwatch
from benchmarks.stopwatch import Stopwatch, watching
from qc_models.check_registry import Check
from qc_models.features.frame_features import FrameFeatures


def test_what_is_measured_inside_does_not_count_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()  # every look at the clock takes a second
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: float(next(clock)))
    watch = Stopwatch()
    with watch.measuring("outer"), watch.measuring("inner"):
        pass
    assert dict(watch.seconds) == {"outer": 2.0, "inner": 1.0}


def test_checks_and_features_are_as_before_once_it_is_over() -> None:
    before = Check.look, Check.finish, vars(FrameFeatures)["body"]
    with watching(Stopwatch()):
        assert Check.look is not before[0]
        assert vars(FrameFeatures)["body"] is not before[2]
    assert (Check.look, Check.finish, vars(FrameFeatures)["body"]) == before
