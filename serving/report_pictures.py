"""Pictures for people: one frame as a JPEG inside the page, windowed as its header says, with a finding outlined."""

import base64
import io
from collections.abc import Sequence

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
    try:
        grey = _grey(instance, frame)
    except (InputError, ServiceError, OSError):
        return None
    image = Image.fromarray(grey)
    aspect = _aspect(frame)
    width, height = image.width * aspect, float(image.height)
    scale = pixels / max(width, height)
    resized = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR)
    if box is not None or outlined:
        resized = resized.convert("RGB")
        top, left, rows, columns = box or (0, 0, frame.rows, frame.columns)
        x, y = resized.width / image.width, resized.height / image.height
        corners = (left * x, top * y, max((left + columns) * x - 1, left * x), max((top + rows) * y - 1, top * y))
        ImageDraw.Draw(resized).rectangle(corners, outline=OUTLINE, width=3)
    return _data_url(resized)


def _grey(instance: Instance, frame: Frame) -> NDArray[np.uint8]:
    header = instance.header
    content = instance.source.content()
    is_mosaic = "MOSAIC" in header.texts("ImageType")
    (stored,) = decode_frames(content, header, (0 if is_mosaic else frame.index,))
    if is_mosaic:
        stored = mosaic_tiles(stored, header)[frame.index]
    if stored.ndim == 3:
        return np.asarray(stored, dtype=np.uint8) if stored.dtype == np.uint8 else _stretch(stored.astype(np.float32))
    values = np.nan_to_num(modality_values(stored, header, frame.index))
    centre, width = header.number("WindowCenter"), header.number("WindowWidth")
    grey = (
        _window(values, centre, width) if centre is not None and width is not None and width > 1 else _stretch(values)
    )
    if grey.max() == grey.min():  # a window that shows nothing
        grey = _stretch(values)
    return 255 - grey if header.text("PhotometricInterpretation") == "MONOCHROME1" else grey


def _window(values: NDArray[np.float32], centre: float, width: float) -> NDArray[np.uint8]:
    """The linear window of PS3.3 C.11.2.1.2."""
    grey: NDArray[np.uint8] = np.clip(((values - (centre - 0.5)) / (width - 1) + 0.5) * 255, 0, 255).astype(np.uint8)
    return grey


def _stretch(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = np.percentile(values[::2, ::2], (0.5, 99.5))
    scaled = np.clip((values - low) / max(float(high - low), 1e-6) * 255, 0, 255)
    grey: NDArray[np.uint8] = scaled.astype(np.uint8)
    return grey


def _aspect(frame: Frame) -> float:
    """Width of a pixel over its height."""
    return frame.pixel_spacing_mm[1] / frame.pixel_spacing_mm[0] if frame.pixel_spacing_mm else 1.0


def _data_url(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
