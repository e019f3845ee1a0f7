"""The header of one object as DICOM JSON, without pixels and other bulk data; whatever its sender wrote, the answer is bounded."""

import json
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

from qc_models.dicom.header import DEFLATED_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, read_header
from qc_models.errors import InputError
from serving.database.tables import InstanceRow
from serving.transfer.dicom_json import elements
from serving.transfer.file_meta import file_meta

LARGEST_HEADER = 16 << 20  # bytes; of a larger one only what the database keeps is told
BULK = 4096  # bytes of a value that are too many to be told here
_PIXELS = frozenset(("7FE00010", "7FE00008", "7FE00009"))


def instance_json(path: Path, row: InstanceRow, study_uid: str) -> bytes:
    """The header of an archived object as DICOM JSON; the little that the database keeps where it cannot be read."""
    try:
        return json.dumps(_content(_data_set(path, row)), allow_nan=False).encode()
    except Exception:  # pydicom gives up on some of what senders write
        known = {
            "SOPClassUID": row.sop_class_uid,
            "SOPInstanceUID": row.sop_instance_uid,
            "StudyInstanceUID": study_uid,
            "SeriesInstanceUID": row.series_instance_uid,
            "Modality": row.modality,
            "SeriesNumber": row.series_number,
            "InstanceNumber": row.instance_number,
            "Rows": row.rows or None,
            "Columns": row.columns or None,
        }
        return json.dumps(elements(known)).encode()


def _data_set(path: Path, row: InstanceRow) -> Dataset:
    header = read_header(path, "the object")
    length = header.pixel_data.offset if header.pixel_data is not None else row.size_bytes
    if length > LARGEST_HEADER:
        raise InputError("the header is too long to be told whole")
    source: Path | BytesIO = path
    if row.transfer_syntax_uid == DEFLATED_LITTLE_ENDIAN:  # pydicom would inflate it whatever it becomes
        source = BytesIO(_inflated(path.read_bytes(), row))
    return dcmread(source, stop_before_pixels=True, force=True)


def _inflated(content: bytes, row: InstanceRow) -> bytes:
    begin = 144 + int.from_bytes(content[140:144], "little")
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[begin:], LARGEST_HEADER)
    return file_meta(row.sop_class_uid, row.sop_instance_uid, EXPLICIT_LITTLE_ENDIAN) + inflated


def _content(data_set: Dataset) -> dict[str, Any]:
    """Element by element, since one that is broken must not take the others with it."""
    content: dict[str, Any] = {}
    for tag in sorted(data_set.keys()):
        try:
            value = data_set[tag].to_json_dict(lambda _: "", BULK)
            json.dumps(value, allow_nan=False)
        except Exception:
            continue
        content[f"{int(tag):08X}"] = value
    return {tag: _without_bulk(value) for tag, value in content.items() if tag not in _PIXELS and not _is_bulk(value)}


def _without_bulk(value: dict[str, Any]) -> dict[str, Any]:
    """An element; the items of a sequence without what is too large."""
    if value["vr"] != "SQ":
        return value
    items = [
        {tag: _without_bulk(inner) for tag, inner in item.items() if not _is_bulk(inner)}
        for item in value.get("Value", ())
    ]
    return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}


def _is_bulk(value: dict[str, Any]) -> bool:
    return value.get("BulkDataURI") == ""
