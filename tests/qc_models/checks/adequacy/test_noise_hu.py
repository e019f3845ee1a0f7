"""CT noise against simulated anatomy of known noise, and against a region drawn by hand on a real slice."""

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
import yaml
from numpy.typing import NDArray

from qc_models.checks.adequacy import noise_hu
from qc_models.features.curve import Curve
from qc_models.findings import Measurement
from qc_models.pixels import Block
from qc_models.simulation.pixel_defects import ct_noise
from tests.judged_facts import stack as stack_facts

SIDE = 384
CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "noise_hu.yaml").read_text(encoding="utf-8"))


def anatomy(phase: float = 0.0) -> NDArray[np.float64]:
    """A slice of a trunk without noise, HU: fat, muscle, organs, vessels, bone and bowel gas, with blurred edges."""
    y, x = np.mgrid[:SIDE, :SIDE]
    image = np.full((SIDE, SIDE), -1000.0)
    random = np.random.default_rng(7)
    vessels = [(*random.uniform(110, 270, 2), *random.uniform(2, 6, 2), random.uniform(20, 160)) for _ in range(25)]
    for row, column, height, width, hu in (
        (192, 192, 140, 175, -100),
        (192, 192, 122, 155, 55),
        (180, 110, 75, 65, 110),
        (190, 250, 40, 30, 180),
        (270, 192, 22, 26, 400),
        (130, 225, 30, 38, 20),
        (150, 192, 13, 13, -900),
        *vessels,
    ):
        image[((y - row) / height) ** 2 + ((x - column) / width) ** 2 < 1] = hu
    image += 10 * np.sin(x / 45 + phase) + 8 * np.cos(y / 40)  # cupping and uneven enhancement
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.2) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        image = np.apply_along_axis(np.convolve, axis, image, kernel, "same")
    return image


ANATOMY = anatomy()


def noisy(sigma_hu: float, num_frames: int = 1, seed: int = 0) -> torch.Tensor:
    noise = np.random.default_rng(seed).normal(0, sigma_hu, (num_frames, SIDE, SIDE))
    return torch.from_numpy((ANATOMY + noise).astype(np.float32))


def run(blocks: list[Block], components: tuple[str, ...] = ()) -> dict[str, Measurement]:
    curve = Curve(stack_facts("1.2", *components, index=3, slice_thickness_mm=1.25))
    for each in blocks:
        curve.add(each.places, noise_hu.look(each.features))
    return {found.metric.rpartition(".")[2]: found for found in noise_hu.finish(curve)}


def block(pixels: torch.Tensor, first: int = 0, padding: torch.Tensor | None = None) -> Block:
    numbers = range(first, first + len(pixels))
    uids = tuple(f"1.2.{i}" for i in numbers)
    return Block(pixels, padding, "HU", (0.75, 0.75), tuple(numbers), uids, (0,) * len(pixels))


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_white_noise_on_anatomy_is_measured(case: dict[str, Any]) -> None:
    (level,) = noise_hu.noise_levels(noisy(case["sigma_hu"]), None, tuple(case["spacing_mm"])).tolist()
    low, high = case["measured_hu"]
    assert low <= level <= high


@pytest.mark.parametrize("cutoff_per_mm", [0.35, 0.6])
@pytest.mark.parametrize("sigma_hu", [5, 10, 20, 40, 60])
def test_noise_of_a_reconstruction_kernel_is_measured(sigma_hu: float, cutoff_per_mm: float) -> None:
    params = {"strength": sigma_hu, "cutoff_per_mm": cutoff_per_mm, "pixel_mm": [0.75, 0.75], "seed": 1}
    noisy_slices = ct_noise.add_noise(np.repeat(ANATOMY[None], 3, 0).astype(np.float32), params)
    levels = noise_hu.noise_levels(torch.from_numpy(noisy_slices), None, (0.75, 0.75))
    assert levels.median().item() == pytest.approx(sigma_hu, rel=0.07)


