"""The examination is older than its exam item stays valid.

Higher is worse. `expired_days`: days from the study date to the date of the verdict beyond the item's validity. It never speaks of
the quality of the study: an old study is scored like a new one, and the pool's window lets it in or not.
Formula: (as_of − study date) − valid_days. Source: the item's validity (a local decision, `valid_days`).
"""

from collections.abc import Iterable
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import Measurement, Quantity

QUANTITIES = {
    "expired_days": Quantity(
        "d",
        "the examination is {value:.0f} days older than its item stays valid ({valid_days} days)",
        "检查已超过互认时限（{valid_days} 天）{value:.0f} 天",
        "examine again where the clinical question needs it",
        "如临床需要请重新检查",
    ),
}


def expired_days(examined: date, as_of: date, valid_days: int) -> int:
    """Days beyond the end of validity; negative while valid."""
    return (as_of - examined).days - valid_days


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterable[Measurement]:
    """The age of the study against the item's validity; nothing while it is valid or its date is not known."""
    if facts.study_date is None:
        return
    days = expired_days(facts.study_date, as_of, item.valid_days)
    if days > 0:
        yield Measurement("metadata.exam_age.expired_days", days, "d", detail={"valid_days": item.valid_days})
