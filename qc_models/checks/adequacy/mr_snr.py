"""The signal-to-noise ratio of an MR stack: how far the patient's signal stands above the noise.

Direction: lower is worse. Slice by slice, then the median of the stack:

`tissue` = mean of the body / noise where the body is flattest, which every stack has. The noise of a window of 8 x 8 pixels is the
root mean square of the image less a plane, here as the double second difference in both directions at a distance of 3 pixels, over
6 (Immerkaer 1996, doi 10.1006/cviu.1996.0060, whose distance is 1). Three pixels, since scanners interpolate up to twofold and
filter, which hides noise from neighbours. Of the windows brighter than 0.4 of the body's mean, where noise is Gaussian, the tenth
that is quietest counts: there is little but noise there. Images that are dark by design (diffusion, MRCP) are not measured.

`dietrich` = 0.6551364 · mean of the body / standard deviation of the air (Dietrich et al. 2007, doi 10.1002/jmri.20969; MRIQC): in
air a magnitude image has a Rayleigh distribution, whose deviation is 0.6551364 = sqrt(2 - pi/2) of the Gaussian noise behind it.
Parallel imaging, filters and the combination of coils bend the noise of the air, and ghosts and dim tissue pass for it, so that
values compare best within one protocol. Frames without dark air, or whose air was set to zero, are not measured.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_quantiles
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

RAYLEIGH = 0.6551364  # deviation of a Rayleigh distribution, in deviations of the Gaussian noise behind it

DARK_ROLES = frozenset({"DWI", "ADC", "MRCP", "ASL", "SUB", "PHASE", "FIELDMAP"})
DISTANCE = 3  # pixels
WINDOW = 8  # pixels, along a side
LEAST_SIGNAL = 0.4  # of the body's mean: in the dark a magnitude image hides noise
FLATTEST = 0.1  # of the windows
MIN_WINDOWS = 16
ENOUGH_PIXELS = 256 * 256

QUANTITIES = {
    "tissue": Quantity(
        "1",
        "signal-to-noise ratio within the body is {value:.1f} (median of {num_frames} images; lowest {worst:.1f} in slices "
        "{worst_slices}), limit {limit:.1f}",
        "体内信噪比 {value:.1f}（{num_frames} 幅图像的中位数；最低 {worst:.1f}，第 {worst_slices} 层），"
        "限值 {limit:.1f}",
        remedy_en="check coil choice and placement, averages, bandwidth and voxel size",
        remedy_zh="请检查线圈选择与摆放、平均次数、带宽和体素大小",
    ),
    "dietrich": Quantity(
        "1",
        "signal-to-noise ratio is {value:.1f} (median of {num_frames} images; lowest {worst:.1f} "
        "at slice {worst_slice}), limit {limit:.1f}",
        "信噪比 {value:.1f}（{num_frames} 幅图像的中位数；最低 {worst:.1f}，第 {worst_slice} 层），限值 {limit:.1f}",
        remedy_en="check coil choice and placement, averages, bandwidth and voxel size",
        remedy_zh="请检查线圈选择与摆放、平均次数、带宽和体素大小",
    ),
}


def dietrich_snr(body_mean: "Tensor", air_deviation: "Tensor") -> "Tensor":
    """0.6551364 · mean signal / deviation of the air, element by element."""
    return RAYLEIGH * body_mean / air_deviation


def flattest_noise(pixels: "Tensor", level: "Tensor") -> "Tensor":
    """Noise of frames [B, H, W] where they are flattest, of windows brighter than 0.4 of `level` [B]: [B].

    Of large frames some rows of windows are left out: about a thousand windows tell enough.
    """
    reach = WINDOW + 2 * DISTANCE
    apart = WINDOW * max(1, pixels.shape[1] * pixels.shape[2] // ENOUGH_PIXELS)
    strips = pixels.unfold(1, reach, apart).transpose(2, 3)  # [B, strips, rows of one, W]
    width = strips.shape[3] - 2 * DISTANCE
    middle = strips[:, :, DISTANCE : DISTANCE + WINDOW]
    rough = strips[:, :, :WINDOW] + strips[:, :, 2 * DISTANCE :] - 2 * middle
    rough = rough[:, :, :, :width] + rough[:, :, :, 2 * DISTANCE :] - 2 * rough[:, :, :, DISTANCE : DISTANCE + width]
    windows = width // WINDOW
    shape = (*strips.shape[:2], windows, WINDOW)
    noise = rough.square().mean(2)[:, :, : windows * WINDOW].reshape(shape).mean(3).sqrt() / 6
    signal = middle.mean(2)[:, :, DISTANCE : DISTANCE + windows * WINDOW].reshape(shape).mean(3)
    bright = signal > LEAST_SIGNAL * level.reshape(-1, 1, 1)
    return masked_quantiles(noise, bright, (FLATTEST,), MIN_WINDOWS)[:, 0]


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    noise = flattest_noise(frames.pixels, frames.body_mean)
    return {
        "tissue": (frames.body_mean / noise).masked_fill(noise <= 0, math.nan),
        "dietrich": dietrich_snr(frames.body_mean, frames.air_deviation),
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    if curve.facts.role not in DARK_ROLES:
        yield from curve.measurement("adequacy.mr_snr.tissue", "1", worst="lowest", of_all="median")
    yield from curve.measurement("adequacy.mr_snr.dietrich", "1", worst="lowest", of_all="median")
