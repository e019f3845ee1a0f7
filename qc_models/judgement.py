"""Judge, score, decide: pure functions of facts, an exam item and a date. Measurements become findings, scores and a verdict.

A limit's bound that is crossed makes a finding. A dimension's score is 100 less the points of its findings; the total is their
weighted mean. Then: a reject finding rejects; else a review finding, a failed check, an unknown exam, pixels that nobody looked
at, a model that must look and did not, a suspended device or a score within the abstain band goes to review; else pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from qc_models.check_registry import quantity, relating
from qc_models.exam_item import Bound, ExamItem, Limit
from qc_models.facts import Facts, StackFacts
from qc_models.findings import NOWHERE, CheckFailure, Finding, Measurement, Quantity, Text
from qc_models.item_matching import Matched, fills, stacks_for
from qc_models.policy import Policy
from qc_models.vocabulary import DIMENSIONS, LEVELS, VERDICTS, Dimension, Grade, Level, Verdict

_RULE = Limit(review=Bound(above=0), clause="rule of decision")  # what no measurement decides
_UNSAID = Text("", "")
_COMPONENT_MISSING = "completeness.required_components.missing"
# What sends a study to review although no measurement crossed a limit; the words that the reviewer reads.
REASONS: dict[str, Quantity] = {
    "completeness.pixel_integrity.not_examined": Quantity(
        "",
        "pixels were not examined, so nothing can pass",
        "未检查像素，不能直接通过",
        "score again with pixels",
        "请读取像素后重新评分",
    ),
    "body_part.region.not_seen": Quantity(
        "",
        "no model looked at these images that must: {models}",
        "必需的模型未能检查这些图像：{models}",
        "score again with the released models, or let a reviewer look",
        "请使用已发布的模型重新评分，或由审核人员检查",
    ),
    "metadata.request_match.unknown_exam": Quantity(
        "",
        "no exam item of the catalogue fits what the images and the request show",
        "目录中没有与图像和申请相符的检查项目",
        "state the exam item, or correct body part and request",
        "请注明检查项目，或更正检查部位和申请信息",
    ),
    "metadata.device.suspended": Quantity(
        "",
        "the device or institution is suspended from recognition",
        "该设备或机构已被暂停互认",
        "pass the quality control of the device first",
        "请先通过设备质量控制",
    ),
    "adequacy.score.abstain_band": Quantity(
        "points",
        "the score {value:.0f} is too near the pass mark {limit:.0f} to decide without a person",
        "得分 {value:.0f} 接近合格线 {limit:.0f}，需人工判定",
        "a reviewer decides",
        "请由审核人员判定",
    ),
}


@dataclass(frozen=True, slots=True)
class ComponentState:
    """One component of an item: there or not, and in which series."""

    role: str
    required: bool
    present: bool
    series_instance_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """The score of one dimension, 0-100, and the worst that it found."""

    score: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ItemJudgement:
    """A study judged as one exam item."""

    item: ExamItem
    verdict: Verdict
    grade: Grade
    score: float
    dimensions: dict[Dimension, DimensionScore]
    components: tuple[ComponentState, ...]
    findings: tuple[Finding, ...]
    failures: tuple[CheckFailure, ...]


def judge_items(
    facts: Facts, matched: Sequence[Matched], policy: Policy, as_of: date, *, worded: bool = True
) -> tuple[ItemJudgement, ...]:
    """Judges a study as each of its items, each on its own series."""
    return tuple(
        judge(
            facts,
            entry.item,
            as_of,
            policy,
            others=[other.item for other in matched if other is not entry],
            sure=entry.sure,
            worded=worded,
        )
        for entry in matched
    )


def judge(
    facts: Facts,
    item: ExamItem,
    as_of: date,
    policy: Policy,
    *,
    others: Sequence[ExamItem] = (),
    sure: bool = True,
    worded: bool = True,
) -> ItemJudgement:
    """Judges a study as one item; `others` are the other items of the study, whose own series do not count here.

    Where it is not `sure` that the study is this item, what the item lacks cannot reject it. Where nobody reads the words of the
    findings they need not be `worded`, which is quicker; all else is the same.
    """
    related, failures = _related(facts, item, as_of)
    scope = _Scope.of(facts, item, others, sure)
    findings = [
        finding
        for measurement in (*facts.measurements, *related)
        if (limit := item.limits.get(measurement.metric)) is not None
        and not (limit.of is None and limit.within[0] <= measurement.value <= limit.within[1])  # most, so quickly
        and (finding := _finding(facts, item, measurement, limit, scope, policy, worded)) is not None
    ]
    if not facts.pixels_examined:
        findings.append(_reason("completeness.pixel_integrity.not_examined", worded))
    if facts.pixels_examined and (unseeing := _unseeing(facts, item, policy)):
        findings.append(_reason("body_part.region.not_seen", worded, models=unseeing))
    if item.is_fallback:
        findings.append(_reason("metadata.request_match.unknown_exam", worded))
    if policy.standing_of(facts.devices, facts.institutions) is not None:
        findings.append(_reason("metadata.device.suspended", worded))
    dimensions = score(findings)
    total = _total(dimensions, item)
    all_failures = (*facts.failures, *failures)
    verdict = decide(findings, all_failures, total, item)
    if verdict == "pass" and total < item.pass_mark + item.abstain_band:
        findings.append(_reason("adequacy.score.abstain_band", worded, total, item.pass_mark))
        verdict, dimensions = "review", score(findings)
    findings.sort(key=_worst_first)
    return ItemJudgement(
        item,
        verdict,
        "D" if verdict == "reject" else policy.grade(total),
        total,
        dimensions,
        _components(facts, item),
        tuple(findings),
        failures,
    )


def score(findings: Iterable[Finding]) -> dict[Dimension, DimensionScore]:
    """Dimension scores: 100 less, for each metric, the points of its worst finding; 0 at least."""
    points: dict[Dimension, dict[str, float]] = {dimension: {} for dimension in DIMENSIONS}
    worst: dict[Dimension, Verdict] = dict.fromkeys(DIMENSIONS, "pass")
    for finding in findings:
        lost = points[finding.dimension]
        lost[finding.metric] = max(lost.get(finding.metric, 0.0), finding.deduct)
        if finding.level != "note":
            worst[finding.dimension] = worst_verdict((worst[finding.dimension], finding.level))
    return {
        dimension: DimensionScore(round(max(0.0, 100.0 - sum(points[dimension].values())), 1), worst[dimension])
        for dimension in DIMENSIONS
    }


def decide(findings: Iterable[Finding], failures: Sequence[CheckFailure], total: float, item: ExamItem) -> Verdict:
    """The verdict: the worst level found; review at best where a check failed or the total lies below the pass mark."""
    levels = {finding.level for finding in findings}
    if "reject" in levels:
        return "reject"
    if "review" in levels or failures or total < item.pass_mark:
        return "review"
    return "pass"


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; pass of none."""
    return max(verdicts, key=VERDICTS.index, default="pass")


