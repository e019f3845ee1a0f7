"""Pictures for people: one frame as a JPEG inside the page, windowed as its header says, with a finding outlined."""

import base64
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from qc_models.checks.metadata.burned_in import is_capture
from qc_models.dicom.header import Header
from qc_models.dicom.modality_values import modality_values
from qc_models.dicom.mosaic import mosaic_tiles
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError, ServiceError
from qc_models.study import Frame, Instance

PICTURE_PIXELS = 260  # of the longer side, unless told otherwise
OUTLINE = (255, 140, 0)
OUTLINE_PIXELS = 3
MARK_PIXELS = 9  # radius of the ring about a point
LEAST_INSIDE = 8  # pixels of a picture that an outline leaves free


def is_withheld(header: Header) -> bool:
    """Whether an image may show a patient's name in its pixels: it says so, or is a screen capture that does not deny it."""
    said = (header.text("BurnedInAnnotation") or "").upper()
    return said == "YES" or (said != "NO" and is_capture(header))


def picture(
    instance: Instance,
    frame: Frame,
    *,
    box: Sequence[int] | None = None,
    outlined: bool = False,
    pixels: int = PICTURE_PIXELS,
) -> str | None:
    """One frame as a JPEG data URL of true proportions; None where it does not decode.

    `box` is (row, column, height, width) in pixels; without one, `outlined` frames the whole slice.
    """
    values = frame_values(instance, frame)
    if values is None:
        return None
    whole = (0, 0, frame.rows, frame.columns) if outlined else None
    return drawn(grey_levels(values, instance.header), aspect_of(frame), box=box or whole, pixels=pixels)


def frame_values(instance: Instance, frame: Frame) -> NDArray[Any] | None:
    """The modality values of a frame [H, W] (HU in CT), or its colours [H, W, 3]; None where it does not decode."""
    header = instance.header
    try:
        content = instance.source.content()
        is_mosaic = "MOSAIC" in header.texts("ImageType")
        (stored,) = decode_frames(content, header, (0 if is_mosaic else frame.index,))
        if is_mosaic:
            stored = mosaic_tiles(stored, header)[frame.index]
    except (InputError, ServiceError, OSError):
        return None
    return stored if stored.ndim == 3 else np.nan_to_num(modality_values(stored, header, frame.index))


def drawn(
    grey: NDArray[np.uint8],
    aspect: float = 1.0,
    *,
    box: Sequence[int] | None = None,
    marks: Iterable[tuple[float, float]] = (),
    pixels: int,
) -> str:
    """Grey levels or colours as a JPEG data URL, `pixels` along the longer side; `aspect` is a pixel's width over its height.

    `box` is outlined, and a ring drawn about each of `marks` (row, column), in pixels of `grey`.
    """
    image = Image.fromarray(grey)
    width, height = image.width * aspect, float(image.height)
    scale = pixels / max(width, height)
    resized = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR)
    x, y = resized.width / image.width, resized.height / image.height
    marks = tuple(marks)
    if box is not None or marks:
        resized = resized.convert("RGB")
    for row, column in marks:
        at_x, at_y = (column + 0.5) * x, (row + 0.5) * y
        corners = (at_x - MARK_PIXELS, at_y - MARK_PIXELS, at_x + MARK_PIXELS, at_y + MARK_PIXELS)
        ImageDraw.Draw(resized).ellipse(corners, outline=OUTLINE, width=2)
    if box is not None:
        top, left, rows, columns = box
        left_x, right_x = _opened(left * x, (left + columns) * x - 1, resized.width)
        top_y, bottom_y = _opened(top * y, (top + rows) * y - 1, resized.height)
        ImageDraw.Draw(resized).rectangle((left_x, top_y, right_x, bottom_y), outline=OUTLINE, width=OUTLINE_PIXELS)
    return _data_url(resized)


def aspect_of(frame: Frame) -> float:
    """Width of a pixel over its height."""
    return frame.pixel_spacing_mm[1] / frame.pixel_spacing_mm[0] if frame.pixel_spacing_mm else 1.0


def stretched(values: NDArray[Any], ends: tuple[float, float] = (0.5, 99.5)) -> NDArray[np.uint8]:
    """Grey levels between two percentiles of the values."""
    low, high = np.percentile(values[::2, ::2], ends)
    scaled = np.clip((values - low) / max(float(high - low), 1e-6) * 255, 0, 255)
    grey: NDArray[np.uint8] = scaled.astype(np.uint8)
    return grey


def grey_levels(values: NDArray[Any], header: Header, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Modality values as grey levels, by `window` (centre, width), that of the header, or their own range; colours as they are."""
    if values.ndim == 3:
        return np.asarray(values, dtype=np.uint8) if values.dtype == np.uint8 else stretched(values.astype(np.float32))
    centre, width = window or (header.number("WindowCenter"), header.number("WindowWidth"))
    grey = stretched(values) if centre is None or width is None or width <= 1 else _window(values, centre, width)
    if window is None and grey.max() == grey.min():  # a window that shows nothing
        grey = stretched(values)
    return 255 - grey if header.text("PhotometricInterpretation") == "MONOCHROME1" else grey


def _opened(first: float, last: float, size: int) -> tuple[float, float]:
    """A side of an outline, moved out where it would cover what it is about: a dead line is one pixel wide."""
    short = max(0.0, LEAST_INSIDE + 2 * OUTLINE_PIXELS - (last - first)) / 2
    first, last = max(0.0, first - short), min(size - 1.0, last + short)
    return first, max(first, last)


def _window(values: NDArray[np.float32], centre: float, width: float) -> NDArray[np.uint8]:
    """The linear window of PS3.3 C.11.2.1.2."""
    grey: NDArray[np.uint8] = np.clip(((values - (centre - 0.5)) / (width - 1) + 0.5) * 255, 0, 255).astype(np.uint8)
    return grey


def _data_url(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
