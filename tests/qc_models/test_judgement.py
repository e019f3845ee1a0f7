"""Limits become findings, scores and a verdict."""

from dataclasses import replace
from datetime import date

import pytest

from configs.strict import HERE
from qc_models.exam_item import Name, load_catalogue
from qc_models.facts import Facts
from qc_models.findings import CheckFailure, Location, Measurement, Quantity, Text
from qc_models.judgement import ItemJudgement, judge
from qc_models.policy import Models, Suspension, load_policy
from tests.judged_facts import facts, item, stack

AS_OF = date(2026, 9, 30)
POLICY = load_policy()
DEFAULT = load_catalogue(HERE / "exam_items")
MISSING = "completeness.slice_positions.missing"
PLAIN = stack("1.1", "plain", region=("chest",))


def judged(
    fact: Facts, limit: dict[str, object] | None = None, metric: str = MISSING, **fields: object
) -> ItemJudgement:
    limits = {} if limit is None else {metric: {"clause": "test", **limit}}
    return judge(fact, item("T", "chest", ("plain",), limits=limits, **fields), AS_OF, POLICY)


def missing(value: float, series: str | None = "1.1") -> Facts:
    place = Location(series_instance_uid=series)
    return facts(stacks=(PLAIN,), measurements=(Measurement(MISSING, value, "slices", place),))


def of_metric(judgement: ItemJudgement, metric: str = MISSING) -> list[str]:
    return [finding.level for finding in judgement.findings if finding.metric == metric]


def test_a_value_within_its_limit_makes_no_finding() -> None:
    assert judged(missing(0), {"reject": {"above": 0}}).verdict == "pass"


@pytest.mark.parametrize(
    ("value", "level"), [(0.0, []), (1.0, ["note"]), (2.0, ["review"]), (3.0, ["reject"]), (99.0, ["reject"])]
)
def test_the_worst_level_reached_counts(value: float, level: list[str]) -> None:
    limit = {"note": {"above": 0}, "review": {"above": 1}, "reject": {"above": 2}}
    assert of_metric(judged(missing(value), limit)) == level


@pytest.mark.parametrize(
    ("fact", "fields"),
    [
        (missing(1), {}),
        (replace(missing(2), pixels_examined=False), {}),
        (missing(0), {"pass_mark": 95.0, "abstain_band": 10.0}),
    ],
)
def test_without_words_all_else_is_the_same(fact: Facts, fields: dict[str, float]) -> None:
    limit = {"note": {"above": 0}, "reject": {"above": 1}, "clause": "test"}
    judged_as = item("T", "chest", ("plain", "lung"), limits={MISSING: limit}, **fields)
    worded = judge(fact, judged_as, AS_OF, POLICY)
    unworded = judge(fact, judged_as, AS_OF, POLICY, worded=False)
    assert all(finding.message.en and finding.remedy.zh for finding in worded.findings)
    unsaid = tuple(replace(finding, message=Text("", ""), remedy=Text("", "")) for finding in worded.findings)
    assert unworded == replace(worded, findings=unsaid)
    assert unworded.findings


def test_a_metric_that_the_item_does_not_list_is_only_observed() -> None:
    judgement = judged(missing(9))
    assert judgement.verdict == "pass"
    assert of_metric(judgement) == []


def test_a_reject_finding_rejects_and_grades_d() -> None:
    judgement = judged(missing(1), {"reject": {"above": 0}, "deduct": 5})
    assert (judgement.verdict, judgement.grade) == ("reject", "D")
    assert judgement.dimensions["completeness"].score == 95.0
    # 3 of 10 parts of the total are completeness: 100 - 0.3 * 5
    assert judgement.score == 98.5


def test_what_the_item_does_not_need_cannot_reject_it_but_is_reviewed() -> None:
    assert of_metric(judged(missing(1, "9.9"), {"reject": {"above": 0}})) == ["review"]


def test_a_veto_rejects_wherever_it_lies() -> None:
    judgement = judged(missing(1, "9.9"), {"reject": {"above": 0}, "veto": True})
    assert judgement.verdict == "reject"
    assert judgement.findings[0].veto


def test_the_series_of_another_item_do_not_count() -> None:
    other = item("OTHER", "hand", ("AP",), modality="XR")
    hand = stack("2.2", "AP", region=("hand",), modality="XR")
    measured = (Measurement(MISSING, 1, "slices", Location(series_instance_uid="2.2")),)
    own = item("T", "chest", ("plain",), limits={MISSING: {"reject": {"above": 0}, "clause": "test"}})
    assert (
        judge(facts(stacks=(PLAIN, hand), measurements=measured), own, AS_OF, POLICY, others=(other,)).verdict == "pass"
    )


