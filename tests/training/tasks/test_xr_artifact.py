"""What xr_artifact learns from: ordinary radiographs alone."""

from pathlib import Path

import pytest

from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.zoo.xr_artifact import KINDS
from training.examples import Examples
from training.manifest import Manifest, Row
from training.tasks import xr_artifact as task


def test_every_kind_that_the_simulation_makes_is_there() -> None:
    assert set(KINDS) == {defect.name for defect in PIXEL_DEFECTS.values() if defect.modality == "XR"}


def test_only_ordinary_radiographs_are_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(path: str, modality: str = "XR", **labels: list[str]) -> Row:
        return Row(path, "picture", modality, path, "source", "open", "drawn", 5, labels)

    seen: list[str] = []

    def noted(rows: list[Row], *others: object, **options: object) -> Examples | None:
        seen.extend(found.path for found in rows)
        return None

    monkeypatch.setattr(task, "examples_of", noted)
    rows = (row("a"), row("b", subtype=["DXA"]), row("c", composite=["yes"]), row("d", "CT"))
    task.examples(Manifest(rows), Path(), {})
    assert seen == ["a"]
