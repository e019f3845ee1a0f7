"""Nothing of a person stays in an image that leaves, wherever it was hidden; what training reads does."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from qc_models.dicom.header import read_header
from qc_models.errors import ConfigError, InputError
from qc_models.exam_item import load_catalogue
from qc_models.simulation.study_simulation import simulate_study
from serving.deidentified import PROFILE, Deidentifier, load_profile, vendor_of
from serving.worker import DEFAULT_CATALOGUE

SECRET = "ZQXJ"  # nothing else holds these letters
KEY = "k" * 32
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "studies"


@pytest.fixture
def clean() -> Dataset:
    """A small CT image."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values: dict[str, Any] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "SOPInstanceUID": "1.2.3.1.1",
        "SeriesInstanceUID": "1.2.3.1",
        "StudyInstanceUID": "1.2.3",
        "FrameOfReferenceUID": "1.2.3.9",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Manufacturer": "SIEMENS",
        "StudyDate": "20260901",
        "SeriesDate": "20260902",
        "StudyTime": "101112",
        "PatientName": "Wang^Wu",
        "PatientID": "77",
        "BodyPartExamined": "CHEST",
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelSpacing": ["0.5", "0.5"],
        "ImagePositionPatient": ["-10.25", "0", "1e2"],
        "RescaleSlope": "1",
        "RescaleIntercept": "-1024",
        "InstanceNumber": "3",
        "KVP": "120",
        "PixelData": np.arange(16, dtype="<u2").tobytes(),
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    return dataset


@pytest.fixture
def leave(tmp_path: Path) -> Callable[..., Dataset]:
    """A function from a data set to what leaves of it."""

    def left(dataset: Dataset, subject: str = "s1") -> Dataset:
        path = tmp_path / "in.dcm"
        stream = BytesIO()
        with disable_value_validation():
            pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
        path.write_bytes(SECRET.encode() * 32 + stream.getvalue()[128:])  # the preamble may hold anything
        content = Deidentifier(KEY).object(path, subject).content
        assert SECRET.encode() not in content
        assert SECRET.encode("utf-16-le") not in content
        return pydicom.dcmread(BytesIO(content))

    return left


