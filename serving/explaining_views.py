"""Second pictures that explain a finding: a ring is a straight line in polar view, a spike a point of the spectrum.

Each view is a function of one decoded frame; `VIEWS` says which views explain which check. A check without one has its picture.
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from qc_models.study import Frame

Values = NDArray[np.float32]  # [H, W], modality values: HU in CT
Grey = NDArray[np.uint8]  # [H, W], or [H, W, 3] where there is colour
HOT = (255, 110, 0)
HOTTEST = 0.6  # share of the colour where the map is highest

NUM_ANGLES = 360
RADIAL_REACH = 4  # circles on either side that a circle is compared with
ANGLE_REACH = 6  # degrees on either side that are averaged: an arc outlasts noise
SPECTRUM_LARGEST = 2048  # pixels of a side that are looked at, in the middle
SPECTRUM_PIXELS = 128  # of a side of the picture of a spectrum: a point must be seen
SPECTRUM_DB = (5.0, 30.0)  # black and white; noise alone scatters by 6 dB
SPECTRUM_NEIGHBOURS = 48  # a point is compared with this part of each side, up and down, left and right
PEAK_DB = 15.0  # from which on the strongest point is ringed
LEAST_FREQUENCY = 0.03  # cycles a pixel, inside which anatomy rules
FAINT = 0.1  # of the bright tissue, shown as white
NOISE_WINDOW_MM = 7.5
TYPICAL_SPACING_MM = 0.75  # where a frame does not say
SHADING_SHARE = 1 / 16  # of a side, over which shading is averaged
SHADED_PART = 0.3  # of the surroundings must give signal, else nothing is shown


class Drawing(NamedTuple):
    """A view of one frame: its grey levels, what black and white stand for, whether its pixels are the frame's, points to ring."""

    grey: Grey
    scale: str = ""
    is_in_place: bool = False
    marks: tuple[tuple[float, float], ...] = ()  # (row, column) of `grey`


class View(NamedTuple):
    """One kind of view: what it shows, in both languages, and how it is drawn."""

    en: str
    zh: str
    draw: Callable[[Values, Frame], Drawing]


