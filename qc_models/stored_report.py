"""A stored report as judging again needs it: the facts, and what was said of them; quick to read, since there are many.

An extract is a report without all that is not needed; it lies beside the report that it is of. Each place is written once, and of
the details of a measurement only those that a check relates to an exam item: the others fill the words of findings.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from typing import Any, NotRequired

from typing_extensions import TypedDict

from qc_models.facts import Facts
from qc_models.findings import Location, Measurement
from qc_models.report import SCHEMA, facts_adapter, read_facts
from qc_models.vocabulary import LEVELS, Level, Verdict

_FORM = 1  # counted up by whoever changes what `stored_of` makes of a report, where the types stay the same


class BrokenReportError(ValueError):
    """What is stored is no report of this schema."""


class RelatedDetail(TypedDict, total=False):
    """Every detail that the `relate` of some check reads."""

    series_instance_uids: list[str]


class StoredMatch(TypedDict):
    """An item that a study was judged as, and why; older reports do not say whether that was `sure`."""

    item: str
    why: str
    sure: NotRequired[bool]


Row = tuple[str, float, str, int, RelatedDetail]  # metric, value, unit, which place, detail


@dataclass(frozen=True)
class StoredReport:
    """What was known of a study and what was said of it.

    `items` are the verdicts by item, `levels` the worst level of each metric that a finding named, `measured` what was measured at
    which of the `places`, `other_facts` as the report has them.
    """

    study_instance_uid: str
    as_of: date
    verdict: Verdict
    items: dict[str, Verdict]
    levels: dict[str, Level]
    failed: frozenset[str]  # checks
    matches: tuple[StoredMatch, ...]
    models: dict[str, str]
    versions: dict[str, str]  # code, catalogue, policy
    places: list[Location]
    measured: list[Row]
    other_facts: dict[str, Any]

    @cached_property
    def facts(self) -> Facts:
        """All that it was judged by; BrokenReportError where it is none."""
        try:
            facts = read_facts(self.other_facts, self.study_instance_uid, (), self.models)
            measurements = [
                Measurement(metric, value, unit, self.places[place], detail)
                for metric, value, unit, place, detail in self.measured
            ]
        except (ValueError, IndexError) as error:
            raise BrokenReportError(f"not the facts of a study: {type(error).__name__}") from error
        return replace(facts, measurements=tuple(measurements))


def read_extract(text: bytes) -> StoredReport:
    """Reads what `write_extract` wrote of this form; BrokenReportError for what it did not."""
    try:
        stored: StoredReport = _adapter(StoredReport).validate_json(text)
    except ValueError as error:
        raise BrokenReportError(f"not an extract of form {extract_form()}") from error
    return stored


def write_extract(stored: StoredReport) -> bytes:
    """One line of JSON; ValueError where half a character is in it."""
    text: bytes = _adapter(StoredReport).dump_json(stored, exclude_defaults=True)
    return text


def read_whole(text: bytes) -> StoredReport:
    """Reads what `QcReport.to_json` wrote; BrokenReportError for another schema, and for what is no report."""
    try:
        content = _adapter(dict[str, Any]).validate_json(text)
    except ValueError as error:
        raise BrokenReportError(f"not a QcReport: {error}") from error
    stored = stored_of(content)
    _ = stored.facts  # or it is no report
    return stored


def stored_of(content: Any) -> StoredReport:
    """What is needed of a report's content; BrokenReportError for another schema, and for what is no report."""
    if not isinstance(content, Mapping) or content.get("schema") != SCHEMA:
        raise BrokenReportError(f"not a QcReport of schema {SCHEMA}")
    try:
        return _stored_of(content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BrokenReportError(f"not a QcReport of schema {SCHEMA}: {type(error).__name__}") from error


def _stored_of(content: Mapping[str, Any]) -> StoredReport:
    levels: dict[str, Level] = {}
    for finding in content["findings"]:
        known = levels.setdefault(finding["metric"], finding["level"])
        levels[finding["metric"]] = max(known, finding["level"], key=LEVELS.index)
    places = {str(one["location"]): one["location"] for one in content["measurements"]}
    numbers = {place: number for number, place in enumerate(places)}
    stored: StoredReport = _adapter(StoredReport).validate_python(
        {
            "study_instance_uid": content["study_instance_uid"],
            "as_of": content["as_of"],
            "verdict": content["verdict"],
            "items": {item["item"]: item["verdict"] for item in content["items"]},
            "levels": levels,
            "failed": [failure["check"] for failure in content["failures"]],
            "matches": content["facts"]["matching"],
            "models": content["models"],
            "versions": content["digests"],
            "measured": [
                (one["metric"], one["value"], one["unit"], numbers[str(one["location"])], one["detail"])
                for one in content["measurements"]
            ],
            "places": list(places.values()),
            "other_facts": {name: value for name, value in content["facts"].items() if name != "matching"},
        }
    )
    return stored


@cache
def extract_form() -> str:
    """16 characters that change with what is read: an extract of another form may lack some of it, and its report is read."""
    schemas = [_FORM, _bare(_adapter(StoredReport).json_schema()), _bare(facts_adapter().json_schema())]
    return hashlib.sha256(json.dumps(schemas, sort_keys=True).encode()).hexdigest()[:16]


def _bare(schema: Any) -> Any:
    """A schema without its words, which change nothing."""
    if isinstance(schema, Mapping):
        return {key: _bare(value) for key, value in schema.items() if key not in ("description", "title")}
    return [_bare(value) for value in schema] if isinstance(schema, list) else schema


@cache
def _adapter(of: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(of)
