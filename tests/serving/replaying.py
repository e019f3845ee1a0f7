"""Stores reports of a few simulated studies, and replays them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import update

from inference.pipeline import Settings, examine
from qc_models.exam_item import Catalogue, ExamItem, load_catalogue
from qc_models.policy import load_policy
from qc_models.report import QcReport
from qc_models.study import Study
from qc_models.version import code_version
from serving import replay, verdicts
from serving.database.sessions import Database
from serving.database.tables import ReportRow
from serving.replay import Tally
from serving.replay_rules import Rules
from serving.score_command import DEFAULT_CATALOGUE
from tests.serving.made_rows import NOW, made_study

ITEMS = ("XR-HAND",)
OPEN = "artifacts.collimation.open_share"
MISSING = "completeness.required_components.missing"
CATALOGUE = load_catalogue(DEFAULT_CATALOGUE)
POLICY = load_policy()
AS_OF = date(2026, 9, 5)
SETTINGS = Settings(CATALOGUE, POLICY, AS_OF, models=None, code_version=code_version())


def changed(catalogue: Catalogue, changes: dict[str, Any], items: Sequence[str] = ()) -> Catalogue:
    """A catalogue with other limits, in some items or all."""

    def new(item: ExamItem) -> ExamItem:
        if items and item.id not in items:
            return item
        content = item.model_dump(by_alias=True)
        limits = {**content["limits"], **changes}
        return ExamItem.model_validate(
            content | {"limits": {metric: limit for metric, limit in limits.items() if limit is not None}}
        )

    return Catalogue({name: new(item) for name, item in catalogue.items.items()}, new(catalogue.fallback))


def rules(catalogue: Catalogue = CATALOGUE, **changes: Any) -> Rules:
    return Rules(catalogue, changes.get("policy", POLICY), CATALOGUE, POLICY)


def store(database: Database, reports: Sequence[QcReport], marks: dict[str, str] | None = None) -> None:
    """Stores reports as verdicts of studies of two hospitals in turn."""
    with database.writing() as session:
        for number, report in enumerate(reports):
            study = made_study(session, report.study_instance_uid, ("city", "county")[number % 2])
            row = verdicts.record(session, study, 1, "full", report, NOW, marks=marks)
            assert row is not None
            study.verdict_id = row.id


def replayed(database: Database, new: Rules, since: datetime = NOW) -> tuple[Tally, list[replay.Flip]]:
    with database.reading() as session:
        until = replay.newest_id(session)
        number = replay.count(session, since, until)
    total, flips = Tally(), []
    for after, up_to in replay.batches(database, since, until):
        tally, found = replay.replay(database, since, after, up_to, new)
        total.add(tally)
        flips += found
    assert total.studies == number
    return total, flips


def scored(studies: Iterable[Study], catalogue: Catalogue = CATALOGUE) -> list[QcReport]:
    return [examine(study, replace(SETTINGS, catalogue=catalogue)).report for study in studies]


def without_extracts(database: Database) -> None:
    with database.writing() as session:
        session.execute(update(ReportRow).values(extract=None, extract_form=None))
