"""What the distances between neighbouring slices tell: the usual step, and where slices are lost, left out by plan or uneven.

The usual step is the most common one, or a smaller one of which the others are multiples; a step of k usual steps misses k - 1
slices. Whether a wide gap is planned, and whether all steps are k-fold, is told by instance numbers and declared spacing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qc_models.stack import Stack

EVEN = 0.01  # relative; orientations are rounded too
SAME_STEP = 0.05  # relative; steps that differ by less are one step
WIDEST_STEP = 1.35  # slice thicknesses; gaps of up to a third are usual in MR
GAP = 1.5  # usual steps from which on a step is a gap
LARGEST_ROUNDING_MM = 0.1  # positions of fewer decimals are meant as they stand
# Slices that a planned gap between blocks leaves out (steps, where it is no multiple), and that a block holds.
BLOCK_GAP = 3
PROOF = 3  # usual steps that prove a spacing constant without the help of numbers


@dataclass(frozen=True, slots=True)
class Declared:
    """What else is known of a stack's steps; `absent` counts for each step the instance numbers absent from the series there."""

    absent: tuple[int, ...] | None = None
    spacing_mm: float | None = None
    thickness_mm: float | None = None
    rounding_mm: float = 0.0
    strict: bool = True

    def fits(self, step_mm: float) -> bool:
        """Whether a step is what SpacingBetweenSlices says, else whether the slices leave no wide gap.

        SpacingBetweenSlices is centre to centre; some MR scanners write the gap instead, which is less than a slice.
        """
        thickness = self.thickness_mm or 0.0
        if self.spacing_mm is None:
            return not thickness or 0.5 * thickness <= step_mm <= WIDEST_STEP * thickness
        is_gap = not self.strict and self.spacing_mm < 0.95 * thickness
        meant = (self.spacing_mm, self.spacing_mm + thickness) if is_gap else (self.spacing_mm,)
        return any(_same(step_mm, value, self.rounding_mm) for value in meant)

    def times(self, step_mm: float) -> int:
        """How many slices of the declared spacing, else of the thickness, one step has room for; 1 where it is no multiple."""
        if self.spacing_mm is None:
            return max(1, int(step_mm / (self.thickness_mm or step_mm) + 0.1))
        times = max(1, round(step_mm / self.spacing_mm))
        return times if _same(step_mm, times * self.spacing_mm, self.rounding_mm) else 1


@dataclass
class Steps:
    """What the steps between slices tell, by the index of the slice before the step; `irregular` is relative to the usual step."""

    usual_mm: list[float]
    missing: dict[int, int] = field(default_factory=dict)
    planned: dict[int, int] = field(default_factory=dict)
    irregular: dict[int, float] = field(default_factory=dict)
    thinned: int = 1  # one slice in so many, by the declared spacing or thickness alone


def examine(steps_mm: Sequence[float], declared: Declared) -> Steps:
    """Tells lost slices, planned gaps and uneven steps apart; needs one step at least."""
    stride, skipped = _stride(declared.absent)
    parts = _parts(steps_mm, skipped, declared.rounding_mm)
    found = Steps([usual_step(steps_mm, skipped, declared.rounding_mm)] * len(steps_mm))
    if len(parts) > 1:
        found.usual_mm = _usual_by_part(len(steps_mm), parts)
    elif not declared.fits(found.usual_mm[0]):
        usual = found.usual_mm[0]
        if stride > 1 and declared.fits(usual / stride):
            skipped, found.usual_mm = declared.absent, [usual / stride] * len(steps_mm)
        else:
            found.thinned = declared.times(usual)
    ratios = [step / usual for step, usual in zip(steps_mm, found.usual_mm, strict=True)]
    proven = sum(abs(ratio - 1) <= 0.1 for ratio in ratios) >= PROOF
    for i, ratio in enumerate(ratios):
        usual = found.usual_mm[i]
        if ratio - declared.rounding_mm / usual < GAP:
            deviation = abs(steps_mm[i] - usual) - declared.rounding_mm
            joint = len(parts) > 1 and not any(start <= i < stop for start, stop, _ in parts)
            if deviation > EVEN * usual and not joint:
                found.irregular[i] = deviation / usual
            continue
        count = max(1, round(ratio) - 1)
        multiple = abs(ratio - count - 1) <= min(0.3, 0.1 + 0.02 * count + declared.rounding_mm / usual)
        between_blocks = (count >= BLOCK_GAP or (ratio >= BLOCK_GAP and not multiple)) and _regular_around(ratios, i)
        if skipped is not None and skipped[i]:
            found.missing[i] = min(count, skipped[i])
        elif between_blocks and (skipped is not None or not declared.strict):
            found.planned[i] = count
        elif multiple and proven and (declared.strict or count < BLOCK_GAP):
            found.missing[i] = count
        else:
            found.irregular[i] = abs(ratio - 1)
    return found


