"""Ratings: tables are read strictly, sites are scaled apart, and the model ranks what is worse above what is better."""

from pathlib import Path

import numpy as np
import pytest

from qc_models.errors import InputError
from training.image_ratings import MEASURES, RatedImages, RatingModel, leave_one_site_out, read_table, scaled_by_site


def table(path: Path, rows: list[dict[str, object]], columns: tuple[str, ...] = ("site", *MEASURES, "rater_1")) -> Path:
    lines = ["\t".join(columns), *("\t".join(str(row[name]) for name in columns) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rated(num_images: int, seed: int, offset: float = 0.0) -> RatedImages:
    """Images of three sites whose first measure says it all; `offset` moves one site's measures without changing its images."""
    rng = np.random.default_rng(seed)
    measures = rng.normal(size=(num_images, len(MEASURES)))
    excluded = (measures[:, :1] + 0.3 * rng.normal(size=(num_images, 1)) > 0.8).astype(float)
    sites = np.array(["a", "b", "c"])[np.arange(num_images) % 3]
    measures[sites == "c"] += offset
    return RatedImages(measures, sites, excluded)


def test_a_table_gives_measures_sites_and_words(tmp_path: Path) -> None:
    rows = [dict.fromkeys(MEASURES, 1.5) | {"site": "x", "rater_1": word, "rater_2": "n/a"} for word in (-1, 0, 1)]
    images = read_table(
        table(tmp_path / "t.tsv", rows, ("site", *MEASURES, "rater_1", "rater_2")), ("rater_1", "rater_2")
    )
    assert images.measures.shape == (3, len(MEASURES))
    assert images.sites.tolist() == ["x"] * 3
    assert images.excluded[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(images.excluded[:, 1]).all()


def test_a_table_without_a_measure_is_refused_by_name(tmp_path: Path) -> None:
    columns = tuple(name for name in ("site", *MEASURES, "rater_1") if name != "cjv")
    path = table(tmp_path / "t.tsv", [dict.fromkeys(columns, 1)], columns)
    with pytest.raises(InputError, match=r"t\.tsv: lacks cjv"):
        read_table(path, ("rater_1",))


def test_a_word_for_a_number_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "t.tsv", [dict.fromkeys(MEASURES, "good") | {"site": "x", "rater_1": 1}])
    with pytest.raises(InputError, match="a measure is a number"):
        read_table(path, ("rater_1",))


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks any row"):
        read_table(table(tmp_path / "t.tsv", []), ("rater_1",))


def test_sites_are_scaled_apart_and_unknown_is_the_middle() -> None:
    measures = np.zeros((6, len(MEASURES)))
    measures[:, 0] = [1, 2, 3, 101, 102, np.nan]  # cjv: no logarithm
    scaled = scaled_by_site(RatedImages(measures, np.array(list("aaabbb")), np.zeros((6, 1))))
    assert scaled[:3, 0].tolist() == [-1.0, 0.0, 1.0]  # median 2, quartiles 1.5 and 2.5
    assert scaled[3:, 0].tolist() == [-1.0, 1.0, 0.0]  # median 101.5, quartiles 101.25 and 101.75
    assert (scaled[:, 1:] == 0).all()


def test_the_model_ranks_unseen_images_whatever_the_site_adds_to_its_measures() -> None:
    model = RatingModel(rated(240, seed=1))
    unseen = rated(120, seed=2, offset=50.0)
    told, excluded = model.probability(unseen), unseen.excluded[:, 0] > 0
    assert ((told >= 0) & (told <= 1)).all()
    assert np.median(told[excluded]) > 0.5 > np.median(told[~excluded])


def test_a_left_out_site_is_told_without_its_own_words() -> None:
    images = rated(120, seed=3)
    turned = RatedImages(images.measures, images.sites, images.excluded.copy())
    turned.excluded[turned.sites == "c"] = 1 - turned.excluded[turned.sites == "c"]
    here = images.sites == "c"
    np.testing.assert_array_equal(leave_one_site_out(images)[here], leave_one_site_out(turned)[here])
