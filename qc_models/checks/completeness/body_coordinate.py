"""An axial CT stack runs along the body as its positions say: in order, at its spacing, in one piece, over the range asked for.

A model says of each slice how far along the body it lies (`volume_anatomy`); that is held against the positions of the slices.
`slope_ratio` is the seen rise over the written one, about 1: lower or higher where the spacing is wrong or slices are missing.
`reversed` is 1 where the slices run against the body. `jump_mm` is the largest step between two neighbouring slices that a straight
line does not explain: higher where two scans were put together. `top_mm` and `bottom_mm` are where the stack ends, above the lung
apex of an adult; `short_of_range_mm` how far the best of an item's stacks stays short of a landmark that the item asks for. Stacks
shorter than 100 mm, and slices of parts that were not learned, tell nothing. Source: Schuhegger 2021 (arXiv 2110.09148).
"""

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np

from qc_models.body_coordinate import LANDMARKS_MM, LEAST_LENGTH_MM, BodyFit, fit_body
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import stacks_for
from qc_models.model_outputs import Prediction
from qc_models.roles.seen import SHOWN, mean, said
from qc_models.stack import Stack

_NAME = "completeness.body_coordinate"
_MODEL = "volume_anatomy"
ALONG = frozenset("head neck chest abdomen pelvis".split())  # what the coordinate was learned on
REVERSED_ORDER = -0.5  # Kendall's tau
KNOWN = 0.6  # probability of a part that the coordinate knows, from which on a slice counts

_LOOK_EN, _LOOK_ZH = (
    "look at the order and positions of the slices; send the series again",
    "请核对层面顺序与位置后重新上传该序列",
)

QUANTITIES = {
    "slope_ratio": Quantity(
        "1",
        "the images advance along the body {value:.2f} times as fast as their positions say",
        "图像沿身体推进的速度为层面位置所示的 {value:.2f} 倍",
        _LOOK_EN,
        _LOOK_ZH,
    ),
    "reversed": Quantity(
        "stacks",
        "the slices run against the body: their positions are reversed",
        "层面顺序与身体方向相反（位置颠倒）",
        _LOOK_EN,
        _LOOK_ZH,
    ),
    "jump_mm": Quantity(
        "mm",
        "between two neighbouring slices the body jumps by {value:.0f} mm: two scans were put together, or a part is missing",
        "相邻两层之间身体位置跳跃 {value:.0f} mm（不同扫描拼接或部分缺失）",
        _LOOK_EN,
        _LOOK_ZH,
    ),
    "top_mm": Quantity(
        "mm",
        "the scan ends {value:.0f} mm above the lung apex",
        "扫描上缘位于肺尖上方 {value:.0f} mm",
        "scan the range of the protocol",
        "请按扫描方案的范围扫描",
    ),
    "bottom_mm": Quantity(
        "mm",
        "the scan ends {value:.0f} mm above the lung apex (negative: below)",
        "扫描下缘位于肺尖上方 {value:.0f} mm（负值为下方）",
        "scan the range of the protocol",
        "请按扫描方案的范围扫描",
    ),
    "short_of_range_mm": Quantity(
        "mm",
        "the images stay {value:.0f} mm short of the {landmark}, which {item} asks for",
        "图像距 {item} 要求的 {landmark} 尚差 {value:.0f} mm",
        "send the missing slices; if they were not scanned, complete the scan",
        "请补传缺失层面；如未扫描，请补充扫描",
    ),
}


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """What the coordinates of each axial CT stack of head and trunk prove."""
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        predictions = evidence.predictions.get((stack.series_instance_uid, stack.index), {})
        fit = fit_of(stack, facts, predictions)
        if fit is None:
            continue
        place = Location(stack.series_instance_uid, stack=stack.index)
        if fit.order < REVERSED_ORDER:
            yield Measurement(f"{_NAME}.reversed", 1, "stacks", place, {"order": round(fit.order, 2)})
            continue
        at = Location(stack.series_instance_uid, slice=_slices(predictions[_MODEL])[fit.jump_at], stack=stack.index)
        yield Measurement(f"{_NAME}.slope_ratio", round(fit.slope, 3), "1", place)
        yield Measurement(f"{_NAME}.jump_mm", round(abs(fit.jump_mm), 1), "mm", at)
        yield Measurement(f"{_NAME}.top_mm", round(fit.high_mm, 1), "mm", place)
        yield Measurement(f"{_NAME}.bottom_mm", round(fit.low_mm, 1), "mm", place)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """How far an item's stacks together stay short of the landmarks between which it asks for images, those that are known."""
    if item.scan_range is None or item.modality != "CT":
        return
    ends: dict[str, dict[tuple[str | None, int | None], float]] = {}
    for measured in facts.measurements:
        if measured.metric in (f"{_NAME}.top_mm", f"{_NAME}.bottom_mm"):
            key = (measured.location.series_instance_uid, measured.location.stack)
            ends.setdefault(measured.metric.rpartition(".")[2], {})[key] = measured.value
    ours = {(stack.series_instance_uid, stack.index) for stack in stacks_for(item, facts)}
    tops = [value for key, value in ends.get("top_mm", {}).items() if key in ours]
    bottoms = [value for key, value in ends.get("bottom_mm", {}).items() if key in ours]
    if not tops:
        return
    for landmark in (item.scan_range.start, item.scan_range.end):
        if landmark in LANDMARKS_MM:
            short = max(LANDMARKS_MM[landmark] - max(tops), min(bottoms) - LANDMARKS_MM[landmark])
            detail = {"landmark": landmark, "item": item.id}
            yield Measurement(f"{_NAME}.short_of_range_mm", round(short, 1), "mm", detail=detail)


def fit_of(stack: Stack, facts: StackFacts, predictions: Mapping[str, Prediction]) -> BodyFit | None:
    """The fit of one stack; None where the coordinate means nothing: other planes, other parts, too short, no body."""
    coordinates = said(predictions, "coordinate").get("decimetres")
    if coordinates is None or facts.modality != "CT" or facts.nearest_plane != "axial" or stack.normal is None:
        return None
    shown = said(predictions, "region")
    regions = {region: mean(values) for region, values in shown.items()}
    outside = said(predictions, "scope").get("outside")
    if max(regions, key=lambda name: regions[name]) not in ALONG or (outside is not None and mean(outside) > SHOWN):
        return None
    along = stack.slice_positions_mm[_slices(predictions[_MODEL])]
    known = np.max([values for name, values in shown.items() if name in ALONG], axis=0) >= KNOWN
    if not known.any() or np.ptp(along[known]) < LEAST_LENGTH_MM:
        return None
    return fit_body(along * np.sign(stack.normal[2]), coordinates, known)


def _slices(prediction: Prediction) -> list[int]:
    return [slice_index for slice_index, _, _ in prediction.places]
