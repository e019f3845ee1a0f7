"""Radiographic defects against the counting of photons and the geometry of what is in the way."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS


def put(name: str, stack: NDArray[np.float32], strength: float, seed: int = 1, **params: object) -> NDArray[np.float32]:
    defect = PIXEL_DEFECTS[name]
    drawn = defect.make_params(np.random.default_rng(seed), stack.shape, strength, spacing_mm=(1, 0.5, 0.5))
    return defect.apply(stack, drawn | params)


def ramp() -> NDArray[np.float32]:
    """From 0 to 1000 across 400 columns: a hundredth of the radiation arrives at the right end."""
    return np.broadcast_to(np.linspace(0, 1000, 400, dtype=np.float32), (1, 300, 400)).copy()


def test_relative_noise_is_that_of_the_photons_and_grows_behind_dense_parts() -> None:
    picture = ramp()
    noise = put("xr_noise", picture, 0.05) - picture
    # 1/sqrt(N) of radiation is that many natural logarithms, of ln 100 over (nearly) the whole range of 1000.
    assert noise[:, :, 195:205].std() == pytest.approx(0.05 / math.log(100) * 990, rel=0.06)
    assert noise[:, :, 95:105].std() == pytest.approx(noise[:, :, 195:205].std() * 100**-0.125, rel=0.08)


def test_a_stop_of_exposure_is_a_seventh_of_the_range() -> None:
    picture = ramp()
    stop = math.log(2) / math.log(100) * 990
    over = put("over_exposure", picture, 1.0)
    assert (picture - over)[0, 0, 300] == pytest.approx(stop, rel=1e-3)
    assert over.min() == pytest.approx(np.percentile(picture, 0.5), abs=1)
    assert (over == over.min()).mean() == pytest.approx(0.15 + 0.005, abs=0.02)
    under = put("under_exposure", picture, 1.0)
    assert (under - picture)[0, :, 180:220].mean() == pytest.approx(stop, rel=0.02)
    assert (under == under.max()).mean() > 0.12


def test_two_exposures_add_up_their_radiation() -> None:
    picture = ramp()
    same = put("double_exposure", picture, 1.0, shift=[0.0, 0.0], mirrored=False)
    assert np.abs(same - picture)[:, :, 140:].max() < 0.5  # twice the radiation of the same, shown at the dose of both
    mirrored = put("double_exposure", picture, 0.2, shift=[0.0, 0.0], mirrored=True)[0, 0]
    # At 750 there are 100^-0.75 of the radiation, and a fifth of the 100^(-1/3) that the other picture gives at most.
    scale = math.log(100) / 990
    radiation = (math.exp(-scale * (picture[0, 0, 300] - 5)) + 0.2 * 100 ** (-1 / 3)) / 1.2
    assert mirrored[300] == pytest.approx(5 - math.log(radiation) / scale, abs=3)


def test_motion_blurs_an_edge_over_its_length_in_its_direction_only() -> None:
    picture = np.zeros((1, 200, 200), np.float32)
    picture[0, :, 100:] = 100
    moved = put("xr_motion", picture, 10.0, direction=0.0)
    edge = moved[0, 100]
    # Even speed makes a linear ramp of 10 mm, 20 pixels.
    assert edge[90:110] == pytest.approx(np.linspace(2.5, 97.5, 20), abs=3)
    across = put("xr_motion", picture, 10.0, direction=math.pi / 2)
    assert across == pytest.approx(picture, abs=0.5)


def test_focal_blur_has_the_full_width() -> None:
    picture = np.zeros((1, 161, 161), np.float32)
    picture[0, 80, 80] = 1000
    spread = put("focal_blur", picture, 6.0)[0, 80]
    assert (spread > spread.max() / 2).sum() == pytest.approx(12, abs=1)  # 6 mm at 0.5 mm a pixel
    assert spread.argmax() == 80


def test_grid_lines_have_amplitude_and_frequency() -> None:
    picture = ramp()
    wave = (put("grid_lines", picture, 0.05, axis=1, cycles_a_pixel=0.1, phase=0.0) - picture)[0, :, 0]
    assert wave.max() == pytest.approx(0.05 * 990, rel=0.06)
    assert np.abs(np.fft.rfft(wave)).argmax() == 30


def test_cut_off_takes_its_share_of_radiation_at_the_edge() -> None:
    picture = np.broadcast_to(np.linspace(0, 1000, 300, dtype=np.float32)[:, None], (1, 300, 400)).copy()
    added = (put("grid_cutoff", picture, 0.75, axis=2, side=1) - picture)[0, 150]
    assert added[-1] == pytest.approx(-math.log(0.25) / math.log(100) * 990, rel=0.01)
    assert added[0] == pytest.approx(0, abs=1e-3)
    both = (put("grid_cutoff", picture, 0.75, axis=2, side=0) - picture)[0, 150]
    assert both[0] == pytest.approx(both[-1], rel=1e-4)
    assert both[200] < 0.1 * both[0]


def test_as_many_lines_are_dead_as_asked_for() -> None:
    picture = np.random.default_rng(0).random((1, 160, 160), np.float32)
    result = put("dead_lines", picture, 5)[0]
    dead = [axis for axis in (0, 1) for line in np.moveaxis(result, axis, 0) if np.ptp(line) == 0]
    assert len(dead) == 5
    assert len(set(dead)) == 1


@pytest.mark.parametrize("white", [True, False])
def test_a_blade_covers_its_share(white: bool) -> None:
    picture = ramp()
    result = put("collimation_cut", picture, 0.3, axis=1, far_side=True, white=white)[0]
    covered = (np.ptp(result, axis=1) == 0).mean()
    assert covered == pytest.approx(0.3, abs=0.02)
    assert result[-1, 0] == pytest.approx(np.percentile(picture, 99.5 if white else 0.5), abs=1)


def test_a_blade_moves_on_from_where_others_stand() -> None:
    picture = 500 + np.random.default_rng(3).normal(0, 100, (1, 200, 100)).astype(np.float32)
    picture[:, :40], picture[:, 180:] = 20, 20  # an open field of 140 rows
    result = put("collimation_cut", picture, 0.5, axis=1, far_side=False, white=True)[0]
    covered = (np.ptp(result, axis=1) == 0).sum()
    assert covered == pytest.approx(40 + 70 + 20, abs=4)


@pytest.mark.parametrize("kind", ["necklace", "button", "wire"])
def test_an_object_is_brighter_by_the_strength_and_small(kind: str) -> None:
    picture = np.zeros((1, 400, 400), np.float32)
    picture[0, :, 200:] = 1000
    result = put("foreign_object", picture, 0.4, kind=kind, middle=[0.4, 0.25], reach=[0.3, 0.3], radius_mm=3.0)
    added = result - picture
    assert added.min() == 0
    assert added[:, :, :200].max() == pytest.approx(400, rel=1e-3)
    assert 0.0005 < (added > 0).mean() < 0.1
    assert added[:, :, 200:].max() == 0  # nothing is whiter than white
