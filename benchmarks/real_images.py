"""Real images as stacks in memory: what defects are put into, and what a measurement is then asked to tell from the rest."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from inference.gather import gather
from inference.reading import read_studies
from qc_models.check_registry import Check
from qc_models.facts import RegionLabel, StackFacts
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


@dataclass
class _Recorder:
    """An image check that keeps what streams past: the pixels of some frames of a stack."""

    most_frames: int
    kept: dict[tuple[str, int], list[tuple[Floats, NDArray[np.bool_] | None, Frame]]] = field(default_factory=dict)

    def check(self) -> Check:
        module = SimpleNamespace(start=self._start, update=self._update, finish=lambda state: (), QUANTITIES={})
        return Check("benchmarks.recorder", cast(Any, module))

    def _start(self, stack: Stack, facts: StackFacts) -> tuple[dict[tuple[str, int], Frame], list[Any]]:
        total, sample = len(stack.frames), min(len(stack.frames), self.most_frames)
        chosen = [stack.frames[(2 * number + 1) * total // (2 * sample)] for number in range(sample)]
        return {(frame.sop_instance_uid, frame.index): frame for frame in chosen}, self.kept.setdefault(
            (stack.series_instance_uid, stack.index), []
        )

    def _update(self, state: tuple[dict[tuple[str, int], Frame], list[Any]], block: Block) -> None:
        wanted, kept = state
        for number, name in enumerate(zip(block.sop_instance_uids, block.frame_indices, strict=True)):
            if name in wanted:
                padding = None if block.padding is None else block.padding[number].numpy().copy()
                kept.append((block.pixels[number].numpy().copy(), padding, wanted[name]))


def stacks_of(folder: Path, most_frames: int = BLOCK_FRAMES, most_blocks: int = 2) -> Iterator[RealStack]:
    """The CT and MR stacks of the studies under `folder`, but for scouts; of a series of many blocks only the largest few."""
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        for study in read_studies([path]).studies:
            stacks = tuple(stack for series in study.series for stack in split(series))
            facts = describe(study, stacks)
            recorder = _Recorder(most_frames)
            chosen = list(_chosen(stacks, facts, most_blocks))
            gather(study, stacks, facts, {place: [recorder.check()] for place in chosen}, workers=2)
            instances = {instance.sop_instance_uid: instance for instance in study.instances}
            for place in chosen:
                stack, fact = stacks[place], facts[place]
                frames = recorder.kept[stack.series_instance_uid, stack.index]
                shape = frames[0][0].shape
                frames = [frame for frame in frames if frame[0].shape == shape]
                header = instances[frames[0][2].sop_instance_uid].header
                number = header.integer("SeriesNumber")
                paddings = [mask if mask is not None else np.zeros(shape, bool) for _, mask, _ in frames]
                spacing = fact.pixel_spacing_mm
                step = stack.step_mm or fact.slice_thickness_mm or 5.0
                yield RealStack(
                    name=f"{path.name}/{number}.{stack.index}",
                    subject=path.name,
                    stack=replace(
                        stack, frames=tuple(frame for _, _, frame in frames), positions_mm=_places(stack, frames)
                    ),
                    facts=fact,
                    pixels=np.stack([values for values, _, _ in frames]),
                    padding=np.stack(paddings) if any(mask.any() for mask in paddings) else None,
                    spacing_mm=None if spacing is None else (step * len(stack.frames) / len(frames), *spacing),
                    phase_axis=_PHASE_AXES.get(header.text("InPlanePhaseEncodingDirection") or ""),
                )


_PHASE_AXES: dict[str, Literal[1, 2]] = {"COL": 1, "COLUMN": 1, "ROW": 2}


def _places(stack: Stack, frames: Sequence[tuple[Any, Any, Frame]]) -> tuple[float, ...]:
    at = dict(zip(stack.frames, stack.positions_mm, strict=True))
    return tuple(at[frame] for _, _, frame in frames)


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
    states = {check.name: check.start(real.stack, real.facts) for check in able}
    for block in blocks_of(real, pixels):
        for check in able:
            check.update(states[check.name], block)
    return {found.metric: found for check in able for found in check.finish(states[check.name])}


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
