"""Gaps of hand-made stacks."""

from collections.abc import Callable
from types import ModuleType

import pytest

from qc_models.checks.adequacy import gap
from qc_models.checks.adequacy.gap import gap_ratio
from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.findings import Measurement
from qc_models.roles.describe import describe
from qc_models.stack import Stack, split
from qc_models.study import Study
from tests.judged_facts import stack
from tests.qc_models.roles.written_study import CT, series, slices, study_of


def measured(*stacks: StackFacts) -> list[Measurement]:
    bare = tuple(Stack(each.series_instance_uid, each.index, each.modality, (), None, ()) for each in stacks)
    return list(gap.measure(Evidence(Study("1.2.3", ()), bare, stacks)))


@pytest.mark.parametrize(("step_mm", "thickness_mm", "ratio"), [(5, 5, 0), (6.5, 5, 0.3), (0.8, 1.0, -0.2), (10, 1, 9)])
def test_gap_is_a_share_of_the_slice(step_mm: float, thickness_mm: float, ratio: float) -> None:
    assert gap_ratio(step_mm, thickness_mm) == pytest.approx(ratio)


@pytest.mark.parametrize(("modality", "quantity"), [("CT", "ct_ratio"), ("MR", "mr_ratio")])
def test_each_modality_has_its_quantity(
    modality: str, quantity: str, sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    (found,) = measured(stack("1", modality=modality, step_mm=7.0, slice_thickness_mm=5.0))
    assert (found.metric, found.value) == (f"adequacy.gap.{quantity}", pytest.approx(0.4))
    assert all(sentences(gap, found))


def test_sparse_slices_beside_a_whole_volume_are_no_gap() -> None:
    sparse = stack("1", step_mm=10.0, slice_thickness_mm=1.0, extent_mm=(0.0, 300.0), frame_of_reference_uid="9")
    volume = stack("2", step_mm=1.0, slice_thickness_mm=1.25, extent_mm=(5.0, 305.0), frame_of_reference_uid="9")
    assert [found.location.series_instance_uid for found in measured(sparse, volume)] == ["2"]


@pytest.mark.parametrize(
    "other",
    [
        stack("2", step_mm=1.0, slice_thickness_mm=1.0, extent_mm=(0.0, 100.0), frame_of_reference_uid="9"),
        stack("2", step_mm=1.0, slice_thickness_mm=1.0, extent_mm=(0.0, 300.0), frame_of_reference_uid="8"),
        stack("2", step_mm=9.0, slice_thickness_mm=1.0, extent_mm=(0.0, 300.0), frame_of_reference_uid="9"),
    ],
)
def test_a_part_another_space_or_another_gap_fills_nothing(other: StackFacts) -> None:
    sparse = stack("1", step_mm=10.0, slice_thickness_mm=1.0, extent_mm=(0.0, 300.0), frame_of_reference_uid="9")
    assert "1" in {found.location.series_instance_uid for found in measured(sparse, other)}


@pytest.mark.parametrize(
    "silent",
    [
        stack("1", modality="XR", step_mm=7.0, slice_thickness_mm=5.0),
        stack("1", role="LOC", step_mm=20.0, slice_thickness_mm=5.0),
        stack("1", roles=("MIP",), step_mm=20.0, slice_thickness_mm=5.0),
        stack("1", step_mm=None, slice_thickness_mm=5.0),
        stack("1", step_mm=7.0, slice_thickness_mm=None),
    ],
)
def test_what_is_no_volume_says_nothing(silent: StackFacts) -> None:
    assert measured(silent) == []


def test_halves_of_a_volume_that_interleave_leave_no_gap() -> None:
    whole = slices(20, **CT)
    halves = [
        series(uid, [{**each, "InstanceNumber": i + 1} for i, each in enumerate(whole[uid::2])]) for uid in (0, 1)
    ]
    study = study_of(*halves)
    stacks = [made for each in study.series for made in split(each)]
    found = gap.measure(Evidence(study, tuple(stacks), describe(study, stacks)))
    assert [each.value for each in found] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "largest"),
    [("abd-mr-haste", 0.25), ("brain-mr-pd", 0.394), ("chest-ct", -0.2), ("head-ct", 0.0), ("knee-mr", 0.3)],
)
def test_gaps_of_real_studies(real_evidence: Callable[[str], Evidence], name: str, largest: float) -> None:
    assert max(found.value for found in gap.measure(real_evidence(name))) == pytest.approx(largest, abs=1e-3)
