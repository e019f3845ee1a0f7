"""The check of body coordinates: what a stack proves, which stacks prove nothing, and landmarks that are not reached."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.body_coordinate import LANDMARKS_MM
from qc_models.checks.completeness import body_coordinate
from qc_models.checks.completeness.body_coordinate import measure, relate
from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.findings import Location, Measurement
from qc_models.model_outputs import Prediction
from qc_models.stack import Stack
from qc_models.study import Study
from qc_models.zoo.volume_anatomy import REGIONS
from tests.judged_facts import facts, item, stack

HEIGHT_MM = np.arange(0.0, 320.0, 10.0)
SEEN = (HEIGHT_MM - 250.0) / 100.0


def evidence_of(
    coordinates: NDArray[np.float64], part: str = "chest", normal_z: float = 1.0, outside: float = 0.0, **changes: Any
) -> Evidence:
    """An axial stack of which the model says coordinates, and one part on every slice."""
    count = len(coordinates)
    along = HEIGHT_MM[:count] * normal_z
    order = np.argsort(along)
    positions = tuple(along[order].tolist())
    taken = Stack("1.2", 0, "CT", (), (0.0, 0.0, normal_z), positions)
    known = StackFacts("1.2", 0, "CT", count, count, nearest_plane="axial")
    region = np.array([[float(name == part) for name in REGIONS]] * count, np.float32)
    outputs = {
        "region": region,
        "scope": np.array([[1 - outside, outside]] * count, np.float32),
        "coordinate": coordinates[order, None].astype(np.float32),
    }
    places = tuple((number, f"1.2.{number}", 0) for number in range(count))
    said = {("1.2", 0): {"volume_anatomy": Prediction("volume_anatomy", "1", places, outputs, [0.5] * len(places))}}
    return Evidence(Study("1", ()), (_placed(taken),), (replace(known, **changes),), predictions=said)


def _placed(taken: Stack) -> Stack:
    """A stack without frames that still has positions."""
    taken.__dict__["slice_positions_mm"] = np.array(taken.positions_mm)
    return taken


def told(evidence: Evidence) -> dict[str, float]:
    return {found.metric.rpartition(".")[2]: found.value for found in measure(evidence)}


def test_a_sound_stack() -> None:
    expected = {"slope_ratio": 1.0, "jump_mm": 0.0, "top_mm": 60.0, "bottom_mm": -250.0}
    assert told(evidence_of(SEEN)) == pytest.approx(expected, abs=0.3)


def test_a_normal_that_points_to_the_feet_changes_nothing() -> None:
    assert told(evidence_of(SEEN, normal_z=-1.0)) == pytest.approx(told(evidence_of(SEEN)), abs=0.3)


def test_reversed_slices_say_only_that() -> None:
    assert told(evidence_of(SEEN[::-1])) == {"reversed": 1}


def test_a_jump_is_told_with_its_slice(sentences: Callable[..., tuple[str, ...]]) -> None:
    found = {m.metric.rpartition(".")[2]: m for m in measure(evidence_of(SEEN + (np.arange(32) >= 20) * 1.5))}
    assert found["jump_mm"].value == pytest.approx(150.0)
    assert found["jump_mm"].location == Location("1.2", slice=20, stack=0)
    assert "150 mm" in sentences(body_coordinate, found["jump_mm"])[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"part": "knee"},
        {"outside": 0.9},
        {"modality": "MR"},
        {"nearest_plane": "coronal"},
    ],
)
def test_what_tells_nothing(changes: dict[str, Any]) -> None:
    assert told(evidence_of(SEEN, **changes)) == {}


def test_a_short_stack_tells_nothing() -> None:
    assert told(evidence_of(SEEN[:10])) == {}  # 90 mm


def test_where_no_model_looked_nothing_is_measured() -> None:
    assert told(replace(evidence_of(SEEN), predictions={})) == {}


def test_landmarks_of_the_item() -> None:
    chest = item("CT-CHEST", "chest", ("plain",), scan_range={"from": "lung apex", "to": "costophrenic angles"})
    where = Location("1.2", stack=0)
    ends = (
        Measurement("completeness.body_coordinate.top_mm", 20.0, "mm", where),
        Measurement("completeness.body_coordinate.bottom_mm", LANDMARKS_MM["costophrenic angles"] + 60, "mm", where),
    )
    study = facts(stacks=(stack("1.2", "plain", region=("chest",)),), measurements=ends)
    apex, base = relate(study, chest, study.study_date)
    assert (apex.value, apex.detail["landmark"]) == (-20.0, "lung apex")
    assert (base.value, base.detail["landmark"]) == (60.0, "costophrenic angles")
    assert list(relate(replace(study, measurements=()), chest, study.study_date)) == []
