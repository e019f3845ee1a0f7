"""How large a pixel of a radiograph is.

Direction: higher is worse. The larger of row and column spacing (PixelSpacing, else ImagerPixelSpacing; PS3.3 10.7.1.3) of the
finest image that fills each required view; the view with the coarsest is told.
"""

from collections.abc import Iterator
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import filling

QUANTITIES = {
    "pixel_pitch_mm": Quantity(
        "mm",
        "a pixel of the {component} view is {value:.3f} mm wide, limit {limit:.3f} mm",
        "{component} 位像素尺寸为 {value:.3f} mm，限值 {limit:.3f} mm",
        "send the image at the detector's full resolution",
        "请以探测器原始分辨率上传图像",
    )
}


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """The pixel pitch of the item's coarsest view; nothing for CT and MR."""
    if item.modality != "XR":
        return
    finest = {
        component: min(measured, key=_pitch)
        for component, stacks in filling(item, facts).items()
        if (measured := [stack for stack in stacks if stack.pixel_spacing_mm is not None])
    }
    if finest:
        component, stack = max(finest.items(), key=lambda entry: _pitch(entry[1]))
        where = Location(series_instance_uid=stack.series_instance_uid, stack=stack.index)
        yield Measurement("adequacy.resolution.pixel_pitch_mm", _pitch(stack), "mm", where, {"component": component})


def _pitch(stack: StackFacts) -> float:
    return max(stack.pixel_spacing_mm or (0.0,))
