"""Whether a measurement grows with the strength of the defect it is for, and tells a disturbing one from clean real images.

Each defect is put into real stacks and radiographs (arrays in memory, rounded and clipped as a file would hold them) at
strength 0, its three named levels and between them; each value is that of a whole stack, and of each image along its curve.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.real_images import Floats, RealStack, measured, pictures_of, stacks_of
from qc_models.check_registry import checks
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.simulation.pixel_defects.pixel_defect import PixelDefect
from training.ranking import auc, bootstrap, spearman

# Studies that a reader finds clean; the others have artifacts of their own, or are not whole.
CLEAN_STUDIES = frozenset(
    "chest-ct head-ct abdpel-ct lspine-ct lspine-mr-3t knee-mr brain-mr-pd abd-mr-haste wrist-mr prostate-mr-a".split()
)
TARGETS = {"spearman": 0.9, "auc": 0.95}
HIT = 0.5  # of the change of the slice changed most, above which an image counts as defective
KEPT = 0.98  # of clean stacks, by a limit drawn from other subjects; of fewer than fifty it is all
KEPT_STACKS = 20
_MOST_HU, _LEAST_HU = 3071.0, -1024.0


@dataclass(frozen=True)
class Detector:
    """A defect, the metric that is to see it, and whether higher or lower values are worse."""

    defect: str
    metric: str
    worse: Literal["higher", "lower"] = "higher"

    @property
    def check(self) -> str:
        """The check that measures."""
        return self.metric.rpartition(".")[0]


# What the product names as artifacts, each with the defects that make it.
ARTIFACTS: Sequence[Detector] = (
    Detector("ring", "artifacts.ring.amplitude_hu"),
    Detector("metal_streak", "artifacts.metal.area_mm2"),
    Detector("metal_streak", "artifacts.streak.metal_hu"),
    Detector("photon_starvation", "artifacts.streak.oriented_hu"),
    Detector("photon_starvation", "artifacts.photon_starvation.noise_anisotropy"),
    Detector("photon_starvation", "artifacts.photon_starvation.streak_hu"),
    Detector("fov_truncation", "artifacts.truncation.rim_share"),
    Detector("ghost", "artifacts.ghosting.repeat"),
    Detector("wrap", "artifacts.wrap.continuity"),
    Detector("bias_field", "artifacts.bias_field.tilt"),
    Detector("spike", "artifacts.spike.amplitude"),
    Detector("zipper", "artifacts.zipper.noise_ratio"),
    Detector("ghost", "artifacts.background.share"),
    Detector("under_exposure", "artifacts.clipping.highest_share"),
    Detector("over_exposure", "artifacts.clipping.lowest_share"),
    Detector("grid_lines", "artifacts.grid_lines.peak_db"),
    Detector("collimation_cut", "artifacts.collimation.cut_share"),
    Detector("dead_lines", "artifacts.dead_lines.num_lines"),
)
# Defects without an artifact check of their own, and what sees them.
OTHERS: Sequence[Detector] = (
    Detector("ct_noise", "adequacy.noise_hu.median_hu"),
    Detector("ct_motion", "artifacts.streak.oriented_ratio"),
    Detector("beam_hardening", "artifacts.streak.oriented_hu"),
    Detector("mr_motion", "artifacts.motion.replicas"),
    Detector("mr_noise", "adequacy.mr_snr.tissue", "lower"),
    Detector("gibbs", "adequacy.fwhm.in_plane_mm"),
    Detector("fat_suppression_failure", "adequacy.uniformity.integral_percent", "lower"),
    Detector("xr_noise", "adequacy.xr_noise.share"),
    Detector("xr_motion", "adequacy.xr_sharpness.blur_share"),
    Detector("focal_blur", "adequacy.xr_sharpness.blur_share"),
    Detector("foreign_object", "artifacts.foreign_object.thin_share"),
    Detector("double_exposure", "adequacy.xr_contrast.rms", "lower"),
    Detector("grid_cutoff", "artifacts.clipping.highest_share"),
)


@dataclass(frozen=True)
class Sample:
    """One defect of one strength in one stack, as one metric saw it; worse is always higher, NaN where nothing was measured."""

    subject: str
    stack: str
    strength: float
    seed: int
    value: float
    images: tuple[float, ...]  # of the images that the defect hits; of a clean stack all


def run(
    studies: Path, images: Path, *, seeds: int, pictures: int, defects: Iterable[str], advance: Callable[[str], None]
) -> dict[str, Any]:
    """Figures of every detector of the `defects` named, or of all."""
    wanted = frozenset(defects)
    asked = [detector for detector in (*ARTIFACTS, *OTHERS) if not wanted or detector.defect in wanted]
    samples: dict[Detector, list[Sample]] = {detector: [] for detector in asked}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [
            (real.name, pool.submit(samples_of, real, _of_modality(asked, real.facts.modality), seeds))
            for real in _reals(studies, images, pictures, asked)
        ]
        for name, job in jobs:
            for detector, found in job.result().items():
                samples[detector].extend(found)
            advance(name)
    return {
        "seeds": seeds,
        "targets": TARGETS,
        "artifacts": [_figures(detector, samples[detector]) for detector in asked if detector in ARTIFACTS],
        "others": [_figures(detector, samples[detector]) for detector in asked if detector in OTHERS],
    }


def strengths_of(defect: PixelDefect) -> tuple[float, ...]:
    """0, the three named levels, and between two of them their geometric mean."""
    low, middle, high = defect.levels.named().values()
    return (0.0, low, sqrt(low * middle), middle, sqrt(middle * high), high)


def samples_of(real: RealStack, detectors: Sequence[Detector], seeds: int) -> Mapping[Detector, list[Sample]]:
    """Every defect in one stack, at every strength, by every seed."""
    import torch

    torch.set_num_threads(1)
    able = {detector.check: checks()[detector.check] for detector in detectors}
    result: dict[Detector, list[Sample]] = {detector: [] for detector in detectors}
    clean = measured(real, real.pixels, able.values())
    every = np.ones(len(real.pixels), dtype=bool)
    for name in dict.fromkeys(detector.defect for detector in detectors):
        defect = PIXEL_DEFECTS[name]
        mine = [detector for detector in detectors if detector.defect == name]
        for strength in strengths_of(defect):
            for seed in range(seeds if strength else 1):
                spoilt = with_defect(real, defect, strength, seed) if strength else real.pixels
                found = measured(real, spoilt, [able[detector.check] for detector in mine]) if strength else clean
                change = (spoilt - real.pixels).std((1, 2))
                hit = change >= HIT * change.max() if strength else every
                for detector in mine:
                    value, curve = _seen(found.get(detector.metric), detector, hit)
                    result[detector].append(Sample(real.subject, real.name, strength, seed, value, curve))
    return result


def with_defect(real: RealStack, defect: PixelDefect, strength: float, seed: int) -> Floats:
    """The pixels with a defect, as a file would hold them: whole numbers, clipped; padding stays."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{real.name} {defect.name}".encode())])
    params = defect.make_params(
        rng, real.pixels.shape, strength, spacing_mm=real.spacing_mm, phase_axis=real.phase_axis
    )
    spoilt = np.rint(defect.apply(real.pixels, params))
    low, high = {
        "CT": (min(_LEAST_HU, float(real.pixels.min())), max(_MOST_HU, float(real.pixels.max()))),
        "MR": (min(0.0, float(real.pixels.min())), np.inf),
        "XR": (0.0, 255.0),
    }[real.facts.modality]
    spoilt = np.clip(spoilt, low, high).astype(np.float32)
    return spoilt if real.padding is None else np.where(real.padding, real.pixels, spoilt)


