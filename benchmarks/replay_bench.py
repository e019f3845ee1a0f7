"""How long judging stored reports again takes, under a limit that changed; on SQLite and on a PostgreSQL of its own.

That is what a replay is mostly for, and spares it much. What it takes where every study has to be matched and judged, from extracts
or from whole reports, is measured on a tenth of them, under a policy that changes no verdict: none may flip.

The reports are those of real studies where they are here, else of simulated ones, with measurements that vary and the verdicts that
follow from them. Each variant is stored for several studies, and nothing of it is remembered from one to the next.
"""

import os
import random
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, make_url, update

from benchmarks.private_postgres import private_postgres
from inference.pipeline import Settings, examine_all
from inference.reading import read_studies
from qc_models.exam_item import Catalogue, ExamItem
from qc_models.item_matching import match
from qc_models.judgement import judge_items
from qc_models.policy import Policy
from qc_models.report import QcReport, make_report
from qc_models.simulation.study_simulation import simulate_study
from qc_models.vocabulary import VERDICTS
from serving.database.sessions import open_database
from serving.database.tables import Hospital, ReportRow, StudyRow, Table, VerdictRow
from serving.replay_processes import run as replay_all
from serving.replay_rules import Rules
from serving.verdicts import digest_of, stored_report

HOSPITALS = 20
LEVELS = ("tertiary_a", "secondary_a", "primary")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 100
VARIANTS = 1000
MOST_CHANGE = 0.2  # of a measurement, in a variant
LIMIT_S = 60  # that 100,000 reports may take


def run(
    data: Path, settings: Settings, number: int, processes: int, databases: Sequence[str], say: Callable[[str], None]
) -> dict[str, Any]:
    """Figures of each kind of database: seconds, studies that flip, and replays in which none may."""
    reports = base_reports(data, settings)
    say(f"{len(reports)} studies examined")
    drawn = random.Random(0)
    variants = [_Stored(vary(drawn.choice(reports), settings, seed)) for seed in range(min(number, VARIANTS))]
    rules = Rules(changed(settings.catalogue, reports), settings.policy, settings.catalogue, settings.policy)
    figures = {}
    for kind in databases:
        with tempfile.TemporaryDirectory() as scratch:
            if kind == "sqlite":
                figures[kind] = _timed(
                    f"sqlite:///{scratch}/touchstone.sqlite", variants, number, rules, processes, say
                )
            else:
                with private_postgres() as url:
                    figures[kind] = _timed(url, variants, number, rules, processes, say)
    return {
        "reports": number,
        "of_studies": len(reports),
        "variants": len(variants),
        "mean_measurements": round(statistics.mean(len(report.content["measurements"]) for report in reports), 1),
        "mean_json_kib": round(statistics.mean(len(report.to_json()) for report in reports) / 1024, 1),
        "processes": processes,
        "changed_limit": next(iter(next(iter(rules.changed.values())))),
        "target_s": LIMIT_S * number / 100_000,
        "load_at_end": os.getloadavg()[0],
        "databases": figures,
    }


def base_reports(data: Path, settings: Settings) -> list[QcReport]:
    """Reports of the real studies, and of a simulated one of every third exam item."""
    with tempfile.TemporaryDirectory() as scratch:
        for number, item in enumerate(list(settings.catalogue.items.values())[::3]):
            simulate_study(
                item, Path(scratch) / item.id, seed=number, size="full" if item.modality == "XR" else "small"
            )
        studies = deque(read_studies([*([data] if data.is_dir() else []), Path(scratch)]).studies)
        return [examined.result().report for _, examined in examine_all(studies, settings)]


def vary(report: QcReport, settings: Settings, seed: int) -> QcReport:
    """The report of a study like this one whose every measurement is a little other, judged anew."""
    drawn = random.Random(seed)
    facts = report.facts()
    measurements = tuple(
        replace(one, value=one.value * drawn.uniform(1 - MOST_CHANGE, 1 + MOST_CHANGE)) for one in facts.measurements
    )
    facts = replace(facts, measurements=measurements, study_instance_uid=f"{facts.study_instance_uid[:50]}.{seed}")
    matched = match(facts, settings.catalogue)
    return make_report(
        facts,
        judge_items(facts, matched, settings.policy, settings.as_of),
        matched,
        as_of=settings.as_of,
        evaluated_at=BEGIN,
        digests=report.content["digests"],
        code_version=settings.code_version,
        timings_s={},
    )


