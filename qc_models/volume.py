"""A volume: the stacks of a study whose slices run on through each other, judged as one, whatever series they were sent in.

A series that was split over two SeriesInstanceUIDs, in halves or slice by slice, is whole where the slices of its parts stand at
regular places together; each part alone would look as if every second slice were lost, or hide the slices lost between them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.slice_steps import BLOCK_GAP, PROOF, Declared, examine, rounding_of_mm
from qc_models.stack import Stack, same_geometry, stack_of
from qc_models.study import Frame

Part = tuple[Stack, StackFacts]

_MULTIPLE = 0.1  # usual steps by which the step from part to part may miss a whole number of them
_ASIDE_MM = 1.0  # how far a part may lie beside the line on which the slices stand
_MOST_PARTS = 64  # more parts are one volume all together, or none


@dataclass(frozen=True)
class Volume:
    """Stacks and their facts, and the `whole` that their frames make together (with the series and index of the first)."""

    whole: Stack
    parts: tuple[Part, ...]

    @cached_property
    def homes(self) -> dict[tuple[str, int], tuple[Stack, int]]:
        """For each frame, by SOPInstanceUID and index, its stack and its slice in it."""
        return {
            (frame.sop_instance_uid, frame.index): (stack, number)
            for stack, _ in self.parts
            for number, frame in zip(stack.slice_index, stack.frames, strict=True)
        }

    def home(self, frame: Frame) -> tuple[Stack, int]:
        """The stack of a frame, and its slice in it."""
        return self.homes[frame.sop_instance_uid, frame.index]


def volumes(evidence: Evidence) -> list[Volume]:
    """The volumes of a study; each CT or MR stack that has positions and is no localizer belongs to one."""
    alike: dict[tuple[object, ...], list[list[Part]]] = defaultdict(list)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if stack.modality == "XR" or stack.normal is None or facts.is_localizer:
            continue
        kernel = evidence.instance(stack.frames[0]).header.texts("ConvolutionKernel")
        groups = alike[stack.modality, facts.roles, facts.derived, kernel]
        group = next((group for group in groups if same_geometry(group[0][0].frames[0], stack.frames[0])), None)
        if group is None:
            groups.append([(stack, facts)])
        else:
            group.append((stack, facts))
    return [volume for groups in alike.values() for group in groups for volume in _volumes_of(group)]


def _volumes_of(parts: Sequence[Part]) -> list[Volume]:
    """All parts as one volume where they fit; else each part, in order of place, with the first before it that it fits."""
    whole = _joined(parts)
    if whole is not None:
        return [whole]
    found: list[Volume] = []
    for part in sorted(parts, key=lambda part: part[0].positions_mm[0]):
        if len(parts) <= _MOST_PARTS:
            for i, volume in enumerate(found):
                joined = _joined((*volume.parts, part))
                if joined is not None:
                    found[i] = joined
                    break
            else:
                found.append(Volume(part[0], (part,)))
        else:
            found.append(Volume(part[0], (part,)))
    return found


def _joined(parts: Sequence[Part]) -> Volume | None:
    """The volume of some parts; None where they share a place, are too few to tell, or run not on in whole steps on one line."""
    first = parts[0][0]
    if len(parts) == 1:
        return Volume(first, tuple(parts))
    frames = [frame for stack, _ in parts for frame in stack.frames]
    places = [{frame.image_position_patient for frame in stack.frames} for stack, _ in parts]
    if len(set.union(*places)) < max(sum(map(len, places)), PROOF + 1):
        return None
    volume = Volume(stack_of(first.series_instance_uid, first.index, first.modality, frames), tuple(parts))
    whole = volume.whole
    owners: list[set[int]] = [set() for _ in range(whole.num_slices)]
    for number, frame in zip(whole.slice_index, whole.frames, strict=True):
        owners[number].add(id(volume.home(frame)[0]))
    if any(len(owner) > 1 for owner in owners):
        return None
    joints = [i for i, (before, behind) in enumerate(pairwise(owners)) if before != behind]
    return volume if all(_fit(whole, joints)) else None


def _fit(whole: Stack, joints: Sequence[int]) -> Iterator[bool]:
    """Whether there is one usual step; then for each joint whether its step is a few of these, or as many as the instance numbers
    say, and leads along the line.
    """
    steps_mm = [float(step) for step in np.diff(whole.slice_positions_mm)]
    rounding_mm = rounding_of_mm(whole)
    usual, *others = set(examine(steps_mm, Declared(rounding_mm=rounding_mm)).usual_mm)
    yield not others
    first = whole.first_frames
    places = np.array([frame.image_position_patient for frame in first])
    drift = np.diff(places, axis=0) / np.array(steps_mm)[:, None]  # of a tilted gantry, not the normal itself
    line = np.median(drift, axis=0)
    for i in joints:
        times = round(steps_mm[i] / usual)
        before, behind = first[i].instance_number, first[i + 1].instance_number
        counted = None not in (before, behind) and abs((behind or 0) - (before or 0)) == times
        yield (
            times >= 1
            and abs(steps_mm[i] - times * usual) <= _MULTIPLE * usual + 2 * rounding_mm
            and (times <= BLOCK_GAP or counted)
            and float(np.abs(drift[i] - line).max()) * steps_mm[i] <= _ASIDE_MM
        )
