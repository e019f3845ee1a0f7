"""Settles several files of one SOPInstanceUID: equal in decoded pixels and header, they are one instance in any encoding."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from qc_models.dicom.header import Header
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import QcError
from qc_models.study import Instance, RepeatedInstance

# How the same image may be stored in other words: encoding, and what a gateway writes of itself.
_ENCODING = frozenset(
    "TransferSyntaxUID PixelData FloatPixelData DoubleFloatPixelData PhotometricInterpretation PlanarConfiguration "
    "LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod MediaStorageSOPInstanceUID "
    "MediaStorageSOPClassUID ImplementationClassUID ImplementationVersionName SourceApplicationEntityTitle "
    "SpecificCharacterSet NumberOfFrames SmallestImagePixelValue LargestImagePixelValue InstanceCreationDate "
    "InstanceCreationTime".split()
)


def settle_repeated(instances: Sequence[Instance]) -> tuple[tuple[Instance, ...], tuple[RepeatedInstance, ...]]:
    """One instance for each SOPInstanceUID, and what was settled; of files that differ, one that decodes is kept."""
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[instance.sop_instance_uid].append(instance)
    kept: list[Instance] = []
    repeated: list[RepeatedInstance] = []
    for uid, members in groups.items():
        if len(members) == 1:
            kept.append(members[0])
            continue
        members.sort(key=lambda member: (str(member.source.path), member.source.member or ""))
        digests = [_pixel_digest(member) for member in members]
        first = members[0]
        same_pixels = len(set(digests)) == 1 and digests[0] is not None
        agrees = same_pixels and all(same_header(first.header, member.header) for member in members[1:])
        readable = [member for member, digest in zip(members, digests, strict=True) if digest is not None]
        kept.append((readable or members)[0])
        repeated.append(RepeatedInstance(first.series_instance_uid, uid, len(members), agrees))
    return tuple(kept), tuple(sorted(repeated, key=lambda item: item.sop_instance_uid))


def same_header(a: Header, b: Header) -> bool:
    """Whether two headers say the same, encoding aside: equal texts and numbers for every attribute that either has."""
    keywords = {*a.keywords(), *b.keywords()} - _ENCODING
    return all(_same_value(a, b, keyword) for keyword in keywords)


def _same_value(a: Header, b: Header, keyword: str) -> bool:
    if a.raw(keyword) == b.raw(keyword) and not a.items(keyword) and not b.items(keyword):
        return True
    if a.items(keyword) or b.items(keyword):
        mine, yours = a.items(keyword), b.items(keyword)
        return len(mine) == len(yours) and all(same_header(x, y) for x, y in zip(mine, yours, strict=True))
    numbers = (a.numbers(keyword), b.numbers(keyword))
    return numbers[0] == numbers[1] if numbers[0] else a.texts(keyword) == b.texts(keyword)


def _pixel_digest(instance: Instance) -> bytes | None:
    """A digest of the decoded frames; None where they do not decode. Objects without pixels have the digest of nothing."""
    digest = hashlib.blake2b(digest_size=16)
    if instance.header.pixel_data is not None:
        try:
            for frame in decode_frames(instance.source.content(), instance.header):
                digest.update(str(frame.shape).encode())
                digest.update(frame.tobytes())
        except (QcError, OSError):
            return None
    return digest.digest()
