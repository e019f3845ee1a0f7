"""CT images of the phantom: Hounsfield units of organs by phase, and noise of the asked strength."""

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.simulation.anatomy import body
from qc_models.simulation.ct_images import ct_blocks, noise_of
from qc_models.simulation.ct_plan import Kernel
from qc_models.simulation.shapes import draw_labels, ellipsoid, plane_grid
from qc_models.simulation.tissues import NAMES, TISSUE_INDEX, Phase, attenuation, hounsfield


def ball(kernel: Kernel, noise_hu: float, phase: Phase = "plain") -> NDArray[np.float32]:
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 1, 0), (250, 250), (250, 250), 6, 5)
    shapes = [ellipsoid("liver", "air", (0, 0, 0), (110, 110, 300))]
    return np.concatenate([*ct_blocks(shapes, grid, phase, kernel, noise_hu, np.random.default_rng(5))])


@pytest.mark.parametrize("kernel", ["soft", "bone", "lung"])
@pytest.mark.parametrize("noise_hu", [4.0, 25.0])
def test_noise_has_the_asked_strength(kernel: Kernel, noise_hu: float) -> None:
    inside = ball(kernel, noise_hu)[:, 75:175, 75:175]
    assert inside.std() == pytest.approx(noise_hu, rel=0.06)
    assert inside.mean() == pytest.approx(58, abs=0.15 * noise_hu)  # the liver's HU


def test_soft_noise_is_coarser_than_sharp_noise() -> None:
    def neighbour_correlation(kernel: Kernel) -> float:
        part = ball(kernel, 20.0)[:, 75:175, 75:175] - 58
        return float((part[:, :, 1:] * part[:, :, :-1]).mean() / (part * part).mean())

    assert neighbour_correlation("soft") > 0.5
    assert neighbour_correlation("bone") < 0


def test_noise_of_slices_differs() -> None:
    images = ball("soft", 10.0)[:, 75:175, 75:175]
    assert abs(np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1]) < 0.1


def test_thinner_and_sharper_is_noisier() -> None:
    assert noise_of("soft", 1.25) == pytest.approx(2 * noise_of("soft", 5.0))
    assert noise_of("bone", 5.0) > 2 * noise_of("soft", 5.0)


@pytest.mark.parametrize(
    ("phase", "low", "high"),
    [("plain", 35, 50), ("arterial", 250, 400), ("portal", 140, 200), ("delayed", 100, 150), ("angio", 350, 500)],
)
def test_the_aorta_tells_the_phase(phase: Phase, low: float, high: float) -> None:
    assert low <= hounsfield(phase)[TISSUE_INDEX["artery"]] <= high


def test_phases_stand_in_their_order() -> None:
    arterial, portal, pulmonary = hounsfield("arterial"), hounsfield("portal"), hounsfield("pulmonary")
    assert arterial[TISSUE_INDEX["artery"]] > arterial[TISSUE_INDEX["portal_vein"]] + 100
    assert portal[TISSUE_INDEX["portal_vein"]] > arterial[TISSUE_INDEX["portal_vein"]] + 50
    assert portal[TISSUE_INDEX["liver"]] > arterial[TISSUE_INDEX["liver"]] + 20
    assert pulmonary[TISSUE_INDEX["pulmonary_artery"]] > pulmonary[TISSUE_INDEX["artery"]] + 100


@pytest.mark.parametrize(
    ("region", "organs"),
    [
        ("head", ["brain_gm", "brain_wm", "csf", "cortical", "eye"]),
        ("sinus", ["gut_gas", "eye", "tooth"]),
        ("chest", ["lung", "left_heart", "artery", "pulmonary_artery"]),
        ("abdomen", ["liver", "spleen", "kidney", "portal_vein", "bile"]),
        ("pelvis", ["urine", "fatty_marrow", "gut"]),
        ("neck", ["gland", "artery", "cord"]),
        ("lspine", ["disc", "marrow", "cord", "csf"]),
        ("prostate", ["prostate_pz", "prostate_tz"]),
        ("pituitary", ["pituitary"]),
    ],
)
def test_a_region_holds_its_organs(region: str, organs: list[str]) -> None:
    top, bottom = body.REGION_RANGES_MM[region]
    grid = plane_grid(
        (0, 0, (top + bottom) / 2), (1, 0, 0), (0, 1, 0), (400, 400), (200, 200), int((top - bottom) / 4), 4
    )
    seen = {NAMES[label] for label in np.unique(draw_labels(body.whole_body("M"), grid))}
    assert set(organs) <= seen


def test_bone_stops_more_than_water_and_most_at_low_voltage() -> None:
    at_60, at_120 = attenuation(60), attenuation(120)
    bone, soft = TISSUE_INDEX["cortical"], TISSUE_INDEX["soft"]
    assert at_60[bone] / at_60[soft] > at_120[bone] / at_120[soft] > 1.5
    assert at_60[TISSUE_INDEX["air"]] == pytest.approx(0)
