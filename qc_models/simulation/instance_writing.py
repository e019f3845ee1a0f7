"""Writes the instances of a simulated study: what all its series share, deterministic UIDs, one file an instance."""

import datetime as dt
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.charset import convert_encodings
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element, write_file_meta_info
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from qc_models.simulation.patients import Patient
from qc_models.simulation.vendors import Vendor

UID_ROOT = "1.2.826.0.1.3680043.8.498."
IMPLEMENTATION_UID = "1.2.826.0.1.3680043.8.498.20260901"

_BLOCK_VOXELS = 1 << 22
_SIDES = {None: "", "L": " 左侧", "R": " 右侧"}

Request = Literal["code", "text", "none"]


@dataclass(frozen=True)
class SimulatedSeries:
    """A series as it was written; `components` are those of the exam item that it fills, `what` says it in words."""

    series_instance_uid: str
    number: int
    description: str
    components: tuple[str, ...]
    what: str
    sop_instance_uids: tuple[str, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class StudyHeader:
    """What every instance of a study shares; a `procedure` is its code and its name, `side` that of a paired part."""

    procedure: tuple[str, str]
    vendor: Vendor
    patient: Patient
    seed: int
    study_date: str
    start_s: int  # seconds after midnight
    request: Request
    size: Literal["full", "small"]
    side: Literal["L", "R"] | None = None
    key: tuple[str, ...] = field(default=())

    def uid(self, *parts: object) -> str:
        """The UID of one thing of this study: the same words give the same UID."""
        return str(generate_uid(UID_ROOT, entropy_srcs=["\x1f".join(map(str, (*self.key, *parts)))]))

    @property
    def study_instance_uid(self) -> str:
        """StudyInstanceUID."""
        return self.uid("study")

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID of all its cross-sectional series."""
        return self.uid("frame of reference")

    def time(self, after_s: float) -> str:
        """TM of so many seconds after the study began."""
        return time_of_day(self.start_s + after_s)


def time_of_day(seconds: float) -> str:
    """TM (PS3.5 6.2) of seconds after midnight, with milliseconds."""
    moment = dt.datetime(2000, 1, 1) + dt.timedelta(milliseconds=round(seconds * 1000))
    return moment.strftime("%H%M%S.") + f"{moment.microsecond // 1000:03d}"


def dataset_of(keywords: Mapping[Any, Any]) -> Dataset:
    """A dataset of keywords; None is left out, a list of mappings is a sequence."""
    dataset = Dataset()
    for keyword, value in keywords.items():
        set_keyword(dataset, keyword, value)
    return dataset


def set_keyword(dataset: Dataset, keyword: Any, value: Any) -> None:
    """Sets one attribute; None is left out, a list of mappings becomes a sequence.

    `keyword` is a DICOM keyword, or for a private attribute its group, creator, element within the block, and VR.
    """
    if value is None:
        return
    if isinstance(keyword, tuple):
        group, creator, element, vr = keyword
        dataset.private_block(group, creator, create=True).add_new(element, vr, value)
        return
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        value = DicomSequence([dataset_of(item) for item in value])
    elif isinstance(value, tuple):
        value = list(value)
    setattr(dataset, keyword, value)


def code(value: str, meaning: str, scheme: str = "SCT") -> dict[str, str]:
    """One item of a code sequence."""
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def study_keywords(header: StudyHeader, modality: str, station: str) -> dict[str, Any]:
    """Patient, study, request and equipment modules (PS3.3 C.7.1-C.7.5)."""
    patient, vendor = header.patient, header.vendor
    procedure_code, procedure_name = header.procedure
    rng = np.random.default_rng([header.seed, 104729])
    asked = procedure_name + _SIDES[header.side] if header.request != "none" else None
    request_code = [code(procedure_code, procedure_name, "99TOUCHSTONE")] if header.request == "code" else None
    day = header.study_date
    return {
        "SpecificCharacterSet": vendor.character_set,
        "InstanceCreationDate": day,
        "InstanceCreationTime": header.time(5400),
        "StudyDate": day,
        "StudyTime": header.time(0),
        "AccessionNumber": f"{day[2:]}{int(rng.integers(100000, 999999))}",
        "Manufacturer": vendor.manufacturer,
        "InstitutionName": "重庆市示范医院",
        "InstitutionalDepartmentName": "放射科",
        "ReferringPhysicianName": "",
        "StationName": station,
        "StudyDescription": asked,
        "PatientName": patient.name(vendor.ideographic_group),
        "PatientID": patient.patient_id,
        "IssuerOfPatientID": patient.issuer,
        "PatientBirthDate": patient.birth_date,
        "PatientSex": patient.sex,
        "PatientAge": patient.age(day),
        "PatientSize": "1.68",
        "PatientWeight": "64",
        "DeviceSerialNumber": f"{vendor.name[:2].upper()}{int(rng.integers(10000, 99999))}",
        "SoftwareVersions": vendor.software,
        "StudyInstanceUID": header.study_instance_uid,
        "StudyID": f"{int(rng.integers(1000, 9999))}",
        "RequestedProcedureDescription": asked,
        "RequestedProcedureCodeSequence": request_code,
        "PerformedProcedureStepStartDate": day,
        "PerformedProcedureStepStartTime": header.time(0),
        "PerformedProcedureStepID": f"PPS{int(rng.integers(10000, 99999))}",
        "Modality": modality,
    }


def write_series(
    folder: Path,
    header: StudyHeader,
    name: str,
    number: int,
    common: Mapping[str, Any],
    instances: Iterable[tuple[Mapping[Any, Any], NDArray[Any]]],
    *,
    components: tuple[str, ...] = (),
    what: str = "",
) -> SimulatedSeries:
    """Writes one series into its own folder `<number>`: `common` keywords and, for each instance, its own keywords and pixels.

    Pixels are uint8 or (u)int16 [rows, columns], or [frames, rows, columns] for multi-frame objects. `name` tells the UIDs of one
    study's series apart.
    """
    target = folder / f"{number:03d}"
    target.mkdir(parents=True, exist_ok=True)
    series_uid = header.uid("series", name)
    shared: Mapping[Any, Any] = {**common, "SeriesInstanceUID": series_uid, "SeriesNumber": number}
    elements: dict[int, bytes] = {}  # encoded: most are the same in every instance
    files, uids = [], []
    for index, (own, pixels) in enumerate(instances):
        sop_uid = header.uid("instance", name, index)
        dataset = dataset_of({**(shared if index == 0 else {}), **own, "SOPInstanceUID": sop_uid})
        set_pixels(dataset, pixels, given=shared)
        for keyword in (keyword for keyword, value in own.items() if value is None):
            elements.pop(tag_for_keyword(keyword) or 0, None)
        elements |= encoded_elements(dataset, header.vendor.character_set)
        path = target / f"{index + 1:04d}.dcm"
        write_file(path, common["SOPClassUID"], sop_uid, elements)
        files.append(path)
        uids.append(sop_uid)
    return SimulatedSeries(
        series_uid, number, str(common.get("SeriesDescription", "")), components, what, tuple(uids), tuple(files)
    )


def set_pixels(dataset: Dataset, pixels: NDArray[Any], given: Container[Any] = ()) -> None:
    """Image Pixel module of native grey pixels; signedness follows the array's type. What is `given` elsewhere stays as it is."""
    bits = pixels.dtype.itemsize * 8
    defaults = {"PhotometricInterpretation": "MONOCHROME2", "BitsStored": bits, "HighBit": bits - 1}
    for keyword, value in defaults.items():
        if keyword not in dataset and keyword not in given:
            setattr(dataset, keyword, value)
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = int(pixels.shape[-2]), int(pixels.shape[-1])
    dataset.BitsAllocated = bits
    dataset.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    data = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data if len(data) % 2 == 0 else data + b"\0"
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"


def encoded_elements(dataset: Dataset, character_set: str) -> dict[int, bytes]:
    """Each element of a dataset in explicit little endian (PS3.5 7.1), by tag."""
    encodings = convert_encodings(character_set)
    correct_ambiguous_vr(dataset, is_little_endian=True)
    elements = {}
    for element in dataset:
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_data_element(buffer, element, encodings)
        elements[int(element.tag)] = buffer.getvalue()
    return elements


def write_file(path: Path, sop_class_uid: str, sop_instance_uid: str, elements: Mapping[int, bytes]) -> None:
    """Writes encoded elements as a DICOM file (PS3.10)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "TOUCHSTONE_SIM"
    head = DicomBytesIO()
    write_file_meta_info(head, meta)
    path.write_bytes(b"".join([bytes(128), b"DICM", head.getvalue(), *(elements[tag] for tag in sorted(elements))]))


def stored_values(values: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Rounded and clipped to a range, as unsigned 16-bit integers or, where the range goes below 0, signed ones."""
    return np.asarray(np.clip(np.rint(values), low, high), np.int16 if low < 0 else np.uint16)


def in_blocks(shape: tuple[int, int, int]) -> Iterator[tuple[int, int]]:
    """Start and stop of consecutive blocks of slices, so large that their number is small and so small that memory is."""
    count, rows, columns = shape
    size = max(_BLOCK_VOXELS // (rows * columns), 1)
    for start in range(0, count, size):
        yield start, min(start + size, count)
