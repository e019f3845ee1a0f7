"""Starvation streaks of a CT stack: noise that runs along the longest paths, through shoulders or hips, from side to side.

Direction: higher is worse. Slice by slice, in soft tissue, the deviation of a pixel's noise is taken from differences between
pixels two rows apart and from those two columns apart: horizontal streaks change from row to row. `noise_anisotropy` is their
ratio, 1 in even noise (after the directional noise of Kalender et al. 1999, doi 10.1118/1.598607, who modulate the current
against it); `streak_hu` = √(down² - (1.25 · across)²), the deviation of streaks that run across, beyond what anatomy and the
shape of the body make of even noise. Differences beyond 400 HU are edges and are dropped. Values are of the worst frame.

Anatomy has directions too, muscle above all; axial slices compare best. Where noise stays under 4 HU the ratio is that of
anatomy, and is not measured.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_deviation
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

CLIP_HU = 400.0
LEAST_NOISE_HU = 4.0
# times, by which anatomy and the shape of the body alone make noise stronger down than across
ANATOMY = 1.25

QUANTITIES = {
    "noise_anisotropy": Quantity(
        "1",
        "noise across against along the patient's width is {value:.2f} at slice {worst_slice} "
        "(median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层前后方向与左右方向噪声之比 {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="use tube current modulation; raise the arms (or lower them for a neck)",
        remedy_zh="请使用管电流调制；抬起（颈部检查则放下）双臂",
    ),
    "streak_hu": Quantity(
        "HU",
        "streaks from side to side reach {value:.0f} HU at slice {worst_slices} "
        "(median of {num_frames} images {median:.0f}), limit {limit:.0f}",
        "第 {worst_slices} 层左右方向条纹达 {value:.0f} HU（{num_frames} 幅图像的中位数 {median:.0f}），"
        "限值 {limit:.0f}",
        remedy_en="use tube current modulation; raise the arms (or lower them for a neck)",
        remedy_zh="请使用管电流调制；抬起（颈部检查则放下）双臂",
    ),
}


def directional_noise(differences_hu: "Tensor", soft: "Tensor") -> "Tensor":
    """The standard deviation of a pixel's noise from differences of two pixels [B, h, w] in soft tissue: [B], HU."""
    return masked_deviation(differences_hu, soft & (differences_hu.abs() < CLIP_HU)) / math.sqrt(2)


def applies(stack: StackFacts) -> bool:
    """Axial CT images, cut out of others as well, but for scouts, projections and what was calculated."""
    is_slice = stack.nearest_plane == "axial" and not stack.is_localizer and "MIP" not in stack.components
    return stack.modality == "CT" and is_slice and (not stack.derived or stack.role is not None)


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    down = directional_noise(frames.displaced(1, 0) - frames.displaced(-1, 0), frames.soft_tissue)
    across = directional_noise(frames.displaced(0, 1) - frames.displaced(0, -1), frames.soft_tissue)
    return {
        "noise_anisotropy": (down / across).masked_fill(down.fmax(across) < LEAST_NOISE_HU, math.nan),
        "streak_hu": (down.square() - (ANATOMY * across).square()).clamp(min=0).sqrt(),
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.photon_starvation.noise_anisotropy", "1", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.photon_starvation.streak_hu", "HU", worst="highest", of_all="worst")