@pytest.mark.parametrize(("sure", "verdict"), [(True, "reject"), (False, "review")])
def test_what_a_doubtful_item_lacks_cannot_reject_it(sure: bool, verdict: str) -> None:
    lacks = "completeness.required_components.missing"
    limits = {lacks: {"reject": {"above": 0}, "veto": True, "clause": "test"}}
    own = item("T", "chest", ("plain", "enhanced"), limits=limits)
    judgement = judge(facts(stacks=(PLAIN,)), own, AS_OF, POLICY, sure=sure)
    assert (judgement.verdict, of_metric(judgement, lacks)) == (verdict, [verdict])


def test_a_doubtful_item_is_rejected_for_all_else() -> None:
    own = item("T", "chest", ("plain",), limits={MISSING: {"reject": {"above": 0}, "clause": "test"}})
    assert judge(missing(1), own, AS_OF, POLICY, sure=False).verdict == "reject"


def test_limits_of_adults_spare_children_and_review_at_unknown_age() -> None:
    limit = {"reject": {"above": 0}, "adults_only": True}
    base = missing(1)
    child = facts(stacks=base.stacks, measurements=base.measurements, age_years=8.0)
    unknown = facts(stacks=base.stacks, measurements=base.measurements, age_years=None)
    assert [of_metric(judged(fact, limit)) for fact in (base, child, unknown)] == [["reject"], [], ["review"]]


def test_a_limit_waits_for_the_model_that_it_needs() -> None:
    limit = {"reject": {"above": 0}, "needs": "xr_anatomy"}
    base = missing(1)
    installed = facts(stacks=base.stacks, measurements=base.measurements, models={"xr_anatomy": "1"})
    assert judged(base, limit).verdict == "pass"
    assert judged(installed, limit).verdict == "reject"
    assert judged(installed, limit | {"needs": "volume_anatomy|xr_anatomy"}).verdict == "reject"
    assert judged(installed, limit | {"needs": "volume_anatomy"}).verdict == "pass"


def test_without_a_model_that_must_look_nothing_passes() -> None:
    policy = POLICY.model_copy(update={"models": Models(required_for={"CT": ("volume_anatomy",)})})
    chest = item("T", "chest", ("plain",))
    blind = facts(stacks=(PLAIN,), models={"xr_anatomy": "1"})
    judgement = judge(blind, chest, AS_OF, policy)
    (finding,) = judgement.findings
    assert (judgement.verdict, finding.metric) == ("review", "body_part.region.not_seen")
    assert "volume_anatomy" in finding.message.en
    assert "volume_anatomy" in finding.message.zh
    assert judge(facts(stacks=(PLAIN,), models={"volume_anatomy": "1"}), chest, AS_OF, policy).verdict == "pass"
    assert judge(blind, chest, AS_OF, POLICY).verdict == "pass"


def test_a_limit_can_be_a_multiple_of_the_items_value() -> None:
    metric = "adequacy.slice_thickness.thinnest_mm"
    limit = {"review": {"above": 1.1}, "of": "max_slice_mm"}
    fact = facts(stacks=(PLAIN,), measurements=(Measurement(metric, 5.6, "mm"),))
    (finding,) = judged(fact, limit, metric, max_slice_mm=5).findings
    assert (finding.level, finding.limit) == ("review", pytest.approx(5.5))
    assert judged(fact, limit, metric, max_slice_mm=6).verdict == "pass"
    assert judged(fact, limit, metric).verdict == "pass"  # the item has no such value


def test_a_failed_check_never_passes() -> None:
    fact = facts(stacks=(PLAIN,), failures=(CheckFailure("completeness.slice_positions", "crashed"),))
    assert judged(fact).verdict == "review"


def test_without_pixels_review_is_the_best() -> None:
    judgement = judged(facts(stacks=(PLAIN,), pixels_examined=False))
    assert judgement.verdict == "review"
    assert [finding.metric for finding in judgement.findings] == ["completeness.pixel_integrity.not_examined"]