@dataclass(frozen=True, slots=True)
class _Scope:
    """Which series an item needs, which belong to other items of the same study, and whether the study is this item at all."""

    needed: frozenset[str]
    foreign: frozenset[str]
    sure: bool = True

    @staticmethod
    def of(facts: Facts, item: ExamItem, others: Sequence[ExamItem], sure: bool) -> "_Scope":
        if item.is_fallback:
            return _Scope(frozenset(stack.series_instance_uid for stack in facts.stacks), frozenset())
        needed = _series(item, facts, item.required)
        own = needed | _series(item, facts, item.optional)
        foreign = frozenset(uid for other in others for uid in _series(other, facts, other.required + other.optional))
        return _Scope(needed, foreign - own, sure)


def _series(item: ExamItem, facts: Facts, components: Sequence[str]) -> frozenset[str]:
    return frozenset(
        stack.series_instance_uid
        for stack in stacks_for(item, facts)
        if any(fills(component, stack) for component in components)
    )


def _related(facts: Facts, item: ExamItem, as_of: date) -> tuple[list[Measurement], tuple[CheckFailure, ...]]:
    """What the checks measure of the facts against this item; a crash is a failure of that check, not of the judgement."""
    measurements: list[Measurement] = []
    failures: list[CheckFailure] = []
    for check in relating():
        try:
            measurements.extend(check.relate(facts, item, as_of))
        except Exception as error:  # one check's crash is a line in the report; the rest is still judged
            failures.append(CheckFailure(check.name, f"crashed on item {item.id}: {type(error).__name__}"))
    return measurements, tuple(failures)


