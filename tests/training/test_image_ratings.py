"""Ratings: tables are read strictly, sites are scaled apart, and the model ranks what is worse above what is better."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qc_models.errors import InputError
from qc_models.measure_spec import Measure, MeasureSpec
from training.image_ratings import (
    Kernel,
    RatedImages,
    learned,
    leave_one_site_out,
    likeness,
    prepared_by_site,
    read_table,
    uncorrected,
)

SPEC = MeasureSpec((Measure("cjv"), Measure("fber", 1.0)))
COLUMNS = ("subject_id", "site", "cjv", "fber", "rater_1")


def table(path: Path, rows: list[dict[str, object]], columns: tuple[str, ...] = COLUMNS) -> Path:
    lines = ["\t".join(columns), *("\t".join(str(row[name]) for name in columns) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rated(num_images: int, seed: int, offset: float = 0.0) -> RatedImages:
    """Images of three sites whose first measure says it all; `offset` moves one site's measures without changing its images."""
    rng = np.random.default_rng(seed)
    measures = rng.normal(size=(num_images, 2))
    excluded = (measures[:, :1] + 0.3 * rng.normal(size=(num_images, 1)) > 0.8).astype(float)
    sites = np.array(["a", "b", "c"])[np.arange(num_images) % 3]
    measures[sites == "c"] += offset
    return RatedImages(measures, sites, np.arange(num_images).astype(str), excluded)


def test_a_table_gives_measures_sites_persons_and_words(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"subject_id": f"s{word}", "site": "x", "cjv": 1.5, "fber": 2, "rater_1": word, "rater_2": "n/a"}
        for word in (-1, 0, 1)
    ]
    images = read_table(table(tmp_path / "t.tsv", rows, (*COLUMNS, "rater_2")), ("rater_1", "rater_2"), SPEC)
    assert images.measures.tolist() == [[1.5, 2.0]] * 3
    assert images.sites.tolist() == ["x"] * 3
    assert images.persons.tolist() == ["s-1", "s0", "s1"]
    assert images.excluded[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(images.excluded[:, 1]).all()
    assert images.share.tolist() == [1.0, 0.0, 0.0]


def test_scans_of_one_person_are_of_one_person(tmp_path: Path) -> None:
    names = ("sub-1_acq-a_T1w", "sub-1_acq-b_T1w", "sub-2_acq-a_T1w")
    rows: list[dict[str, object]] = [{"bids_name": name, "cjv": 1, "fber": 1} for name in names]
    images = read_table(table(tmp_path / "t.tsv", rows, ("bids_name", "cjv", "fber")), (), SPEC)
    assert images.persons.tolist() == ["sub-1", "sub-1", "sub-2"]
    assert images.sites.tolist() == ["t"] * 3


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        ([dict.fromkeys(COLUMNS, 1)], tuple(name for name in COLUMNS if name != "cjv"), r"t\.tsv: lacks cjv"),
        ([dict.fromkeys(COLUMNS, "good")], COLUMNS, "a measure is a number"),
        ([], COLUMNS, "lacks any row"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_what_is_wrong(
    tmp_path: Path, rows: list[dict[str, object]], columns: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read_table(table(tmp_path / "t.tsv", rows, columns), ("rater_1",), SPEC)


def test_each_site_is_told_from_its_own_middle_and_unknown_lies_there() -> None:
    measures = np.zeros((6, 2))
    measures[:, 0] = [1, 2, 3, 101, 102, np.nan]
    images = RatedImages(measures, np.array(list("aaabbb")), np.array(list("123456")), np.zeros((6, 1)))
    assert prepared_by_site(images, SPEC)[:, 0].tolist() == [-1, 0, 1, -0.5, 0.5, 0]


def test_likeness_by_hand() -> None:
    first, second = np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]])
    # 5 = 3 + 2 is the product, 5 = 4 + 1 the square of the distance, both over two measures
    expected = 0.6 * 5 / 2 + 5 * np.exp(-0.17 * 5 / 2)
    assert likeness(first, second, Kernel(0.6, 5.0, 0.17))[0, 0] == pytest.approx(expected)


def test_what_is_learned_stands_where_its_penalized_likelihood_is_flat() -> None:
    images = rated(90, seed=5)
    kernel = Kernel()
    model = uncorrected(images, SPEC, kernel)
    alike = likeness(model.landmarks, model.landmarks, kernel)
    alike += kernel.site * (images.sites[:, None] == images.sites)
    rest = images.share - 1 / (1 + np.exp(-(alike @ model.weights + model.level)))
    # the gradient of log likelihood - weights' alike weights / 2 is alike (rest - weights), and of the level the sum of the rest
    np.testing.assert_allclose(rest, model.weights, atol=1e-6)
    assert rest.sum() == pytest.approx(0, abs=1e-6)


def test_the_model_ranks_unseen_images_whatever_the_site_adds_to_its_measures() -> None:
    model = learned(rated(240, seed=1), SPEC, Kernel())
    unseen = rated(120, seed=2, offset=50.0)
    told, excluded = model.probability(unseen), unseen.excluded[:, 0] > 0
    assert ((told >= 0) & (told <= 1)).all()
    assert np.median(told[excluded]) > 0.5 > np.median(told[~excluded])


def test_a_left_out_site_is_told_without_its_own_words() -> None:
    images = rated(120, seed=3)
    turned = replace(images, excluded=images.excluded.copy())
    turned.excluded[turned.sites == "c"] = 1 - turned.excluded[turned.sites == "c"]
    here = images.sites == "c"
    told = [leave_one_site_out(each, SPEC, Kernel())[here] for each in (images, turned)]
    np.testing.assert_array_equal(*told)


def test_a_strict_site_teaches_no_more_than_a_lenient_one() -> None:
    """Sites whose images are alike and whose raters differ: with a level of their own the order within is what is learned."""
    images = rated(300, seed=4)
    images.excluded[images.sites == "a"] = 1.0
    model = uncorrected(images, SPEC, Kernel())
    unseen = rated(120, seed=6)
    told, bad = model.log_odds(prepared_by_site(unseen, SPEC)), unseen.excluded[:, 0] > 0
    assert np.median(told[bad]) > np.median(told[~bad]) + 1


def test_beyond_what_was_seen_bad_stays_bad() -> None:
    """The bend fades away there, and the line goes on: no image is told to be better because it is worse than any."""
    model = learned(rated(240, seed=1), SPEC, Kernel())
    middle, bad, worse_than_any = model.log_odds(np.array([[0.0, 0.0], [2.0, 0.0], [8.0, 0.0]], dtype=np.float32))
    assert worse_than_any > bad > middle
