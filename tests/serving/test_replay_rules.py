"""A replay leaves out what surely stands and reads what is quick to read, and finds all the same what it would find without."""

import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from qc_models.exam_item import Catalogue
from qc_models.facts import Facts
from qc_models.item_matching import Matched, match
from qc_models.judgement import ItemJudgement, judge_items
from qc_models.policy import Policy
from qc_models.report import QcReport
from qc_models.vocabulary import VERDICTS
from serving import replay
from serving.database.sessions import Database
from serving.database.tables import ReportRow
from serving.replay_rules import Rules
from tests.serving.replaying import (
    CATALOGUE,
    ITEMS,
    MISSING,
    OPEN,
    POLICY,
    changed,
    replayed,
    rules,
    store,
    without_extracts,
)


def test_what_is_not_judged_would_not_have_flipped(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport], judge_all: Callable[[], None]
) -> None:
    store(database, reports)
    metrics = sorted({one["metric"] for report in reports for one in report.content["measurements"]})
    news = []
    for seed in range(12):
        drawn = random.Random(seed)
        limits: dict[str, Any] = {
            metric: drawn.choice(
                [
                    None,
                    {"review": {"above": drawn.choice([0, 0.5, 5])}, "clause": "c", "of": "max_pixel_pitch_mm"},
                    {"reject": {"below": drawn.choice([0, 0.5, 5])}, "clause": "c", "veto": True},
                    {"note": {"above": 0.5}, "deduct": 90, "clause": "c", "needs": drawn.choice([None, "xr_anatomy"])},
                ]
            )
            for metric in drawn.sample(metrics, 3)
        }
        news.append(rules(changed(CATALOGUE, limits)))
    quick = [replayed(database, new) for new in news]
    assert {len(flips) > 0 for _, flips in quick} == {True, False}
    judge_all()
    assert [replayed(database, new) for new in news] == quick


def test_an_extract_is_read_where_it_holds_all_that_is_read_now(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport]
) -> None:
    other = changed(CATALOGUE, {MISSING: None})
    store(database, reports)
    expected = replayed(database, rules(other))
    assert expected[1]
    with database.writing() as session:
        session.execute(update(ReportRow).values(content=b"not read"))
    assert replayed(database, rules(other)) == expected
    with database.writing() as session:
        session.execute(update(ReportRow).values(extract_form="another"))
    tally, _ = replayed(database, rules(other))
    assert tally.not_judged == {"its report is of another schema, or broken": len(reports)}


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which studies were matched (`?1.2.3`) and judged (`1.2.3`) while a test replayed."""
    called: list[str] = []

    def matching(facts: Facts, catalogue: Catalogue) -> tuple[Matched, ...]:
        called.append(f"?{facts.study_instance_uid}")
        return match(facts, catalogue)

    def judging(facts: Facts, *arguments: Any, **options: Any) -> tuple[ItemJudgement, ...]:
        called.append(facts.study_instance_uid)
        return judge_items(facts, *arguments, **options)

    monkeypatch.setattr(replay, "match", matching)
    monkeypatch.setattr(replay, "judge_items", judging)
    return called


def test_only_what_another_limit_may_speak_of_is_judged(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport], judged: list[str]
) -> None:
    store(database, reports)
    shares = {
        report.study_instance_uid: max(one["value"] for one in report.content["measurements"] if one["metric"] == OPEN)
        for report in reports
    }
    assert len(set(shares.values())) == len(reports) > 1
    limit = {"review": {"above": min(shares.values())}, "clause": "c"}
    _, flips = replayed(database, rules(changed(CATALOGUE, {OPEN: limit})))
    crossed = [uid for uid, share in shares.items() if share > min(shares.values())]
    assert judged == crossed
    judged.clear()
    assert {flip.study_instance_uid for flip in flips} <= set(crossed)
    replayed(database, rules())
    assert judged == []
    replayed(database, rules(changed(CATALOGUE, {MISSING: None})))  # which a check tells of facts and item
    assert judged == list(shares)


@pytest.mark.parametrize("what", ["item", "policy", "code"])
def test_everything_is_judged_where_more_than_limits_differs(
    database: Database,
    hospitals: tuple[str, str],
    reports: list[QcReport],
    judged: list[str],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    store(database, reports)
    hand = CATALOGUE.item("XR-HAND")
    others = {
        "item": rules(
            Catalogue({**CATALOGUE.items, hand.id: hand.model_copy(update={"pass_mark": 61})}, CATALOGUE.fallback)
        ),
        "policy": rules(
            policy=Policy.model_validate(POLICY.model_dump() | {"random_audit": dict.fromkeys(VERDICTS, 0.5)})
        ),
        "code": rules(),
    }
    if what == "code":
        monkeypatch.setattr(Rules, "present_versions", {**rules().present_versions, "code": "another"})
    _, flips = replayed(database, others[what])
    assert flips == []
    assert judged == [f"{mark}{report.study_instance_uid}" for report in reports for mark in ("?", "")]


def test_a_report_without_an_extract_is_read_whole(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport]
) -> None:
    other = changed(CATALOGUE, {MISSING: None})
    store(database, reports)
    expected = replayed(database, rules(other))
    with database.writing() as session:
        session.execute(update(ReportRow).values(extract=None))
    assert replayed(database, rules(other)) == expected
    without_extracts(database)
    assert replayed(database, rules(other)) == expected


@pytest.mark.parametrize("broken", [{"places": []}, {"other_facts": {}}, {"measured": [["a.b.c", "x", "", 0, {}]]}])
def test_a_broken_extract_is_counted(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport], broken: dict[str, Any]
) -> None:
    store(database, reports)
    with database.writing() as session:
        for row in session.scalars(select(ReportRow)):
            assert row.extract is not None
            content = json.loads(zlib.decompress(row.extract))
            row.extract = zlib.compress(json.dumps(content | broken).encode())
    tally, flips = replayed(database, rules(changed(CATALOGUE, {MISSING: None})))
    assert (tally.not_judged.total(), flips) == (len(reports), [])


def test_a_study_that_is_found_to_be_another_item_does_not_stand(
    database: Database, hospitals: tuple[str, str], reports: list[QcReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(database, reports)
    without_extracts(database)
    with database.writing() as session:
        for row in session.scalars(select(ReportRow)):
            row.content = zlib.compress(zlib.decompress(row.content).replace(b'"sure":', b'"unknown":'))
    monkeypatch.setattr(replay, "match", lambda _, catalogue: (Matched(catalogue.fallback, "none fits"),))
    _, flips = replayed(database, rules())
    assert {(flip.before, flip.after) for flip in flips if flip.item_id in ITEMS} == {
        ("pass", "none"),
        ("reject", "none"),
    }
