"""Codes: every one is of the standard's dictionary, with its words; every metric has one."""

import pytest
from pydicom.sr._concepts_dict import concepts

from serving.deliver import dicom_codes
from serving.deliver.dicom_codes import (
    FINDINGS,
    QUALITIES,
    SIDES,
    SITES,
    VERDICTS,
    Coded,
    finding_code,
    rejection_code,
    unit_code,
)

MEANINGS = {
    (scheme, value): meaning
    for scheme, words in concepts.items()
    for named in words.values()
    for value, (meaning, _) in named.items()
}
ALL = [code for code in vars(dicom_codes).values() if isinstance(code, Coded)] + [
    *VERDICTS.values(),
    *QUALITIES.values(),
    *FINDINGS.values(),
    *SITES.values(),
    *SIDES.values(),
]


@pytest.mark.parametrize("code", dict.fromkeys(ALL), ids=lambda code: code.value)
def test_each_is_in_the_standards_dictionary(code: Coded) -> None:
    meaning = MEANINGS[code.scheme, code.value]
    if code.scheme != "SCT":  # of which the dictionary has longer words
        assert code.meaning == meaning


@pytest.mark.parametrize(
    ("metric", "finding", "rejection"),
    [
        ("artifacts.grid_lines.peak_db", "111208", "111208"),
        ("artifacts.ghosting.repeat", "RID11426", "111215"),
        ("artifacts.new_check.value", "111215", "111215"),
        ("completeness.scan_range.missing_mm", "130576", "111220"),
        ("completeness.pixel_integrity.blank", "111213", "111213"),
        ("completeness.pixel_integrity.not_examined", "111221", "111221"),
        ("metadata.laterality.contradiction", "130573", "111220"),
        ("unheard_of", "111221", "111221"),
    ],
)
def test_a_metric_takes_the_code_that_fits_best(metric: str, finding: str, rejection: str) -> None:
    assert (finding_code(metric).value, rejection_code(metric).value) == (finding, rejection)


@pytest.mark.parametrize(
    ("unit", "code"),
    [("HU", "[hnsf'U]"), ("1", "1"), ("", "1"), ("mm²", "mm2"), ("%", "%"), ("body parts", "{body_parts}"), ("d", "d")],
)
def test_units_are_of_ucum(unit: str, code: str) -> None:
    assert unit_code(unit)[:2] == (code, "UCUM")
