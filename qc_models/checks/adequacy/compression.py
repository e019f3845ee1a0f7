"""Images were compressed with loss: fine detail may be gone, and no later copy brings it back.

Direction: higher is worse. `ratio` is the largest LossyImageCompressionRatio of a series, with its method; several values tell
several compressions, of which the strongest counts. `undeclared` counts images of a series that were compressed with loss, by
their own word or by a transfer syntax that can do nothing else, and do not say how strongly. JPEG 2000 (.91), HTJ2K (.203) and
the second part of JPEG 2000 (.93) may be free of loss, and are so where LossyImageCompression says 00. Scouts and dose pages do
not count.
Source: DICOM PS3.3 C.7.6.1.1.5 (lossy image compression), PS3.5 A.4. Limits after the usability of irreversible compression,
European Society of Radiology 2011 (doi 10.1007/s13244-011-0071-x), and the standards of the Canadian Association of
Radiologists, which differ by modality and body part: leads, to be confirmed.
"""

from collections import defaultdict
from collections.abc import Iterable

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance

QUANTITIES = {
    "ratio": Quantity(
        "1",
        "images were compressed with loss to 1/{value:.1f} of their size ({method}), limit 1/{limit:.0f}",
        "图像经有损压缩（{method}），压缩比 {value:.1f}:1，限值 {limit:.0f}:1",
        "send the originals without loss, or have the device compress less",
        "请重新发送无损原始图像，或降低设备的压缩比",
    ),
    "undeclared": Quantity(
        "instances",
        "{value:.0f} images were compressed with loss and do not say how strongly",
        "{value:.0f} 幅图像经有损压缩但未注明压缩比",
        "send the originals without loss, or state LossyImageCompressionRatio",
        "请重新发送无损原始图像，或填写 LossyImageCompressionRatio",
    ),
}

_SYNTAX = "1.2.840.10008.1.2.4."
# JPEG baseline and extended, near-lossless JPEG-LS, and the video codecs.
_ALWAYS_LOSSY = frozenset(_SYNTAX + end for end in ("50", "51", "81", *map(str, range(100, 109))))
_MAYBE_LOSSY = frozenset(_SYNTAX + end for end in ("91", "93", "203"))


def is_lossy(declared: str, transfer_syntax_uid: str) -> bool:
    """Whether an image lost something on its way, by LossyImageCompression (01, 00 or empty) and its transfer syntax."""
    if declared == "01" or transfer_syntax_uid in _ALWAYS_LOSSY:
        return True
    return declared != "00" and transfer_syntax_uid in _MAYBE_LOSSY


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """The strongest compression of each series, and how many of its images keep silent about theirs."""
    by_series: dict[str, dict[str, Instance]] = defaultdict(dict)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if not facts.is_localizer:
            for frame in stack.frames:
                by_series[stack.series_instance_uid][frame.sop_instance_uid] = evidence.instance(frame)
    for series_instance_uid, instances in by_series.items():
        ratios = {uid: _ratio(instance.header) for uid, instance in instances.items()}
        told = {uid: ratio for uid, ratio in ratios.items() if ratio is not None}
        if told:
            worst = max(told, key=lambda uid: told[uid])
            method = instances[worst].header.text("LossyImageCompressionMethod") or "method not stated"
            place = Location(series_instance_uid, worst)
            yield Measurement("adequacy.compression.ratio", told[worst], "1", place, {"method": method})
        silent = [uid for uid, instance in instances.items() if ratios[uid] is None and _is_lossy(instance.header)]
        if silent:
            place = Location(series_instance_uid, silent[0])
            yield Measurement("adequacy.compression.undeclared", len(silent), "instances", place)


def _ratio(header: Header) -> float | None:
    """The strongest compression that an image tells of; None where it was not compressed with loss, or does not say."""
    stated = max(header.numbers("LossyImageCompressionRatio"), default=0.0)
    return stated if stated > 0 and _is_lossy(header) else None


def _is_lossy(header: Header) -> bool:
    return is_lossy(header.text("LossyImageCompression") or "", header.transfer_syntax_uid or "")