@pytest.mark.parametrize("sigma_hu", [5, 10, 20, 40, 60])
@pytest.mark.parametrize("series", ["abdpel-ct/000", "chest-ct/000", "head-ct/018"])
def test_noise_put_into_real_slices_adds_in_squares(shared_data: Path, series: str, sigma_hu: float) -> None:
    files = sorted((shared_data / "studies" / series).glob("*.dcm"))
    datasets = [pydicom.dcmread(path) for path in files[2 :: max(1, len(files) // 8)]]
    slices = np.stack(
        [dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept) for dataset in datasets]
    ).astype(np.float32)
    row_mm, column_mm = map(float, datasets[0].PixelSpacing)
    clean = noise_hu.noise_levels(torch.from_numpy(slices), None, (row_mm, column_mm))
    for cutoff_per_mm in (0.35, 0.6):
        params = {"strength": sigma_hu, "cutoff_per_mm": cutoff_per_mm, "pixel_mm": [row_mm, column_mm], "seed": 2}
        changed = torch.from_numpy(ct_noise.add_noise(slices, params))
        levels = noise_hu.noise_levels(changed, None, (row_mm, column_mm))
        expected = (clean**2 + sigma_hu**2).sqrt()
        assert (levels / expected).nanmedian().item() == pytest.approx(1, abs=0.07)


def test_each_frame_has_its_own_level() -> None:
    levels = noise_hu.noise_levels(torch.cat((noisy(8.0), noisy(24.0))), None, None).tolist()
    assert levels == pytest.approx([8.0, 24.0], rel=0.07)


def white(sigma_hu: float) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(0, sigma_hu, (1, SIDE, SIDE)).astype(np.float32))


@pytest.mark.parametrize("along", [1, 2])
def test_a_slope_is_no_noise(along: int) -> None:
    hills = (torch.arange(SIDE) % 200 - 100.0).abs()  # 1 HU a pixel up and down, which adds 9 % to a plain deviation
    image = hills.reshape([1] + [SIDE if axis == along else 1 for axis in (1, 2)]) + white(6.0)
    assert noise_hu.noise_levels(image, None, (0.75, 0.75)).item() == pytest.approx(6.0, rel=0.03)


def test_edges_alone_leave_nothing_to_measure() -> None:
    stripes = 60.0 * (torch.arange(SIDE) // 6 % 2) + 20  # two of the three blocks of each window
    assert math.isnan(noise_hu.noise_levels(stripes + white(5.0), None, (0.8, 0.8)).item())


def test_a_window_is_as_wide_in_mm_whatever_the_pixel() -> None:
    ripple = 20 * torch.sin(torch.arange(SIDE) * 0.5 / 5 * 2 * math.pi)  # 5 mm a period: well inside a window of 7.5 mm
    level = noise_hu.noise_levels(ripple + 60 + white(5.0), None, (0.5, 0.5)).item()
    assert level == pytest.approx(math.sqrt(20**2 / 2 + 5**2), rel=0.2)


def test_the_even_part_decides_beside_a_larger_textured_one() -> None:
    image = white(1.0)
    image[:, :140] *= 10
    image[:, 140:] *= 60
    assert noise_hu.noise_levels(image + 60, None, None).item() == pytest.approx(10.0, rel=0.07)


def test_padding_counts_no_more_than_air() -> None:
    pixels, padding = noisy(10.0), torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    padding[:, :, : SIDE // 2] = True
    pixels[padding] = (white(2.0) + 40)[padding]  # quieter than the tissue, but for the mask
    assert noise_hu.noise_levels(pixels, padding, None).item() == pytest.approx(10.0, rel=0.07)


def test_all_work_stays_on_the_device_of_the_pixels() -> None:
    pixels = torch.empty(2, 64, 64, device="meta")  # a device without values: any tensor of another device raises
    levels = noise_hu.noise_levels(pixels, torch.empty_like(pixels, dtype=torch.bool), None)
    assert (levels.device.type, levels.shape) == ("meta", (2,))


@pytest.mark.parametrize("hu", [-1000.0, -100.0, 40.0, 900.0])
def test_a_slice_without_noisy_soft_tissue_has_no_level(hu: float) -> None:
    assert math.isnan(noise_hu.noise_levels(torch.full((1, 64, 64), hu), None, None).item())


def test_a_frame_smaller_than_a_window_has_no_level() -> None:
    assert math.isnan(noise_hu.noise_levels(torch.zeros(1, 2, 5), None, None).item())


def test_thin_slices_are_scaled_by_the_square_root_of_their_thickness() -> None:
    assert noise_hu.at_reference_thickness(40.0, 1.25) == pytest.approx(20.0)


def test_the_noisiest_slice_is_named_and_the_curve_kept(
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    found = run([block(noisy(10.0, 3)), block(noisy(30.0), first=3)])
    assert found["median_hu"].value == pytest.approx(10.0, rel=0.07)
    assert (found["median_hu"].location.series_instance_uid, found["median_hu"].location.stack) == ("1.2", 3)
    assert [number for number, _ in found["median_hu"].detail["curve"]] == [0, 1, 2, 3]
    worst = found["worst_hu"]
    assert worst.value == pytest.approx(30.0, rel=0.07)
    assert (worst.location.slice, worst.location.sop_instance_uid, worst.location.frame) == (3, "1.2.3", 0)
    assert found["soft_5mm_hu"].value == pytest.approx(found["median_hu"].value / 2)  # 1.25 mm slices
    for measurement in found.values():
        assert all(sentences(noise_hu, measurement))


def test_a_sharp_kernel_is_measured_but_not_compared_with_soft_ones() -> None:
    assert set(run([block(noisy(80.0))], components=("bone",))) == {"median_hu", "worst_hu"}


def test_a_stack_without_soft_tissue_says_nothing() -> None:
    assert run([block(torch.full((2, 64, 64), -1000.0))]) == {}
    assert run([]) == {}


def test_only_ct_that_is_no_projection_is_looked_at() -> None:
    assert noise_hu.applies(stack_facts("1", "plain"))
    assert not noise_hu.applies(stack_facts("1", "MIP"))
    assert not noise_hu.applies(stack_facts("1", modality="MR"))


@pytest.mark.parametrize(
    ("name", "rows", "columns"), [("0010", slice(168, 193), slice(218, 243)), ("0026", slice(248, 273), slice(98, 123))]
)
def test_a_real_slice_is_as_noisy_as_a_region_drawn_in_its_liver(
    shared_data: Path, name: str, rows: slice, columns: slice
) -> None:
    dataset = pydicom.dcmread(shared_data / "studies" / "abdpel-ct" / "000" / f"{name}.dcm")
    image = dataset.pixel_array.astype(np.float32) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    row_mm, column_mm = map(float, dataset.PixelSpacing)
    (level,) = noise_hu.noise_levels(torch.from_numpy(image[None]), None, (row_mm, column_mm)).tolist()
    assert level == pytest.approx(float(image[rows, columns].std()), rel=0.15)
