"""Shares of pixels pressed to the ends of the scale."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.artifacts import clipping
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import radiograph, run

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "clipping.yaml").read_text(encoding="utf-8"))


def test_shares_at_both_ends() -> None:
    image = radiograph(512, 512)
    low, high = np.quantile(image, (0.1, 0.75))
    found = run(clipping, [image.clip(low, high)], "XR")
    assert found["highest_share"].value == pytest.approx(0.25, abs=0.01)
    assert found["lowest_share"].value == pytest.approx(0.10, abs=0.01)


def test_an_image_that_ends_smoothly_is_not_clipped_and_padding_does_not_count() -> None:
    image, padding = radiograph(512, 512), np.zeros((1, 512, 512), dtype=bool)
    padding[:, :100] = True
    image[:100] = 60000
    found = run(clipping, [image], "XR", padding=padding)
    assert found["highest_share"].value < 0.001
    assert found["lowest_share"].value < 0.001


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_dose_clips_its_share_of_an_even_ramp(case: dict[str, Any]) -> None:
    ramp = np.broadcast_to(np.linspace(0, 4000, 512, dtype=np.float32), (512, 512))
    defect = PIXEL_DEFECTS[case["defect"]]
    drawn = defect.make_params(np.random.default_rng(0), ramp.shape, case["stops"])
    low, high = case["measured"]
    assert low <= run(clipping, [defect.apply(ramp.copy(), drawn)], "XR")[case["quantity"]].value <= high
