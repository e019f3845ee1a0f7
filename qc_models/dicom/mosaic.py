"""Siemens mosaics: one image that holds all slices of a volume as tiles, taken apart (where they lie: `qc_models/frames.py`)."""

import math

from qc_models.dicom.header import Header
from qc_models.dicom.pixel_layout import PixelError, Pixels


def mosaic_tiles(frame: Pixels, header: Header) -> Pixels:
    """Cut a mosaic [rows, columns] into its slices [n, rows, columns]: a square grid filled row by row.

    PixelError where the header does not say how many slices there are, or where the grid does not divide the frame.
    """
    count = header.integer("SiemensNumberOfImagesInMosaic") or 0
    if count < 1:
        raise PixelError(f"{header.name}: a mosaic without its number of images; send it with its private attributes")
    side = math.isqrt(count - 1) + 1
    rows, columns = frame.shape[0] // side, frame.shape[1] // side
    if (rows * side, columns * side) != frame.shape:
        raise PixelError(
            f"{header.name}: {frame.shape[0]} x {frame.shape[1]} is no mosaic of {count} images; send it again"
        )
    grid = frame.reshape(side, rows, side, columns).swapaxes(1, 2)
    return grid.reshape(side * side, rows, columns)[:count]
