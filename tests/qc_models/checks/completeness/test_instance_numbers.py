"""Instance numbers: a gap inside a contiguous series is told, a stride, a block or a new beginning is not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from qc_models.checks.completeness.instance_numbers import measure, missing_numbers, repeated_numbers

CASES = yaml.safe_load((Path(__file__).parent / "cases/instance_numbers.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], series_of: Any, evidence_of: Any, assert_measured: Any) -> None:
    assert_measured(measure(evidence_of(series_of(case))), case["expect"])


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([1, 2, 4, 5, 6], [3]),
        ([6, 5, 4, 2, 1], [3]),
        ([1, 2, 3, 6, 7, 8], [4, 5]),
        ([1, 3, 5, 7], []),
        ([1, 2, 3, 900], []),
        ([7], []),
    ],
)
def test_missing_numbers(numbers: list[int], missing: list[int]) -> None:
    assert missing_numbers(numbers) == missing


def test_a_number_at_two_times_is_no_repetition() -> None:
    assert repeated_numbers([(1, 0.0), (1, 50.0), (2, 0.0)]) == {}
    assert repeated_numbers([(1, 0.0), (1, 0.0), (2, 0.0), (3, 0.0)]) == {1: 1}


def test_the_absent_numbers_are_named(evidence_of: Any, series_of: Any) -> None:
    (gap,) = measure(evidence_of(series_of({"slices": 20, "drop": [7, 8]})))
    assert gap.detail["numbers"] == [8, 9]


def test_radiographs_are_numbered_as_they_please(evidence_of: Any) -> None:
    keywords = {"Modality": "DX", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1"}
    assert list(measure(evidence_of([{"InstanceNumber": number, **keywords} for number in (1, 2, 4, 5)]))) == []
