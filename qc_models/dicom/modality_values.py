"""Stored values to modality values (Hounsfield units in CT), and the pixels that are padding and no image at all."""

import numpy as np
from numpy.typing import NDArray

from qc_models.dicom.header import Header
from qc_models.dicom.pixel_layout import PixelError, Pixels, align_bits, pixel_layout


def modality_values(
    frame: Pixels, header: Header, frame_index: int = 0, *, display_sense: bool = False
) -> NDArray[np.float32]:
    """Apply the modality LUT, or the rescale slope and intercept of this frame, to stored values [rows, columns].

    The scale is that of the sender: HU in CT whatever the photometric interpretation, so a MONOCHROME1 frame stays as it
    is. With `display_sense` its stored values are turned over within their range first, so that more is brighter, as in
    MONOCHROME2; that is for looking and for networks, not for measuring. PixelError for colour, for a slope of zero, for
    unreadable numbers. PS3.3 C.11.1, C.7.6.16.2.9.
    """
    if frame.ndim != 2:
        raise PixelError(f"{header.name}: a frame in colour has no modality values; take its luminance first")
    values = frame.astype(np.float32)
    if display_sense and header.text("PhotometricInterpretation") == "MONOCHROME1":
        bits = header.integer("BitsStored") or 8 * frame.dtype.itemsize
        values = (-1.0 if frame.dtype.kind == "i" else float((1 << bits) - 1)) - values
    tables = header.items("ModalityLUTSequence")
    if tables:
        return _look_up(values, tables[0], header.name)
    slope, intercept = _rescale(header, frame_index)
    if slope != 1.0:
        values *= np.float32(slope)
    if intercept != 0.0:
        values += np.float32(intercept)
    return values


def padding_mask(frame: Pixels, header: Header) -> NDArray[np.bool_]:
    """True where a stored value [rows, columns] is padding: PixelPaddingValue, or from it to PixelPaddingRangeLimit.

    All False where none is declared, in colour and in float pixel data. PS3.3 C.7.5.1.1.2.
    """
    padding = header.number("PixelPaddingValue")
    if padding is None or frame.ndim != 2 or frame.dtype.kind == "f":
        return np.zeros(frame.shape[:2], np.bool_)
    limit = header.number("PixelPaddingRangeLimit")
    layout = pixel_layout(header)
    # Senders write the value with either sign; as bits of the pixel it means the same.
    written = np.array([int(padding), int(padding if limit is None else limit)]).astype(frame.dtype)
    low, high = np.sort(align_bits(written, frame.dtype, layout.bits_stored, layout.bits_stored - 1))
    mask: NDArray[np.bool_] = frame == low if low == high else (frame >= low) & (frame <= high)
    return mask


def _rescale(header: Header, frame_index: int) -> tuple[float, float]:
    """Slope and intercept of a frame: its own in an enhanced object, else those shared, else those of the image."""
    holders = [header]
    per_frame = header.items("PerFrameFunctionalGroupsSequence")
    for group in (*header.items("SharedFunctionalGroupsSequence")[:1], *per_frame[frame_index : frame_index + 1]):
        holders += group.items("PixelValueTransformationSequence")[:1]
    slope, intercept = 1.0, 0.0
    for holder in holders:  # from the general to the particular
        slope = _number(holder, "RescaleSlope", slope)
        intercept = _number(holder, "RescaleIntercept", intercept)
    if slope == 0.0:
        raise PixelError(f"{header.name}: RescaleSlope is 0, all values would be alike; send the object again")
    return slope, intercept


def _number(header: Header, keyword: str, default: float) -> float:
    if not header.has_value(keyword):
        return default
    value = header.number(keyword)
    if value is None:
        raise PixelError(f"{header.name}: {keyword} is no number; correct it")
    return value


def _look_up(values: NDArray[np.float32], table: Header, name: str) -> NDArray[np.float32]:
    descriptor = table.numbers("LUTDescriptor")
    entries = np.array(table.numbers("LUTData"), np.float32)
    if len(descriptor) != 3 or len(entries) != (int(descriptor[0]) or 1 << 16):
        raise PixelError(f"{name}: the modality LUT has {len(entries)} entries, not what it declares; send it again")
    places = np.clip(values - descriptor[1], 0, len(entries) - 1).astype(np.intp)
    looked_up: NDArray[np.float32] = entries[places]
    return looked_up
