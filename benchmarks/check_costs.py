"""What each image check costs on a device, against reading its pixels once at the speed of that device's memory.

On a machine with a GPU the same blocks run on both, and the values must be equal within `TOLERANCE`.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.real_images import RealStack, blocks_of, pictures_of, stacks_of
from benchmarks.stopwatch import Stopwatch, watching
from qc_models.check_registry import Check, checks
from qc_models.features.curve import Curve

TOLERANCE = 2e-3  # relative, or absolute below 1: sums of floats in another order
COPY_BYTES = 256 << 20


def run(studies: Path, images: Path, repeats: int, devices: Sequence[str]) -> dict[str, Any]:
    """Milliseconds and slices a second of every image check and shared feature by modality and device, and what differs."""
    reals = [*stacks_of(studies, most_frames=64), *(pictures_of(images, 24) if images.is_dir() else ())]
    seeing = [check for check in checks().values() if check.sees]
    values: dict[str, dict[str, float]] = {}
    figures: dict[str, Any] = {"devices": {}, "tolerance": TOLERANCE}
    for device in devices:
        roof = _bytes_a_second(device, repeats)
        figures["devices"][device] = {
            "name": torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU, one thread",
            "copy_gb_a_second": round(roof / 1e9, 2),
            "by_modality": {
                modality: _costs(
                    [real for real in reals if real.facts.modality == modality], seeing, device, repeats, roof
                )
                for modality in ("CT", "MR", "XR")
            },
        }
        values[device] = _values(reals, seeing, device)
    first, *others = devices
    figures["values_compared"] = len(values[first]) if others else 0
    figures["differing"] = {device: _differing(values[first], values[device]) for device in others}
    return figures


def _costs(
    reals: Sequence[RealStack], seeing: Sequence[Check], device: str, repeats: int, roof: float
) -> dict[str, Any]:
    slices = sum(len(real.pixels) for real in reals)
    size = sum(real.pixels.nbytes for real in reals)
    runs: list[Mapping[str, float]] = []
    for _ in range(repeats + 1):  # the first one warms up
        watch = Stopwatch(_settling(device))
        with watching(watch):
            for real in reals:
                _examine(real, seeing, device)
        runs.append(watch.seconds)
    median = {name: statistics.median(found.get(name, 0.0) for found in runs[1:]) for name in runs[0]}
    total = sum(median.values())
    roof_slices = roof / 2 * slices / size if size else 0.0  # a copy reads and writes
    return {
        "slices": slices,
        "mean_pixels_a_slice": round(size / 4 / slices) if slices else 0,
        "ms_a_slice": round(1000 * total / slices, 3) if slices else None,
        "roof_slices_a_second": round(roof_slices),
        "parts": {
            name: {
                "share": round(seconds / total, 3),
                "ms_a_slice": round(1000 * seconds / slices, 4),
                "slices_a_second": round(slices / seconds),
                "share_of_roof": round(slices / seconds / roof_slices, 4),
            }
            for name, seconds in sorted(median.items(), key=lambda entry: -entry[1])
            if seconds > 0
        },
    }


@torch.inference_mode()
def _examine(real: RealStack, seeing: Sequence[Check], device: str) -> dict[str, float]:
    able = [check for check in seeing if check.applies(real.facts)]
    curves = {check.name: Curve(real.facts) for check in able}
    for block in blocks_of(real, real.pixels):
        moved = replace(
            block,
            pixels=block.pixels.to(device),
            padding=None if block.padding is None else block.padding.to(device),
        )
        for check in able:
            curves[check.name].add(moved.places, check.look(moved))
    found = (measurement for check in able for measurement in check.finish(curves[check.name]))
    return {f"{real.name} {measurement.metric}": measurement.value for measurement in found}


def _values(reals: Sequence[RealStack], seeing: Sequence[Check], device: str) -> dict[str, float]:
    return {name: value for real in reals for name, value in _examine(real, seeing, device).items()}


def _differing(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, Any]:
    """The measurements that one device has and the other has not, or that differ by more than the tolerance."""
    return {
        name: [first.get(name), second.get(name)]
        for name in sorted({*first, *second})
        if name not in first
        or name not in second
        or abs(first[name] - second[name]) > TOLERANCE * max(1.0, abs(first[name]))
    }


def _bytes_a_second(device: str, repeats: int) -> float:
    """How fast a device copies within its memory, bytes read plus written a second: the roof of all that looks at pixels."""
    source = torch.zeros(COPY_BYTES // 4, device=device)
    target = torch.empty_like(source)
    settle = _settling(device)
    seconds = []
    for _ in range(repeats + 1):
        settle()
        start = time.perf_counter()
        target.copy_(source)
        settle()
        seconds.append(time.perf_counter() - start)
    return 2 * COPY_BYTES / min(seconds)


def _settling(device: str) -> Callable[[], object]:
    """What waits until a device has done all that it was given."""
    synchronize: Callable[[], object] = torch.cuda.synchronize
    return synchronize if device.startswith("cuda") else lambda: None


def table(figures: Mapping[str, Any]) -> str:
    """The costs as a table for the terminal."""
    lines = []
    for device, found in figures["devices"].items():
        lines.append(f"{device}: {found['name']}, copies {found['copy_gb_a_second']} GB/s")
        for modality, costs in found["by_modality"].items():
            lines.append(
                f"  {modality}: {costs['slices']} slices, {costs['ms_a_slice']} ms a slice in all; "
                f"reading each pixel once allows {costs['roof_slices_a_second']} slices a second"
            )
            lines.append(f"    {'':44}{'share':>7}{'ms a slice':>12}{'slices/s':>10}{'of roof':>9}")
            for name, part in costs["parts"].items():
                lines.append(
                    f"    {name:44}{part['share']:7.1%}{part['ms_a_slice']:12.3f}{part['slices_a_second']:10}"
                    f"{part['share_of_roof']:9.2%}"
                )
    for device, differing in figures["differing"].items():
        lines.append(f"{device}: {len(differing)} of {figures['values_compared']} values differ")
        lines.extend(f"  {name}: {pair[0]} against {pair[1]}" for name, pair in differing.items())
    return "\n".join(lines)
