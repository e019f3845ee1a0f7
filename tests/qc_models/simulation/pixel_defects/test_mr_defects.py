"""MR defects against what k-space says of them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS

Stacks = dict[str, NDArray[np.float32]]


def put(name: str, stack: NDArray[np.float32], strength: float, seed: int = 1, **params: object) -> NDArray[np.float32]:
    defect = PIXEL_DEFECTS[name]
    drawn = defect.make_params(np.random.default_rng(seed), stack.shape, strength, spacing_mm=(4, 1, 1), phase_axis=1)
    return defect.apply(stack, drawn | params)


def square() -> NDArray[np.float32]:
    stack = np.zeros((1, 128, 128), np.float32)
    stack[0, 60:68, 60:68] = 500
    return stack


@pytest.mark.parametrize("ratio", [0.05, 0.3])
def test_ghosts_have_the_ratio_along_phase_encoding(ratio: float) -> None:
    result = put("ghost", square(), ratio, shift=0.25)[0]
    assert result[92:100, 60:68] == pytest.approx(np.full((8, 8), 500 * ratio), rel=1e-4)
    assert result[28:36, 60:68] == pytest.approx(np.full((8, 8), 500 * ratio), rel=1e-4)
    assert result[:, :60].max() == 0


def test_a_ghost_is_what_a_modulation_of_lines_of_k_space_gives() -> None:
    picture = square()[0]
    line = np.arange(128)
    spectrum = np.fft.fft2(picture) * (1 + 2 * 0.1 * np.cos(2 * np.pi * line * 0.25))[:, None]
    result = put("ghost", picture[None], 0.1, shift=0.25, phase=0.0)[0]
    first = np.abs(np.fft.ifft2(spectrum))
    assert result[92:100] == pytest.approx(first[92:100], abs=0.1)


def test_noise_in_air_follows_rayleigh_and_in_tissue_is_the_share() -> None:
    stack = np.zeros((2, 200, 200), np.float32)
    stack[:, :, 100:] = 1000
    result = put("mr_noise", stack, 0.05)
    # Signal is 1000, so sigma is 50: mean in air sigma·sqrt(π/2) (Gudbjartsson and Patz 1995).
    assert result[:, :, :100].mean() == pytest.approx(50 * np.sqrt(np.pi / 2), rel=0.02)
    assert result[:, :, 100:].std() == pytest.approx(50, rel=0.02)


def test_wrap_lays_the_share_of_the_body_over_itself() -> None:
    stack = np.zeros((1, 100, 60), np.float32)
    stack[0, 20:80, 20:40] = 100
    result = put("wrap", stack, 0.25)[0]
    # A body of 60 in a field of 45: 15 lines lie beyond it and come in again, the rest of the matrix is blank.
    assert (result[:, 30] == 200).sum() == 15
    assert (result[:, 30] > 0).sum() == 45
    assert result[50, 30] == 100
    assert result[:, 10].max() == 0


def test_a_folded_picture_is_a_period_of_the_sum_of_all_copies() -> None:
    random = np.random.default_rng(5)
    stack = np.zeros((1, 90, 8), np.float32)
    stack[0, 10:80] = random.uniform(50, 100, (70, 8))
    result = put("wrap", stack, 0.3)[0]
    period = 49  # 70 lines, less 30 %
    shown = np.flatnonzero(result.any(1))
    assert len(shown) == period
    for row in shown:
        assert result[row] == pytest.approx(sum(stack[0, place] for place in range(row % period, 90, period)))


def test_bias_has_the_non_uniformity() -> None:
    result = put("bias_field", np.full((3, 64, 64), 100, np.float32), 0.5)
    assert (result.max() - result.min()) / (result.max() + result.min()) == pytest.approx(0.5, abs=1e-3)
    assert np.abs(np.diff(result, axis=1)).max() < 0.12 * result.max()


def test_a_spike_is_one_point_of_k_space_with_the_amplitude() -> None:
    stack = np.full((4, 64, 64), 1000, np.float32)
    stack[:, :, :32] = 999.0
    result = put("spike", stack, 0.1, frequencies=[[0.125, 0.25]], phases=[0.0], slices=[1, 2])
    assert np.array_equal(result[[0, 3]], stack[[0, 3]])
    assert (result - stack)[1].max() == pytest.approx(100, rel=1e-3)
    spectrum = np.abs(np.fft.fft2((result - stack)[1]))
    assert sorted(zip(*np.nonzero(spectrum > 0.4 * spectrum.max()), strict=True)) == [(8, 16), (56, 48)]


def test_a_zipper_runs_along_phase_encoding_with_its_brightness() -> None:
    stack = np.zeros((4, 200, 200), np.float32)
    stack[:, 90:110, 90:110] = 100
    result = put("zipper", stack, 2.0, places=[0.2], width=1)
    columns = np.unique(np.nonzero(result - stack)[2])
    assert list(columns) == [39]
    assert result[:, :, 39].mean() == pytest.approx(200, rel=0.08)


def test_truncated_k_space_overshoots_by_nine_percent() -> None:
    step = np.zeros((1, 256, 256), np.float32)
    step[0, :, 64:192] = 100
    result = put("gibbs", step, 0.75)[0]
    assert result[128, 64:192].max() == pytest.approx(109, abs=1.5)  # Gibbs 1899: 8.95 % of the step
    spectrum = np.abs(np.fft.fft(result[128] - 50))
    assert spectrum[70:120].max() < 0.05 * spectrum.max()


def test_a_pose_for_all_lines_is_a_shift() -> None:
    stack = square()
    result = put("mr_motion", stack, 8.0, poses_mm_mm_degrees=[[8.0, 0.0, 0.0]], changes=[-1.0], shots=1)[0]
    # All but the middle lines of k-space come from the shifted body.
    assert result[72:75, 62:66].mean() > 0.6 * 500
    assert result[61:63, 62:66].mean() < 0.4 * 500


def test_motion_keeps_the_brightness_of_the_whole_and_ghosts_along_phase_encoding(stacks: Stacks) -> None:
    stack = stacks["MR"]
    result = put("mr_motion", stack, 4.0)
    assert result.mean() == pytest.approx(stack.mean(), rel=0.2)
    assert result[:, :6].mean() > 1.5 * stack[:, :6].mean()


def test_unsuppressed_fat_is_dark_tissue_in_a_region(stacks: Stacks) -> None:
    stack = stacks["MR"]
    added = put("fat_suppression_failure", stack, 1.0) - stack
    assert (added >= 0).all()
    dark = (stack > 80) & (stack < 110)
    assert added[dark].max() > 100
    assert np.percentile(added[dark], 5) < 0.2 * added[dark].max()
    assert added[:, :3].max() < 0.05 * added.max()  # not in air
