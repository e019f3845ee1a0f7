"""Frames that are not compressed: bytes to values, for each allocation, byte order, bit place and colour arrangement."""

import numpy as np

from qc_models.dicom.color import expand_422, ybr_to_rgb
from qc_models.dicom.pixel_layout import PixelError, PixelLayout, Pixels, align_bits


def frame_bits(layout: PixelLayout) -> int:
    """The bits that one native frame takes; in YBR_FULL_422 two pixels share their chrominance."""
    values = layout.rows * layout.columns * 2 if layout.photometric == "YBR_FULL_422" else layout.values
    return values * layout.bits_allocated


def unpack_frame(data: bytes, layout: PixelLayout, little_endian: bool, first_bit: int = 0) -> Pixels:
    """The values of one frame from its bytes; a frame of single bits may begin at `first_bit` of the first byte."""
    if layout.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[first_bit : first_bit + layout.values].reshape(layout.shape)
    if not layout.bits_stored - 1 <= layout.high_bit < layout.bits_allocated:
        raise PixelError(
            f"BitsStored {layout.bits_stored} and HighBit {layout.high_bit} do not fit together; correct them"
        )
    stored = np.frombuffer(data, layout.dtype.newbyteorder("<" if little_endian else ">"))
    values = stored.astype(layout.dtype.newbyteorder("="))
    if not layout.floating:
        values = align_bits(values, values.dtype, layout.bits_stored, layout.high_bit)
    if layout.samples == 1:
        return values.reshape(layout.shape)
    return _arrange_color(values, layout)


def _arrange_color(values: Pixels, layout: PixelLayout) -> Pixels:
    """A frame's colour values in their stored order as RGB, [rows, columns, 3]."""
    if layout.photometric == "YBR_FULL_422":
        return ybr_to_rgb(expand_422(values, layout.rows, layout.columns), layout.bits_stored)
    if layout.planar is None:
        raise PixelError("PlanarConfiguration is missing, colours cannot be told apart; send the object again with it")
    if layout.planar:
        pixels = np.moveaxis(values.reshape(layout.samples, layout.rows, layout.columns), 0, -1)
    else:
        pixels = values.reshape(layout.shape)
    return np.ascontiguousarray(pixels if layout.photometric == "RGB" else ybr_to_rgb(pixels, layout.bits_stored))