def hide_everywhere(dataset: Dataset) -> None:
    """Writes the secret wherever a CT image can hold text, and where it should not."""
    text: dict[str, Any] = {
        **dict.fromkeys(
            ("PatientName", "ReferringPhysicianName", "OperatorsName", "PhysiciansOfRecord"), f"{SECRET}^A"
        ),
        **dict.fromkeys(("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "InstitutionName"), SECRET),
        **dict.fromkeys(("StationName", "DeviceSerialNumber", "SoftwareVersions", "ManufacturerModelName"), SECRET),
        **dict.fromkeys(("StudyDescription", "SeriesDescription", "ProtocolName", "SequenceName"), SECRET),
        **dict.fromkeys(("ImageComments", "PatientComments", "DerivationDescription", "TextComments"), SECRET),
        **dict.fromkeys(("ConvolutionKernel", "ContrastBolusAgent", "MilitaryRank", "IssuerOfPatientID"), SECRET),
        "Manufacturer": f"{SECRET} SIEMENS",
        "BodyPartExamined": SECRET,
        "ScanOptions": ["FS", SECRET],
        "ImageType": ["ORIGINAL", "PRIMARY", SECRET],
        "PatientBirthDate": "19800101",
        "PatientAge": "046Y",
        "InstanceCreationDate": "20260901",
        "AcquisitionDateTime": "20260901101112.000000",
    }
    for keyword, value in text.items():
        setattr(dataset, keyword, value)
    dataset.add_new(0x00280030, "LO", [SECRET, "0.5"])  # PixelSpacing that is none
    dataset.add_new(0x00180060, "SH", SECRET)  # KVP
    dataset.add_new(0x00189087, "LO", SECRET)  # DiffusionBValue
    dataset.add_new(0x00080022, "DA", SECRET)  # AcquisitionDate
    dataset.add_new(0x00090010, "LO", SECRET)
    dataset.add_new(0x00091001, "LO", SECRET)
    dataset.add_new(0x60000010, "US", 4)
    dataset.add_new(0x60000011, "US", 4)
    dataset.add_new(0x60003000, "OW", SECRET.encode())
    dataset.add_new(0x60004000, "LT", SECRET)  # OverlayComments
    dataset.add_new(0x50000010, "US", 4)  # curve
    dataset.add_new(0x50003000, "OW", SECRET.encode())
    dataset.add_new(0xFFFCFFFC, "OB", SECRET.encode() * 2)
    dataset.file_meta.SourceApplicationEntityTitle = SECRET
    dataset.file_meta.ImplementationVersionName = SECRET
    inner = Dataset()
    inner.RequestedProcedureDescription = SECRET
    inner.PatientName = SECRET
    dataset.RequestAttributesSequence = [inner]
    icon = Dataset()
    icon.PixelData = SECRET.encode()
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    frame, plane = Dataset(), Dataset()
    plane.PatientComments, plane.ImagePositionPatient = SECRET, ["1", "2", "3"]
    plane.add_new(0x00111010, "LO", SECRET)
    frame.PlanePositionSequence, frame.StackID = [plane], SECRET
    frame.FrameAnatomySequence = [inner]
    dataset.SharedFunctionalGroupsSequence = [frame]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_nothing_of_a_person_stays(clean: Dataset, leave: Callable[..., Dataset], syntax: str) -> None:
    with disable_value_validation():
        hide_everywhere(clean)
    clean.file_meta.TransferSyntaxUID = syntax
    left = leave(clean)
    told = str(left)
    for fragment in (SECRET, "1980", "046Y", "20260901", "1.2.3.1", "101112"):
        assert fragment not in told
    assert not any(element.tag.is_private or element.tag.group & 0xFF00 in (0x5000, 0x6000) for element in left)
    assert (left.Manufacturer, list(left.ImageType), left.ScanOptions) == ("Siemens", ["ORIGINAL", "PRIMARY"], "FS")
    assert "PixelSpacing" not in left
    (frame,) = left.SharedFunctionalGroupsSequence
    assert list(frame) == [frame["PlanePositionSequence"]]
    assert list(frame.PlanePositionSequence[0]) == [frame.PlanePositionSequence[0]["ImagePositionPatient"]]
    assert bytes(left.preamble or b"") == bytes(128)


def test_what_training_reads_stays(clean: Dataset, leave: Callable[..., Dataset]) -> None:
    left = leave(clean)
    assert np.array_equal(left.pixel_array, clean.pixel_array)
    for keyword in (
        "Rows",
        "PixelSpacing",
        "ImagePositionPatient",
        "RescaleIntercept",
        "KVP",
        "InstanceNumber",
        "Modality",
    ):
        assert left[keyword].value == clean[keyword].value, keyword
    assert (left.PatientName, left.PatientID, left.PatientSex, left.StudyTime) == ("s1", "s1", "", "")
    assert left.BodyPartExamined == "CHEST"


def test_it_says_how_it_was_made_so(clean: Dataset, leave: Callable[..., Dataset]) -> None:
    left = leave(clean)
    assert left.PatientIdentityRemoved == "YES"
    codes = [(code.CodeValue, code.CodingSchemeDesignator) for code in left.DeidentificationMethodCodeSequence]
    assert codes == [("113100", "DCM"), ("113107", "DCM")]
    assert left.LongitudinalTemporalInformationModified == "MODIFIED"


def test_one_person_moves_by_one_number_of_days(clean: Dataset, leave: Callable[..., Dataset]) -> None:
    def days(dataset: Dataset, subject: str) -> tuple[int, int]:
        left = leave(dataset, subject)
        moved = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in (left.StudyDate, left.SeriesDate)]
        return int(str((np.datetime64("2026-09-01") - moved[0]) / np.timedelta64(1, "D")).split(".")[0]), int(
            str((moved[1] - moved[0]) / np.timedelta64(1, "D")).split(".")[0]
        )

    one, again, other = days(clean, "s1"), days(clean, "s1"), days(clean, "s2")
    assert one == again
    assert one[0] != other[0]
    assert 1 <= one[0] <= 3650
    assert one[1] == other[1] == 1


def test_uids_are_digests_under_the_key() -> None:
    one = Deidentifier(KEY)
    assert one.uid("1.2.3") == Deidentifier(KEY).uid("1.2.3") != one.uid("1.2.4")
    assert one.uid("1.2.3") != Deidentifier("l" * 32).uid("1.2.3")
    assert one.uid("1.2.3").startswith("2.25.")
    assert len(one.uid("1.2.3")) <= 64
    assert one.subject("a", "bc") != one.subject("ab", "c")
    assert len(one.subject("a")) == 32


def changed(dataset: Dataset, **values: Any) -> Dataset:
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"BurnedInAnnotation": "YES"}, "burnt into"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "class that may show text"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, "class that may show text"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "picture of a screen"),
        ({"PixelData": bytes(34)}, "other pixels than it says"),
        ({"Rows": 0}, "other pixels than it says"),
        ({"PhotometricInterpretation": SECRET}, "of a kind"),
        ({"OverlayRows": None}, "unused bits"),
    ],
)
def test_what_may_show_or_hide_text_stays_here(
    clean: Dataset, leave: Callable[..., Dataset], values: dict[str, Any], words: str
) -> None:
    if "OverlayRows" in values:
        clean.add_new(0x60000010, "US", 4)
        clean.add_new(0x60000102, "US", 12)
    else:
        changed(clean, **values)
    with pytest.raises(InputError, match=words) as error:
        leave(clean)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"DICM", bytes(128) + b"DICM" + b"\xff" * 99, SECRET.encode() * 99])
