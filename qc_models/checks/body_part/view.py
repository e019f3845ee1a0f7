"""The view that a radiograph shows, against the one that its header or its texts name.

Direction: higher is worse; probabilities 0 to 1 of the model xr_anatomy. `contradiction`: that a view named frontal (AP, PA and
their kinds) is lateral, or one named lateral is frontal. `ap_pa`: that a view named AP is PA, or back; they look much alike, so
that only a model that is very sure tells more than where the picture comes from. Source of the named view: ViewPosition and
ViewCodeSequence (PS3.3 C.8.11.5), then texts.
"""

from collections.abc import Iterator

from qc_models.evidence import Evidence
from qc_models.findings import Measurement, Quantity
from qc_models.roles.seen import DIGITS, mean, place_of, said
from qc_models.roles.xr_view import level_of

_REMEDY_EN = "correct the view in the header, or send the view that is meant"
_REMEDY_ZH = "请更正投照体位，或上传正确体位的图像"

QUANTITIES = {
    "contradiction": Quantity(
        "1",
        "the view is named {named}, and the image shows a {shown} view (probability {value:.2f})",
        "投照体位注明为 {named}，而图像显示为 {shown}（概率 {value:.2f}）",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "ap_pa": Quantity(
        "1",
        "the view is named {named}, and the image looks like {shown} (probability {value:.2f})",
        "投照体位注明为 {named}，而图像更似 {shown}（概率 {value:.2f}）",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
}

_OPPOSITE = {"frontal": "lateral", "lateral": "frontal"}
_OTHER_WAY = {"AP": "PA", "PA": "AP"}


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Both of each stack whose view is named and was looked at; nothing where two views share one film."""
    for facts, predictions in evidence.seen_stacks():
        views = {view: mean(values) for view, values in said(predictions, "view").items()}
        named = facts.view.label
        if not views or named is None or facts.num_views > 1:
            continue
        place = place_of(predictions, facts)
        if (level := level_of(named)) is not None:
            shown = _OPPOSITE[level]
            against = round(sum(value for view, value in views.items() if level_of(view) == shown), DIGITS)
            yield Measurement("body_part.view.contradiction", against, "1", place, {"named": named, "shown": shown})
        if (other := _OTHER_WAY.get(named)) in views:
            yield Measurement("body_part.view.ap_pa", views[other], "1", place, {"named": named, "shown": other})
