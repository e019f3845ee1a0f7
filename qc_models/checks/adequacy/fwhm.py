"""The smoothness of an MR stack: how wide a point is spread within the patient, in mm; blur and interpolation widen it.

Direction: higher is worse. Per axis of the slice FWHM = 2.35482 · sqrt(-1 / (4 ln(1 - σ²(Δx) / (2 σ²(x))))) · pixel, with the
variance of the values in the body and of the differences of neighbours there (Forman et al. 1995, doi
10.1002/mrm.1910330508; AFNI 3dFWHMx, which writes the same as sqrt(-2 ln 2 / ln(...))); of both axes the geometric mean. MRIQC
takes AFNI's value; the formula of its documentation lacks the factor 2.35482 and is the deviation of the Gaussian. The value is the
median of the stack.

Anatomy is no noise field: the value says how fine the image is drawn, and compares within one protocol and body part. A stack
without PixelSpacing counts a pixel as 1 mm.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_deviation
from qc_models.features.masks import eroded
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "in_plane_mm": Quantity(
        "mm",
        "smoothness (FWHM) is {value:.2f} (median of {num_frames} images; highest {worst:.2f} at "
        "slice {worst_slice}), limit {limit:.2f}",
        "平滑度（FWHM） {value:.2f}（{num_frames} 幅图像的中位数；最高 {worst:.2f}，第 {worst_slice} 层），限值 {limit:.2f}",
        remedy_en="check for motion, filters and interpolation; use a finer matrix",
        remedy_zh="请检查运动、滤波和插值；使用更细的矩阵",
    ),
}


def width(difference_variance: "Tensor", variance: "Tensor", pixel_mm: float) -> "Tensor":
    """The full width at half maximum in mm, element by element; NaN where neighbours are not alike at all."""
    likeness = 1 - difference_variance / (2 * variance)
    return 2.35482 * pixel_mm * (-1 / (4 * likeness.log())).sqrt()


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    body = eroded(frames.body, 1)  # the rim is no texture
    variance = masked_deviation(frames.samples, body) ** 2
    row_mm, column_mm = frames.spacing_mm or (1.0, 1.0)
    down = masked_deviation(frames.samples - frames.displaced(-1, 0), body) ** 2
    across = masked_deviation(frames.samples - frames.displaced(0, -1), body) ** 2
    return {"in_plane_mm": (width(down, variance, row_mm) * width(across, variance, column_mm)).sqrt()}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.fwhm.in_plane_mm", "mm", worst="highest", of_all="median")
