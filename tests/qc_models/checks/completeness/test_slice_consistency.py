"""Slices that do not continue their neighbours: damaged, blank in part, exchanged or foreign, in drawn and in real volumes."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
import torch
import yaml
from numpy.typing import NDArray

from configs.strict import HERE, read_yaml
from qc_models.checks.completeness import slice_consistency
from qc_models.checks.completeness.slice_consistency import QUANTITIES, blank_parts, noise_bursts, outliers, reduced
from qc_models.exam_item import Limit
from qc_models.features.curve import Curve
from qc_models.findings import Measurement
from qc_models.pixels import Block
from qc_models.stack import Stack
from qc_models.study import Frame
from tests.judged_facts import stack as stack_facts

Volume = NDArray[np.float32]
SLICES, SIDE = 13, 192
CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "slice_consistency.yaml").read_text(encoding="utf-8")
)
LIMITS = {
    quantity: Limit.model_validate(
        read_yaml(HERE / "exam_items" / "_completeness.yaml")["limits"][f"completeness.slice_consistency.{quantity}"]
    )
    for quantity in QUANTITIES
}


@cache
def anatomy(seed: int = 0) -> Volume:
    """A body whose outline and organs move and swell from slice to slice, with noise, in arbitrary units."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    z = np.arange(SLICES, dtype=np.float32)[:, None, None]
    volume = np.where(((y - 96) / (70 + 1.5 * z)) ** 2 + ((x - 96) / (86 - 1.5 * z)) ** 2 < 1, 300.0, 0.0)
    for _ in range(24):
        row, column = random.uniform(30, 160, 2)
        move, turn = random.uniform(-4, 4, 2)
        radius, growth, value = random.uniform(8, 22), random.uniform(-0.8, 0.8), random.uniform(-200, 300)
        inside = (y - row - move * (z - 6)) ** 2 + (x - column - turn * (z - 6)) ** 2 < (radius + growth * (z - 6)) ** 2
        volume = volume + np.where(inside, value, 0)
    noisy = np.abs(volume + random.normal(0, 12, volume.shape))
    return np.rint(noisy).astype(np.float32)