def _seen(found: Any, detector: Detector, hit: Any) -> tuple[float, tuple[float, ...]]:
    if found is None:
        return float("nan"), (float("nan"),) * int(hit.sum())
    sign = 1.0 if detector.worse == "higher" else -1.0
    along = dict(found.detail.get("curve", [[0, found.value]]))
    images = tuple(sign * along.get(int(place), float("nan")) for place in np.flatnonzero(hit))
    return sign * found.value, images


def _of_modality(detectors: Iterable[Detector], modality: str) -> list[Detector]:
    return [detector for detector in detectors if PIXEL_DEFECTS[detector.defect].modality == modality]


def _reals(studies: Path, images: Path, pictures: int, asked: Sequence[Detector]) -> Iterator[RealStack]:
    if _of_modality(asked, "CT") or _of_modality(asked, "MR"):
        for real in stacks_of(studies):
            if real.subject in CLEAN_STUDIES and _of_modality(asked, real.facts.modality):
                yield real
    if _of_modality(asked, "XR"):
        yield from pictures_of(images, pictures)


def _figures(detector: Detector, samples: Sequence[Sample]) -> dict[str, Any]:
    level = PIXEL_DEFECTS[detector.defect].levels.disturbing
    clean = [sample for sample in samples if sample.strength == 0]
    spoilt = [sample for sample in samples if sample.strength == level]
    pool = [*clean, *spoilt]
    is_spoilt = np.array([sample.strength > 0 for sample in pool])
    value = np.array([sample.value for sample in pool])
    image_value = np.concatenate([np.array(sample.images) for sample in pool])
    image_spoilt = np.repeat(is_spoilt, [len(sample.images) for sample in pool])
    image_subject = np.repeat([sample.subject for sample in pool], [len(sample.images) for sample in pool])
    stacks = sorted({sample.stack for sample in samples})
    growth = np.array([_growth([sample for sample in samples if sample.stack == stack]) for stack in stacks])
    owner = [next(sample.subject for sample in samples if sample.stack == stack) for stack in stacks]
    sign = 1.0 if detector.worse == "higher" else -1.0
    figures: dict[str, Any] = {
        "defect": detector.defect,
        "metric": detector.metric,
        "worse": detector.worse,
        "unit_of_strength": PIXEL_DEFECTS[detector.defect].levels.unit,
        "subjects": len({sample.subject for sample in samples}),
        "stacks": len(stacks),
        "spearman": bootstrap(lambda rows: float(growth[rows].mean()), owner),
        "auc_of_stacks": bootstrap(
            lambda rows: auc(value[rows][~is_spoilt[rows]], value[rows][is_spoilt[rows]]),
            [sample.subject for sample in pool],
        ),
        "auc_of_images": bootstrap(
            lambda rows: auc(image_value[rows][~image_spoilt[rows]], image_value[rows][image_spoilt[rows]]),
            image_subject,
            resamples=200,
        ),
        "images": {"clean": int((~image_spoilt).sum()), "defective": int(image_spoilt.sum())},
        "limit_from_the_others": _left_out(clean, spoilt),
        "by_strength": [
            {
                "strength": round(strength, 4),
                "measured": f"{len(known)}/{len(chosen)}",
                "quartiles": [
                    round(float(number), 4) for number in sign * np.percentile(known, [25, 50, 75])[:: int(sign)]
                ]
                if known
                else None,
            }
            for strength in sorted({sample.strength for sample in samples})
            for chosen in [[sample.value for sample in samples if sample.strength == strength]]
            for known in [[number for number in chosen if np.isfinite(number)]]
        ],
        "by_stack": {
            stack: [
                [round(strength, 4), round(float(sign * np.nanmean(numbers)), 4)]
                for strength in sorted({sample.strength for sample in samples})
                for numbers in [
                    [s.value for s in samples if s.stack == stack and s.strength == strength and np.isfinite(s.value)]
                ]
                if numbers
            ]
            for stack in stacks
        },
    }
    figures["met"] = (
        figures["spearman"]["value"] >= TARGETS["spearman"] and figures["auc_of_images"]["value"] >= TARGETS["auc"]
    )
    return figures