def _finding(
    facts: Facts, item: ExamItem, measurement: Measurement, limit: Limit, scope: _Scope, policy: Policy, worded: bool
) -> Finding | None:
    """What a measurement that crosses its limit is worth; None where it does not, or where the limit does not hold."""
    series = measurement.location.series_instance_uid
    if series in scope.foreign or not binds(limit, facts):
        return None
    scale = item.scale(limit.of)
    crossed = limit.crossed(measurement.value, scale) if scale is not None else None
    if crossed is None:
        return None
    level, bound = crossed
    # What an item does not need cannot reject it, but is never silent.
    unneeded = series is not None and series not in scope.needed and not limit.veto
    doubtful = measurement.metric == _COMPONENT_MISSING and not scope.sure
    if level == "reject" and (unneeded or doubtful or (limit.adults_only and facts.is_adult is None)):
        level = "review"
    deduct = policy.deduct[level] if limit.deduct is None else limit.deduct
    return _made(measurement, quantity(measurement.metric), level, bound, limit, deduct, worded)


def binds(limit: Limit, facts: Facts) -> bool:
    """Whether a limit holds for this study: its model is installed, and it is meant for this age and place."""
    return not (
        (limit.needs is not None and facts.models.keys().isdisjoint(limit.needs.split("|")))
        or (limit.adults_only and facts.is_adult is False)
        or (limit.not_bedside and facts.bedside)
    )


def _made(
    measurement: Measurement, words: Quantity, level: Level, bound: float, limit: Limit, deduct: float, worded: bool
) -> Finding:
    message = remedy = _UNSAID
    if worded:
        fields = _Fields(measurement.detail, value=measurement.value, limit=bound, unit=measurement.unit)
        message = Text(words.en.format_map(fields), words.zh.format_map(fields))
        remedy = Text(words.remedy_en.format_map(fields), words.remedy_zh.format_map(fields))
    return Finding(
        metric=measurement.metric,
        dimension=measurement.dimension,
        level=level,
        veto=limit.veto and level == "reject",
        value=measurement.value,
        limit=bound,
        unit=measurement.unit,
        location=measurement.location,
        clause=limit.clause,
        message=message,
        remedy=remedy,
        deduct=deduct,
    )


class _Fields(dict[str, object]):
    """Template fields; lists read as `a, b`, and a field that a measurement did not fill reads as a dash."""

    def __getitem__(self, key: str) -> object:
        value = super().__getitem__(key)
        return _Listed(value) if isinstance(value, list | tuple) else value

    def __missing__(self, key: str) -> object:
        return _Absent()


class _Listed(list[object]):
    """A list that reads as `a, b`, and whose parts a template may name: `{worst_range[0]}`."""

    def __format__(self, spec: str) -> str:
        return format(", ".join(map(str, self)), spec)


class _Absent:
    """A dash, however a template would have written what is not there."""

    def __getitem__(self, key: object) -> "_Absent":
        return self

    def __format__(self, spec: str) -> str:
        return "–"


def _unseeing(facts: Facts, item: ExamItem, policy: Policy) -> list[str]:
    """The models that must look at studies of this modality and did not."""
    required = policy.models.required_for.get(item.modality, ())
    return [name for name in required if name not in facts.models]


def _reason(metric: str, worded: bool, value: float = 1.0, bound: float | None = None, **detail: object) -> Finding:
    words = REASONS[metric]
    measurement = Measurement(metric, value, words.unit, NOWHERE, detail)
    finding = _made(measurement, words, "review", bound if bound is not None else 0.0, _RULE, 0.0, worded)
    return finding if bound is not None else replace(finding, limit=None)


def _components(facts: Facts, item: ExamItem) -> tuple[ComponentState, ...]:
    stacks = stacks_for(item, facts)
    return tuple(
        _component(component, required, stacks)
        for components, required in ((item.required, True), (item.optional, False))
        for component in components
    )


def _component(component: str, required: bool, stacks: Sequence[StackFacts]) -> ComponentState:
    series = sorted({stack.series_instance_uid for stack in stacks if fills(component, stack)})
    return ComponentState(component, required, bool(series), tuple(series))


def _total(dimensions: dict[Dimension, DimensionScore], item: ExamItem) -> float:
    weights = item.weights
    weighted = sum(weights[dimension] * dimensions[dimension].score for dimension in DIMENSIONS)
    return round(weighted / sum(weights.values()), 1)


def _worst_first(finding: Finding) -> tuple[object, ...]:
    place = finding.location
    return (
        -LEVELS.index(finding.level),
        not finding.veto,
        finding.metric,
        place.series_instance_uid or "",
        place.stack if place.stack is not None else -1,
        place.slice if place.slice is not None else -1,
        place.sop_instance_uid or "",
        finding.value,
        finding.message.en,
    )
