"""The one figure that the project is judged by: false passes and false rejects of the gate, by item and defect, with intervals.

Every exam item is simulated clean and with each defect; real studies are taken as they are and with each defect. A false pass
is a defective study that passes; a false reject is a clean, complete study that does not pass (rejected or sent to review).
Each study is judged a second time without the limits on pixel measurements, from the same facts: what they change.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.defect_kinds import caught_by
from inference.pipeline import Settings, examine
from inference.reading import read_studies
from qc_models.check_registry import checks
from qc_models.errors import InputError
from qc_models.exam_item import ExamItem
from qc_models.item_matching import match
from qc_models.judgement import judge_items, worst_verdict
from qc_models.simulation.defects import apply_defect
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.simulation.study_simulation import simulate_study

DEFECTS: Sequence[tuple[str, tuple[float, ...]]] = (
    ("missing_slices", (1, 3)),
    ("missing_fraction", (0.03, 0.10)),
    ("duplicate_slice", (1,)),
    ("truncated_file", (0.3, 0.9)),
    ("blank_slices", (1,)),
    ("repeated_pixels", (1,)),
    ("patient_mix_up", (1,)),
    ("future_date", (400, 3650)),
    ("birth_after_study", (30,)),
    ("wrong_body_part", (1,)),
    ("conflicting_uid", (1,)),
)
_LEVELS = ("disturbing", "non_diagnostic")  # of pixel defects; simulated studies take the first one only, for time


@dataclass(frozen=True, slots=True)
class Outcome:
    """One study through the gate."""

    source: str  # the exam item simulated, or the name of the real study
    defect: str  # "" for a clean one
    verdict: str
    named: bool  # caught by a finding of the right kind
    blind_verdict: str  # without the limits on pixel measurements

    @property
    def false_pass(self) -> bool:
        """A defective study that entered the pool."""
        return bool(self.defect) and self.verdict == "pass"

    @property
    def blind_false_pass(self) -> bool:
        """A defective study that enters the pool where nobody judges its pixels."""
        return bool(self.defect) and self.blind_verdict == "pass"


def run(
    items: Sequence[ExamItem], real: Sequence[Path], settings: Settings, seeds: int, advance: Callable[[str], None]
) -> dict[str, Any]:
    """Runs every item and every real study through the gate."""
    single = replace(settings, workers=1)
    with ProcessPoolExecutor(settings.workers, mp_context=get_context("spawn")) as pool:
        of_items = [(item.id, pool.submit(_simulated, item, single, seed)) for item in items for seed in range(seeds)]
        of_real = [
            (folder.name, pool.submit(_with_defects, folder.name, folder, single, seed, _LEVELS))
            for folder in real
            for seed in range(seeds)
        ]
        simulated, found = (_results(jobs, advance) for jobs in (of_items, of_real))
    clean = [outcome for outcome in simulated if not outcome.defect]
    defective = [outcome for outcome in (*simulated, *found) if outcome.defect]
    return {
        "simulated": {
            "false_rejects": rate(outcome.verdict == "reject" for outcome in clean),
            "false_reviews": rate(outcome.verdict == "review" for outcome in clean),
            "not_passed": sorted({outcome.source for outcome in clean if outcome.verdict != "pass"}),
            "false_passes": rate(outcome.false_pass for outcome in simulated if outcome.defect),
            "without_pixel_limits": {
                "false_rejects": rate(outcome.blind_verdict == "reject" for outcome in clean),
                "false_reviews": rate(outcome.blind_verdict == "review" for outcome in clean),
                "false_passes": rate(outcome.blind_false_pass for outcome in simulated if outcome.defect),
            },
        },
        "real": {
            "untouched": {outcome.source: outcome.verdict for outcome in found if not outcome.defect},
            "false_passes": rate(outcome.false_pass for outcome in found if outcome.defect),
            "without_pixel_limits": {
                "untouched": {outcome.source: outcome.blind_verdict for outcome in found if not outcome.defect},
                "false_passes": rate(outcome.blind_false_pass for outcome in found if outcome.defect),
            },
            "caught_by_the_right_finding": rate(outcome.named for outcome in found if outcome.defect),
        },
        "by_defect": {
            defect: {
                "false_passes": rate(outcome.false_pass for outcome in members),
                "without_pixel_limits": rate(outcome.blind_false_pass for outcome in members),
                "caught_by_the_right_finding": rate(outcome.named for outcome in members),
            }
            for defect, members in _grouped(defective, "defect")
        },
        "by_source": {
            source: {
                "false_passes": rate(outcome.false_pass for outcome in members if outcome.defect),
                "missed": sorted({o.defect for o in members if o.false_pass}),
                "not_named": sorted({o.defect for o in members if o.defect and not o.named}),
            }
            for source, members in _grouped([*simulated, *found], "source")
        },
    }


def rate(events: Iterable[bool]) -> dict[str, Any]:
    """A share with its 95 % Wilson interval (Wilson 1927)."""
    values = list(events)
    n, k = len(values), sum(values)
    if n == 0:
        return {"n": 0, "k": 0, "rate": None, "interval": None}
    z, p = 1.959964, k / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
    return {"n": n, "k": k, "rate": round(p, 4), "interval": [round(low, 4), round(high, 4)]}


def _results(jobs: Iterable[tuple[str, Future[list[Outcome]]]], advance: Callable[[str], None]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for name, job in jobs:
        outcomes.extend(job.result())
        advance(name)
    return outcomes


def _simulated(item: ExamItem, settings: Settings, seed: int) -> list[Outcome]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clean"
        simulate_study(item, folder, seed=seed)
        outcomes = _with_defects(item.id, folder, settings, seed, _LEVELS[:1])
        clean, _ = _judged(folder, settings)
        for number, component in enumerate(item.required):
            target = Path(scratch) / f"without_{number}"
            if not simulate_study(item, target, seed=seed, omit=[component]).files:
                continue  # the item is this one component: without it there is no study
            report, blind = _judged(target, settings)
            named = bool(caught_by("missing_component", clean, report))
            outcomes.append(Outcome(item.id, f"missing_component:{component}", report["verdict"], named, blind))
    return outcomes


def _with_defects(source: str, folder: Path, settings: Settings, seed: int, levels: Sequence[str]) -> list[Outcome]:
    clean, blind = _judged(folder, settings)
    outcomes = [Outcome(source, "", clean["verdict"], True, blind)]
    of_pixels = [(name, tuple(getattr(of.levels, level) for level in levels)) for name, of in PIXEL_DEFECTS.items()]
    for name, strengths in (*DEFECTS, *of_pixels):
        for strength in strengths:
            with tempfile.TemporaryDirectory() as scratch:
                target = Path(scratch) / "study"
                try:
                    apply_defect(name, folder, target, strength=strength, seed=seed)
                except InputError:
                    continue  # this kind of study cannot have this defect
                if not any(path.is_file() for path in target.rglob("*")):
                    continue  # nothing is left of the study
                report, blind = _judged(target, settings)
            named = bool(caught_by(name, clean, report))
            outcomes.append(Outcome(source, f"{name}:{strength:g}", report["verdict"], named, blind))
    return outcomes


def _judged(folder: Path, settings: Settings) -> tuple[Any, str]:
    """The report of the only study of a folder, and its verdict were there no limit on pixel measurements."""
    (study,) = read_studies([folder]).studies
    examined = examine(study, settings)
    blind = [replace(entry, item=_blind(entry.item)) for entry in match(examined.facts, settings.catalogue)]
    judgements = judge_items(examined.facts, blind, settings.policy, settings.as_of)
    return examined.report.content, worst_verdict(judgement.verdict for judgement in judgements)


def _blind(item: ExamItem) -> ExamItem:
    """An exam item without its limits on what image checks of artifacts and adequacy measure."""
    kept = {
        metric: limit
        for metric, limit in item.limits.items()
        if metric.startswith("completeness.") or not checks()[metric.rpartition(".")[0]].sees
    }
    return item.model_copy(update={"limits": kept})


def _grouped(outcomes: Iterable[Outcome], key: str) -> list[tuple[str, list[Outcome]]]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        name = str(getattr(outcome, key))
        groups["missing_component" if name.startswith("missing_component") else name].append(outcome)
    return sorted(groups.items())
