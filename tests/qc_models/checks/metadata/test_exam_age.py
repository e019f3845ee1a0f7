"""How long ago an examination was, against the validity of its item."""

from datetime import date

import pytest

from qc_models.checks.metadata import exam_age
from qc_models.checks.metadata.exam_age import expired_days
from tests.judged_facts import facts, item

ITEM = item("CT-CHEST", "chest", ("plain",))  # valid for 30 days


@pytest.mark.parametrize(
    ("examined", "days"),
    [(date(2026, 9, 1), 1), (date(2026, 9, 2), 0), (date(2026, 10, 1), -29), (date(2025, 10, 2), 335)],
)
def test_days_beyond_validity(examined: date, days: int) -> None:
    assert expired_days(examined, date(2026, 10, 2), 30) == days


def test_only_what_has_expired_is_measured() -> None:
    as_of = date(2026, 10, 2)
    (found,) = exam_age.relate(facts(study_date=date(2026, 8, 23)), ITEM, as_of)
    assert (found.metric, found.value, found.detail) == ("metadata.exam_age.expired_days", 10, {"valid_days": 30})
    assert list(exam_age.relate(facts(study_date=date(2026, 9, 2)), ITEM, as_of)) == []
    assert list(exam_age.relate(facts(study_date=None), ITEM, as_of)) == []