def polar(values: Values, frame: Frame) -> Drawing:
    """Radius (downwards, from the middle of the frame) by angle (to the right), less what changes slowly with the radius."""
    height, width = values.shape
    radius = np.arange(min(height, width) // 2, dtype=np.float32)[:, None]
    angle = np.arange(NUM_ANGLES, dtype=np.float32) * (2 * np.pi / NUM_ANGLES)
    circles = _between(values, (height - 1) / 2 + radius * np.sin(angle), (width - 1) / 2 + radius * np.cos(angle))
    padded = np.pad(circles, ((RADIAL_REACH, RADIAL_REACH), (0, 0)), mode="edge")
    off = circles - np.median(sliding_window_view(padded, 2 * RADIAL_REACH + 1, axis=0), axis=-1)
    around = np.pad(off, ((0, 0), (ANGLE_REACH, ANGLE_REACH)), mode="wrap")
    arcs = np.median(sliding_window_view(around, 2 * ANGLE_REACH + 1, axis=1), axis=-1)
    reach = max(float(np.percentile(np.abs(arcs), 99)), 1e-6)
    return Drawing(_between_black_and_white(arcs, -reach, reach), f"±{_short(reach)}")


def spectrum(values: Values, frame: Frame) -> Drawing:
    """The power spectrum, frequency 0 in the middle and cut out, in dB against what is usual around each point."""
    height, width = (min(size - size % 2, SPECTRUM_LARGEST) for size in values.shape)
    top, left = (values.shape[0] - height) // 2, (values.shape[1] - width) // 2
    even = values[top : top + height, left : left + width]
    taper = np.hanning(height)[:, None].astype(np.float32) * np.hanning(width).astype(np.float32)
    power = np.abs(np.fft.fftshift(np.fft.fft2((even - even.mean()) * taper))) ** 2
    decibels = (10 * np.log10(np.maximum(power, power.max() * 1e-14 + 1e-30))).astype(np.float32)
    reach = [max(2, size // SPECTRUM_NEIGHBOURS) for size in decibels.shape]
    above = decibels - _box_mean(decibels, *reach)
    frequency = np.hypot(np.fft.fftshift(np.fft.fftfreq(width)), np.fft.fftshift(np.fft.fftfreq(height))[:, None])
    low, high = SPECTRUM_DB
    shown = _largest_of_tiles(np.where(frequency < LEAST_FREQUENCY, low, above))
    peak = float(shown.max())
    row, column = divmod(int(shown.argmax()), shown.shape[1])
    rows, columns = shown.shape
    # what is real has each of its points twice, opposite to the middle
    marks = ((row, column), ((rows - row) % rows, (columns - column) % columns)) if peak > PEAK_DB else ()
    return Drawing(_between_black_and_white(shown, low, high), f"{low:.0f} … {high:.0f} dB", marks=marks)


def faint_signal(values: Values, frame: Frame) -> Drawing:
    """The frame with its faintest tenth spread over all grey levels: what lies in the air comes to light."""
    white = FAINT * max(float(np.percentile(values, 99)), 1e-6)
    return Drawing(_between_black_and_white(values, 0.0, white), f"0 … {FAINT:.0%}", is_in_place=True)


def noise_map(values: Values, frame: Frame) -> Drawing:
    """The local deviation of each pixel from the mean of its neighbours."""
    fine = values - _box_mean(values, 1, 1)
    row_mm, column_mm = frame.pixel_spacing_mm or (TYPICAL_SPACING_MM, TYPICAL_SPACING_MM)
    reach = [max(1, round(NOISE_WINDOW_MM / mm / 2)) for mm in (row_mm, column_mm)]
    # eight ninths of the variance is left when the mean of nine is taken off
    deviation = np.sqrt(np.maximum(_box_mean(fine**2, *reach), 0) * 9 / 8)
    white = max(2 * float(np.median(deviation[deviation > 0])) if (deviation > 0).any() else 0.0, 1e-6)
    return Drawing(_between_black_and_white(deviation, 0.0, white), f"0 … {_short(white)}", is_in_place=True)


def shading(values: Values, frame: Frame) -> Drawing:
    """The slow change of the signal, averaged over a sixteenth of the frame where there is signal."""
    is_signal = values > 0.1 * np.percentile(values, 99)
    reach = [max(1, round(size * SHADING_SHARE)) for size in values.shape]
    weight, total = is_signal.astype(np.float32), np.where(is_signal, values, 0).astype(np.float32)
    for _ in range(3):  # three boxes are nearly a Gaussian
        weight, total = _box_mean(weight, *reach), _box_mean(total, *reach)
    mean = np.where(weight > SHADED_PART, total / np.maximum(weight, 1e-6), 0)
    white = max(float(mean.max()), 1e-6)
    return Drawing(_between_black_and_white(mean, 0.0, white), f"0 … {_short(white)}", is_in_place=True)


POLAR = View("polar view: a ring is a line across", "极坐标图：环状伪影为横线", polar)
SPECTRUM = View("power spectrum: a regular pattern is a bright point", "功率谱：规则条纹为亮点", spectrum)
FAINT_SIGNAL = View("faint signal brightened", "弱信号增亮", faint_signal)
NOISE_MAP = View("local noise", "局部噪声图", noise_map)
SHADING = View("slow change of brightness", "亮度缓变", shading)

VIEWS: Mapping[str, tuple[View, ...]] = {
    "artifacts.background": (FAINT_SIGNAL,),
    "artifacts.bias_field": (SHADING,),
    "artifacts.ghosting": (FAINT_SIGNAL, SPECTRUM),
    "artifacts.grid_lines": (SPECTRUM,),
    "artifacts.motion": (FAINT_SIGNAL, SPECTRUM),
    "artifacts.photon_starvation": (NOISE_MAP,),
    "artifacts.ring": (POLAR,),
    "artifacts.spike": (SPECTRUM,),
    "artifacts.zipper": (FAINT_SIGNAL,),
    "adequacy.mr_snr": (NOISE_MAP,),
    "adequacy.noise_hu": (NOISE_MAP,),
    "adequacy.uniformity": (SHADING,),
    "adequacy.xr_noise": (NOISE_MAP,),
}


def views_of(metric: str, detail: Mapping[str, Any]) -> tuple[View, ...]:
    """The views that explain a metric `dimension.check.quantity`, and the map of a model where the detail has one."""
    views = VIEWS.get(metric.rpartition(".")[0], ())
    if "map" in detail:
        views += (View("where the model sees it", "模型所见位置", partial(heat, digits=detail["map"])),)
    return views


def heat(values: Values, frame: Frame, digits: str) -> Drawing:
    """The frame under the coarse map of a model: hexadecimal digits of a square, row by row, in whose middle the frame lies."""
    height, width = values.shape
    cells = np.array([int(digit, 16) / 15 for digit in digits], np.float32).reshape(isqrt(len(digits)), -1)
    side = max(height, width)
    steps = (np.arange(side, dtype=np.float32) + 0.5) * len(cells) / side - 0.5
    square = _between(np.pad(cells, 1, mode="edge"), steps[:, None] + 1, steps[None] + 1)
    top, left = (side - height) // 2, (side - width) // 2
    share = HOTTEST * square[top : top + height, left : left + width, None] / max(float(cells.max()), 1e-6)
    low, high = (float(value) for value in np.percentile(values, (0.5, 99.5)))
    grey = _between_black_and_white(values, low, max(high, low + 1e-6))[..., None]
    return Drawing(((1 - share) * grey + share * np.array(HOT)).astype(np.uint8), is_in_place=True)


def drawing(view: View, values: NDArray[Any], frame: Frame) -> Drawing | None:
    """A view of a frame; None of colours, and of frames too small to show anything."""
    return view.draw(values.astype(np.float32), frame) if values.ndim == 2 and min(values.shape) >= 16 else None


def _between(values: Values, row: Values, column: Values) -> Values:
    """Values at places between pixels, linear in both directions; beyond the edge it repeats."""
    top = np.clip(row.astype(np.int64), 0, values.shape[0] - 2)
    left = np.clip(column.astype(np.int64), 0, values.shape[1] - 2)
    down, right = np.clip(row - top, 0, 1), np.clip(column - left, 0, 1)
    upper = values[top, left] * (1 - right) + values[top, left + 1] * right
    lower = values[top + 1, left] * (1 - right) + values[top + 1, left + 1] * right
    between: Values = (upper * (1 - down) + lower * down).astype(np.float32)
    return between


def _box_mean(values: Values, rows: int, columns: int) -> Values:
    """The mean of so many rows and columns on either side of each pixel; edges repeat."""
    mean: NDArray[Any] = values.astype(np.float64)
    for axis, reach in ((0, rows), (1, columns)):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (reach + 1, reach)
        sums = np.cumsum(np.pad(mean, pad, mode="edge"), axis=axis)
        size = 2 * reach + 1
        upper, lower = np.moveaxis(sums, axis, 0)[size:], np.moveaxis(sums, axis, 0)[:-size]
        mean = np.moveaxis((upper - lower) / size, 0, axis)
    smooth: Values = mean.astype(np.float32)
    return smooth


def _short(value: float) -> str:
    """Two digits, without an exponent: 120, 4.5."""
    return f"{float(f'{value:.2g}'):g}"


def _largest_of_tiles(values: NDArray[Any]) -> NDArray[Any]:
    """Tiles shrunk to their largest value, so that a single point survives in a small picture."""
    rows, columns = (max(1, size // SPECTRUM_PIXELS) for size in values.shape)
    height, width = values.shape[0] // rows, values.shape[1] // columns
    largest: NDArray[Any] = (
        values[: height * rows, : width * columns].reshape(height, rows, width, columns).max(axis=(1, 3))
    )
    return largest


def _between_black_and_white(values: NDArray[Any], black: float, white: float) -> Grey:
    grey: Grey = np.clip((values - black) / (white - black) * 255, 0, 255).astype(np.uint8)
    return grey