def broken_codestream(image: NDArray[np.float32], num_bytes: int, seed: int = 0) -> Volume:
    """A slice as JPEG 2000 decodes it with some bytes of its packets overwritten."""
    random = np.random.default_rng(seed)
    stream = bytearray(imagecodecs.jpeg2k_encode(image.astype(np.uint16), level=0, reversible=True, codecformat="j2k"))
    for at in random.integers(len(stream) // 20, len(stream) - 4, num_bytes):
        stream[at] = random.integers(256)
    return np.asarray(imagecodecs.jpeg2k_decode(bytes(stream)), dtype=np.float32)


def damaged(volume: Volume, case: Mapping[str, Any], foreign: Volume) -> Volume:
    """A copy of a volume with the defect of a case in one slice."""
    result, at = volume.copy(), case.get("at", len(volume) // 2)
    match case["defect"]:
        case "noise":
            result[at] = np.random.default_rng(1).uniform(0, np.percentile(volume, 99), volume.shape[1:])
        case "black":
            rows = volume.shape[1]
            result[at, int(case["from"] * rows) : int(case["to"] * rows)] = volume.min()
        case "exchanged":
            result[[at, case["with"]]] = volume[[case["with"], at]]
        case "foreign":
            result[at] = foreign[0]
        case "codestream":
            result[at] = broken_codestream(volume[at], case["bytes"])
    return result


def stack_of(volume: Volume, modality: str = "MR") -> Stack:
    frames = tuple(Frame("1.2", f"1.2.{i}", 0, i, *volume.shape[1:], ()) for i in range(len(volume)))
    return Stack("1.2", 2, modality, frames, (0.0, 0.0, 1.0), tuple(map(float, range(len(volume)))))


def run(volume: Volume, order: Sequence[int] | None = None, size: int = 5, **facts: Any) -> dict[str, Measurement]:
    """The measurements of a volume that comes in blocks of `size` slices, in some order."""
    curve = Curve(stack_facts("1.2", modality="MR", index=2, **facts))
    numbers = list(order or range(len(volume)))
    for first in range(0, len(numbers), size):
        part = tuple(numbers[first : first + size])
        pixels = torch.from_numpy(volume[list(part)])
        uids = tuple(f"1.2.{i}" for i in part)
        block = Block(pixels, None, "arbitrary", (1.0, 1.0), part, uids, (0,) * len(part))
        curve.add(block.places, slice_consistency.look(block.features))
    found = slice_consistency.finish(curve)
    return {measurement.metric.removeprefix("completeness.slice_consistency."): measurement for measurement in found}


def reviewed(found: Mapping[str, Measurement]) -> set[str]:
    return {quantity for quantity, one in found.items() if LIMITS[quantity].crossed(one.value)}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_defect_of_one_slice_is_reviewed_and_named(case: dict[str, Any]) -> None:
    found = run(damaged(anatomy(), case, anatomy(9)))
    assert set(found) == set(QUANTITIES)
    assert set(case["review"]) <= reviewed(found)
    assert bool(case["review"]) == bool(reviewed(found))
    for quantity in case["review"]:
        place = found[quantity].location
        assert place.slice in (case.get("at", 6), case.get("with"))
        assert (place.sop_instance_uid, place.series_instance_uid, place.stack) == (f"1.2.{place.slice}", "1.2", 2)
        words = QUANTITIES[quantity]
        fields = {**found[quantity].detail, "value": found[quantity].value, "limit": 0.5}
        assert f"{place.slice + 1} " in words.en.format(**fields)
        assert words.zh.format(**fields)


def test_order_and_blocks_do_not_matter() -> None:
    volume = damaged(anatomy(), CASES["exchanged with a distant one"], anatomy(9))
    usual = run(volume)
    for other in (run(volume, size=1), run(volume, order=range(SLICES - 1, -1, -1))):
        for quantity, measurement in usual.items():
            assert other[quantity].location == measurement.location
            assert other[quantity].value == pytest.approx(measurement.value, rel=1e-4)


def test_reduced_images_by_hand() -> None:
    flat = torch.full((1, 256, 384), 7.0)
    means, detail = reduced(flat, None, is_hu=False)
    assert means.shape == detail.shape == (1, 64, 64)
    assert torch.all(means == 7)
    assert torch.all(detail == 0)
    edge = torch.cat((torch.zeros(1, 100, 64), torch.full((1, 28, 64), 50.0)), dim=1)
    assert torch.all(reduced(edge, None, is_hu=False)[1] == 0)  # an upright edge is no detail
    board = (torch.arange(4)[:, None] + torch.arange(4)) % 2 * 8.0  # |0 - 8 - 8 + 0| / 4
    means, detail = reduced(board[None], None, is_hu=False)
    assert (means.tolist(), detail.tolist()) == ([[[4.0, 4.0], [4.0, 4.0]]], [[[4.0, 4.0], [4.0, 4.0]]])


def test_padding_and_metal_are_cut_off_in_ct() -> None:
    pixels = torch.tensor([[[-3000.0, 9000.0], [0.0, 0.0]]])
    padding = torch.tensor([[[False, False], [True, False]]])
    means, _ = reduced(pixels, padding, is_hu=True)
    assert means.item() == pytest.approx((-1000 + 2000 - 1000 + 0) / 4)


def test_a_slice_between_its_neighbours_is_no_outlier() -> None:
    ramp = torch.arange(7.0)[:, None, None] + torch.zeros(7, 8, 8)
    assert outliers(ramp).tolist() == [0.0] * 5
    ramp[3] += 8  # the neighbours are 2 apart, which is usual; 11 lies 7 beyond 4, and 0.1 of 2 is the least
    assert outliers(ramp)[2].item() == pytest.approx(7 / (2 + 2 + 0.2), rel=1e-5)
    assert outliers(torch.zeros(5, 8, 8)).tolist() == [0.0] * 3


def test_detail_and_blank_parts_by_hand() -> None:
    detail = torch.ones(5, 8, 8)
    detail[2] *= 3
    assert noise_bursts(detail).tolist() == pytest.approx([1 / 3.1, 1 / 3.1, 3 / 1.1, 1 / 3.1, 1 / 3.1])
    means = torch.ones(5, 8, 8)
    means[:, :, 4:] = 3
    means[1, 4:, 4:], detail[1, 4:, 4:] = 0, 0
    assert blank_parts(means, detail).tolist() == [0.25, 0, 0]


def test_which_stacks_are_looked_at() -> None:
    volume = {"modality": "MR", "rows": 96, "columns": 96, "step_mm": 3.0}
    assert slice_consistency.applies(stack_facts("1.2", **volume))
    for change in ({"step_mm": None}, {"role": "LOC"}, {"role": "PHASE"}, {"modality": "XR"}, {"rows": 95}):
        assert not slice_consistency.applies(stack_facts("1.2", **(volume | change)))


def test_four_slices_tell_nothing() -> None:
    assert run(anatomy()[:4]) == {}
    assert set(run(anatomy()[:5])) == set(QUANTITIES)


def real_volume(folder: Path) -> Volume:
    """A series as an array, ordered along its own normal by pydicom."""
    datasets = [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]
    cosines = np.array(datasets[0].ImageOrientationPatient, dtype=float)
    normal = np.cross(cosines[:3], cosines[3:])
    datasets.sort(key=lambda dataset: float(normal @ np.array(dataset.ImagePositionPatient, dtype=float)))
    return np.stack([dataset.pixel_array for dataset in datasets]).astype(np.float32)


@pytest.mark.parametrize("series", ["abd-mr-haste", "prostate-mr-b", "wrist-mr", "lspine-mr-lowfield"])
def test_real_series_are_sound_until_a_slice_is_damaged(shared_data: Path, series: str) -> None:
    volume = real_volume(sorted(path for path in (shared_data / "studies" / series).iterdir() if path.is_dir())[0])
    assert reviewed(run(volume)) == set()
    foreign = volume[:1, ::-1].copy()
    for case in (
        {"defect": "noise"},
        {"defect": "black", "from": 0.5, "to": 1.0},
        {"defect": "foreign"},
        {"defect": "codestream", "bytes": 2000},
    ):
        found = run(damaged(volume, case, foreign))
        places = {found[quantity].location.slice for quantity in reviewed(found)}
        assert len(volume) // 2 in places, case
