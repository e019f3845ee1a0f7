"""Reads the pictures of manifest rows and prepares them as a model is fed, with the same `prepare` that service uses."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from qc_models.dicom.header import read_header
from qc_models.dicom.modality_values import modality_values
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError
from qc_models.preprocessing import InputSpec, is_inverted, prepare
from training.manifest import Row


def picture(row: Row, data: Path) -> Tensor:
    """The values of a picture, [rows, columns] float32, of which more is brighter: grey, or of DICOM its modality values.

    Raises InputError where it cannot be read.
    """
    if row.path.endswith(".dcm"):
        content = (data / row.path).read_bytes()
        header = read_header(content, row.path)
        values = torch.from_numpy(modality_values(next(iter(decode_frames(content, header, (0,)))), header, 0))
        return -values if is_inverted(header.text("PhotometricInterpretation"), row.modality) else values
    try:
        with Image.open(data / row.path) as image:
            return torch.from_numpy(np.asarray(image.convert("L"), dtype=np.float32).copy())
    except OSError as error:
        raise InputError(
            f"{row.path}: cannot be read ({error}); restore the file or build the manifest again"
        ) from error


def prepared(rows: Sequence[Row], data: Path, spec: InputSpec) -> Tensor:
    """The pictures of rows as a model is fed, [N, 1, rows, columns]."""
    with ThreadPoolExecutor() as pool, torch.inference_mode():
        parts = list(pool.map(lambda row: prepare(picture(row, data)[None], spec), rows))
    return torch.cat(parts).clone() if parts else torch.zeros((0, 1, spec.rows, spec.columns))