def test_what_is_no_image_is_refused_without_a_word_of_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        Deidentifier(KEY).object(path, "s1")
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("syntax", [RLELossless, ExplicitVRBigEndian])
def test_pixels_stay_as_they_are_stored(clean: Dataset, leave: Callable[..., Dataset], syntax: str) -> None:
    if syntax == RLELossless:
        clean.compress(RLELossless)
    else:
        clean.file_meta.TransferSyntaxUID = syntax
        clean.PixelData = clean.pixel_array.astype(">u2").tobytes()
    left = leave(clean)
    assert left.file_meta.TransferSyntaxUID == syntax
    assert left.PixelData == clean.PixelData


def test_no_comment_stays_in_compressed_pixels(clean: Dataset, leave: Callable[..., Dataset]) -> None:
    stream = BytesIO()
    Image.fromarray(np.eye(16, dtype=np.uint8) * 200).save(stream, "JPEG", comment=SECRET.encode())
    clean.Rows = clean.Columns = 16
    clean.BitsAllocated, clean.BitsStored, clean.HighBit = 8, 8, 7
    clean.PixelData = encapsulate([stream.getvalue()])
    clean["PixelData"].VR, clean["PixelData"].is_undefined_length = "OB", True
    clean.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    left = leave(clean)
    assert left.pixel_array.shape == (16, 16)
    clean.PixelData = encapsulate([SECRET.encode()])
    with pytest.raises(InputError, match="cannot be walked"):
        leave(clean)


@pytest.mark.parametrize("item", ["XR-HAND", "MR-KNEE"])
def test_our_own_reader_reads_what_left(tmp_path: Path, item: str) -> None:
    study = simulate_study(load_catalogue(DEFAULT_CATALOGUE).item(item), tmp_path / "study", size="small")
    path = sorted(study.files)[0]
    content = Deidentifier(KEY).object(path, "s1").content
    old, new = read_header(path, "old"), read_header(content, "new")
    for keyword in ("Rows", "Columns", "BitsStored", "RescaleSlope"):
        assert old.text(keyword) == new.text(keyword), keyword
    assert pydicom.dcmread(BytesIO(content)).pixel_array.shape == pydicom.dcmread(path).pixel_array.shape


@pytest.mark.skipif(not DATA.is_dir(), reason="the data of studies is not there")
def test_real_images_keep_what_places_them(tmp_path: Path) -> None:
    seen = set()
    for folder in sorted(DATA.iterdir()):
        path = next((one for one in sorted(folder.rglob("*.dcm"))), None)
        if path is None:
            continue
        old = pydicom.dcmread(path, stop_before_pixels=True)
        left = pydicom.dcmread(BytesIO(Deidentifier(KEY).object(path, "s1").content))
        seen.add(str(left.Modality))
        assert str(old.StudyInstanceUID) not in str(left)
        assert left.get("ImagePositionPatient") == old.get("ImagePositionPatient")
        assert left.get("PixelSpacing") == old.get("PixelSpacing")
    assert seen


@pytest.mark.parametrize(
    ("manufacturer", "name"),
    [
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers", "Siemens"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("CANON_MEC", "Canon"),
        ("Philips Medical Systems", "Philips"),
        ("GENESIS", ""),
        ("", ""),
    ],
)
def test_a_vendor_is_known_by_a_word_of_its_name(manufacturer: str, name: str) -> None:
    assert vendor_of(manufacturer) == name


def test_a_wrong_profile_is_named(tmp_path: Path) -> None:
    text = PROFILE.read_text("utf-8")
    path = tmp_path / "profile.yaml"
    path.write_text(text.replace("empty: [StudyTime", "empty: [StudyTim"), "utf-8")
    with pytest.raises(ConfigError, match="StudyTim is no attribute"):
        Deidentifier(KEY, path)
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("uids: [", "uid: ["), "utf-8")
    with pytest.raises(ConfigError, match=r"other\.yaml"):
        load_profile(other)


def test_whatever_stays_as_it_is_holds_no_text() -> None:
    profile = load_profile(PROFILE)
    numeric = {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "US or SS"}
    assert {vr for keyword in profile.numbers for vr in [vr_of(keyword)]} <= numeric
    assert {vr_of(keyword) for keyword in profile.sequences} == {"SQ"}
    assert {vr_of(keyword) for keyword in profile.bytes} == {"OB or OW", "US or OW"}
    assert {vr_of(keyword) for keyword in profile.uids} == {"UI"}
    assert {vr_of(keyword) for keyword in profile.dates} == {"DA"}


def vr_of(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return str(dictionary_VR(tag))