def usual_step(steps_mm: Sequence[float], skipped: Sequence[int] | None, rounding_mm: float) -> float:
    """The most common step, or a smaller one of which it is a multiple, if a third of the steps or the numbers bear it out."""
    clusters: list[list[int]] = []
    for i in sorted(range(len(steps_mm)), key=steps_mm.__getitem__):
        if clusters and _same(steps_mm[clusters[-1][0]], steps_mm[i], rounding_mm):
            clusters[-1].append(i)
        else:
            clusters.append([i])
    centres = [float(np.median([steps_mm[i] for i in cluster])) for cluster in clusters]
    most = max(range(len(clusters)), key=lambda k: (len(clusters[k]), -k))
    for k in range(most):
        times = round(centres[most] / centres[k])
        numbers_agree = skipped is not None and all(skipped[i] for i in clusters[most])
        borne_out = numbers_agree or len(clusters[k]) * 3 >= len(steps_mm)
        if 2 <= times <= 10 and abs(centres[most] / centres[k] - times) <= 0.1 and borne_out:
            return centres[k]
    return centres[most]


def rounding_of_mm(stack: Stack) -> float:
    """How far a step may be off because positions are written with few decimals."""
    values = np.array([frame.image_position_patient for frame in stack.frames])
    decimals = next((d for d in range(1, 6) if np.allclose(values, np.round(values, d), rtol=0, atol=1e-9)), 6)
    along = sum(abs(part) for part in stack.normal or ())
    return min(10.0**-decimals, LARGEST_ROUNDING_MM) * along


def _stride(absent: Sequence[int] | None) -> tuple[int, Sequence[int] | None]:
    """The stride of numbers from slice to slice (the smallest that a fifth of the steps share), and how many it skips at each."""
    if absent is None:
        return 1, None
    stride = 1 + min((value for value, steps in Counter(absent).items() if steps * 5 >= len(absent)), default=0)
    return stride, [round((value + 1) / stride) - 1 for value in absent]


def _parts(
    steps_mm: Sequence[float], skipped: Sequence[int] | None, rounding_mm: float
) -> list[tuple[int, int, float]]:
    """Runs of one step (start, stop, step) that differ from each other; none or one where the stack has one spacing."""
    runs: list[tuple[int, int]] = []
    for i, step in enumerate(steps_mm):
        if runs and _same(steps_mm[runs[-1][0]], step, rounding_mm):
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    shortest = max(PROOF, len(steps_mm) // 8)
    parts = [
        (start, stop, float(np.median(steps_mm[start:stop])))
        for start, stop in runs
        if stop - start >= shortest and (skipped is None or sum(map(bool, skipped[start:stop])) * 2 < stop - start)
    ]
    return parts if any(not _same(parts[0][2], step, rounding_mm) for _, _, step in parts) else parts[:1]


def _usual_by_part(num_steps: int, parts: Sequence[tuple[int, int, float]]) -> list[float]:
    """For each step the usual one of its part; between two parts the larger of theirs."""
    usual = []
    for i in range(num_steps):
        before = [step for start, _, step in parts if start <= i]
        behind = [step for _, stop, step in parts if i < stop]
        usual.append(max(before[-1:] + behind[:1]))
    return usual


def _regular_around(ratios: Sequence[float], i: int) -> bool:
    """Whether a block of slices without a gap lies on either side of step `i`."""
    reach = BLOCK_GAP - 1
    sides = ratios[max(0, i - reach) : i], ratios[i + 1 : i + 1 + reach]
    return all(len(side) == reach and max(side) < GAP for side in sides)


def _same(a: float, b: float, rounding_mm: float) -> bool:
    return abs(a - b) <= SAME_STEP * min(a, b) + 2 * rounding_mm
