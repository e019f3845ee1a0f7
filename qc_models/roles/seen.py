"""What pixel models say of one stack, as labels: its regions, the view of a radiograph, the role of an MR series."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from qc_models.body_map import parts_between
from qc_models.facts import RegionLabel, StackFacts, ViewLabel
from qc_models.findings import Location
from qc_models.model_outputs import Floats, Prediction
from qc_models.model_registry import models
from qc_models.vocabulary import ROLES

ENOUGH = 0.9  # probability from which a pixel model answers before header and text
NEIGHBOUR = 1  # step on the body map: what a scan of a part may well show beside it
DIGITS = 4  # of a probability in a report
SHOWN = 0.5  # probability from which a region counts as shown
FRONTAL = ("AP", "PA")  # which look alike: a model may be sure that it is one of them, and of neither


@dataclass(frozen=True, slots=True)
class Seen:
    """What pixel models see in a stack; what they do not judge stays empty."""

    region: RegionLabel | None = None
    view: ViewLabel | None = None
    role: str | None = None
    role_probability: float = 0.0


def said(predictions: Mapping[str, Prediction], output: str) -> dict[str, Floats]:
    """What models say of one output: by class a probability for each frame that was shown; empty where none judges it."""
    for name, prediction in predictions.items():
        if output in prediction.outputs:
            classes = models()[name].output(output).classes
            return dict(zip(classes, prediction.outputs[output].T, strict=True))
    return {}


def mean(values: Floats) -> float:
    """The mean over the frames shown."""
    return round(float(np.mean(values, dtype=np.float64)), DIGITS)


def at_best(values: Floats) -> float:
    """The mean over the quarter of the frames that show it best: what a part of a stack shows, the stack shows."""
    best = np.sort(values)[-math.ceil(len(values) / 4) :]
    return mean(best)


def shown_regions(predictions: Mapping[str, Prediction]) -> dict[str, float]:
    """How sure it is of each region that some of the stack shows it; empty where no model judges regions."""
    return {region: at_best(values) for region, values in said(predictions, "region").items()}


def well_known(predictions: Mapping[str, Prediction]) -> frozenset[str]:
    """Regions that the models may deny, having learned them from several sources (`WELL_KNOWN`); all where they do not say."""
    known: set[str] = set()
    for name, prediction in predictions.items():
        if "region" in prediction.outputs:
            model = models()[name]
            known |= set(getattr(model.module, "WELL_KNOWN", model.output("region").classes))
    return frozenset(known)


def absence(regions: Mapping[str, float], known: Iterable[str], declared: Iterable[str], steps: int) -> float | None:
    """How sure it is that a stack shows nothing within some steps (see the body map) of the declared regions: 1 - the surest of it.

    None where nothing of the body is declared, none of what could show is judged, or it is judged and not well `known`: who has
    hardly seen a knee cannot say that a picture shows none.
    """
    named = [region for region in declared if region != "phantom"]
    near = [probability for region, probability in regions.items() if parts_between((region,), named) <= steps]
    within = [region for region in regions if named and parts_between((region,), named) == 0]
    hardly_seen = within and not set(within) & set(known)
    return round(1.0 - max(near), DIGITS) if named and near and not hardly_seen else None


def seen(predictions: Mapping[str, Prediction]) -> Seen:
    """The labels of one stack. What lies outside the scope of the models has neither region nor view."""
    role, probability = _role(predictions)
    outside = said(predictions, "scope").get("outside")
    if outside is not None and mean(outside) > SHOWN:
        return Seen(role=role, role_probability=probability)
    return Seen(
        _region({region: mean(values) for region, values in said(predictions, "region").items()}),
        _view({view: mean(values) for view, values in said(predictions, "view").items()}),
        role,
        probability,
    )


def place_of(predictions: Mapping[str, Prediction], facts: StackFacts) -> Location:
    """Where a stack that models looked at stands: the frame, where they were shown one alone."""
    places = {place for prediction in predictions.values() for place in prediction.places}
    if len(places) > 1:
        return Location(facts.series_instance_uid, stack=facts.index)
    ((slice_index, uid, frame),) = places
    return Location(facts.series_instance_uid, uid, frame, slice_index, stack=facts.index)


def _region(sure: Mapping[str, float]) -> RegionLabel | None:
    """The regions that more than half of the evidence shows, the surest first, or the surest alone."""
    if not sure:
        return None
    order = sorted(sure, key=lambda region: (-sure[region], region))
    shown = tuple(region for region in order if sure[region] > SHOWN)
    return RegionLabel(shown or (order[0],), sure[order[0]], "pixels")


def _view(sure: Mapping[str, float]) -> ViewLabel | None:
    """The likeliest view; where that is AP or PA, as sure as it is one of both."""
    if not sure:
        return None
    view = max(sure, key=lambda name: (sure[name], name))
    probability = sum(sure.get(name, 0.0) for name in FRONTAL) if view in FRONTAL else sure[view]
    return ViewLabel(view, round(probability, DIGITS), "pixels")


def _role(predictions: Mapping[str, Prediction]) -> tuple[str | None, float]:
    sure = {role: mean(values) for role, values in said(predictions, "sequence").items() if role in ROLES}
    if not sure:
        return None, 0.0
    role = max(sure, key=lambda name: (sure[name], name))
    return role, sure[role]
