"""What is noted of an object, by values written into it, and which objects are refused."""

from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGLSLossless

from serving.received_object import PatientFacts, UnfitObjectError, read_object
from tests.serving.conftest import object_bytes
from tests.written_dicom import instance

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # wrong values are meant


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def facts_of(tmp_path: Path, **keywords: Any) -> Any:
    return read_object(written(tmp_path / "object", object_bytes(**keywords)))


def rewritten(content: bytes, syntax: str, **changed: Any) -> bytes:
    read = dcmread(BytesIO(content))
    dataset = Dataset()  # one that was read keeps its byte order
    for element in read:
        dataset.add_new(element.tag, element.VR, element.value)
    for keyword, value in changed.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = read.file_meta
    dataset.file_meta.TransferSyntaxUID = syntax
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_facts_are_those_of_the_header(tmp_path: Path) -> None:
    facts = facts_of(
        tmp_path,
        SOPInstanceUID="1.2.3",
        InstanceNumber=7,
        SeriesNumber=2,
        SeriesDescription="Thorax",
        AccessionNumber="A-1",
        StudyDescription="CT 胸部",
        NumberOfFrames=1,
    )
    assert (facts.sop_class_uid, facts.sop_instance_uid) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3")
    assert (facts.study_uid, facts.series_uid) == ("1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.1.1")
    assert (facts.transfer_syntax_uid, facts.modality) == ("1.2.840.10008.1.2.1", "CT")
    assert (facts.instance_number, facts.num_frames, facts.rows, facts.columns) == (7, 1, 16, 16)
    assert (facts.series_description, facts.series_number, facts.urgent) == ("Thorax", 2, False)
    assert facts.patient == PatientFacts(
        "CQ-HOSPITAL-01", "SIM0001", "张^三", date(1980, 1, 1), "M", "A-1", date(2026, 9, 1), "CT 胸部"
    )


def test_what_is_absent_or_no_value_is_none_or_empty(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, PatientBirthDate=None, StudyDate="20269999", IssuerOfPatientID=None, PatientName=None)
    assert (facts.patient.birth_date, facts.patient.study_date) == (None, None)
    assert (facts.patient.issuer, facts.patient.name, facts.instance_number) == ("", "", None)


def test_texts_and_numbers_fit_their_columns(tmp_path: Path) -> None:
    facts = facts_of(
        tmp_path, StudyDescription="long" * 100, InstanceNumber="99999999999", PatientID="a\tb'; DROP TABLE study; --"
    )
    assert facts.patient.description == "long" * 16
    assert facts.instance_number is None
    assert facts.patient.id == "ab'; DROP TABLE study; --"


@pytest.mark.parametrize(
    "keywords",
    [
        {"RequestedProcedurePriority": "STAT"},
        {"StudyPriorityID": "HIGH"},
        {"RequestAttributesSequence": [{"RequestedProcedurePriority": "HIGH"}]},
    ],
)
def test_a_request_that_is_urgent(tmp_path: Path, keywords: dict[str, Any]) -> None:
    assert facts_of(tmp_path, **keywords).urgent
    assert not facts_of(tmp_path, RequestedProcedurePriority="ROUTINE").urgent


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_encoding_is_read(tmp_path: Path, syntax: str) -> None:
    facts = read_object(written(tmp_path / "object", rewritten(object_bytes(InstanceNumber=7), syntax)))
    assert (facts.transfer_syntax_uid, facts.instance_number, facts.rows) == (syntax, 7, 16)


def test_an_object_without_images(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, Modality="KO", Rows=None, Columns=None)
    assert (facts.modality, facts.rows, facts.columns, facts.num_frames) == ("KO", 0, 0, 1)


def encapsulated() -> bytes:
    whole = encapsulate([b"\xff\xd8\xff" + b"\0" * 61, b"\xff\xd8\xff" + b"\1" * 61])
    return rewritten(object_bytes(NumberOfFrames=2), JPEGLSLossless, PixelData=whole)


def test_whole_fragments_are_taken_with_their_delimiter_and_without(tmp_path: Path) -> None:
    content = encapsulated()
    assert read_object(written(tmp_path / "a", content)).num_frames == 2
    assert read_object(written(tmp_path / "b", content[:-8])).num_frames == 2


@pytest.mark.parametrize("cut", [9, 40, 90, 140])  # bytes from the end: in the last fragment, its head, the one before
def test_a_cut_fragment_is_corrupt(tmp_path: Path, cut: int) -> None:
    assert fault(tmp_path, encapsulated()[:-cut]) == "corrupt"


def fault(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(UnfitObjectError) as caught:
        read_object(written(tmp_path / "object", content))
    assert "send" in str(caught.value)  # what to do
    assert "张" not in str(caught.value)
    assert "SIM0001" not in str(caught.value)
    return caught.value.fault


@pytest.mark.parametrize("content", [b"", b"no DICOM at all", b"\0" * 5000, b"%PDF-1.7" + b"x" * 500])
def test_other_bytes_are_not_dicom(tmp_path: Path, content: bytes) -> None:
    assert fault(tmp_path, content) == "not_dicom"


def test_a_dicomdir_is_no_image(tmp_path: Path) -> None:
    assert fault(tmp_path, object_bytes(SOPClassUID="1.2.840.10008.1.3.10")) == "not_dicom"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_cut_file_is_corrupt(tmp_path: Path, share: float) -> None:
    content = object_bytes()
    assert fault(tmp_path, content[: int(len(content) * share)]) == "corrupt"


def test_an_object_that_claims_two_gigabytes_is_corrupt(tmp_path: Path) -> None:
    content = object_bytes()
    at = content.rindex(b"\xe0\x7f\x10\x00OW\0\0") + 8
    assert fault(tmp_path, content[:at] + (2**31).to_bytes(4, "little") + content[at + 4 :]) == "corrupt"


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_an_object_that_nothing_places_is_refused(tmp_path: Path, keyword: str) -> None:
    dataset = instance()
    del dataset[keyword]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2"
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    assert fault(tmp_path, stream.getvalue()) == "missing_uid"


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2/3", "1.2'; DROP TABLE study; --", "1." * 40 + "1"])
def test_a_uid_that_is_none_is_refused(tmp_path: Path, uid: str) -> None:
    assert fault(tmp_path, object_bytes(StudyInstanceUID=uid)) == "corrupt"


def test_what_could_be_read_of_a_refused_object_is_told(tmp_path: Path) -> None:
    content = object_bytes(SOPInstanceUID="1.2.3")
    with pytest.raises(UnfitObjectError) as caught:
        read_object(written(tmp_path / "object", content[:-10]))
    assert (caught.value.sop_class_uid, caught.value.sop_instance_uid) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3")


def test_every_real_file_is_taken_or_refused_with_a_reason(shared_data: Path) -> None:
    refused = {}
    for path in sorted(shared_data.glob("codecs/*")) + sorted(shared_data.glob("oddities/*")):
        try:
            read_object(path)
        except UnfitObjectError as error:
            refused[path.name[:8]] = error.fault
    assert refused == {
        **dict.fromkeys(("1498f6e6", "deed030d"), "missing_uid"),
        "f188b5a9": "corrupt",  # its SOPInstanceUID is longer than 64
        **dict.fromkeys(("43e81193", "49464a32", "57e48e85", "f1c73d48", "f8836a65", "f8d670e9"), "missing_uid"),
        "a3f26c27": "corrupt",  # cut short
    }
