"""What stands before the data set of a file (PS3.10 section 7.1): preamble, prefix, and the file meta information."""

from struct import pack

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """The opening of a file for an object that came without one; the UIDs hold digits and dots alone."""
    elements = b"".join(
        pack("<HH2sH", 2, element, vr, len(value)) + value
        for element, vr, value in (
            (0x02, b"UI", _even(sop_class_uid, b"\0")),
            (0x03, b"UI", _even(sop_instance_uid, b"\0")),
            (0x10, b"UI", _even(transfer_syntax_uid, b"\0")),
            (0x12, b"UI", _even(PYNETDICOM_IMPLEMENTATION_UID, b"\0")),
            (0x13, b"SH", _even(PYNETDICOM_IMPLEMENTATION_VERSION, b" ")),
        )
    )
    version = pack("<HH2sHI", 2, 0x01, b"OB", 0, 2) + b"\0\1"
    return bytes(128) + b"DICM" + pack("<HH2sHI", 2, 0, b"UL", 4, len(version + elements)) + version + elements


def _even(value: str, padding: bytes) -> bytes:
    encoded = value.encode("ascii")
    return encoded + padding * (len(encoded) % 2)
