"""How one study is examined: read → stacks → roles → items → plan → gather → measure → judge → decide → QcReport."""

import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import isfinite
from pathlib import Path

from inference import study_facts
from inference.gather import Gathered, gather
from inference.model_runner import ModelRunner, OnnxRunner
from inference.showing import plan_models
from inference.threads import Threads
from qc_models.check_registry import Check, checks
from qc_models.evidence import Evidence
from qc_models.exam_item import Catalogue, ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import CheckFailure, Measurement
from qc_models.item_matching import Matched, match
from qc_models.judgement import judge_items
from qc_models.model_bundle import SHIPPED
from qc_models.policy import Policy
from qc_models.report import QcReport, make_report
from qc_models.roles.describe import describe
from qc_models.roles.seen import seen
from qc_models.stack import Stack, split
from qc_models.study import Study

AT_ONCE = 2  # studies; what one does alone, before and after its pixels, is done while the other's are looked at


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is told: catalogue, policy, the date of the verdict, and how to look."""

    catalogue: Catalogue
    policy: Policy
    as_of: date
    workers: int = 1
    pixels: bool = True
    models: Path | None = SHIPPED  # the folder of released bundles; None: no model is asked
    items: tuple[ExamItem, ...] = ()  # given by the caller instead of matched
    code_version: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """A report, and what was seen on the way to it (for pictures and plots)."""

    report: QcReport
    study: Study
    stacks: tuple[Stack, ...]
    facts: Facts
    items: tuple[ExamItem, ...]


@dataclass
class _Timings:
    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def mark(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now


def examine(study: Study, settings: Settings) -> Examined:
    """Examines one study from its headers to its report."""
    with Threads(settings.workers) as threads:
        return examine_on(threads, study, settings, runner_here(settings, threads))


def examine_all(studies: deque[Study], settings: Settings) -> Generator[tuple[str, Future[Examined]], None, None]:
    """Examines studies in their order, each with its StudyInstanceUID; whatever goes wrong with one is raised by its result.

    While the pixels of one are awaited the headers of the next are read, on the same threads for pixels. A study is taken from
    `studies` when it begins and let go when it is done.
    """
    running: deque[tuple[str, Future[Examined]]] = deque()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="studies") as examiners, Threads(settings.workers) as threads:
        runner = runner_here(settings, threads)
        while studies or running:
            while studies and len(running) < AT_ONCE:
                uid = studies[0].study_instance_uid
                running.append((uid, examiners.submit(examine_on, threads, studies.popleft(), settings, runner)))
            yield running.popleft()


def runner_here(settings: Settings, threads: Threads) -> ModelRunner | None:
    """What runs models in this process, on `threads`; None where none is to be asked."""
    return OnnxRunner(settings.models, threads) if settings.pixels and settings.models is not None else None


def examine_on(threads: Threads, study: Study, settings: Settings, runner: ModelRunner | None) -> Examined:
    """Examines one study on threads of the caller, its models wherever `runner` has them."""
    timings = _Timings()
    stacks = tuple(stack for series in study.series for stack in split(series))
    read_facts = stack_facts = describe(study, stacks)
    timings.mark("stacks")
    gathered = None
    if settings.pixels:
        models = plan_models(read_facts, runner) if runner is not None else None
        gathered = gather(study, stacks, read_facts, plan(read_facts), threads, models)
        if gathered.predictions:
            stack_facts = describe(study, stacks, {key: seen(said) for key, said in gathered.predictions.items()})
        timings.mark("pixels")
    evidence = Evidence(
        study,
        stacks,
        stack_facts,
        gathered.statistics if gathered else None,
        gathered.pixel_failures if gathered else (),
        gathered.predictions if gathered else {},
        read_facts,
    )
    measurements, failures = measure(evidence, gathered)
    timings.mark("checks")
    versions = {name: prediction.version for said in evidence.predictions.values() for name, prediction in said.items()}
    facts = facts_of(study, stack_facts, measurements, failures, versions, pixels_examined=settings.pixels)
    matched = [Matched(item, "given") for item in settings.items] or match(facts, settings.catalogue)
    judgements = judge_items(facts, matched, settings.policy, settings.as_of)
    timings.mark("judgement")
    report = make_report(
        facts,
        judgements,
        matched,
        as_of=settings.as_of,
        evaluated_at=datetime.now(UTC),
        digests={
            "catalogue": settings.catalogue.digest,
            "policy": settings.policy.digest,
            **{item.item.id: item.item.digest for item in judgements},
        },
        code_version=settings.code_version,
        timings_s=timings.seconds,
    )
    return Examined(report, study, stacks, facts, tuple(entry.item for entry in matched))


def plan(stack_facts: Sequence[StackFacts]) -> Mapping[int, Sequence[Check]]:
    """Which image checks look at which stack, by its place."""
    seeing = [check for check in checks().values() if check.sees]
    return {
        place: [check for check in seeing if not facts.is_localizer and check.applies(facts)]
        for place, facts in enumerate(stack_facts)
    }


def measure(evidence: Evidence, gathered: Gathered | None) -> tuple[tuple[Measurement, ...], tuple[CheckFailure, ...]]:
    """Runs every check over the evidence; a check that crashes is a line in the report, and the others go on."""
    measurements: list[Measurement] = []
    failures: list[CheckFailure] = []
    for check in checks().values():
        if check.measures:
            try:
                measurements.extend(check.measure(evidence))
            except Exception as error:  # the one broad except: a study is never lost to one check
                failures.append(CheckFailure(check.name, f"crashed: {type(error).__name__}"))
    if gathered is not None:
        measurements.extend(gathered.measurements)
        failures.extend(gathered.failures)
    finite = [measurement for measurement in measurements if isfinite(measurement.value)]
    endless = sorted({measurement.check for measurement in measurements if not isfinite(measurement.value)})
    failures.extend(
        CheckFailure(check, "measured no finite number; the header holds absurd values") for check in endless
    )
    return tuple(finite), tuple(failures)


def facts_of(
    study: Study,
    stack_facts: Sequence[StackFacts],
    measurements: Sequence[Measurement],
    failures: Sequence[CheckFailure],
    models: Mapping[str, str],
    *,
    pixels_examined: bool,
) -> Facts:
    """The item-free facts of a study."""
    examined = study_facts.study_date(study)
    device, *other_devices = study_facts.devices(study) or ("",)
    institution, *other_institutions = study_facts.institutions(study) or ("",)
    return Facts(
        study_instance_uid=study.study_instance_uid,
        modalities=tuple(sorted({series.modality for series in study.series})),
        study_date=examined,
        latest_date=study_facts.latest_date(study),
        age_years=study_facts.age_years(study, examined),
        bedside=study_facts.is_bedside(study),
        deidentified=study_facts.is_deidentified(study),
        device=device,
        institution=institution,
        request=study_facts.request(study),
        stacks=tuple(stack_facts),
        measurements=tuple(measurements),
        failures=tuple(failures),
        pixels_examined=pixels_examined,
        models=dict(sorted(models.items())),
        other_devices=tuple(other_devices),
        other_institutions=tuple(other_institutions),
    )
