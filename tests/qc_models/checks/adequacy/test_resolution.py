"""Pixel pitch of hand-made radiographs."""

from collections.abc import Callable
from datetime import date
from types import ModuleType

from qc_models.checks.adequacy import resolution
from qc_models.facts import StackFacts
from qc_models.findings import Measurement
from tests.judged_facts import facts, item, stack


def measured(*stacks: StackFacts, modality: str = "XR") -> list[Measurement]:
    required = ("PA|AP", "LAT") if modality == "XR" else ("plain",)
    return list(resolution.relate(facts(stacks=stacks), item("X", "hand", required, modality), date(2026, 9, 2)))


def test_the_coarsest_view_is_told_by_its_finest_image(
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    (found,) = measured(
        stack("1", "PA", modality="XR", pixel_spacing_mm=(0.15, 0.15)),
        stack("2", "LAT", modality="XR", pixel_spacing_mm=(0.4, 0.4)),
        stack("3", "LAT", modality="XR", pixel_spacing_mm=(0.2, 0.25)),
    )
    assert (found.value, found.location.series_instance_uid) == (0.25, "3")
    assert all(sentences(resolution, found))


def test_unknown_spacing_and_other_modalities_say_nothing() -> None:
    assert measured(stack("1", "PA", modality="XR")) == []
    assert measured(stack("1", "plain", pixel_spacing_mm=(0.7, 0.7)), modality="CT") == []
