"""Human ratings of brain MR: a small model taught on ABIDE alone, asked about DS030 and MR-ART, which it never saw.

MRIQC's published classifier reaches 0.76 accuracy on DS030 (Esteban et al. 2017); a share of 0.72 is had by accepting all.
"""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.image_ratings import MEASURES, RatedImages, RatingModel, leave_one_site_out, read_table
from training.ranking import auc, bootstrap

Floats = NDArray[np.float64]
ABIDE_RATERS = ("rater_1", "rater_2", "rater_3")
PUBLISHED = 0.76
TARGETS = {"ds030_accuracy": 0.76, "ds030_auc": 0.76, "mrart_auc": 0.95}


def run(tables: Path, seed: int = 0) -> dict[str, Any]:
    """Accuracy and AUC with 95 % bootstrap intervals over images (DS030) and persons (MR-ART)."""
    abide = read_table(tables / "mriqc_abide.tsv", ABIDE_RATERS)
    ds030 = read_table(tables / "mriqc_ds030.tsv", ("rater_1",))
    model = RatingModel(abide, seed)
    told, wrong = model.probability(ds030), ds030.excluded[:, 0] > 0
    mrart, score, person = _mrart(tables)
    moved = model.probability(mrart)
    extreme = score != 2
    everyone = np.arange(len(wrong))
    return {
        "measures": list(MEASURES),
        "taught_on": {"table": "ABIDE", "images": len(abide.sites), "sites": len(np.unique(abide.sites))},
        "abide_leave_one_site_out": _by_site(abide, leave_one_site_out(abide, seed)),
        "ds030": {
            "images": len(wrong),
            "excluded": int(wrong.sum()),
            "accuracy": bootstrap(lambda rows: float(((told[rows] > 0.5) == wrong[rows]).mean()), everyone),
            "accuracy_of_accepting_all": round(float((~wrong).mean()), 3),
            "auc": bootstrap(lambda rows: auc(told[rows][~wrong[rows]], told[rows][wrong[rows]]), everyone),
            "brier": round(float(((told - wrong) ** 2).mean()), 4),
            "calibration": _calibration(told, wrong),
        },
        "mrart_good_against_bad": {
            "images": int(extreme.sum()),
            "persons": len(np.unique(person[extreme])),
            "auc": bootstrap(
                lambda rows: auc(moved[rows][score[rows] == 1], moved[rows][score[rows] == 3]),
                np.where(extreme, person, "")[extreme],
                np.flatnonzero(extreme),
            ),
        },
        "published_accuracy_on_ds030": PUBLISHED,
        "targets": TARGETS,
    }


def _mrart(tables: Path) -> tuple[RatedImages, NDArray[np.intp], NDArray[np.str_]]:
    with (tables / "mrart_scores.tsv").open(encoding="utf-8", newline="") as stream:
        scores = {row["bids_name"]: int(row["score"]) for row in csv.DictReader(stream, delimiter="\t")}
    with (tables / "mrart_iqms.tsv").open(encoding="utf-8", newline="") as stream:
        names = [row["bids_name"] for row in csv.DictReader(stream, delimiter="\t")]
    images = read_table(tables / "mrart_iqms.tsv", ())
    persons = np.array([name.partition("_")[0] for name in names])
    return replace(images, sites=np.full(len(names), "MR-ART")), np.array([scores[name] for name in names]), persons


def _by_site(images: RatedImages, told: Floats) -> dict[str, Any]:
    """Area under the curve within each site that has both words, and their mean weighed by images."""
    share = np.nanmean(images.excluded, axis=1)
    areas, sizes = {}, []
    for site in np.unique(images.sites):
        here = images.sites == site
        bad, good = told[here & (share > 0.5)], told[here & (share <= 0.5)]
        if len(bad) and len(good):
            areas[str(site)] = round(auc(good, bad), 3)
            sizes.append(int(here.sum()))
    return {"auc_mean": round(float(np.average(list(areas.values()), weights=sizes)), 3), "auc": areas}


def _calibration(told: Floats, wrong: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Told against found, in fifths of the images."""
    order = np.argsort(told, kind="stable")
    rows: list[dict[str, Any]] = []
    for part in np.array_split(order, 5):
        rows.append(
            {
                "images": len(part),
                "told": round(float(told[part].mean()), 3),
                "found": round(float(wrong[part].mean()), 3),
            }
        )
    return rows
