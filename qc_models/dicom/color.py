"""Colour models: luminance and chrominance to red, green and blue, and palettes (PS3.3 C.7.6.3.1.2, C.7.9)."""

import numpy as np
from numpy.typing import NDArray

from qc_models.dicom.header import Header
from qc_models.dicom.pixel_layout import PixelError, Pixels


def ybr_to_rgb(pixels: Pixels, bits: int) -> Pixels:
    """[rows, columns, 3] of YBR_FULL with `bits` bits to RGB, rounded to the nearest and clipped (ITU-R BT.601)."""
    luminance, blue, red = (pixels[..., channel].astype(np.float32) for channel in range(3))
    blue -= 1 << (bits - 1)
    red -= 1 << (bits - 1)
    rgb = np.stack(
        (luminance + 1.402 * red, luminance - 0.344136 * blue - 0.714136 * red, luminance + 1.772 * blue), axis=-1
    )
    clipped: Pixels = np.clip(np.rint(rgb), 0, (1 << bits) - 1).astype(pixels.dtype)
    return clipped


def expand_422(data: NDArray[np.generic], rows: int, columns: int) -> Pixels:
    """Native YBR_FULL_422, stored as Y Y B R for each two pixels of a row, as [rows, columns, 3]."""
    if columns % 2:
        raise PixelError("YBR_FULL_422 cannot have an odd number of columns; correct PhotometricInterpretation")
    pairs = data.reshape(rows, columns // 2, 4)
    pixels = np.empty((rows, columns, 3), data.dtype)
    pixels[..., 0] = pairs[..., :2].reshape(rows, columns)
    pixels[..., 1] = np.repeat(pairs[..., 2], 2, axis=1)
    pixels[..., 2] = np.repeat(pairs[..., 3], 2, axis=1)
    return pixels


def apply_palette(frame: Pixels, header: Header) -> Pixels:
    """Indices [rows, columns] of a PALETTE COLOR frame to [rows, columns, 3], 8 or 16 bits as the tables have.

    PixelError where a table is missing or its length is not what its descriptor says. Segmented tables are not read.
    """
    channels = [_channel(header, color) for color in ("Red", "Green", "Blue")]
    looked_up = []
    for table, first in channels:
        places = np.clip(frame.astype(np.int64) - first, 0, len(table) - 1)
        looked_up.append(table[places])
    return np.stack(looked_up, axis=-1)


def _channel(header: Header, color: str) -> tuple[NDArray[np.generic], int]:
    descriptor = header.numbers(f"{color}PaletteColorLookupTableDescriptor")
    data = header.raw(f"{color}PaletteColorLookupTableData")
    if len(descriptor) != 3 or data is None:
        raise PixelError(f"the {color.lower()} palette is missing; send the object again with its palette")
    entries, first, bits = int(descriptor[0]) or 1 << 16, int(descriptor[1]), int(descriptor[2])
    # Eight-bit entries stand alone, or each in a word of its own.
    width = 1 if bits == 8 and len(data) < 2 * entries else 2
    if len(data) < width * entries:
        raise PixelError(
            f"the {color.lower()} palette has {len(data)} bytes for {entries} entries; send the object again"
        )
    order = "<" if header.little_endian else ">"
    return np.frombuffer(data, f"{order}u{width}", entries).astype(f"u{1 if bits == 8 else 2}"), first
