"""Human ratings of brain MR: the shipped model of ABIDE's ratings, asked about DS030 and MR-ART, which it never saw.

MRIQC's published classifier reaches 0.76 accuracy on DS030 (Esteban et al. 2017); a share of 0.72 is had by accepting all.

Beside it stands why our own checks do not feed such a model: how well fewer measures tell the raters' words, and what a model of
the measures that we have by name says of pictures with head motion and without.
"""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real_images import measured, picture_of
from qc_models.check_registry import checks
from qc_models.errors import InputError
from qc_models.measure_spec import Floats, Measure, MeasureSpec, Reference, prepare_measures
from qc_models.model_bundle import released_bundle
from qc_models.model_registry import models
from qc_models.zoo.adequacy_mr_brain import INPUT
from training.evaluation_page import content_of
from training.image_ratings import Kernel, leave_one_site_out, prepared_by_site, uncorrected
from training.ranking import auc, bootstrap
from training.rating_bundle import evaluated, session, within_sites
from training.recipe import Recipe
from training.tasks import adequacy_mr_brain as task

MODEL = "adequacy_mr_brain"
PUBLISHED = 0.76
# Columns of MRIQC and what we call them.
OURS = {
    "cjv": "adequacy.cjv.coefficient",
    "cnr": "adequacy.cnr.ratio",
    "efc": "adequacy.efc.entropy",
    "fber": "adequacy.fber.ratio",
    "fwhm_avg": "adequacy.fwhm.in_plane_mm",
    "snrd_total": "adequacy.mr_snr.dietrich",
}
SETS = {
    "all": INPUT.names,
    "of_our_names": tuple(OURS),
    "of_body_and_air_alone": ("efc", "fber", "fwhm_avg", "snrd_total"),
}
SMALL = 1e-4  # below all of these measures: their logarithms, so that a factor falls out with the middle


def run(tables: Path) -> dict[str, Any]:
    """Accuracy and AUC with 95 % bootstrap intervals by subject; raises InputError where no version is released."""
    model, data = models()[MODEL], tables.parent
    bundle = released_bundle(model)
    if bundle is None:
        raise InputError(f"{MODEL}: no version is released; touchstone train release")
    recipe = Recipe.model_validate(bundle.metadata["recipe"])
    says, again = session(bundle.onnx), task.fit(recipe.task, data)
    content = content_of(evaluated(model, task, again, says, bundle.version, data, recipe))
    ds030 = task.asked(data)[0]
    prepared = prepared_by_site(ds030.images, INPUT)
    return {
        "version": bundle.version,
        "taught_on": bundle.metadata["learned_from"],
        "learned_again_differs_by": float(f"{np.abs(says(prepared)[:, 1] - again.log_odds(prepared)).max():.2g}"),
        "targets": content["targets"],
        "more": content["more"],
        "by_table": content["outputs"]["adequacy"]["by_source"],
        "accuracy_of_accepting_all_ds030": round(float((ds030.bad == 0).mean()), 3),
        "published_accuracy_on_ds030": PUBLISHED,
        "bands": content["bands"],
        "fewer_measures_on_abide": {name: _told_by(names, data, again.kernel) for name, names in SETS.items()},
        "our_measurements": _ours(data, again.kernel),
    }


def _told_by(names: tuple[str, ...], data: Path, kernel: Kernel) -> dict[str, Any]:
    """How a model of these measures ranks raters' words within sites that were left out."""
    spec = MeasureSpec(tuple(measure for measure in INPUT.measures if measure.name in names))
    rated = task.abide(data, spec)
    found = within_sites(rated, leave_one_site_out(rated, spec, kernel))
    return {
        "measures": len(spec.measures),
        "auc_within_sites": round(found.value, 3),
        "interval": [round(found.low, 3), round(found.high, 3)],
    }


def _ours(data: Path, kernel: Kernel) -> dict[str, Any]:
    """What a model of the measures that we have by name says of our own measurements: moved against still, persons as groups."""
    spec = MeasureSpec(tuple(Measure(name, SMALL) for name in OURS))
    rated = task.abide(data, spec)
    model = uncorrected(rated, spec, kernel)
    values, moved, persons = _pictures(data / "images")
    own = model.log_odds(prepare_measures(values, spec, Reference.of(values, spec)))
    with_abide = model.log_odds(prepare_measures(values, spec, Reference.of(rated.measures, spec)))
    return {
        "pictures": len(values),
        "persons": len(np.unique(persons)),
        "moved_against_still_auc": bootstrap(
            lambda rows: auc(own[rows][~moved[rows]], own[rows][moved[rows]]), persons
        ),
        "still_told_inadequate_by_the_middle_of_abide": round(float((with_abide[~moved] > 0).mean()), 3),
    }


def _pictures(images: Path) -> tuple[Floats, Any, Any]:
    """Our measures [pictures, measures] of brain slices with real head motion and without, whether moved, and of whom."""
    with (images / "images.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["quality_label"] in ("motion", "nomotion")]
    wanted = [checks()[metric.rpartition(".")[0]] for metric in OURS.values()]
    values = []
    for row in rows:
        real = picture_of(images / row["path"], row["subject"], ("brain",))
        real = replace(real, facts=replace(real.facts, modality="MR", role="T1", pixel_spacing_mm=(1.0, 1.0)))
        found = measured(real, real.pixels, wanted)
        values.append([found[name].value if name in found else np.nan for name in OURS.values()])
    moved = np.array([row["quality_label"] == "motion" for row in rows])
    return np.array(values), moved, np.array([row["subject"] for row in rows])
