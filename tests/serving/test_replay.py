"""Stored verdicts judged again equal a new scoring, and nothing flips where nothing changed."""

import json
import shutil
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import make_url

from inference.pipeline import examine
from inference.reading import read_studies
from qc_models.exam_item import Catalogue
from qc_models.report import QcReport
from qc_models.study import Study
from qc_models.version import code_version
from serving import replay, verdicts
from serving.command_line import touchstone
from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.database.tables import ReportRow
from serving.hospitals import write_hospitals
from serving.replay_processes import run
from serving.score_command import DEFAULT_CATALOGUE
from serving.service_config import load_service_config
from tests.serving.made_rows import NOW, made_study, made_verdict
from tests.serving.replaying import (
    CATALOGUE,
    ITEMS,
    MISSING,
    POLICY,
    SETTINGS,
    changed,
    replayed,
    rules,
    scored,
    store,
    without_extracts,
)


def test_nothing_flips_where_nothing_changed(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport], judge_all: Callable[[], None]
) -> None:
    store(database, reports)
    tally, flips = replayed(database, rules())
    assert (tally.studies, flips, tally.not_judged.total(), tally.others.total()) == (len(reports), [], 0, 0)
    assert {report.verdict for report in reports} == {"pass", "reject"}
    judge_all()
    assert replayed(database, rules()) == (tally, [])
    without_extracts(database)
    assert replayed(database, rules()) == (tally, [])


def test_real_reports_flip_nothing(
    database: Database, hospitals: tuple[str, str], shared_data: Path, judge_all: Callable[[], None]
) -> None:
    studies = [*read_studies([shared_data / "studies"]).studies]
    store(
        database, [examine(study, replace(SETTINGS, as_of=date(2026, 11, 1), pixels=False)).report for study in studies]
    )
    tally, flips = replayed(database, rules())
    assert (tally.studies, flips, tally.not_judged.total()) == (14, [], 0)
    judge_all()
    assert replayed(database, rules()) == (tally, [])
    without_extracts(database)
    assert replayed(database, rules()) == (tally, [])


@pytest.mark.parametrize(
    "changes",
    [
        {MISSING: None},
        {"metadata.dates.future": None, MISSING: {"note": {"above": 0}, "clause": "c"}},
        {
            MISSING: {"review": {"above": 0}, "clause": "c"},
            "adequacy.resolution.pixel_pitch_mm": {"reject": {"above": 0.01}, "clause": "c"},
        },
    ],
)
def test_flips_are_those_of_a_new_scoring(
    database: Database,
    hospitals: tuple[str, str],
    simulated: list[Study],
    reports: list[QcReport],
    changes: dict[str, Any],
) -> None:
    other = changed(CATALOGUE, changes)
    store(database, reports)
    _, flips = replayed(database, rules(other))
    again = scored(simulated, other)
    expected = {
        (old.study_instance_uid, item["item"], item["verdict"], now["verdict"])
        for old, new in zip(reports, again, strict=True)
        for item, now in zip(old.content["items"], new.content["items"], strict=True)
        if item["verdict"] != now["verdict"]
    }
    assert {(flip.study_instance_uid, flip.item_id, flip.before, flip.after) for flip in flips} == expected
    if MISSING in changes:
        assert expected
        pitch = "adequacy.resolution.pixel_pitch_mm"
        assert {metric for flip in flips for metric in flip.metrics} == ({MISSING} if pitch not in changes else {pitch})


def stored(**fields: Any) -> bytes:
    """The text of a report of one item, judged as passing on nothing."""
    content = {
        "schema": 1,
        "study_instance_uid": "1.2.3",
        "as_of": "2026-09-05",
        "verdict": "pass",
        "items": [{"item": "CT-CHEST", "verdict": "pass"}],
        "findings": [],
        "failures": [],
        "measurements": [],
        "models": {},
        "digests": {"code": code_version(), "catalogue": CATALOGUE.digest, "policy": POLICY.digest},
        "facts": {
            "modalities": ["CT"],
            "study_date": None,
            "latest_date": None,
            "age_years": None,
            "bedside": False,
            "deidentified": False,
            "device": "",
            "institution": "",
            "request": {"codes": [], "texts": []},
            "stacks": [],
            "failures": [],
            "pixels_examined": True,
            "matching": [{"item": "CT-CHEST", "why": "given"}],
        },
    }
    return json.dumps(content | fields).encode()


def test_what_cannot_be_judged_again_is_counted(database: Database, hospitals: tuple[str, str]) -> None:
    contents = {
        "1.1": zlib.compress(stored(schema=2)),
        "1.2": zlib.compress(b"{}"),
        "1.3": b"no zlib",
        "1.4": None,
        "1.5": zlib.compress(stored(digests={"code": "0.0", "catalogue": "other", "policy": POLICY.digest})),
    }
    with database.writing() as session:
        for uid, content in contents.items():
            verdict = made_verdict(session, made_study(session, uid))
            if content is not None:
                session.add(ReportRow(verdict_id=verdict.id, content=content))
    less = Catalogue(dict(list(CATALOGUE.items.items())[:1]), CATALOGUE.fallback)
    assert "CT-CHEST" not in less.items
    tally, _ = replayed(database, rules(less))
    assert tally.not_judged == {
        "its report is of another schema, or broken": 3,
        "its report was purged": 1,
        "the catalogue has no item CT-CHEST, which a person named": 1,
    }
    tally, _ = replayed(database, rules())
    assert tally.not_judged.total() == 4
    assert tally.others == {("code", "0.0"): 1, ("catalogue", "other"): 1}


