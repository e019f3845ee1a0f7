"""What a header says about the shape of its pixels, checked before any of them is read (PS3.3 C.7.6.3)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qc_models.dicom.header import Header
from qc_models.errors import InputError

Pixels = NDArray[np.generic]

FRAME_LIMIT = 1 << 30  # bytes of one decoded frame; no detector makes so large a picture

_GREY = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_COLOR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420"})
_FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}


class PixelError(InputError):
    """Pixels that cannot be decoded whole and exactly; the message says which frame, why and what to do."""


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """The shape of one frame, the meaning of its bits, and how many frames there are: one where the header gives none."""

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    floating: bool
    planar: bool | None
    photometric: str

    @property
    def shape(self) -> tuple[int, ...]:
        """[rows, columns], with a third axis for colour."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def values(self) -> int:
        """The number of values in a frame."""
        return self.rows * self.columns * self.samples

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """What holds one value: as many bits as are allocated, a whole byte for a single bit."""
        kind = "f" if self.floating else "i" if self.signed else "u"
        return np.dtype(f"{kind}{max(self.bits_allocated // 8, 1)}")


def pixel_layout(header: Header) -> PixelLayout:
    """Read the layout from a header; PixelError where it is incomplete, contradicts itself or claims too much."""
    if header.pixel_data is None:
        raise PixelError("there is no pixel data; send the object again with its pixels")
    rows, columns = (_required(header, keyword, range(1, 65536)) for keyword in ("Rows", "Columns"))
    photometric = (header.text("PhotometricInterpretation") or "").upper()
    samples = header.integer("SamplesPerPixel") or (3 if photometric in _COLOR else 1)
    if samples not in (1, 3) or photometric not in ((_GREY | {""}) if samples == 1 else _COLOR):
        raise PixelError(
            f"SamplesPerPixel {samples} and PhotometricInterpretation '{photometric[:16]}' do not go together; correct them"
        )
    floating = header.pixel_data.keyword in _FLOATS
    if floating:
        allocated = stored = _FLOATS[header.pixel_data.keyword]
        high_bit = stored - 1
    else:
        allocated = _required(header, "BitsAllocated", (1, 8, 16, 32, 64))
        stored = _required(header, "BitsStored", range(1, allocated + 1)) if "BitsStored" in header else allocated
        high_bit = header.integer("HighBit") or stored - 1
    planar = header.integer("PlanarConfiguration")
    layout = PixelLayout(
        rows=rows,
        columns=columns,
        samples=samples,
        frames=max(header.integer("NumberOfFrames") or 1, 1),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        signed=header.integer("PixelRepresentation") == 1,
        floating=floating,
        planar=None if planar is None else planar == 1,
        photometric=photometric,
    )
    if layout.values * layout.dtype.itemsize > FRAME_LIMIT:
        raise PixelError(
            f"a frame of {rows} rows, {columns} columns and {samples} samples passes {FRAME_LIMIT >> 20} MiB; "
            "correct Rows and Columns"
        )
    return layout


def _required(header: Header, keyword: str, allowed: range | tuple[int, ...]) -> int:
    value = header.integer(keyword)
    if value is None:
        raise PixelError(f"{keyword} is missing or no number; send the object again with it")
    if value not in allowed:
        raise PixelError(f"{keyword} is {value}, which cannot be; correct it")
    return value


def align_bits(pixels: Pixels, dtype: np.dtype[np.generic], bits: int, high_bit: int) -> Pixels:
    """Values of `bits` bits, the highest of them in place `high_bit`, as numbers: shifted down, the rest masked or signed.

    What stands in the other bits is no part of the value (PS3.5 8.1.1); old objects keep overlays there.
    """
    width = 8 * dtype.itemsize
    aligned: NDArray[np.integer] = pixels.astype(dtype, copy=False)
    if high_bit < width - 1:
        aligned = aligned << (width - 1 - high_bit)
    return aligned >> (width - bits) if bits < width else aligned
