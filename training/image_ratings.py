"""Learns from people's ratings of brain MR images what the measurements say of them: a small calibrated model over tables.

The tables hold MRIQC's measures (Esteban et al. 2017, doi 10.1371/journal.pone.0184661), one row an image; used are those that
our own checks define alike. Ratings are -1 exclude, 0 doubtful, 1 accept; the model says how probably a rater excludes.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from qc_models.errors import InputError

Floats = NDArray[np.float64]

MEASURES = tuple(
    "cjv cnr efc fber fwhm_avg fwhm_x fwhm_y fwhm_z inu_med inu_range qi_1 "
    "snr_gm snr_wm snr_total snrd_gm snrd_wm snrd_total".split()
)
_COUNTED_IN_RATIOS = ("cnr", "fber", "qi_1", "snr")  # of many orders of magnitude: their logarithm is taken
_BOUND = 6.0  # quartile ranges from the middle of a site, beyond which an image is no further off
_TREES = 300
_LEAST_LEAF = 8
_SURE = 1e-3  # no member of the model is surer than this


@dataclass(frozen=True)
class RatedImages:
    """Rows of a table: measures [images, measures], site of each, and each rater's word, 1 for exclude; NaN where none."""

    measures: Floats
    sites: NDArray[np.str_]
    excluded: Floats  # [images, raters]

    def of(self, chosen: NDArray[np.bool_]) -> "RatedImages":
        """The chosen images."""
        return RatedImages(self.measures[chosen], self.sites[chosen], self.excluded[chosen])


def read_table(path: Path, raters: Sequence[str]) -> RatedImages:
    """Reads a tab-separated table of MRIQC with columns of raters (-1, 0, 1, n/a); one site where it names none.

    Raises InputError where the table lacks a column or holds a word for a number.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    lacking = sorted({*MEASURES, *raters} - set(rows[0])) if rows else ["any row"]
    if lacking:
        raise InputError(f"{path.name}: lacks {', '.join(lacking)}; give a table of MRIQC's measures with ratings")
    try:
        measures = np.array([[_number(row[name]) for name in MEASURES] for row in rows])
        words = np.array([[_number(row[name]) for name in raters] for row in rows]).reshape(len(rows), len(raters))
    except ValueError as error:
        raise InputError(f"{path.name}: {error}; a measure is a number or n/a") from None
    sites = np.array([row.get("site") or path.stem for row in rows])
    return RatedImages(measures, sites, np.where(np.isnan(words), np.nan, words < 0))


def scaled_by_site(images: RatedImages) -> Floats:
    """Measures less their site's median, over its quartile range (mriqc-learn's robust scaling by site); unknown is 0."""
    measures = images.measures.copy()
    for column, name in enumerate(MEASURES):
        if name.startswith(_COUNTED_IN_RATIOS):
            unit = 1e-3 if name == "qi_1" else 1.0
            measures[:, column] = np.log1p(np.maximum(measures[:, column], 0) / unit)
    for site in np.unique(images.sites):
        rows = images.sites == site
        low, middle, high = np.nanpercentile(measures[rows], [25, 50, 75], axis=0)
        measures[rows] = (measures[rows] - middle) / np.where(high > low, high - low, 1.0)
    return np.clip(np.nan_to_num(measures), -_BOUND, _BOUND)


class RatingModel:
    """The mean in log-odds of a straight line and a forest, at the temperature that held-out sites ask for (Guo et al. 2017)."""

    def __init__(self, images: RatedImages, seed: int = 0) -> None:
        self._members = _fitted(images, seed)
        held_out = leave_one_site_out(images, seed)
        row, word, weight = _by_rater(images)
        told = _log_odds(held_out[row])[:, None]
        self._temperature = LogisticRegression(C=1e6, fit_intercept=False).fit(told, word, sample_weight=weight)

    def probability(self, images: RatedImages) -> Floats:
        """How probably a rater excludes each image, [images]."""
        raw = _log_odds(_of_members(self._members, scaled_by_site(images)))
        probability: Floats = self._temperature.predict_proba(raw[:, None])[:, 1]
        return probability


def leave_one_site_out(images: RatedImages, seed: int = 0) -> Floats:
    """For each image the uncorrected word of a model that never saw its site, [images]."""
    result = np.empty(len(images.sites))
    measures = scaled_by_site(images)
    for site in np.unique(images.sites):
        rows = images.sites == site
        result[rows] = _of_members(_fitted(images.of(~rows), seed), measures[rows])
    return result


def _fitted(images: RatedImages, seed: int) -> tuple[LogisticRegression, ExtraTreesClassifier]:
    row, word, weight = _by_rater(images)
    measures = scaled_by_site(images)[row]
    line = LogisticRegression(max_iter=3000).fit(measures, word, sample_weight=weight)
    forest = ExtraTreesClassifier(_TREES, min_samples_leaf=_LEAST_LEAF, random_state=seed)
    return line, forest.fit(measures, word, sample_weight=weight)


def _by_rater(images: RatedImages) -> tuple[NDArray[np.intp], NDArray[np.bool_], Floats]:
    """One row for each word of a rater: its image, the word, and a weight that gives every image the same say."""
    row, rater = np.nonzero(~np.isnan(images.excluded))
    weight = 1.0 / np.bincount(row, minlength=len(images.excluded))[row]
    return row, images.excluded[row, rater] > 0, weight


def _of_members(members: Sequence[LogisticRegression | ExtraTreesClassifier], measures: Floats) -> Floats:
    odds = np.mean([_log_odds(member.predict_proba(measures)[:, 1]) for member in members], axis=0)
    probability: Floats = 1.0 / (1.0 + np.exp(-odds))
    return probability


def _log_odds(probability: Floats) -> Floats:
    inside = np.clip(probability, _SURE, 1 - _SURE)
    odds: Floats = np.log(inside / (1 - inside))
    return odds


def _number(text: str) -> float:
    return float("nan") if text in ("", "n/a") else float(text)
