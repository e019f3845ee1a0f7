"""Learns from people's ratings of brain MR images what measures say of them: a small calibrated model over tables.

The tables hold MRIQC's measures (Esteban et al. 2017, doi 10.1371/journal.pone.0184661), one row an image. Ratings are -1 exclude,
0 doubtful, 1 accept; the model says how probably a rater excludes, every image with the same say, however many rated it.

The model is a logistic regression with a kernel (Zhu and Hastie 2005, doi 10.1198/106186005X25619): a straight line, which goes on
beyond what was seen, and a Gaussian one, which bends it. Measures are told from the middle of their site, in quartile ranges of
all sites. While it learns, each site also has an own level (a random intercept): how strict its raters were and how good its images
are as a whole explains itself so, and the measures explain what differs within a site.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from qc_models.errors import InputError
from qc_models.measure_spec import MeasureSpec, Reference, prepare_measures

Floats = NDArray[np.float64]

BOUND = 6.0  # quartile ranges from the middle of a site, beyond which an image is no further off
_STEPS = 50
_STILL = 1e-9  # change of the log-odds at which Newton's steps end


@dataclass(frozen=True)
class RatedImages:
    """Rows of a table: measures [images, measures], sites, persons, and each rater's word: 1 for exclude, NaN where none."""

    measures: Floats
    sites: NDArray[np.str_]
    persons: NDArray[np.str_]
    excluded: Floats  # [images, raters]

    def of(self, chosen: NDArray[np.bool_]) -> "RatedImages":
        """The chosen images."""
        return RatedImages(self.measures[chosen], self.sites[chosen], self.persons[chosen], self.excluded[chosen])

    @property
    def share(self) -> Floats:
        """The share of raters that exclude each image, [images]."""
        return np.asarray(np.nanmean(self.excluded, axis=1))


@dataclass(frozen=True, slots=True)
class Kernel:
    """How alike two images are: `line` · x·x' + `bend` · exp(-`narrow` · |x - x'|²), both over the number of measures.

    `site` is added while learning where both are of one site.
    """

    line: float = 0.6
    bend: float = 5.0
    narrow: float = 0.17
    site: float = 2.0


@dataclass(frozen=True)
class RatingModel:
    """What was learned: log-odds = `slope` · (Σ weights · kernel(x, landmarks) + level) + `shift`, with x in `spread`s, bounded."""

    spec: MeasureSpec
    kernel: Kernel
    spread: Floats  # [measures]
    landmarks: Floats  # [landmarks, measures]
    weights: Floats  # [landmarks]
    level: float
    slope: float = 1.0
    shift: float = 0.0

    def log_odds(self, prepared: NDArray[np.float32]) -> Floats:
        """Of being excluded, [N], of prepared measures [N, measures]."""
        scaled = np.clip(prepared.astype(np.float64) / self.spread, -BOUND, BOUND)
        alike = likeness(scaled, self.landmarks, self.kernel)
        return np.asarray(self.slope * (alike @ self.weights + self.level) + self.shift)

    def probability(self, images: RatedImages) -> Floats:
        """How probably a rater excludes each image, [images]; each site is its own reference, of which no word is asked."""
        odds = self.log_odds(prepared_by_site(images, self.spec))
        return np.asarray(1 / (1 + np.exp(-odds)))


