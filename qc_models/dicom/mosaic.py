"""Siemens mosaics: one image that holds all slices of a volume as tiles, taken apart and put back in their places.

The private header is read as its public description has it (CSA, "SV10"): little endian tags of 84 bytes, each followed
by items padded to four bytes.
"""

from struct import Struct
from struct import error as StructError  # noqa: N812  (a class, in spite of its name)

import numpy as np
from numpy.typing import NDArray

from qc_models.dicom.header import Header
from qc_models.dicom.pixel_layout import PixelError, Pixels

_CSA_TAG = Struct("<64si4siii4x")
_CSA_ITEM = Struct("<4i")
_CSA_TAG_LIMIT = 1000


def tile_count(header: Header) -> int:
    """The number of slices in a mosaic; 0 where the image is none. PixelError where a mosaic does not tell."""
    if "MOSAIC" not in header.texts("ImageType"):
        return 0
    count = header.integer("SiemensNumberOfImagesInMosaic")
    if count is None:
        written = _csa_values(header, "NumberOfImagesInMosaic")
        count = int(written[0]) if written else None
    if count is None or count < 1:
        raise PixelError(f"{header.name}: a mosaic without its number of images; send it with its private header")
    return count


def mosaic_tiles(frame: Pixels, header: Header) -> Pixels:
    """Cut a mosaic [rows, columns] into its slices [n, rows, columns], a view: a square grid filled row by row."""
    count = tile_count(header)
    side = _side(count)
    rows, columns = frame.shape[0] // side, frame.shape[1] // side
    if count == 0 or rows * side != frame.shape[0] or columns * side != frame.shape[1]:
        raise PixelError(f"{header.name}: {frame.shape[0]} x {frame.shape[1]} is no mosaic of {count} images")
    grid = frame.reshape(side, rows, side, columns).swapaxes(1, 2)
    return grid.reshape(side * side, rows, columns)[:count]


def tile_positions(header: Header) -> NDArray[np.float64]:
    """ImagePositionPatient of each slice of a mosaic, [n, 3] in mm.

    The position in the header is that of the corner of the whole mosaic laid about the centre of the first slice; the
    slices follow along the normal that the private header gives, or across rows and columns where it gives none.
    """
    count = tile_count(header)
    position = np.array(header.numbers("ImagePositionPatient"))
    orientation = np.array(header.numbers("ImageOrientationPatient"))
    spacing = header.numbers("PixelSpacing")
    rows, columns = header.integer("Rows"), header.integer("Columns")
    step = header.number("SpacingBetweenSlices") or header.number("SliceThickness")
    if count == 0 or position.shape != (3,) or orientation.shape != (6,) or len(spacing) != 2:
        raise PixelError(f"{header.name}: a mosaic without its position, orientation or spacing; send it again")
    if rows is None or columns is None or step is None:
        raise PixelError(f"{header.name}: a mosaic without its size or its distance of slices; send it again")
    side = _side(count)
    along_row, along_column = orientation[:3], orientation[3:]
    corner = position + along_row * spacing[1] * (columns - columns // side) / 2
    corner = corner + along_column * spacing[0] * (rows - rows // side) / 2
    written = _csa_values(header, "SliceNormalVector")
    normal = np.array(written) if len(written) == 3 else np.cross(along_row, along_column)
    positions: NDArray[np.float64] = corner + np.arange(count)[:, None] * step * normal
    return positions


def _side(count: int) -> int:
    """The side of the smallest square grid that holds so many tiles."""
    return int(np.ceil(np.sqrt(count))) or 1


def _csa_values(header: Header, name: str) -> tuple[float, ...]:
    """The numbers of one tag of the private image header; none where it is absent, of an older form or broken."""
    data = header.raw("SiemensCsaImageHeader") or b""
    if not data.startswith(b"SV10"):
        return ()
    position = 16
    try:
        for _ in range(min(int.from_bytes(data[8:12], "little"), _CSA_TAG_LIMIT)):
            tag, _, _, _, items = _CSA_TAG.unpack_from(data, position)[:5]
            position += _CSA_TAG.size
            values = []
            for _ in range(min(items, _CSA_TAG_LIMIT)):
                length = _CSA_ITEM.unpack_from(data, position)[1]
                position += _CSA_ITEM.size
                values.append(data[position : position + length].split(b"\0")[0].strip())
                position += max(length + 3 & ~3, 0)
            if tag.split(b"\0")[0] == name.encode("ascii"):
                return tuple(float(value) for value in values if value)
    except (StructError, ValueError):
        pass
    return ()
