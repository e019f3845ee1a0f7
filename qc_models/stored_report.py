"""A stored report as judging again needs it: the facts, and what was said of them; quick to read, since there are many.

Of the details of a measurement only those are read that a check relates to an exam item; the others fill the words of findings.
An extract is a report without all that is not read here, half as long to read; it lies beside the report that it is of.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, NotRequired, get_type_hints

from typing_extensions import TypedDict

from qc_models.facts import Facts
from qc_models.findings import Measurement
from qc_models.report import SCHEMA
from qc_models.vocabulary import LEVELS, Level, Verdict


class RelatedDetail(TypedDict, total=False):
    """Every detail that the `relate` of some check reads."""

    series_instance_uids: list[str]


@dataclass(frozen=True, slots=True)
class _Measurement(Measurement):
    detail: RelatedDetail = field(default_factory=RelatedDetail)


class _Finding(TypedDict):
    metric: str
    level: Level


class _Item(TypedDict):
    item: str
    verdict: Verdict


class _Failure(TypedDict):
    check: str


class StoredMatch(TypedDict):
    """An item that a study was judged as, and why; older reports do not say whether that was `sure`."""

    item: str
    why: str
    sure: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """What was known of a study and what was said of it.

    `items` are the verdicts by item, `levels` the worst level of each metric that a finding named.
    """

    facts: Facts
    as_of: date
    verdict: Verdict
    items: Mapping[str, Verdict]
    levels: Mapping[str, Level]
    failed: frozenset[str]  # checks
    matches: tuple[StoredMatch, ...]
    versions: Mapping[str, str]  # code, catalogue, policy


def read_stored(text: bytes) -> StoredReport:
    """Reads what `QcReport.to_json` wrote; ValueError for another schema, and for what is no report."""
    content = _adapter().validate_json(text)
    if content["schema"] != SCHEMA:
        raise ValueError(f"not a QcReport of schema {SCHEMA}")
    facts = content["facts"]
    levels: dict[str, Level] = {}
    for finding in content["findings"]:
        known = levels.setdefault(finding["metric"], finding["level"])
        levels[finding["metric"]] = max(known, finding["level"], key=LEVELS.index)
    return StoredReport(
        facts=Facts(
            study_instance_uid=content["study_instance_uid"],
            measurements=tuple(content["measurements"]),
            models=content["models"],
            **{name: facts[name] for name in _kept() if name in facts},
        ),
        as_of=content["as_of"],
        verdict=content["verdict"],
        items={item["item"]: item["verdict"] for item in content["items"]},
        levels=levels,
        failed=frozenset(failure["check"] for failure in content["failures"]),
        matches=tuple(facts["matching"]),
        versions=content["digests"],
    )


def extract_of(text: bytes) -> bytes:
    """The extract of a report, which `read_stored` reads to the same; ValueError where the report is none."""
    adapter = _adapter()
    extract: bytes = adapter.dump_json(adapter.validate_json(text), exclude_defaults=True)
    return extract


@cache
def extract_form() -> str:
    """16 characters that change with what is read: an extract of another form may lack some of it, and its report is read."""
    return hashlib.sha256(json.dumps(_adapter().json_schema(), sort_keys=True).encode()).hexdigest()[:16]


@cache
def _kept() -> Mapping[str, Any]:
    """The facts that lie together in a report, with their types; the others have a place of their own."""
    hints = get_type_hints(Facts)
    for name in ("other_devices", "other_institutions"):  # which older reports lack
        hints[name] = NotRequired[hints[name]]
    return {name: hint for name, hint in hints.items() if name not in ("study_instance_uid", "measurements", "models")}


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    typed_dict: Any = TypedDict
    facts = typed_dict("facts", {**_kept(), "matching": list[StoredMatch]})
    report = {
        "schema": int,
        "study_instance_uid": str,
        "as_of": date,
        "verdict": Verdict,
        "items": list[_Item],
        "findings": list[_Finding],
        "failures": list[_Failure],
        "measurements": list[_Measurement],
        "models": dict[str, str],
        "digests": dict[str, str],
        "facts": facts,
    }
    return TypeAdapter(typed_dict("report", report))
