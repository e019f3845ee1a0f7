"""Several files of one SOP Instance UID are one image where they say and show the same, and a conflict where they do not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from inference.reading import read_studies
from inference.repeated import same_header
from qc_models.dicom.header import Header, read_header
from qc_models.errors import ServiceError
from qc_models.study import Study
from tests.written_dicom import write_instances

FIRST: Mapping[str, Any] = {"InstanceNumber": 1, "SOPInstanceUID": "1.2.3.4", "PixelRepresentation": 0}


def study_of(folder: Path) -> Study:
    (study,) = read_studies([folder]).studies
    return study


def settled(study: Study) -> list[tuple[int, bool]]:
    return [(item.num_files, item.agrees) for item in study.repeated]


def header(folder: Path, **keywords: Any) -> Header:
    return read_header(write_instances(folder, [{**FIRST, **keywords}])[0])


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, ImplicitVRLittleEndian])
def test_the_same_image_in_another_encoding_is_the_same_image(tmp_path: Path, syntax: str) -> None:
    pixels = np.arange(4096).reshape(64, 64)
    (first,) = write_instances(tmp_path, [{**FIRST, "Rows": 64, "Columns": 64, "pixels": pixels}])
    other = pydicom.dcmread(first)
    if syntax == ImplicitVRLittleEndian:
        other.file_meta.TransferSyntaxUID = syntax
    else:
        other.compress(syntax, generate_instance_uid=False)
    other.save_as(tmp_path / "other.dcm")
    study = study_of(tmp_path)
    assert settled(study) == [(2, True)]
    assert len(study.instances) == 1


def test_three_files_of_which_one_differs_conflict(tmp_path: Path) -> None:
    write_instances(tmp_path, [FIRST, FIRST, {**FIRST, "pixels": np.ones((16, 16))}])
    assert settled(study_of(tmp_path)) == [(3, False)]


def test_what_a_gateway_writes_of_itself_is_no_difference(tmp_path: Path) -> None:
    write_instances(tmp_path, [FIRST, {**FIRST, "InstanceCreationTime": "101500", "LossyImageCompression": "00"}])
    assert settled(study_of(tmp_path)) == [(2, True)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"SliceThickness": "5"}, {"SliceThickness": "5.0"}, True),
        ({"SliceThickness": "5"}, {"SliceThickness": "5.1"}, False),
        ({"SeriesDescription": "a "}, {"SeriesDescription": "a"}, True),
        ({"SeriesDescription": "a"}, {"SeriesDescription": "A"}, False),
        ({"SeriesDescription": "a"}, {}, False),
        ({"ImageType": ["A", "B"]}, {"ImageType": ["B", "A"]}, False),
        (
            {"RequestAttributesSequence": [{"CodeValue": "1"}]},
            {"RequestAttributesSequence": [{"CodeValue": "1"}]},
            True,
        ),
        ({"ProcedureCodeSequence": [{"CodeValue": "1"}]}, {"ProcedureCodeSequence": [{"CodeValue": "2"}]}, False),
        ({"ProcedureCodeSequence": [{"CodeValue": "1"}]}, {"ProcedureCodeSequence": [{"CodeValue": "1"}] * 2}, False),
        ({"ProcedureCodeSequence": [{"CodeValue": "1"}]}, {}, False),
    ],
)
def test_headers_are_compared_by_what_they_say(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    headers = header(tmp_path / "one", **one), header(tmp_path / "other", **other)
    assert same_header(*headers) is same
    assert same_header(*reversed(headers)) is same


def test_which_file_is_kept_does_not_depend_on_the_order_of_reading(tmp_path: Path) -> None:
    first, second = write_instances(tmp_path, [FIRST, {**FIRST, "pixels": np.ones((16, 16))}])
    kept = {read_studies(paths).studies[0].instances[0].source.path for paths in ([first, second], [second, first])}
    assert len(kept) == 1


def test_objects_without_pixels_agree_by_their_headers(tmp_path: Path) -> None:
    sr = {**FIRST, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "Rows": None, "PixelData": None}
    write_instances(tmp_path, [sr, sr])
    assert settled(study_of(tmp_path)) == [(2, True)]


def test_two_files_that_both_fail_are_one_instance_in_conflict(tmp_path: Path) -> None:
    for path in write_instances(tmp_path, [FIRST, FIRST]):
        path.write_bytes(path.read_bytes()[:-100])
    study = study_of(tmp_path)
    assert settled(study) == [(2, False)]
    assert len(study.instances) == 1


def test_a_disk_that_fails_loses_no_other_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_instances(tmp_path, [FIRST, FIRST, {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1"}])

    def fail(*_: object) -> None:
        raise ServiceError("the file: cannot be read; see to the disk")

    monkeypatch.setattr("inference.repeated.decode_frames", fail)
    assert len(read_studies([tmp_path]).studies) == 2
