"""How many pixels the images of each required component have.

Direction: lower is worse. Rows and Columns of the largest stack that fills the component, shorter and longer side; the
component with the smallest is told. Exempt are diffusion, ADC, dynamic, phase and subtracted images, projections and CT
reformats, which are never taken at the full matrix.
"""

from collections.abc import Iterator
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import filling

_TEXTS = {
    "en": "the images for {component} have {short} × {long} pixels; the {side} side should have {limit:.0f}",
    "zh": "{component} 图像矩阵为 {short} × {long}，{side_zh}应不少于 {limit:.0f}",
    "remedy_en": "send the original matrix, not a reduced copy; else acquire with a larger one",
    "remedy_zh": "请上传原始矩阵图像而非缩小副本；否则请以更大矩阵采集",
}
QUANTITIES = {"short_side": Quantity("px", **_TEXTS), "long_side": Quantity("px", **_TEXTS)}

EXEMPT_ROLES = frozenset({"DWI", "ADC", "DYNAMIC", "MIP", "SUB", "PHASE"})


def has_matrix(stack: StackFacts) -> bool:
    """Whether a stack's matrix says how finely it was taken."""
    if not stack.rows or not stack.columns or not EXEMPT_ROLES.isdisjoint(stack.roles):
        return False
    return stack.modality != "CT" or stack.nearest_plane == "axial"


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """The shorter and the longer side of the item's coarsest component."""
    best = {
        component: max(measured, key=_sides)
        for component, stacks in filling(item, facts).items()
        if (measured := [stack for stack in stacks if has_matrix(stack)])
    }
    if not best:
        return
    for quantity, side, words in (("short_side", 0, ("shorter", "短边")), ("long_side", 1, ("longer", "长边"))):
        component, stack = min(best.items(), key=lambda entry: _sides(entry[1])[side])
        short, long = _sides(stack)
        yield Measurement(
            f"adequacy.matrix.{quantity}",
            float(_sides(stack)[side]),
            "px",
            Location(series_instance_uid=stack.series_instance_uid, stack=stack.index),
            {"component": component, "short": short, "long": long, "side": words[0], "side_zh": words[1]},
        )


def _sides(stack: StackFacts) -> tuple[int, int]:
    return min(stack.rows, stack.columns), max(stack.rows, stack.columns)