def _growth(samples: Sequence[Sample]) -> float:
    """Spearman's correlation of strength and value in one stack; 0 where it is never measured."""
    known = [sample for sample in samples if np.isfinite(sample.value)]
    return spearman([sample.strength for sample in known], [sample.value for sample in known]) if known else 0.0


def _left_out(clean: Sequence[Sample], spoilt: Sequence[Sample]) -> dict[str, Any]:
    """Shares beyond what 98 % of the clean stacks of all other subjects keep: of each subject's own clean and defective ones."""
    alarms, caught = [], []
    for subject in {sample.subject for sample in clean}:
        others = [sample.value for sample in clean if sample.subject != subject and np.isfinite(sample.value)]
        limit = float(np.quantile(others, KEPT, method="higher")) if others else np.inf
        alarms += [sample.value > limit for sample in clean if sample.subject == subject]
        caught += [sample.value > limit for sample in spoilt if sample.subject == subject]
    return {
        "false_alarms": round(float(np.mean(alarms)), 3) if alarms else None,
        "caught": round(float(np.mean(caught)), 3) if caught else None,
    }


def brief(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures without the curves of single radiographs, of which there are too many to keep."""
    rows = {
        group: [row if len(row["by_stack"]) <= KEPT_STACKS else {**row, "by_stack": {}} for row in figures[group]]
        for group in ("artifacts", "others")
    }
    return {**figures, **rows}


def table(figures: Mapping[str, Any]) -> str:
    """The figures as a table for the terminal."""
    lines = [
        f"{'defect':24}{'metric':46}{'n':>8}  {'Spearman':>18}  {'AUC stacks':>20}  {'AUC images':>20}  {'caught':>6}  met"
    ]
    for group in ("artifacts", "others"):
        for row in figures[group]:
            cells = [
                f"{row[key]['value']:.3f} ({row[key]['interval'][0]:.2f}-{row[key]['interval'][1]:.2f})"
                for key in ("spearman", "auc_of_stacks", "auc_of_images")
            ]
            counts = f"{row['subjects']}/{row['stacks']}"
            caught = row["limit_from_the_others"]["caught"]
            lines.append(
                f"{row['defect']:24}{row['metric']:46}{counts:>8}  {cells[0]:>18}  {cells[1]:>20}  {cells[2]:>20}  "
                f"{caught if caught is not None else '-':>6}  {'yes' if row['met'] else 'NO'}"
            )
        lines.append("")
    return "\n".join(lines)
