"""Slice thickness of components and of parts of a range, on hand-made facts."""

from collections.abc import Callable
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from qc_models.checks.adequacy import slice_thickness
from qc_models.checks.adequacy.slice_thickness import finest_cover
from qc_models.facts import StackFacts
from qc_models.findings import Measurement
from tests.judged_facts import facts, item, stack

TODAY = date(2026, 9, 2)


def axial(uid: str, thickness_mm: float | None, *components: str, **fields: Any) -> StackFacts:
    fields = {"nearest_plane": "axial", "frame_of_reference_uid": "9", **fields}
    return stack(uid, *(components or ("plain",)), slice_thickness_mm=thickness_mm, **fields)


def measured(
    *stacks: StackFacts, required: tuple[str, ...] = ("plain",), modality: str = "CT"
) -> dict[tuple[str, str], tuple[float, str | None]]:
    one = item(f"{modality}-X", "head", required, modality)
    return {
        (found.metric.rpartition(".")[2], found.detail["component"]): (found.value, found.location.series_instance_uid)
        for found in slice_thickness.relate(facts(stacks=stacks), one, TODAY)
    }


@pytest.mark.parametrize(
    ("parts", "stretches"),
    [
        ([], []),
        ([(0, 100, 5)], [(100, 5)]),
        ([(0, 100, 5), (40, 60, 1)], [(20, 1), (80, 5)]),
        ([(0, 50, 4), (50, 150, 7)], [(50, 4), (100, 7)]),
        ([(0, 10, 2), (30, 40, 2)], [(20, 2)]),
    ],
)
def test_each_stretch_has_its_thinnest_slices(
    parts: list[tuple[float, float, float]], stretches: list[tuple[float, float]]
) -> None:
    assert finest_cover(parts) == stretches


def test_a_thick_reconstruction_beside_a_thin_one_costs_nothing() -> None:
    thick, thin = axial("1", 5.0, extent_mm=(-3, 203)), axial("2", 1.0, extent_mm=(0, 200))
    assert measured(thick, thin) == {("thinnest_mm", "plain"): (1.0, "2")}


def test_thick_slices_above_a_thin_base_are_told_with_their_length(
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    base, above = axial("1", 4.0, extent_mm=(0, 56)), axial("2", 7.0, extent_mm=(56, 154))
    found = measured(base, above)
    assert found == {("thinnest_mm", "plain"): (4.0, "1"), ("coarsest_part_mm", "plain"): (7.0, "2")}
    for measurement in slice_thickness.relate(facts(stacks=(base, above)), item("CT-X", "head", ("plain",)), TODAY):
        assert all(sentences(slice_thickness, measurement))
        assert measurement.detail.get("length_mm", 98.0) == pytest.approx(98.0)


def test_ranges_of_different_frames_of_reference_are_not_joined() -> None:
    head = axial("1", 1.0, extent_mm=(0, 100), frame_of_reference_uid="1")
    again = axial("2", 5.0, extent_mm=(0, 100), frame_of_reference_uid="2")
    assert measured(head, again)["coarsest_part_mm", "plain"] == (5.0, "2")


def test_each_component_is_asked() -> None:
    arterial, portal = axial("1", 1.0, "arterial"), axial("2", 8.0, "portal")
    found = measured(arterial, portal, required=("arterial", "portal"))
    assert found == {("thinnest_mm", "arterial"): (1.0, "1"), ("thinnest_mm", "portal"): (8.0, "2")}


@pytest.mark.parametrize(
    ("modality", "component", "fields"),
    [
        ("CT", "coronal", {"nearest_plane": "coronal"}),
        ("MR", "AX_DWI", {"roles": ("DWI",)}),
        ("MR", "DYNAMIC", {"roles": ("DYNAMIC", "T1C")}),
        ("MR", "MRCP", {"roles": ("MRCP",), "slice_thickness_mm": 40.0}),
    ],
)
def test_some_stacks_are_exempt(modality: str, component: str, fields: dict[str, Any]) -> None:
    thickness = fields.pop("slice_thickness_mm", 9.0)
    assert (
        measured(
            axial("1", thickness, component, modality=modality, **fields), required=(component,), modality=modality
        )
        == {}
    )


def test_without_a_thickness_the_step_stands_for_it_and_that_is_told(
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    assert measured(axial("1", None, step_mm=20.0)) == {
        ("ct_unknown", "plain"): (20, "1"),
        ("thinnest_mm", "plain"): (20.0, "1"),
    }
    assert measured(axial("1", None)) == {("ct_unknown", "plain"): (20, "1")}
    fat = measured(axial("1", None, "AX_T2", modality="MR", step_mm=6.0), required=("AX_T2",), modality="MR")
    assert fat == {("mr_unknown", "AX_T2"): (20, "1"), ("thinnest_mm", "AX_T2"): (6.0, "1")}
    assert measured(axial("1", None, "coronal", nearest_plane="coronal"), required=("coronal",)) == {}
    for found in slice_thickness.relate(facts(stacks=(axial("1", None),)), item("CT-X", "head", ("plain",)), TODAY):
        assert all(sentences(slice_thickness, found))


def test_thin_mrcp_sources_are_asked() -> None:
    sources = axial("1", 2.0, "MRCP", modality="MR", roles=("MRCP",))
    slab = axial("2", 40.0, "MRCP", modality="MR", roles=("MRCP",))
    assert measured(sources, slab, required=("MRCP",), modality="MR") == {("thinnest_mm", "MRCP"): (2.0, "1")}
