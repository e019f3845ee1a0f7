"""Images without whoever they are of: the Basic Application Level Confidentiality Profile of DICOM PS3.15, with moved dates.

What stays is named in `configs/deidentification.yaml`; a new object is made of it, and nothing else of the old one is looked at.
Pixels stay as they are, so that objects that may show text in them are refused; comments inside compressed pixels go.
"""

import hashlib
import hmac
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from pydicom import config as pydicom_config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, RLELossless

from configs.strict import HERE, ConfigFileError, Strict, parse, read_yaml
from qc_models.errors import ConfigError, InputError
from qc_models.review import VENDORS
from serving.silent_streams import silent

PROFILE = HERE / "deidentification.yaml"
LARGEST = 1 << 29  # bytes of an object
LONGEST_SHIFT_DAYS = 3650
_DEEPEST = 6  # sequences
_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
_UNSIGNED, _SIGNED = range(1 << 16), range(-(1 << 15), 1 << 15)
_WHOLE = {
    "US": _UNSIGNED,
    "SS": _SIGNED,
    "UL": range(1 << 32),
    "SL": range(-(1 << 31), 1 << 31),
    "IS": range(-(1 << 31), 1 << 31),
}
_PIXELS = BaseTag(0x7FE00010)


class Profile(Strict):
    """The file `configs/deidentification.yaml`: keywords of attributes by what is done with them."""

    classes: tuple[str, ...]
    uids: tuple[str, ...]
    dates: tuple[str, ...]
    empty: tuple[str, ...]
    subject: tuple[str, ...]
    numbers: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    vendor: tuple[str, ...]
    sequences: tuple[str, ...]
    bytes: tuple[str, ...]

    def actions(self) -> dict[BaseTag, str]:
        """What is done with an attribute, by its tag; ConfigError for a keyword that is none of DICOM, or named twice."""
        found: dict[BaseTag, str] = {}
        for action in ("uids", "dates", "empty", "subject", "numbers", "words", "vendor", "sequences", "bytes"):
            for keyword in getattr(self, action):
                number = tag_for_keyword(keyword)
                if number is None or Tag(number) in found:
                    raise ConfigError(f"{PROFILE.name}: {action}: {keyword} is no attribute of DICOM, or named twice")
                found[Tag(number)] = action
        return found


@dataclass(frozen=True, slots=True)
class Deidentified:
    """An object that may leave: its bytes, and the UID by which it is known outside."""

    content: bytes
    sop_instance_uid: str
    vendor: str


