"""CT defects against what physics says of them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.simulation.pixel_defects.parallel_projection import project, reconstruct, view_angles

Stacks = dict[str, NDArray[np.float32]]
SPACING_MM = (5.0, 3.0, 3.0)


def change(name: str, stack: NDArray[np.float32], strength: float, seed: int = 1) -> NDArray[np.float32]:
    defect = PIXEL_DEFECTS[name]
    params = defect.make_params(np.random.default_rng(seed), stack.shape, strength, spacing_mm=SPACING_MM)
    return defect.apply(stack, params) - stack


def test_the_projection_of_a_disc_is_its_chord_and_comes_back() -> None:
    rows, columns = np.mgrid[-40:41, -40:41]
    disc = (np.hypot(rows, columns) <= 25).astype(np.float32)[None]
    angles = view_angles(120)
    sinogram = project(disc, angles)
    assert sinogram.sum(2) == pytest.approx(np.full((1, 120), disc.sum()), rel=1e-4)
    middle = sinogram[0, :, (sinogram.shape[2] - 1) // 2 : sinogram.shape[2] // 2 + 1].mean(1)
    assert middle == pytest.approx(np.full(120, 50.0), abs=3)
    back = reconstruct(sinogram, angles, (81, 81))[0]
    assert back[np.hypot(rows, columns) < 20].mean() == pytest.approx(1, abs=0.02)
    assert abs(back[np.hypot(rows, columns) > 32].mean()) < 0.02


@pytest.mark.parametrize("sigma", [5.0, 40.0])
def test_added_noise_has_the_deviation_asked_for_and_is_correlated(sigma: float, stacks: Stacks) -> None:
    noise = change("ct_noise", stacks["CT"], sigma)
    assert noise.std() == pytest.approx(sigma, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.02 * sigma)
    assert not np.array_equal(noise[0], noise[1])
    fine = np.zeros((2, 256, 256), np.float32)
    defect = PIXEL_DEFECTS["ct_noise"]
    params = defect.make_params(np.random.default_rng(0), fine.shape, sigma, spacing_mm=(1.0, 0.7, 0.7))
    texture = defect.apply(fine, params)
    assert np.corrcoef(texture[:, :, 1:].ravel(), texture[:, :, :-1].ravel())[0, 1] > 0.1
    # Power rises from nothing to its peak at the cut-off / sqrt(2) (where f·exp(-(f/c)²) is steepest no more).
    power = (np.abs(np.fft.fft2(texture)) ** 2).mean(0)
    frequency = np.hypot(np.fft.fftfreq(256, 0.7)[:, None], np.fft.fftfreq(256, 0.7)[None])
    at = [
        float(power[np.abs(frequency - place * params["cutoff_per_mm"]) < 0.02].mean()) for place in (0.1, 0.7071, 1.5)
    ]
    assert at[0] < 0.4 * at[1]
    assert at[2] < 0.5 * at[1]


def test_starved_photons_leave_horizontal_streaks_in_the_widest_slices(stacks: Stacks) -> None:
    stack = stacks["CT"].copy()
    stack[:3, :, :44] = stack[:3, :, 84:] = -1000  # a neck above shoulders
    noise = change("photon_starvation", stack, 40.0)
    body = stack > -300
    deviations = [float(image[inside].std()) for image, inside in zip(noise, body, strict=True)]
    assert max(deviations) == pytest.approx(40, rel=0.05)
    assert max(deviations[:3]) < 0.5 * min(deviations[3:])
    along, down = np.diff(noise[4], axis=1)[body[4][:, 1:]].std(), np.diff(noise[4], axis=0)[body[4][1:]].std()
    assert along < 0.7 * down


def test_the_strongest_ring_has_the_amplitude_and_rings_are_round(stacks: Stacks) -> None:
    rings = change("ring", stacks["CT"], 60.0)
    assert np.abs(rings).max() == pytest.approx(60, rel=1e-3)
    assert all(np.abs(image - rings[0]).max() < 1e-3 for image in rings)
    params = PIXEL_DEFECTS["ring"].make_params(np.random.default_rng(1), (1, 128, 128), 60.0, spacing_mm=SPACING_MM)
    rows, columns = np.nonzero(np.abs(rings[0]) > 30)
    radius_mm = np.hypot(rows - 63.5, columns - 63.5) * 3.0
    assert np.abs(radius_mm[:, None] - np.array(params["radii_mm"])).min(1).max() < params["width_mm"]


def test_metal_is_bright_sits_in_bone_and_darkens_the_way_between_two_pieces(stacks: Stacks) -> None:
    defect, stack = PIXEL_DEFECTS["metal_streak"], stacks["CT"]
    params = defect.make_params(np.random.default_rng(1), stack.shape, 12.0, spacing_mm=SPACING_MM)
    # The two bones hold the first and last candidates of the rows that cross both.
    params |= {"places": [0.49, 0.51], "angles": [0.0, 0.0], "aspects": [3.0, 3.0], "depth": 0.5}
    result = defect.apply(stack, params)
    assert result.max() == pytest.approx(3071)
    middle = round(0.5 * (len(stack) - 1))
    metal = result[middle] > 2500
    assert (stack[middle][metal] > 250).mean() > 0.4
    rows, columns = np.nonzero(metal)
    soft = (stack[middle] == 40) & ~metal
    row = round(rows.mean())
    beside = np.concatenate([result[middle, row, columns.max() + 4 : 120], result[middle, row, 8 : columns.min() - 4]])
    assert np.median(beside) < np.median(result[middle][soft]) - 20
    assert np.array_equal(result[0], stack[0]) or params["height_mm"] > 2 * 5.0 * middle


def test_hardening_is_as_deep_as_asked_and_deepest_between_bones(stacks: Stacks) -> None:
    stack = stacks["CT"]
    dark = change("beam_hardening", stack, 40.0)
    soft = stack == 40
    assert np.percentile(dark[soft], 1) == pytest.approx(-40, rel=0.15)
    assert dark[2, 70, 60:68].mean() < dark[2, 40, 60:68].mean() - 10
    assert dark.min() >= -80.01


def test_a_shift_between_half_turns_moves_edges_by_its_size(stacks: Stacks) -> None:
    defect, stack = PIXEL_DEFECTS["ct_motion"], stacks["CT"]
    params = defect.make_params(np.random.default_rng(1), stack.shape, 9.0, spacing_mm=SPACING_MM)
    result = defect.apply(stack, params)
    first, last = params["slices"]
    assert np.array_equal(np.delete(result, range(first, last), 0), np.delete(stack, range(first, last), 0))
    moved = result[first] - stack[first]
    assert moved[stack[first] == 40].std() > 20
    assert moved.mean() == pytest.approx(0, abs=0.5)  # what is projected stays as much


def test_the_share_cut_is_the_share_asked_for_and_the_rim_is_bright(stacks: Stacks) -> None:
    stack = stacks["CT"]
    result = stack + change("fov_truncation", stack, 0.2)
    body = stack > -300
    assert (result[body] <= -1000).mean() == pytest.approx(0.2, abs=0.01)
    assert (result[body] > stack[body] + 100).mean() > 0.02
    assert (result[~body] <= -999).all()
