"""The table of dose references: what it holds, and what it refuses."""

from pathlib import Path

import pytest

from qc_models.dose_references import dose_references
from qc_models.errors import ConfigError

ROW = "  - {exam: head, items: [CT-HEAD], ctdivol_mgy: [40, 50, 60], dlp_mgy_cm: [550, 690, 860], citation: X, verified: false}\n"


def test_the_shipped_table_names_a_source_for_each_row_and_claims_no_check() -> None:
    references = dose_references()
    assert references["CT-HEAD"].ctdivol_mgy == (40, 50, 60)
    assert references["CT-CHEST"].dlp_mgy_cm[2] == 470
    assert all(reference.citation and not reference.verified for reference in references.values())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ROW + ROW, "items of two rows: CT-HEAD"),
        (ROW.replace("[40, 50, 60]", "[60, 50, 40]"), "rising order"),
        (ROW.replace("[40, 50, 60]", "[40, 50]"), "ctdivol_mgy"),
        (ROW.replace("citation: X, ", ""), "citation"),
        (ROW.replace("verified: false", "verified: false, unit: mGy"), "unit"),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_key(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "doses.yaml"
    path.write_text("references:\n" + content, encoding="utf-8")
    with pytest.raises(ConfigError, match=reason) as refused:
        dose_references(path)
    assert "doses.yaml" in str(refused.value)
