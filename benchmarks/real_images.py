"""Real images as stacks in memory: what defects are put into, and what a measurement is then asked to tell from the rest."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from inference.gather import gather
from inference.reading import read_studies
from inference.threads import Threads
from qc_models.check_registry import Check
from qc_models.facts import RegionLabel, StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.findings import Measurement
from qc_models.pixels import Block, Unit
from qc_models.roles.describe import describe
from qc_models.stack import Stack, split, stack_of
from qc_models.study import Frame

Floats = NDArray[np.float32]
BLOCK_FRAMES = 16
USUAL_FIELD_MM = 400.0  # of a picture that does not say how large its pixels are
UNITS: dict[str, Unit] = {"CT": "HU", "MR": "arbitrary", "XR": "exposure"}


@dataclass(frozen=True)
class RealStack:
    """Some evenly spread frames of one stack, float32 [frames, rows, columns] in modality values, and who they are of.

    `subject` is what figures are split by: a study, or the person of a picture. `spacing_mm` is of slices, rows, columns.
    """

    name: str
    subject: str
    stack: Stack
    facts: StackFacts
    pixels: Floats
    padding: NDArray[np.bool_] | None
    spacing_mm: tuple[float, float, float] | None
    phase_axis: Literal[1, 2] | None = None


@dataclass(frozen=True)
class _Recorder(Check):
    """An image check that keeps what streams past: the pixels of some evenly spread frames of each stack."""

    most_frames: int = BLOCK_FRAMES
    kept: dict[tuple[str, int], list[tuple[Floats, NDArray[np.bool_], tuple[str, int]]]] = field(default_factory=dict)

    def look(self, block: Block) -> Values:
        """All of it."""
        padding = torch.zeros_like(block.pixels, dtype=torch.bool) if block.padding is None else block.padding
        return {"pixels": block.pixels, "padding": padding}

    def finish(self, curve: Curve) -> tuple[()]:
        """Keeps some frames of the size of the first."""
        pixels = [frame.numpy() for block in curve.values["pixels"] for frame in block]
        padding = [frame.numpy() for block in curve.values["padding"] for frame in block]
        able = [number for number, frame in enumerate(pixels) if frame.shape == pixels[0].shape]
        sample = min(len(able), self.most_frames)
        chosen = [able[(2 * number + 1) * len(able) // (2 * sample)] for number in range(sample)]
        frames = [(pixels[at].copy(), padding[at].copy(), curve.places[at][1:]) for at in chosen]
        self.kept[curve.facts.series_instance_uid, curve.facts.index] = frames
        return ()


def stacks_of(folder: Path, most_frames: int = BLOCK_FRAMES, most_blocks: int = 2) -> Iterator[RealStack]:
    """The CT and MR stacks of the studies under `folder`, but for scouts; of a series of many blocks only the largest few."""
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        for study in read_studies([path]).studies:
            stacks = tuple(stack for series in study.series for stack in split(series))
            facts = describe(study, stacks)
            recorder = _Recorder("benchmarks.recorder", ModuleType("recorder"), most_frames)
            chosen = list(_chosen(stacks, facts, most_blocks))
            with Threads(2) as threads:
                gather(study, stacks, facts, {place: [recorder] for place in chosen}, threads)
            instances = {instance.sop_instance_uid: instance for instance in study.instances}
            for place in chosen:
                stack, fact = stacks[place], facts[place]
                frames = recorder.kept[stack.series_instance_uid, stack.index]
                named = {(frame.sop_instance_uid, frame.index): frame for frame in stack.frames}
                at = dict(zip(stack.frames, stack.positions_mm, strict=True))
                used = tuple(named[name] for _, _, name in frames)
                padding = np.stack([mask for _, mask, _ in frames])
                header = instances[used[0].sop_instance_uid].header
                spacing, step = fact.pixel_spacing_mm, stack.step_mm or fact.slice_thickness_mm or 5.0
                yield RealStack(
                    name=f"{path.name}/{header.integer('SeriesNumber')}.{stack.index}",
                    subject=path.name,
                    stack=replace(stack, frames=used, positions_mm=tuple(at[frame] for frame in used)),
                    facts=fact,
                    pixels=np.stack([values for values, _, _ in frames]),
                    padding=padding if padding.any() else None,
                    spacing_mm=None if spacing is None else (step * len(stack.frames) / len(frames), *spacing),
                    phase_axis=_PHASE_AXES.get(header.text("InPlanePhaseEncodingDirection") or ""),
                )


_PHASE_AXES: dict[str, Literal[1, 2]] = {"COL": 1, "COLUMN": 1, "ROW": 2}


def _chosen(stacks: Sequence[Stack], facts: Sequence[StackFacts], most_blocks: int) -> Iterator[int]:
    """Of each series the stacks of most frames, in order of their place."""
    by_series: dict[str, list[int]] = {}
    for place, fact in enumerate(facts):
        if fact.modality in ("CT", "MR") and not fact.is_localizer:
            by_series.setdefault(fact.series_instance_uid, []).append(place)
    for places in by_series.values():
        yield from sorted(sorted(places, key=lambda place: -facts[place].num_frames)[:most_blocks])


def pictures_of(images: Path, number: int, seed: int = 0) -> Iterator[RealStack]:
    """Radiographs of the image table: one of each person, drawn evenly over regions; no composite, no other kind of picture."""
    with (images / "images.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["modality"] == "XR"]
    able = [row for row in rows if not (row["composite"] or row["subtype"] or row["quality_label"]) and _large(row)]
    rng = np.random.default_rng(seed)
    by_region: dict[str, dict[str, dict[str, str]]] = {}
    for place in rng.permutation(len(able)):
        by_region.setdefault(able[place]["region_ids"], {}).setdefault(able[place]["subject"], able[place])
    taken: set[str] = set()
    queues = [list(people.values()) for people in by_region.values()]
    while len(taken) < number and any(queues):
        for queue in queues:
            row = queue.pop() if queue else None
            if row is None or row["subject"] in taken or len(taken) >= number:
                continue
            taken.add(row["subject"])
            yield picture_of(images / row["path"], row["subject"], tuple(row["region_ids"].split(";")))


def _large(row: dict[str, str]) -> bool:
    return min(int(row["source_width"] or 0), int(row["source_height"] or 0)) >= 256


def picture_of(path: Path, subject: str, regions: tuple[str, ...]) -> RealStack:
    """One grey picture as a stack of one frame."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"), np.float32)[None]
    frame = Frame(path.stem, path.stem, 0, 1, pixels.shape[1], pixels.shape[2], ())
    stack = stack_of(path.stem, 0, "XR", [frame])
    pixel_mm = USUAL_FIELD_MM / max(pixels.shape)
    facts = StackFacts(
        path.stem,
        0,
        "XR",
        1,
        1,
        region=RegionLabel(regions, 1.0),
        rows=pixels.shape[1],
        columns=pixels.shape[2],
        pixel_spacing_mm=(pixel_mm, pixel_mm),
    )
    return RealStack(f"{'+'.join(regions)}/{path.stem}", subject, stack, facts, pixels, None, (1.0, pixel_mm, pixel_mm))