class Deidentifier:
    """Takes whoever an image is of out of it. The same key gives the same UIDs and the same moved dates each time."""

    def __init__(self, secret: str, profile: Path = PROFILE) -> None:
        self._key = hmac.new(secret.encode(), b"labels", hashlib.sha256).digest()
        self._profile = load_profile(profile)
        self._actions = self._profile.actions()

    def subject(self, *identity: str) -> str:
        """The digest of a person, by which all of their images are known as one person's, and nothing else of them."""
        return self._digest("subject", *identity)[:32]

    def uid(self, uid: str) -> str:
        """What a UID is replaced by (PS3.5 annex B.2)."""
        return f"2.25.{int(self._digest('uid', uid)[:32], 16)}"

    def object(self, path: Path, subject: str) -> Deidentified:
        """An object of a person; InputError, which quotes nothing of it, where it cannot leave."""
        if path.stat().st_size > LARGEST:
            raise InputError(f"is larger than {LARGEST >> 20} MiB")
        try:
            with pydicom_config.disable_value_validation():
                return self._object(path, subject)
        except (InputError, OSError):
            raise
        except Exception as error:  # hostile headers lead the library astray in many ways
            raise InputError(f"cannot be read as DICOM ({type(error).__name__})") from None

    def _object(self, path: Path, subject: str) -> Deidentified:
        old = pydicom.dcmread(path)
        sop_class = UID(str(old.get("SOPClassUID", "")))
        if why := _why_not(old, sop_class, self._profile):
            raise InputError(why)
        new = self._made(old, subject, 0)
        if "PhotometricInterpretation" not in new:
            raise InputError("holds pixels of a kind that is not learned from")
        new.SOPClassUID = sop_class
        new.PatientIdentityRemoved = "YES"
        new.DeidentificationMethod = "DICOM PS3.15 Basic Profile, modified dates; a list of what stays"
        new.DeidentificationMethodCodeSequence = [_code(value, meaning) for value, meaning in _CODES]
        new.LongitudinalTemporalInformationModified = "MODIFIED"
        new.file_meta = FileMetaDataset()
        new.file_meta.MediaStorageSOPClassUID = sop_class
        new.file_meta.MediaStorageSOPInstanceUID = new.SOPInstanceUID
        new.file_meta.TransferSyntaxUID = old.file_meta.TransferSyntaxUID
        stream = BytesIO()
        pydicom.dcmwrite(stream, new, enforce_file_format=True)
        return Deidentified(stream.getvalue(), str(new.SOPInstanceUID), str(new.get("Manufacturer", "")))

    def _made(self, old: Dataset, subject: str, depth: int) -> Dataset:
        """A new data set of what of an old one may stay."""
        new = Dataset()
        for tag, action in self._actions.items():
            if tag not in old:
                if depth == 0 and action in ("empty", "subject"):
                    new.add_new(tag, dictionary_VR(tag), subject if action == "subject" else None)
                continue
            try:
                vr, value = self._kept(old[tag], action, subject, depth)
            except InputError:
                raise
            except Exception:  # a value that its attribute cannot have: it does not stay
                continue
            if value is None and action not in ("empty", "vendor"):
                continue
            new.add_new(tag, vr, value)
            if tag == _PIXELS and old[tag].is_undefined_length:
                new[tag].value = _without_comments(old)
                new[tag].is_undefined_length = True
        if "LUTData" in new and len(new.LUTData) != 2 * (new.LUTDescriptor[0] or 1 << 16):
            raise InputError("holds a lookup table of another length than it says")
        return new

    def _kept(self, element: DataElement, action: str, subject: str, depth: int) -> tuple[str, Any]:
        """What stays of an element, and of which value representation it is; None where nothing does."""
        vr = dictionary_VR(element.tag)
        match action:
            case "subject":
                return vr, subject
            case "uids":
                return vr, self.uid(str(element.value)) if element.value else None
            case "dates":
                return vr, self._moved(str(element.value or ""), subject)
            case "numbers":
                return _numbers(vr, element)
            case "words":
                known = self._profile.words[element.keyword]
                said = [str(word).strip() for word in _values(element)]
                return vr, [word for word in said if word in known] or None
            case "vendor":
                return vr, vendor_of(str(element.value or ""))
            case "sequences":
                return vr, self._items(element, subject, depth)
            case "bytes":
                return _bytes(vr, element)
        return vr, None

    def _items(self, element: DataElement, subject: str, depth: int) -> list[Dataset] | None:
        if element.VR != "SQ" or depth >= _DEEPEST:
            return None
        return [self._made(item, subject, depth + 1) for item in element.value]

    def _moved(self, text: str, subject: str) -> str | None:
        """A day, moved; nothing where it is none."""
        try:
            day = datetime.strptime(text.strip()[:8].replace(".", ""), "%Y%m%d").date()
            return (day - self.shift(subject)).strftime("%Y%m%d")
        except (ValueError, OverflowError):
            return None

    def shift(self, subject: str) -> timedelta:
        """By how much the dates of a person are moved back: whole days, the same for all of their images."""
        return timedelta(days=1 + int(self._digest("shift", subject)[:8], 16) % LONGEST_SHIFT_DAYS)

    def moved(self, day: date, subject: str) -> date:
        """A day of a person, as their images tell it outside."""
        return day - self.shift(subject)

    def _digest(self, *parts: str) -> str:
        said = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()


