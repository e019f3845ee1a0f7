"""An attribute that the image must carry is missing from its header.

Higher is worse: each measurement is the number of instances that lack one attribute. `essential` attributes are those without
which pixels cannot be read, Hounsfield units told or slices placed; `type1` must be present with a value, `type2` must be
present but may be empty, so that an empty one is no error. Patient id, dates, device, side and pixel spacing have checks of
their own and are left to them; scouts, and derived pictures of a series that places none, need no place in space.
Source: DICOM PS3.5 7.4 (types) and the modules of PS3.3 named in `MODULES`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance

_EN = "{value:.0f} instances lack {attribute} ({module}, {clause})"
_ZH = "{value:.0f} 幅图像缺少 {attribute}（{clause}）"

QUANTITIES = {
    "essential": Quantity(
        "instances",
        _EN + ", without which the image cannot be used",
        _ZH + "，图像无法正确使用",
        "send the images again from the device with complete headers",
        "请从设备重新发送头信息完整的图像",
    ),
    "type1": Quantity(
        "instances",
        _EN + ", which must have a value",
        _ZH + "，该属性必须有值",
        "ask the vendor to complete the device's DICOM output",
        "请联系厂商完善设备的 DICOM 输出",
    ),
    "type2": Quantity(
        "instances",
        _EN + ", which must be present, be it empty",
        _ZH + "，该属性必须存在（可为空）",
        "ask the vendor to complete the device's DICOM output",
        "请联系厂商完善设备的 DICOM 输出",
    ),
}


@dataclass(frozen=True, slots=True)
class Module:
    """What a module of PS3.3 asks for; `essential` and `essential_if_placed` are Type 1 as well."""

    clause: str
    essential: tuple[str, ...] = ()
    essential_if_placed: tuple[str, ...] = ()  # Type 1 alone for scouts and renderings, which have no place
    type1: tuple[str, ...] = ()
    type2: tuple[str, ...] = ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MODULES = {
    "Patient": Module("PS3.3 C.7.1.1", type2=_words("PatientName PatientBirthDate PatientSex")),
    "General Study": Module("PS3.3 C.7.2.1", type2=_words("StudyTime ReferringPhysicianName StudyID AccessionNumber")),
    "General Series": Module("PS3.3 C.7.3.1", essential=("Modality",), type2=("SeriesNumber",)),
    "Frame of Reference": Module(
        "PS3.3 C.7.4.1", type1=("FrameOfReferenceUID",), type2=("PositionReferenceIndicator",)
    ),
    "General Image": Module("PS3.3 C.7.6.1", type2=("InstanceNumber",)),
    "Image Plane": Module(
        "PS3.3 C.7.6.2",
        essential_if_placed=("ImagePositionPatient", "ImageOrientationPatient"),
        type2=("SliceThickness",),
    ),
    "Image Pixel": Module(
        "PS3.3 C.7.6.3",
        essential=_words(
            "SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored PixelRepresentation"
        ),
        type1=("HighBit",),
    ),
    "SOP Common": Module("PS3.3 C.12.1", essential=("SOPClassUID",)),
    "CT Image": Module(
        "PS3.3 C.8.2.1",
        essential_if_placed=("RescaleIntercept", "RescaleSlope"),
        type1=("ImageType",),
        type2=("KVP", "AcquisitionNumber"),
    ),
    "MR Image": Module(
        "PS3.3 C.8.3.1",
        type1=_words("ImageType ScanningSequence SequenceVariant"),
        type2=_words("ScanOptions MRAcquisitionType EchoTime EchoTrainLength"),
    ),
    "Multi-frame Functional Groups": Module(
        "PS3.3 C.7.6.16",
        essential=_words("SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence NumberOfFrames"),
        type1=_words("ContentDate ContentTime InstanceNumber"),
    ),
    "Enhanced General Equipment": Module("PS3.3 C.7.5.2", type1=("SoftwareVersions",)),
    "Enhanced CT Image": Module("PS3.3 C.8.15.2", type1=("ImageType", "VolumetricProperties")),
    "Enhanced MR Image": Module("PS3.3 C.8.13.1", type1=("ImageType", "VolumetricProperties")),
    "CR Series": Module("PS3.3 C.8.1.1", type2=("BodyPartExamined", "ViewPosition")),
    "DX Series": Module("PS3.3 C.8.11.1", type1=("PresentationIntentType",)),
    "DX Anatomy Imaged": Module("PS3.3 C.8.11.2", type2=("AnatomicRegionSequence",)),
    "DX Image": Module(
        "PS3.3 C.8.11.3",
        type1=_words(
            "ImageType PixelIntensityRelationship PixelIntensityRelationshipSign RescaleIntercept RescaleSlope RescaleType "
            "PresentationLUTShape LossyImageCompression BurnedInAnnotation PatientOrientation"
        ),
    ),
    "DX Detector": Module("PS3.3 C.8.11.4", type2=("DetectorType",)),
    "Mammography Image": Module(
        "PS3.3 C.8.11.7", type1=_words("PositionerType OrganExposed ViewCodeSequence AnatomicRegionSequence")
    ),
}

_ALL = ("Patient", "General Study", "General Series", "Image Pixel", "SOP Common")
_CLASSIC = (*_ALL, "General Image")
_SLICES = (*_CLASSIC, "Frame of Reference", "Image Plane")
_ENHANCED = (*_ALL, "Frame of Reference", "Multi-frame Functional Groups", "Enhanced General Equipment")
_DX = (*_CLASSIC, "DX Series", "DX Anatomy Imaged", "DX Image", "DX Detector")

# The modules of each kind of image (PS3.3 A.2-A.4, A.26, A.27, A.36, A.38).
IODS = {
    "CT": (*_SLICES, "CT Image"),
    "MR": (*_SLICES, "MR Image"),
    "Enhanced CT": (*_ENHANCED, "Enhanced CT Image"),
    "Enhanced MR": (*_ENHANCED, "Enhanced MR Image"),
    "CR": (*_CLASSIC, "CR Series"),
    "DX": _DX,
    "MG": (*(name for name in _DX if name != "DX Anatomy Imaged"), "Mammography Image"),
    "other": _CLASSIC,
}
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SOP_CLASSES = {
    "2": "CT",
    "4": "MR",
    "2.1": "Enhanced CT",
    "2.2": "Enhanced CT",
    "4.1": "Enhanced MR",
    "4.4": "Enhanced MR",
    "1": "CR",
    "1.1": "DX",
    "1.1.1": "DX",
    "1.2": "MG",
    "1.2.1": "MG",
}


def iod(sop_class_uid: str, modality: str) -> str:
    """The kind of image by its SOP class (PS3.4 B.5), by its Modality where there is none: a key of `IODS`."""
    if not sop_class_uid:
        return modality if modality in IODS else "other"
    return _SOP_CLASSES.get(sop_class_uid.removeprefix(_STORAGE), "other")


def lacking(header: Header, module: Module, placed: bool) -> Iterable[tuple[str, str]]:
    """What a header lacks of a module, as (quantity, attribute); `placed` where the image must have its place in space."""
    for attribute in module.essential:
        if not header.has_value(attribute):
            yield "essential", attribute
    for attribute in module.essential_if_placed:
        if not header.has_value(attribute):
            yield ("essential" if placed else "type1"), attribute
    for attribute in module.type1:
        if not header.has_value(attribute):
            yield "type1", attribute
    for attribute in module.type2:
        if attribute not in header:
            yield "type2", attribute


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """One measurement for each attribute that any image lacks; its place is the first image that does."""
    pairs = zip(evidence.stacks, evidence.stack_facts, strict=True)
    scouts = {frame.sop_instance_uid for stack, facts in pairs if facts.is_localizer for frame in stack.frames}
    images = [instance for instance in evidence.study.instances if instance.frames]
    placing = {image.series_instance_uid for image in images if image.header.has_value("ImagePositionPatient")}
    counts: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], Instance] = {}
    for image in images:
        rendering = "DERIVED" in image.header.texts("ImageType")[:1] and image.series_instance_uid not in placing
        placed = not rendering and image.sop_instance_uid not in scouts
        for name in IODS[iod(image.sop_class_uid, image.modality)]:
            for quantity, attribute in lacking(image.header, MODULES[name], placed):
                key = (quantity, attribute, name)
                counts[key] += 1
                first.setdefault(key, image)
    for (quantity, attribute, name), count in sorted(counts.items()):
        image = first[quantity, attribute, name]
        yield Measurement(
            f"metadata.required_attributes.{quantity}",
            count,
            "instances",
            Location(image.series_instance_uid, image.sop_instance_uid),
            {"attribute": attribute, "module": name, "clause": MODULES[name].clause},
        )
