"""How far the exposure of a radiograph is from its target.

Direction: farther from 0 is worse; above is too much dose, below too much noise. DeviationIndex (0018,1413), else
10 · log10(ExposureIndex / TargetExposureIndex), of IEC 62494-1: +3 is double the target, -3 half of it.
"""

import math
from collections.abc import Iterator

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity

QUANTITIES = {
    "deviation_index": Quantity(
        "1",
        "the exposure is off its target: deviation index {value:+.1f}, that is {times:.1f} times the target; limit {limit:+.1f}",
        "曝光偏离目标值：偏差指数 {value:+.1f}，为目标值的 {times:.1f} 倍；限值 {limit:+.1f}",
        "check automatic exposure control, centring and collimation for this view",
        "请检查该体位的自动曝光控制、中心定位和照射野",
    )
}

LARGEST = 20.0  # a hundredfold exposure; what lies beyond is no deviation index


def deviation_index(exposure_index: float, target_exposure_index: float) -> float:
    """10 · log10(EI / EI_target) (IEC 62494-1); both above 0."""
    return 10 * math.log10(exposure_index / target_exposure_index)


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """The deviation index of each radiograph that states one, or index and target."""
    for stack in evidence.stacks:
        if stack.modality != "XR":
            continue
        frame = stack.frames[0]
        value = _stated(evidence.instance(frame).header)
        if value is not None and abs(value) <= LARGEST:
            where = Location(stack.series_instance_uid, frame.sop_instance_uid, frame.index, stack=stack.index)
            yield Measurement(
                "adequacy.exposure_index.deviation_index", value, "1", where, {"times": 10 ** (value / 10)}
            )


def _stated(header: Header) -> float | None:
    value = header.number("DeviationIndex")
    if value is not None:
        return value
    exposure, target = header.number("ExposureIndex"), header.number("TargetExposureIndex")
    return deviation_index(exposure, target) if exposure and target and exposure > 0 and target > 0 else None