def read_table(path: Path, raters: Sequence[str], spec: MeasureSpec) -> RatedImages:
    """Reads a tab-separated table of MRIQC with columns of raters (-1, 0, 1, n/a); one site where it names none.

    Raises InputError where the table lacks a column or holds a word for a number.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    lacking = sorted({*spec.names, *raters} - set(rows[0])) if rows else ["any row"]
    if lacking:
        raise InputError(f"{path.name}: lacks {', '.join(lacking)}; give a table of MRIQC's measures with ratings")
    try:
        measures = [[_number(row[name]) for name in spec.names] for row in rows]
        words = np.array([[_number(row[name]) for name in raters] for row in rows]).reshape(len(rows), len(raters))
    except ValueError as error:
        raise InputError(f"{path.name}: {error}; a measure is a number or n/a") from None
    sites = np.array([row.get("site") or path.stem for row in rows])
    persons = np.array(
        [(row.get("subject_id") or row.get("bids_name") or str(i)).partition("_")[0] for i, row in enumerate(rows)]
    )
    return RatedImages(np.array(measures), sites, persons, np.where(np.isnan(words), np.nan, words < 0))


def prepared_by_site(images: RatedImages, spec: MeasureSpec) -> NDArray[np.float32]:
    """Measures of each image from the middle of its site, [images, measures] (robust scaling by site, as in mriqc-learn)."""
    result = np.zeros(images.measures.shape, dtype=np.float32)
    for site in np.unique(images.sites):
        rows = images.sites == site
        values = images.measures[rows]
        result[rows] = prepare_measures(values, spec, Reference.of(values, spec))
    return result


def learned(images: RatedImages, spec: MeasureSpec, kernel: Kernel) -> RatingModel:
    """A model of rated images, at the slope and shift that sites it never saw ask for (Platt 1999)."""
    model = uncorrected(images, spec, kernel)
    told = leave_one_site_out(images, spec, kernel)
    row, rater = np.nonzero(~np.isnan(images.excluded))
    weight = 1.0 / np.bincount(row, minlength=len(images.excluded))[row]
    words = images.excluded[row, rater] > 0
    line = LogisticRegression(C=1e6).fit(told[row][:, None], words, sample_weight=weight)
    return RatingModel(
        spec,
        kernel,
        model.spread,
        model.landmarks,
        model.weights,
        model.level,
        float(line.coef_[0, 0]),
        float(line.intercept_[0]),
    )


def leave_one_site_out(images: RatedImages, spec: MeasureSpec, kernel: Kernel) -> Floats:
    """For each image the uncorrected log-odds of a model that never saw its site, [images]."""
    result = np.empty(len(images.sites))
    prepared = prepared_by_site(images, spec)
    for site in np.unique(images.sites):
        rows = images.sites == site
        result[rows] = uncorrected(images.of(~rows), spec, kernel).log_odds(prepared[rows])
    return result


def uncorrected(images: RatedImages, spec: MeasureSpec, kernel: Kernel) -> RatingModel:
    """A model of all images as landmarks: Newton's steps for the weights, with the inverse kernel as their penalty."""
    prepared = prepared_by_site(images, spec).astype(np.float64)
    low, high = np.percentile(prepared, [25, 75], axis=0)
    spread = np.where(high > low, high - low, 1.0)
    scaled = np.clip(prepared / spread, -BOUND, BOUND)
    alike = likeness(scaled, scaled, kernel)
    weights, level = _fitted(alike + kernel.site * (images.sites[:, None] == images.sites), images.share)
    return RatingModel(spec, kernel, spread, scaled, weights, level)


def likeness(first: Floats, second: Floats, kernel: Kernel) -> Floats:
    """The kernel of images [N, measures] and [M, measures] in quartile ranges: [N, M]."""
    number = first.shape[1]
    products = first @ second.T
    apart = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * products
    return np.asarray((kernel.line / number) * products + kernel.bend * np.exp(-(kernel.narrow / number) * apart))


def _fitted(alike: Floats, share: Floats) -> tuple[Floats, float]:
    """Weights [N] and level of a penalized logistic regression on shares of words (iteratively reweighted least squares)."""
    weights, level = np.zeros(len(share)), 0.0
    odds = np.zeros(len(share))
    for _ in range(_STEPS):
        told = 1 / (1 + np.exp(-odds))
        sure = np.maximum(told * (1 - told), 1e-6)
        system = alike.copy()
        system[np.diag_indices(len(share))] += 1 / sure
        solved = np.linalg.solve(system, np.stack([odds + (share - told) / sure, np.ones(len(share))], axis=1))
        level = float(solved[:, 0].sum() / solved[:, 1].sum())
        weights = solved[:, 0] - level * solved[:, 1]
        before, odds = odds, alike @ weights + level
        if np.abs(odds - before).max() < _STILL:
            break
    return weights, level


def _number(text: str) -> float:
    return float("nan") if text in ("", "n/a") else float(text)
