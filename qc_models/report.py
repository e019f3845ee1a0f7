"""QcReport: the verdict on one study with everything it rests on; JSON in, JSON out, schema 1 (`report_schema.json`).

The same input, versions and `as_of` give the same bytes, but for `evaluated_at` and `timings_s`. The facts are kept in it, so
that a stored report can be judged again, under another catalogue, without pixels.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from qc_models.facts import Facts
from qc_models.findings import CheckFailure, Finding, Location
from qc_models.item_matching import Matched
from qc_models.judgement import ComponentState, ItemJudgement, worst_verdict
from qc_models.vocabulary import DIMENSIONS, LEVELS, Dimension, Grade, Verdict

SCHEMA = 1
_LOCATION_KEYS = ("series_instance_uid", "sop_instance_uid", "frame", "slice", "box")
_STACK_KEYS = (
    "series_instance_uid",
    "index",
    "num_slices",
    "modality",
    "plane",
    "role",
    "region",
    "view",
    "laterality",
)


@dataclass(frozen=True, slots=True)
class QcReport:
    """One study's verdict. `content` is the JSON document, in the order of its schema."""

    content: Mapping[str, Any]

    @property
    def study_instance_uid(self) -> str:
        """The study it is about."""
        return str(self.content["study_instance_uid"])

    @property
    def verdict(self) -> Verdict:
        """pass, review or reject."""
        verdict: Verdict = self.content["verdict"]
        return verdict

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        """The findings, worst first."""
        findings: Sequence[Mapping[str, Any]] = self.content["findings"]
        return findings

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "QcReport":
        """Reads what `to_json` wrote; raises ValueError for another schema."""
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise ValueError(f"not a QcReport of schema {SCHEMA}")
        return QcReport(content)

    def facts(self) -> Facts:
        """The facts it was judged from, to judge again."""
        content = self.content
        return read_facts(content["facts"], content["study_instance_uid"], content["measurements"], content["models"])


def make_report(
    facts: Facts,
    judgements: Sequence[ItemJudgement],
    matched: Sequence[Matched],
    *,
    as_of: date,
    evaluated_at: datetime,
    digests: Mapping[str, str],
    code_version: str,
    timings_s: Mapping[str, float],
) -> QcReport:
    """The report of a study judged as its items: the verdict, the grade and each score are the worst of them."""
    dumped = facts_adapter().dump_python(facts, mode="json")
    failures = [*facts.failures, *(failure for judgement in judgements for failure in judgement.failures)]
    measurements, models = dumped.pop("measurements"), dumped.pop("models")
    dumped.pop("study_instance_uid")
    dumped["matching"] = [
        {"item": entry.item.id, "why": entry.why, "note": entry.note, "sure": entry.sure} for entry in matched
    ]
    return QcReport(
        {
            "schema": SCHEMA,
            "study_instance_uid": facts.study_instance_uid,
            "as_of": as_of.isoformat(),
            "evaluated_at": evaluated_at.isoformat(timespec="seconds"),
            "verdict": worst_verdict(judgement.verdict for judgement in judgements),
            "grade": max((judgement.grade for judgement in judgements), key="ABCD".index),
            "score": min(judgement.score for judgement in judgements),
            "dimensions": {dimension: _dimension(dimension, judgements) for dimension in DIMENSIONS},
            "items": [_item(judgement) for judgement in judgements],
            "findings": [_finding(finding) for finding in _all_findings(judgements)],
            "measurements": measurements,
            "failures": [_failure(failure) for failure in failures],
            "stacks": [{key: stack[key] for key in _STACK_KEYS} for stack in dumped["stacks"]],
            "facts": dumped,
            "models": models,
            "digests": {**digests, "code": code_version},
            "timings_s": dict(timings_s),
        }
    )


def read_facts(
    others: Mapping[str, Any], study_instance_uid: str, measurements: Sequence[Any], models: Mapping[str, str]
) -> Facts:
    """Facts as a report has them, in four places; raises ValueError where they are none."""
    places = {"study_instance_uid": study_instance_uid, "measurements": measurements, "models": models}
    facts: Facts = facts_adapter().validate_python({**others, **places})
    return facts


@cache
def facts_adapter() -> Any:
    """The pydantic TypeAdapter of Facts."""
    from pydantic import TypeAdapter

    return TypeAdapter(Facts)


def _dimension(dimension: Dimension, judgements: Iterable[ItemJudgement]) -> dict[str, Any]:
    scores = [judgement.dimensions[dimension] for judgement in judgements]
    return {
        "score": min(entry.score for entry in scores),
        "verdict": worst_verdict(entry.verdict for entry in scores),
    }


def _item(judgement: ItemJudgement) -> dict[str, Any]:
    verdict: Verdict = judgement.verdict
    grade: Grade = judgement.grade
    return {
        "item": judgement.item.id,
        "verdict": verdict,
        "grade": grade,
        "score": judgement.score,
        "components": [_component(component) for component in judgement.components],
        "valid_days": judgement.item.valid_days,
    }


def _component(state: ComponentState) -> dict[str, Any]:
    return {
        "role": state.role,
        "required": state.required,
        "present": state.present,
        "series_instance_uid": next(iter(state.series_instance_uids), None),
    }


def _all_findings(judgements: Iterable[ItemJudgement]) -> list[Finding]:
    """The findings of all items; what several items say of one thing is said once, at its worst."""
    worst: dict[tuple[Any, ...], Finding] = {}
    for judgement in judgements:
        for finding in judgement.findings:
            key = (finding.metric, finding.location, finding.message)
            known = worst.get(key)
            if known is None or LEVELS.index(finding.level) > LEVELS.index(known.level):
                worst[key] = finding
    return sorted(worst.values(), key=lambda finding: (-LEVELS.index(finding.level), not finding.veto))


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "metric": finding.metric,
        "dimension": finding.dimension,
        "level": finding.level,
        "veto": finding.veto,
        "value": finding.value,
        "limit": finding.limit,
        "unit": finding.unit,
        "location": _location(finding.location),
        "clause": finding.clause,
        "message": {"en": finding.message.en, "zh": finding.message.zh},
        "remedy": {"en": finding.remedy.en, "zh": finding.remedy.zh},
    }


def _location(location: Location) -> dict[str, Any]:
    content = asdict(location)
    return {key: list(content[key]) if key == "box" and content[key] else content[key] for key in _LOCATION_KEYS}


def _failure(failure: CheckFailure) -> dict[str, Any]:
    place = _location(failure.location) | {"stack": failure.location.stack}
    return {"check": failure.check, "reason": failure.reason, "location": place}