@cache
def load_profile(path: Path) -> Profile:
    """Loads a profile; raises ConfigError with file and key."""
    try:
        return parse(Profile, read_yaml(path), path)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error


def vendor_of(manufacturer: str) -> str:
    """The known name that a manufacturer's holds; empty where it holds none."""
    words = manufacturer.upper().replace("_", " ").split()
    return next((name for name in sorted(VENDORS) if name.upper() in words), "")


def _why_not(old: Dataset, sop_class: UID, profile: Profile) -> str:
    """Why an object cannot leave; empty where it can."""
    if sop_class not in profile.classes:
        return "is of a class that may show text in its pixels, or holds no image for training"
    if str(old.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        return "says that text is burnt into its pixels"
    if "SCREEN SAVE" in [str(word).strip() for word in _values(old["ImageType"])] if "ImageType" in old else False:
        return "is a picture of a screen"
    if not str(old.get("SOPInstanceUID", "")) or "TransferSyntaxUID" not in getattr(old, "file_meta", {}):
        return "does not say what it is"
    if _PIXELS not in old:
        return "holds no pixels"
    return _why_not_pixels(old)


def _why_not_pixels(old: Dataset) -> str:
    """Why pixels may hide something: overlays in their unused bits, or bytes behind the last of them."""
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x0010) in old and (group, 0x3000) not in old:
            return "holds an overlay in unused bits of its pixels"
    element = old[_PIXELS]
    if element.is_undefined_length:
        return ""
    frames = int(old.get("NumberOfFrames") or 1)
    bits = int(old.Rows) * int(old.Columns) * int(old.get("SamplesPerPixel") or 1) * int(old.BitsAllocated) * frames
    expected = math.ceil(bits / 8)
    return "has other pixels than it says" if len(element.value) not in (expected, expected + expected % 2) else ""


def _without_comments(old: Dataset) -> bytes:
    """Encapsulated pixel data without what an encoder noted in it; runs (RLE) hold no notes."""
    if old.file_meta.TransferSyntaxUID == RLELossless:
        return bytes(old.PixelData)
    try:
        frames = generate_frames(old.PixelData, number_of_frames=int(old.get("NumberOfFrames") or 1))
        return encapsulate([silent(frame) for frame in frames])
    except ValueError as error:
        raise InputError("holds compressed pixels that cannot be walked") from error


def _values(element: DataElement) -> Iterator[Any]:
    value = element.value
    if value is None or value == "":
        return
    yield from value if isinstance(value, list | tuple) or hasattr(value, "append") else (value,)


def _numbers(vr: str, element: DataElement) -> tuple[str, Any]:
    """Numbers alone, whatever the file calls them: nothing of an element that holds any other text."""
    values = [str(value).strip() for value in _values(element)]
    if isinstance(element.value, bytes):
        size = len(element.value) // 2
        values = [str(int.from_bytes(element.value[2 * at : 2 * at + 2], "little")) for at in range(size)]
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return vr, None
    if not numbers or not all(map(math.isfinite, numbers)):
        return vr, None
    vrs = vr.split(" or ")
    for one in vrs:
        if one in _WHOLE:
            if all(number.is_integer() and int(number) in _WHOLE[one] for number in numbers):
                return one, [int(number) for number in numbers]
        elif one == "DS":
            return one, [
                value if len(value) <= 16 else f"{number:.10g}" for value, number in zip(values, numbers, strict=True)
            ]
        elif one in ("FD", "FL"):
            return one, numbers
    return vr, None


def _bytes(vr: str, element: DataElement) -> tuple[str, Any]:
    """Bytes as they are."""
    vr = element.VR if element.VR in ("OB", "OW", "OV") else vr.split(" or ")[-1]
    return vr, element.value if isinstance(element.value, bytes) else None


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code
