"""The contrast of a radiograph: how far bright and dark parts lie apart once noise is averaged away.

Direction: lower is worse. The root mean square contrast: standard deviation over mean of the image above its 0.5 %, on means of
cells of about 1/128 of the short side (Peli 1990, doi 10.1364/JOSAA.7.002032). A flat image gives 0, half bright and half dark
gives 1.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_deviation, masked_mean, masked_quantiles
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "rms": Quantity(
        "1",
        "root mean square contrast is {value:.2f}, limit {limit:.2f}",
        "均方根对比度 {value:.2f}，限值 {limit:.2f}",
        remedy_en="check exposure and automatic exposure control; have the detector checked",
        remedy_zh="请检查曝光条件和自动曝光控制；检查探测器",
    ),
}


def rms_contrast(values: "Tensor", inside: "Tensor") -> "Tensor":
    """Standard deviation over mean of values [B, h, w] above their 0.5 %: [B]."""
    floor = masked_quantiles(values, inside, (0.005,))[:, :, None]
    above = (values - floor).clamp(min=0)
    return masked_deviation(above, inside) / masked_mean(above, inside)


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    return {"rms": rms_contrast(frames.means, frames.inside)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.xr_contrast.rms", "1", worst="lowest", of_all="worst")
