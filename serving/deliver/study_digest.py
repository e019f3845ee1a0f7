"""The digest of a study's images: what a signed verdict names, and another hospital computes again from the files that it got.

It covers the data set of every image (an object with Rows), byte by byte as it was received, with its SOP instance UID: not the
file meta information, which every system writes anew, and neither reports nor other documents, which come and go. A system that
alters, re-encodes or decompresses the objects on the way changes it.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import update

from qc_models.dicom.header import read_header
from serving.archive import Archive
from serving.database.sessions import Database
from serving.database.tables import InstanceRow
from serving.deliver.told_verdict import ToldVerdict


def data_set_digest(path: Path) -> str:
    """SHA-256 of an object's data set, as it stands behind the file meta information."""
    begins_at = read_header(path, "the object").data_set_at
    with path.open("rb") as stream:
        stream.seek(begins_at)
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(images: Iterable[tuple[str, str]]) -> str:
    """The digest of a study, of the SOP instance UIDs and data set digests of its images in any order."""
    lines = sorted(f"{uid} {digest}\n" for uid, digest in images)
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def study_digest(told: ToldVerdict, database: Database, archive: Archive) -> str:
    """The digest of a study's images as the archive has them; each object is read once, and remembered."""
    found: dict[int, str] = {}
    for row in told.images:
        if not row.data_set_digest:
            with archive.local(row.archive_key) as path:
                found[row.id] = data_set_digest(path)
    if found:
        with database.writing() as session:
            session.execute(update(InstanceRow), [{"id": id_, "data_set_digest": own} for id_, own in found.items()])
    return digest_of((row.sop_instance_uid, row.data_set_digest or found[row.id]) for row in told.images)
