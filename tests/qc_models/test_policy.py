"""The recognition policy: who accepts whom, who is suspended, and marks that become grades."""

from pathlib import Path
from typing import Literal

import pytest

from configs.strict import HERE
from qc_models.errors import ConfigError
from qc_models.policy import Policy, load_policy
from qc_models.vocabulary import Verdict

POLICY = load_policy()
TEXT = (HERE / "policy.yaml").read_text(encoding="utf-8")


def changed(tmp_path: Path, old: str, new: str) -> Policy:
    assert old in TEXT
    path = tmp_path / "policy.yaml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    return load_policy(path)


@pytest.mark.parametrize(
    ("producer", "consumer", "acceptance"),
    [
        ("tertiary_a", "primary", "always"),  # lower accepts higher
        ("primary", "secondary_b", "always"),  # one group
        ("secondary_a", "tertiary_a", "always"),  # one group
        ("primary", "tertiary_a", "may"),  # higher accepts lower if the quality meets its need
        ("secondary_b", "secondary_a", "may"),
        ("primary", "primary", "always"),
    ],
)
def test_recognition_follows_levels_and_groups(producer: str, consumer: str, acceptance: str) -> None:
    assert POLICY.acceptance(producer, consumer) == acceptance


def test_inside_an_alliance_all_accept_all() -> None:
    assert POLICY.acceptance("primary", "tertiary_a", ["north", "east"], ["east"]) == "always"
    assert POLICY.acceptance("primary", "tertiary_a", ["north"], ["east"]) == "may"


def test_an_unknown_level_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'clinic'.*primary"):
        POLICY.acceptance("clinic", "primary")


def test_nobody_is_suspended_by_default() -> None:
    assert POLICY.suspended == ()
    assert POLICY.standing_of(("",), ("",)) is None


def test_a_device_or_an_institution_can_be_suspended(tmp_path: Path) -> None:
    policy = changed(
        tmp_path,
        "suspended: []",
        "suspended:\n"
        "  - {device: abc, reason: {en: overdue, zh: 逾期}}\n"
        "  - {institution: County  Hospital, reason: {en: paused, zh: 暂停}}",
    )
    by_device, by_name = policy.standing_of(("abc",), ("Other",)), policy.standing_of(("xyz",), ("county hospital ",))
    assert by_device is not None
    assert by_name is not None
    assert (by_device.reason.zh, by_name.reason.zh) == ("逾期", "暂停")
    assert policy.standing_of(("xyz",), ("Other",)) is None
    assert policy.standing_of(("",), ("",)) is None
    assert policy.standing_of(("xyz", "abc"), ("",)) is by_device
    assert policy.standing_of(("",), ("Other", "COUNTY HOSPITAL")) is by_name
    assert policy.standing_of(("xyz", "abcd"), ("County", "Hospital")) is None  # no name is a part of another


@pytest.mark.parametrize(
    ("total", "grade"), [(100, "A"), (90, "A"), (89.9, "B"), (80, "B"), (79.9, "C"), (60, "C"), (59.9, "D"), (0, "D")]
)
def test_marks_become_grades(total: float, grade: str) -> None:
    assert POLICY.grade(total) == grade


def test_points_audits_and_the_false_pass_limit_are_the_published_defaults() -> None:
    assert POLICY.deduct == {"note": 0, "review": 15, "reject": 40}
    assert POLICY.false_pass_limit == 0.01
    assert POLICY.random_audit["pass"] > 0


def test_every_refusal_reason_speaks_both_languages_and_names_its_clause() -> None:
    assert POLICY.refusal_reasons["emergency"].clause == "国卫医发〔2022〕6号"
    assert [key for key, reason in POLICY.refusal_reasons.items() if reason.about_quality] == ["quality_insufficient"]
    assert all(reason.en and reason.zh and reason.clause for reason in POLICY.refusal_reasons.values())
    assert not any(reason.verified for reason in POLICY.refusal_reasons.values())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("false_pass_limit: 0.01", "false_pass_limit: 1", None),
        ("false_pass_limit: 0.01", "false_pass_limit: 1.1", "false_pass_limit"),
        ("false_pass_limit: 0.01", "false_pas_limit: 0.01", "false_pas_limit"),
        ("{note: 0, review: 15, reject: 40}", "{note: 0, review: 15}", "deduct: must name each of"),
        ("{A: 90, B: 80, C: 60}", "{A: 80, B: 90, C: 60}", "A must lie above B"),
        ("suspended: []", "suspended: [{reason: {en: a, zh: b}}]", "suspended.0"),
        ("higher_accepts_lower: may", "higher_accepts_lower: perhaps", "recognition.higher_accepts_lower"),
        ("id: secondary_b", "id: primary", "listed twice"),
        ("pass: 0.02", "passed: 0.02", "random_audit"),
    ],
)
def test_a_wrong_policy_is_named_with_file_and_key(tmp_path: Path, old: str, new: str, says: str | None) -> None:
    if says is None:
        assert changed(tmp_path, old, new).false_pass_limit == 1
        return
    with pytest.raises(ConfigError, match=r"policy\.yaml") as error:
        changed(tmp_path, old, new)
    assert says in str(error.value)


def test_models_that_must_look_are_known_ones(tmp_path: Path) -> None:
    policy = changed(tmp_path, "{XR: [], CT: [], MR: []}", "{XR: [xr_anatomy]}")
    assert policy.models.required_for == {"XR": ("xr_anatomy",)}
    with pytest.raises(ConfigError, match=r"no model x_ray; there are .*xr_anatomy"):
        changed(tmp_path, "{XR: [], CT: [], MR: []}", "{XR: [x_ray]}")


@pytest.mark.parametrize(
    ("verdict", "decided", "overturned", "asked"),
    [
        ("reject", "pass", False, "reject_passed"),
        ("pass", "reject", False, "pass_rejected"),
        ("reject", "reject", True, None),
        ("review", "pass", True, None),
        ("review", "reject", False, None),
    ],
)
def test_whoever_contradicts_the_verdict_is_asked_for_a_second_reader(
    verdict: Verdict, decided: Literal["pass", "reject"], overturned: bool, asked: str | None
) -> None:
    rule = POLICY.second_reading_of(verdict, decided, overturned=overturned)
    assert (rule and rule.when) == asked


def test_a_region_may_ask_wherever_a_finding_is_overturned(tmp_path: Path) -> None:
    policy = changed(tmp_path, "when: reject_passed", "when: finding_overturned")
    rule = policy.second_reading_of("review", "pass", overturned=True)
    assert rule is not None
    assert rule.reason.zh == "退回改判为通过"
    assert policy.second_reading_of("reject", "pass", overturned=False) is None
