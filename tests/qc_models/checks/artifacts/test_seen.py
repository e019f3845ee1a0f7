"""What a model sees of artifacts, gathered to a value, a range of slices and a box."""

from collections.abc import Callable

import numpy as np
import pytest

from qc_models.check_registry import Check
from qc_models.checks.artifacts import seen
from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.findings import Measurement
from qc_models.model_outputs import Prediction
from qc_models.model_registry import models
from qc_models.study import Study


def measured(ring: list[float], where: np.ndarray | None = None, rows: int = 512, columns: int = 512) -> Measurement:
    """A CT stack of which every second slice was shown, with these probabilities of a ring, and severity 0.7."""
    kinds = models()["ct_artifact"].output("artifact").classes
    column, count = kinds.index("ring"), len(ring)
    artifact, severity = np.zeros((count, len(kinds)), np.float32), np.zeros((count, len(kinds)), np.float32)
    artifact[:, column], severity[:, column] = ring, 0.7
    outputs = {"artifact": artifact, "severity": severity}
    outputs["where"] = np.ones((count, 64), np.float32) if where is None else np.tile(where.ravel(), (count, 1))
    places = tuple((2 * number, f"1.2.{number}", 0) for number in range(count))
    prediction = Prediction("ct_artifact", "1", places, outputs, [0.5] * len(places))
    facts = StackFacts("1.2", 0, "CT", count, count, rows=rows, columns=columns)
    evidence = Evidence(Study("1", ()), (), (facts,), predictions={("1.2", 0): {"ct_artifact": prediction}})
    found = {one.metric: one for one in seen.measure(evidence)}
    assert found.keys() == {f"artifacts.seen.{kind}" for kind in kinds}
    assert found["artifacts.seen.ct_noise"].value == 0.0
    return found["artifacts.seen.ring"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9], (0.9, 0)),
        ([0.9, 0.4], (0.4, 1)),
        ([0.1, 0.9, 0.1, 0.1], (0.1, 0)),  # one frame alone counts for nothing
        ([0.1, 0.9, 0.2, 0.8, 0.1], (0.8, 3)),  # shared over a gap of one
        ([0.7, 0.6, 0.0, 0.0], (0.6, 1)),
    ],
)
def test_two_of_three_neighbours_share_it(values: list[float], expected: tuple[float, int]) -> None:
    assert seen.shared(values) == expected


def test_the_range_about_the_worst() -> None:
    assert seen.run_about([0.1, 0.5, 0.8, 0.9, 0.3, 0.9], 2) == (1, 3)


def test_a_ring_in_three_slices(sentences: Callable[..., tuple[str, ...]]) -> None:
    found = measured([0.0, 0.0, 0.8, 0.9, 0.7, 0.1, 0.0])
    assert found.value == pytest.approx(0.8)
    assert found.detail["worst_range"] == [
        5,
        9,
    ]  # the third to fifth frame shown, of every second slice, counted from 1
    assert found.detail["severity"] == pytest.approx(0.7)
    assert found.location.slice == 4
    assert found.location.box is None  # a map that is even says nothing
    assert "rings in slices 5-9 (probability 0.80, severity 0.70)" in sentences(seen, found)[0]


def test_one_frame_alone_counts_by_itself() -> None:
    assert measured([0.75]).value == 0.75


def test_the_box_is_that_of_the_map() -> None:
    where = np.zeros((8, 8), np.float32)
    where[2:4, 5] = 1.0
    where[7, 7] = 0.4  # less than half
    assert measured([0.9], where).location.box == (128, 320, 128, 64)
    # 256 rows lie in the middle of a square of 512: its rows 128 to 383; cells of 64 pixels from 128 on are its first rows
    assert measured([0.9], where, rows=256).location.box == (0, 320, 128, 64)


def test_the_map_is_kept_where_something_is_seen() -> None:
    where = np.zeros((8, 8), np.float32)
    where[0, 1], where[7, 7] = 1.0, 0.4
    assert measured([0.9], where).detail["map"] == "0f" + "0" * 61 + "6"
    assert "map" not in measured([0.1], where).detail


def test_every_kind_of_every_model_has_its_words() -> None:
    kinds = {
        kind
        for model in models().values()
        for output in model.outputs
        if output.name == "artifact"
        for kind in output.classes
    }
    assert kinds == set(Check("artifacts.seen", seen).quantities)
