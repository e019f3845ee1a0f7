"""Training and service feed a model the same tensors, bit for bit, whatever the image."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.reading import read_studies
from inference.showing import prepared_frames
from qc_models.dicom.modality_values import modality_values
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError
from qc_models.pixels import Block
from qc_models.preprocessing import InputSpec, is_inverted
from tests.written_dicom import write_instances
from training.manifest import Row
from training.pictures import picture, prepared

SPECS = (InputSpec(160, 160, "percentiles", 1, 99), InputSpec(48, 64, "window", -1000, 1000))


def row(path: Path, modality: str) -> Row:
    return Row(path.name, "picture", modality, "s", "here", "open", "drawn", 3, {})


def served(path: Path, spec: InputSpec, modality: str) -> np.ndarray[Any, Any]:
    """What the frame of a file is fed as in service."""
    (study,) = read_studies([path]).studies
    (instance,) = study.instances
    content, header = instance.source.content(), instance.header
    values = torch.from_numpy(modality_values(next(iter(decode_frames(content, header, (0,)))), header, 0))
    block = Block(values[None], None, "arbitrary", None, (0,), (instance.sop_instance_uid,), (0,))
    inverted = is_inverted(header.text("PhotometricInterpretation"), modality)
    key = (instance.sop_instance_uid, 0)
    return np.asarray(prepared_frames(block, [inverted], {key: [spec]})[spec, key])


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    ("modality", "photometric"), [("CT", "MONOCHROME2"), ("DX", "MONOCHROME1"), ("MR", "MONOCHROME2")]
)
def test_training_and_service_feed_the_same_bits(
    spec: InputSpec, modality: str, photometric: str, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(1).integers(0, 4000, (130, 97)).astype(np.uint16)
    slope = {"RescaleSlope": 2, "RescaleIntercept": -1024} if modality == "CT" else {}
    keywords = {
        "Modality": modality,
        "PhotometricInterpretation": photometric,
        "Rows": 130,
        "Columns": 97,
        "pixels": pixels,
        **slope,
    }
    (path,) = write_instances(tmp_path, [keywords])
    path = path.rename(tmp_path / "one.dcm")
    taught = prepared([row(path, "XR" if modality == "DX" else modality)], tmp_path, spec)
    assert np.array_equal(taught[0].numpy(), served(path, spec, modality))


def test_a_picture_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read"):
        picture(row(tmp_path / "a.jpg", "XR"), tmp_path)