def test_a_suspended_device_sends_to_review() -> None:
    policy = POLICY.model_copy(update={"suspended": (Suspension(institution="CQ-X", reason=Name(en="x", zh="x")),)})
    own = item("T", "chest", ("plain",))
    assert judge(facts(stacks=(PLAIN,), institution="CQ-X"), own, AS_OF, policy).verdict == "review"
    assert judge(facts(stacks=(PLAIN,), institution="CQ-Y"), own, AS_OF, policy).verdict == "pass"


def test_any_suspended_device_of_a_study_sends_to_review() -> None:
    policy = POLICY.model_copy(update={"suspended": (Suspension(device="b", reason=Name(en="x", zh="x")),)})
    own = item("T", "chest", ("plain",))
    for (device, *others), expected in (("a", "pass"), ("ba", "review"), ("acb", "review")):
        made = facts(stacks=(PLAIN,), device=device, other_devices=tuple(others))
        assert judge(made, own, AS_OF, policy).verdict == expected


def test_any_suspended_institution_of_a_study_sends_to_review() -> None:
    policy = POLICY.model_copy(update={"suspended": (Suspension(institution="B", reason=Name(en="x", zh="x")),)})
    own = item("T", "chest", ("plain",))
    for (institution, *others), expected in (("a", "pass"), ("ab", "review"), ("acb", "review"), ("ac", "pass")):
        made = facts(stacks=(PLAIN,), institution=institution, other_institutions=tuple(others))
        assert judge(made, own, AS_OF, policy).verdict == expected


@pytest.mark.parametrize(("band", "verdict"), [(0, "pass"), (37, "pass"), (39, "review")])
def test_a_score_in_the_abstain_band_goes_to_review(band: float, verdict: str) -> None:
    # one note of 10 points in completeness: the total is 100 - 0.3 * 10 = 97, and the band reaches up to 60 + band
    limit = {"note": {"above": 0}, "deduct": 10}
    judgement = judged(missing(1), limit, abstain_band=band)
    assert (judgement.verdict, judgement.dimensions["adequacy"].verdict) == (verdict, verdict)


def test_below_the_pass_mark_nothing_passes() -> None:
    limit = {"note": {"above": 0}, "deduct": 100}  # the total is 70
    assert judged(missing(1), limit, pass_mark=71).verdict == "review"
    assert judged(missing(1), limit, pass_mark=70).verdict == "pass"


def test_many_findings_of_one_metric_cost_its_points_once() -> None:
    place = Location(series_instance_uid="1.1")
    many = tuple(Measurement(MISSING, 1, "slices", place, {"n": n}) for n in range(5))
    judgement = judged(facts(stacks=(PLAIN,), measurements=many), {"review": {"above": 0}, "deduct": 20})
    assert judgement.dimensions["completeness"].score == 80.0


def test_scores_never_fall_below_zero() -> None:
    judgement = judged(missing(1), {"review": {"above": 0}, "deduct": 100})
    assert judgement.dimensions["completeness"].score == 0.0
    assert judgement.dimensions["metadata"].score == 100.0


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({"places": [3, 14], "size": 2.0}, "at 3, 14, from 3 to 14, of 2.00"),
        ({"places": (3, 14), "size": 2.0}, "at 3, 14, from 3 to 14, of 2.00"),
        ({}, "at –, from – to –, of –"),
    ],
)
def test_words_name_a_list_whole_or_by_its_parts_and_what_is_absent_by_a_dash(
    detail: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "at {places}, from {places[0]} to {places[1]}, of {size:.2f}"
    monkeypatch.setattr("qc_models.judgement.quantity", lambda _: Quantity("", said, said, said, said))
    measured = Measurement(MISSING, 2, "", Location("1.1"), detail)
    (finding,) = judged(facts(stacks=(PLAIN,), measurements=(measured,)), {"review": {"above": 0}}).findings
    assert (finding.message.en, finding.remedy.zh) == (words, words)


@pytest.mark.parametrize("item_id", sorted(DEFAULT.items))
def test_no_item_of_the_default_catalogue_passes_on_headers_alone(item_id: str) -> None:
    """Whatever it asks of pixels and models: they did not look, and that is said."""
    exam = DEFAULT.item(item_id)
    parts = [component.split("|")[0] for component in exam.required]
    stacks = tuple(
        stack(f"1.{number}", part, region=(exam.region,), modality=exam.modality) for number, part in enumerate(parts)
    )
    judgement = judge(facts(stacks=stacks, pixels_examined=False), exam, AS_OF, POLICY)
    assert judgement.verdict != "pass"
    assert "completeness.pixel_integrity.not_examined" in {finding.metric for finding in judgement.findings}