def test_a_changed_limit_that_no_report_tells_of_is_named(database: Database, hospitals: tuple[str, str]) -> None:
    held, missing, gone = "artifacts.metal.area_mm2", "artifacts.clipping.highest_share", "artifacts.old.share"
    measurements = [
        {"metric": metric, "value": 1.0, "unit": "", "location": {}, "detail": {"curve": [1, 2]}}
        for metric in (held, gone)
    ]
    with database.writing() as session:
        verdict = made_verdict(session, made_study(session))
        session.add(ReportRow(verdict_id=verdict.id, content=zlib.compress(stored(measurements=measurements))))
    limit = {"reject": {"above": 0.5}, "clause": "c"}
    other = changed(CATALOGUE, {held: limit, missing: limit}, ["CT-CHEST"])
    tally, flips = replayed(database, rules(other))
    assert (tally.judged["CT-CHEST"], tally.measured) == (1, {("CT-CHEST", held): 1})
    assert tally.gone == {gone: 1}
    assert [(flip.after, flip.metrics) for flip in flips if held in flip.metrics] == [("reject", flips[0].metrics)]


def test_the_newest_of_a_study_since_the_day_counts(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport]
) -> None:
    with database.writing() as session:
        study = made_study(session, reports[0].study_instance_uid)
        for generation, at in ((1, NOW), (2, NOW + timedelta(days=2))):
            verdicts.record(session, study, generation, "full", reports[0], at)
        verdicts.record(session, study, 3, "first_look", reports[0], NOW + timedelta(days=3))
        older = made_study(session, reports[1].study_instance_uid)
        verdicts.record(session, older, 1, "full", reports[1], NOW - timedelta(days=1))
    assert replayed(database, rules())[0].studies == 1
    assert replayed(database, rules(), NOW - timedelta(days=1))[0].studies == 2
    assert replayed(database, rules(), NOW + timedelta(days=3))[0].studies == 0


def test_a_persons_word_and_a_standing_stay(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport]
) -> None:
    with database.writing() as session:
        rejected = next(report for report in reports if set(verdicts.reasons_of(report)) == {MISSING})
        row = made_study(session, rejected.study_instance_uid)
        verdict = verdicts.record(session, row, 1, "full", rejected, NOW, marks={"standing": "suspended"})
        assert verdict is not None
        final = verdicts.record_final(session, row, verdict, "pass", POLICY, 7, "account:1", NOW)
        assert final is not None
        assert verdicts.make_current(session, row, final)
    tally, flips = replayed(database, rules(changed(CATALOGUE, {MISSING: {"note": {"above": 0}, "clause": "c"}})))
    assert (tally.flipped, tally.decided) == (1, 1)
    assert [(flip.before, flip.after, flip.decided) for flip in flips] == [("reject", "review", True)]  # and never pass


def test_the_command_tells_flips_and_its_exit_code(
    empty_database_url: str, tmp_path: Path, reports: list[QcReport]
) -> None:
    config = tmp_path / "service.yaml"
    hospital = {"id": "city", "name": "City", "level": "tertiary_a"}
    plain = empty_database_url.replace("+psycopg", "")
    config.write_text(yaml.safe_dump({"database": {"url": plain}, "hospitals": [hospital]}))
    catalogue = tmp_path / "new"
    shutil.copytree(DEFAULT_CATALOGUE, catalogue)
    base = catalogue / "_completeness.yaml"
    content = yaml.safe_load(base.read_text())
    content["limits"][MISSING] = {"note": {"above": 0}, "clause": "told, and no more"}
    base.write_text(yaml.safe_dump(content, allow_unicode=True))
    options = ["replay", "--since", "2026-08-01", "--config", str(config), "--state", str(tmp_path / "state")]

    with closing(open_database(empty_database_url)) as database:
        schema.upgrade(database)
        write_hospitals(database, load_service_config(config, state=tmp_path / "state").hospitals)
        assert CliRunner().invoke(touchstone, options).exit_code == 3
        with database.writing() as session:
            for report in reports:
                verdicts.record(session, made_study(session, report.study_instance_uid), 1, "full", report, NOW)

    same = CliRunner().invoke(touchstone, [*options, "--workers", "1"])
    assert (same.exit_code, same.stdout) == (0, "2 of 2 studies looked at, 0 of them flip\n")
    other = CliRunner().invoke(touchstone, [*options, "--catalogue", str(catalogue), "--format", "json"])
    *flips, counts = map(json.loads, other.stdout.splitlines())
    assert other.exit_code == 1
    assert {flip["item_id"] for flip in flips} == set(ITEMS)
    assert all((flip["before"], flip["after"], flip["metrics"]) == ("reject", "pass", [MISSING]) for flip in flips)
    assert (counts["studies"], counts["studies_that_flip"]) == (2, 1)
    table = CliRunner().invoke(touchstone, [*options, "--catalogue", str(catalogue), "--workers", "2"])
    assert "the study's verdict: reject to pass 1" in table.stdout
    wrong = CliRunner().invoke(touchstone, ["replay", "--since", "yesterday", "--config", str(config)])
    assert wrong.exit_code == 2


def test_processes_side_by_side_find_the_same(
    database_url: str, hospitals: tuple[str, str], reports: list[QcReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = rules(changed(CATALOGUE, {MISSING: {"note": {"above": 0}, "clause": "c"}}))
    with closing(open_database(database_url)) as database:
        store(database, reports)
    told: list[replay.Flip] = []
    alone = run(make_url(database_url), NOW, other, 1, told.append)
    monkeypatch.setattr(replay, "BATCH", 1)
    assert run(make_url(database_url), NOW, other, 2) == alone
    assert (alone.studies, len(told)) == (2, 1)
