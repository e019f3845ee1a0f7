"""The tables that the model of ratings is asked about, and the words that count."""

from pathlib import Path

import numpy as np

from qc_models.zoo.adequacy_mr_brain import INPUT
from training.tasks import adequacy_mr_brain as task


def test_good_and_bad_scores_count_and_what_is_between_does_not(tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    names = INPUT.names
    rows = ["\t".join(("bids_name", *names))]
    rows += ["\t".join((f"sub-{number}_T1w", *["1"] * len(names))) for number in range(3)]
    (tables / "mrart_iqms.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    # in another order than the measures
    (tables / "mrart_scores.tsv").write_text("bids_name\tscore\nsub-2_T1w\t3\nsub-1_T1w\t2\nsub-0_T1w\t1\n", "utf-8")
    words = ["\t".join(("subject_id", "site", "rater_1", *names))]
    words += ["\t".join((str(word), "x", str(word), *["1"] * len(names))) for word in (-1, 0, 1)]
    (tables / "mriqc_ds030.tsv").write_text("\n".join(words) + "\n", encoding="utf-8")

    ds030, mrart = task.asked(tmp_path)
    assert ds030.bad.tolist() == [1.0, 0.0, 0.0]
    np.testing.assert_array_equal(mrart.bad, [0.0, np.nan, 1.0])
    assert mrart.images.persons.tolist() == ["sub-0", "sub-1", "sub-2"]
    assert set(mrart.images.sites) == {"MR-ART"}


def test_measures_name_the_image_and_not_the_site() -> None:
    assert len(set(INPUT.names)) == len(INPUT.names) == 62
    assert not [name for name in INPUT.names if name.startswith(("size", "spacing"))]