def measured(real: RealStack, pixels: Floats, checks: Iterable[Check]) -> dict[str, Measurement]:
    """What image checks measure in changed pixels of a real stack, by metric; checks that do not apply are passed over."""
    able = [check for check in checks if check.applies(real.facts)]
    curves = {check.name: Curve(real.facts) for check in able}
    for block in blocks_of(real, pixels):
        for check in able:
            curves[check.name].add(block.places, check.look(block))
    return {found.metric: found for check in able for found in check.finish(curves[check.name])}


def blocks_of(real: RealStack, pixels: Floats) -> Iterator[Block]:
    """The frames as the pipeline hands them to checks."""
    for first in range(0, len(pixels), BLOCK_FRAMES):
        part = slice(first, first + BLOCK_FRAMES)
        frames = real.stack.frames[part]
        yield Block(
            pixels=torch.from_numpy(np.ascontiguousarray(pixels[part])),
            padding=None if real.padding is None else torch.from_numpy(real.padding[part]),
            unit=UNITS[real.facts.modality],
            spacing_mm=real.facts.pixel_spacing_mm,
            slice_indices=tuple(range(first, first + len(frames))),
            sop_instance_uids=tuple(frame.sop_instance_uid for frame in frames),
            frame_indices=tuple(frame.index for frame in frames),
        )
