"""Deviation index of small radiographs."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from qc_models.checks.adequacy import exposure_index
from qc_models.checks.adequacy.exposure_index import deviation_index
from qc_models.evidence import Evidence
from qc_models.findings import Measurement

RADIOGRAPH = {
    "Modality": "DX",
    "ImageOrientationPatient": None,
    "ImagePositionPatient": None,
    "FrameOfReferenceUID": None,
}


@pytest.mark.parametrize(("index", "target", "deviation"), [(400, 400, 0), (800, 400, 3.0103), (40, 400, -10)])
def test_ten_times_the_logarithm_of_the_ratio(index: float, target: float, deviation: float) -> None:
    assert deviation_index(index, target) == pytest.approx(deviation, abs=1e-4)


@pytest.mark.parametrize(
    ("keywords", "value", "times"),
    [
        ({"DeviationIndex": "-3.0"}, -3.0, 0.501),
        ({"DeviationIndex": "2", "ExposureIndex": "900", "TargetExposureIndex": "100"}, 2.0, 1.585),
        ({"ExposureIndex": "250", "TargetExposureIndex": "500"}, -3.0103, 0.5),
    ],
)
def test_stated_or_computed(
    evidence_of: Callable[..., Evidence],
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
    keywords: dict[str, Any],
    value: float,
    times: float,
) -> None:
    (found,) = exposure_index.measure(evidence_of([{**RADIOGRAPH, **keywords}]))
    assert found.value == pytest.approx(value, abs=1e-4)
    assert found.detail["times"] == pytest.approx(times, abs=1e-3)
    assert found.location.sop_instance_uid
    assert all(sentences(exposure_index, found))


@pytest.mark.parametrize(
    "keywords",
    [{}, {"ExposureIndex": "250"}, {"ExposureIndex": "0", "TargetExposureIndex": "0"}, {"DeviationIndex": "-999"}],
)
def test_silent_where_nothing_usable_is_stated(evidence_of: Callable[..., Evidence], keywords: dict[str, Any]) -> None:
    assert list(exposure_index.measure(evidence_of([{**RADIOGRAPH, **keywords}]))) == []


def test_only_radiographs_are_asked(evidence_of: Callable[..., Evidence]) -> None:
    assert list(exposure_index.measure(evidence_of([{"DeviationIndex": "5"}]))) == []