def changed(catalogue: Catalogue, reports: Sequence[QcReport]) -> Catalogue:
    """The catalogue with another limit, in every item: the metric of the most different values asks a person above its median."""
    values: dict[str, list[float]] = {}
    for report in reports:
        for metric in {one["metric"] for one in report.content["measurements"]}:
            found = [one["value"] for one in report.content["measurements"] if one["metric"] == metric]
            values.setdefault(metric, []).append(max(found))
    metric = max(values, key=lambda name: (len(set(values[name])), name))
    limit = {"review": {"above": statistics.median(values[metric])}, "clause": "benchmark"}

    def new(item: ExamItem) -> ExamItem:
        content = item.model_dump(by_alias=True)
        return ExamItem.model_validate(content | {"limits": {**content["limits"], metric: limit}})

    return Catalogue({name: new(item) for name, item in catalogue.items.items()}, new(catalogue.fallback))


class _Stored:
    """A variant as it lies in the database."""

    def __init__(self, report: QcReport) -> None:
        content = report.content
        self.report = stored_report(report)
        self.verdict = {
            "verdict": report.verdict,
            "total": content["score"],
            "grade": content["grade"],
            "items": [{"id": item["item"], "verdict": item["verdict"]} for item in content["items"]],
            "reasons": [],
            "versions": content["digests"],
            "versions_digest": digest_of(content["digests"]),
            "as_of": date.fromisoformat(content["as_of"]),
        }


def _timed(
    url: str, variants: Sequence[_Stored], number: int, rules: Rules, processes: int, say: Callable[[str], None]
) -> dict[str, Any]:
    begun = time.perf_counter()
    _store(url, variants, number)
    stored_s = time.perf_counter() - begun
    say(f"stored in {stored_s:.0f} s")
    begun = time.perf_counter()
    tally = replay_all(make_url(url), BEGIN, rules, processes)
    seconds = time.perf_counter() - begun
    say(f"replayed in {seconds:.1f} s")
    other = Policy.model_validate(rules.policy.model_dump() | {"random_audit": dict.fromkeys(VERDICTS, 0.5)})
    same = Rules(rules.present_catalogue, other, rules.present_catalogue, rules.present_policy)
    last_days = BEGIN + timedelta(days=DAYS - DAYS // 10)
    extracts = _timed_same(url, last_days, same, processes)
    with closing(open_database(url)) as database, database.writing() as session:
        session.execute(update(ReportRow).values(extract=None, extract_form=None))
    return {
        "seconds": round(seconds, 1),
        "ms_a_report": round(1000 * seconds / number, 3),
        "stored_s": round(stored_s, 1),
        "replayed": tally.studies,
        "not_judged": tally.not_judged.total(),
        "measured": sum(tally.measured.values()),
        "studies_that_flip": tally.flipped,
        "all_judged": {"of_extracts": extracts, "of_whole_reports": _timed_same(url, last_days, same, processes)},
    }


def _timed_same(url: str, since: datetime, rules: Rules, processes: int) -> dict[str, Any]:
    begun = time.perf_counter()
    tally = replay_all(make_url(url), since, rules, processes)
    seconds = time.perf_counter() - begun
    return {
        "replayed": tally.studies,
        "studies_that_flip": tally.flipped,
        "ms_a_report": round(1000 * seconds / tally.studies, 3),
    }


def _store(url: str, variants: Sequence[_Stored], number: int) -> None:
    with closing(open_database(url)) as database:
        Table.metadata.create_all(database.engine)
        with database.writing() as session:
            session.execute(
                insert(Hospital),
                [
                    {"id": f"hospital-{place}", "name": f"Hospital {place}", "level": LEVELS[place % len(LEVELS)]}
                    | {"alliances": [], "issuer": f"issuer-{place}", "standing": "good", "standing_reason": ""}
                    for place in range(HOSPITALS)
                ],
            )
        for first in range(0, number, 1000):
            ids = range(first, min(first + 1000, number))
            with database.writing() as session:
                session.execute(insert(StudyRow), [_study(place, number) for place in ids])
                session.execute(insert(VerdictRow), [_verdict(place, number, variants) for place in ids])
                session.execute(
                    insert(ReportRow),
                    [{"verdict_id": place + 1, **variants[place % len(variants)].report} for place in ids],
                )


def _study(place: int, number: int) -> dict[str, Any]:
    at = BEGIN + timedelta(days=DAYS * place / number)
    return {
        "id": place + 1,
        "hospital_id": f"hospital-{place % HOSPITALS}",
        "uid": f"1.2.3.{place}",
        "state": "scored",
        "generation": 1,
        "first_instance_at": at,
        "last_instance_at": at,
        "verdict_id": place + 1,
        "modalities": ["CT"],
    }


def _verdict(place: int, number: int, variants: Sequence[_Stored]) -> dict[str, Any]:
    at = BEGIN + timedelta(days=DAYS * place / number)
    verdict = variants[place % len(variants)].verdict
    return {"id": place + 1, "study_id": place + 1, "generation": 1, "kind": "full", "created_at": at, **verdict}
