"""Pictures for people: key slices with the finding outlined, and plots of slice positions and noise along a stack."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from qc_models.dicom.modality_values import modality_values
from qc_models.dicom.mosaic import mosaic_tiles
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError
from qc_models.stack import Stack
from qc_models.study import Frame, Instance

PICTURE_PIXELS = 300
OUTLINE = (255, 140, 0)


def picture(
    instance: Instance, frame: Frame, *, box: Sequence[int] | None = None, outlined: bool = False
) -> str | None:
    """One frame as a PNG data URL, windowed as its header says; None where it does not decode.

    `box` is (row, column, height, width) in pixels; without one, `outlined` frames the whole slice.
    """
    try:
        grey = _grey(instance, frame)
    except InputError:
        return None
    image = Image.fromarray(grey).convert("RGB")
    scale = PICTURE_PIXELS / max(image.size)
    aspect = _aspect(frame)
    size = (
        max(1, round(image.width * scale * min(1.0, aspect))),
        max(1, round(image.height * scale * min(1.0, 1 / aspect))),
    )
    resized = image.resize(size, Image.Resampling.BILINEAR)
    if box is not None or outlined:
        top, left, height, width = box or (0, 0, frame.rows, frame.columns)
        x, y = size[0] / image.width, size[1] / image.height
        corners = (left * x, top * y, (left + width) * x - 1, (top + height) * y - 1)
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
    values = modality_values(stored, header, frame.index)
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
    image.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def positions_plot(stack: Stack, gaps_mm: Sequence[float] = ()) -> str | None:
    """Slice positions along the normal against slice number as SVG, missing places marked; None below three slices."""
    if stack.normal is None or stack.num_slices < 3:
        return None
    positions = stack.slice_positions_mm
    figure, axes = _axes("slice", "position along the normal (mm)")
    axes.plot(range(1, len(positions) + 1), positions, ".", markersize=4, color="#1f5fa8")
    for gap in gaps_mm:
        axes.axhline(gap, color="#d22", linewidth=0.8)
    axes.set_title("slice positions" + (" (red: missing)" if gaps_mm else ""), fontsize=8)
    return _svg(figure)


def curve_plot(curve: Sequence[Sequence[float]], title: str, unit: str) -> str | None:
    """A value along the stack, [[slice, value], …], as SVG; None below three values."""
    if len(curve) < 3:
        return None
    figure, axes = _axes("slice", unit)
    axes.plot([point[0] + 1 for point in curve], [point[1] for point in curve], "-", color="#1f5fa8", linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_title(title, fontsize=8)
    return _svg(figure)


def missing_positions(measurements: Sequence[Mapping[str, Any]], stack: Stack) -> list[float]:
    """The places of missing slices that the measurements of a stack name, in mm."""
    return [
        float(position)
        for measurement in measurements
        if measurement["metric"] == "completeness.slice_positions.missing" and of_stack(measurement, stack)
        for position in measurement["detail"].get("positions_mm", [])
    ]


def of_stack(measurement: Mapping[str, Any], stack: Stack) -> bool:
    """Whether a measurement was taken of this stack."""
    place = measurement["location"]
    return bool(place["series_instance_uid"] == stack.series_instance_uid and place.get("stack") in (stack.index, None))


def _axes(x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4, 2.1), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x, fontsize=7)
    axes.set_ylabel(y, fontsize=7)
    axes.tick_params(labelsize=6)
    axes.grid(linewidth=0.3)
    return figure, axes


def _svg(figure: Any) -> str:
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "touchstone", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
