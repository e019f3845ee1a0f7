"""An identifier of the images is malformed, or stands for different things.

Higher is worse: numbers of instances unless said otherwise. `malformed`: UIDs that are none; `conflicting`: files that share a
SOPInstanceUID and differ in content; `repeated_files`: files of one instance that agree; `sop_class_mismatch`,
`sop_instance_mismatch`: the file's meta information names another object than its data set; `modalities`: modalities in one
series; `modality_mismatch`: CT or MR images whose Modality says otherwise.
Formula: a UID has at most 64 characters of digits and dots, and no empty component or one with a leading zero.
Source: DICOM PS3.5 9.1, PS3.10 7.1, PS3.3 C.7.3.1, A.3, A.4, C.12.1.
"""

import re
from collections import Counter
from collections.abc import Iterable

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance, Series

QUANTITIES = {
    "malformed": Quantity(
        "instances",
        "{value:.0f} instances: {attribute} is no valid UID",
        "{value:.0f} 幅图像的 {attribute} 不是合法的 UID",
        "ask the vendor to correct how the device makes UIDs",
        "请联系厂商更正设备的 UID 生成规则",
    ),
    "conflicting": Quantity(
        "files",
        "{value:.0f} files share one SOPInstanceUID and differ in content",
        "{value:.0f} 个文件的 SOPInstanceUID 相同但内容不同",
        "find out which file is right, give the other its own UID and send the study again",
        "请确认正确的文件，为另一文件分配新的 UID 后重新上传",
    ),
    "repeated_files": Quantity(
        "files",
        "{value:.0f} files hold the same instance",
        "同一实例重复上传了 {value:.0f} 个文件",
        "nothing to do: one of them is used",
        "无需处理，仅使用其中一个",
    ),
    "sop_class_mismatch": Quantity(
        "instances",
        "{value:.0f} instances: the file's meta information names another SOP class than the data set",
        "{value:.0f} 幅图像文件头的 SOP 类与数据集不一致",
        "send the images again from the device or archive",
        "请从设备或归档系统重新发送图像",
    ),
    "sop_instance_mismatch": Quantity(
        "instances",
        "{value:.0f} instances: the file's meta information names another SOP instance than the data set",
        "{value:.0f} 幅图像文件头的 SOP 实例号与数据集不一致",
        "send the images again from the device or archive",
        "请从设备或归档系统重新发送图像",
    ),
    "modalities": Quantity(
        "modalities",
        "one series holds {value:.0f} modalities: {modalities}",
        "一个序列中有 {value:.0f} 种成像模态：{modalities}",
        "give each modality a series of its own",
        "请将不同模态的图像分到各自的序列",
    ),
    "modality_mismatch": Quantity(
        "instances",
        "{value:.0f} instances are {expected} images by SOP class and say Modality {modality}",
        "{value:.0f} 幅图像的 SOP 类为 {expected}，而 Modality 为 {modality}",
        "correct Modality and send the images again",
        "请更正 Modality 后重新上传",
    ),
}

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")
_META = {
    "sop_class_mismatch": ("MediaStorageSOPClassUID", "SOPClassUID"),
    "sop_instance_mismatch": ("MediaStorageSOPInstanceUID", "SOPInstanceUID"),
}
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_MODALITIES = {"2": "CT", "2.1": "CT", "2.2": "CT", "4": "MR", "4.1": "MR", "4.4": "MR"}  # by SOP class


def is_uid(text: str) -> bool:
    """Whether a text is a UID (PS3.5 9.1)."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """UIDs of every instance, repeated files, and what each series is."""
    study = evidence.study
    for keyword in _UIDS:
        known: dict[str, bool] = {}
        wrong = [
            instance
            for instance in study.instances
            if (uid := instance.header.text(keyword)) and not known.setdefault(uid, is_uid(uid))
        ]
        if wrong:
            yield _found("malformed", len(wrong), wrong[0], {"attribute": keyword})
    for repeated in study.repeated:
        quantity = "repeated_files" if repeated.agrees else "conflicting"
        place = Location(repeated.series_instance_uid, repeated.sop_instance_uid)
        yield Measurement(f"metadata.uids.{quantity}", repeated.num_files, "files", place)
    for quantity, (meta, keyword) in _META.items():
        wrong = [instance for instance in study.instances if _differ(instance, meta, keyword)]
        if wrong:
            yield _found(quantity, len(wrong), wrong[0], {})
    for series in study.series:
        yield from _modalities(series)


def _differ(instance: Instance, meta: str, keyword: str) -> bool:
    said, own = instance.header.text(meta), instance.header.text(keyword)
    return said is not None and own is not None and said != own


def _modalities(series: Series) -> Iterable[Measurement]:
    counts = Counter(instance.modality for instance in series.instances if instance.modality)
    if len(counts) > 1:
        rarest = min(counts, key=lambda modality: (counts[modality], modality))
        odd = next(instance for instance in series.instances if instance.modality == rarest)
        yield _found("modalities", len(counts), odd, {"modalities": sorted(counts)})
    wrong: dict[tuple[str, str], list[Instance]] = {}
    for instance in series.instances:
        expected = _MODALITIES.get(instance.sop_class_uid.removeprefix(_STORAGE))
        if expected is not None and instance.modality and instance.modality != expected:
            wrong.setdefault((expected, instance.modality), []).append(instance)
    for (expected, modality), odd_ones in sorted(wrong.items()):
        yield _found("modality_mismatch", len(odd_ones), odd_ones[0], {"expected": expected, "modality": modality})


def _found(quantity: str, value: float, instance: Instance, detail: dict[str, str | list[str]]) -> Measurement:
    place = Location(instance.series_instance_uid, instance.sop_instance_uid)
    return Measurement(f"metadata.uids.{quantity}", value, QUANTITIES[quantity].unit, place, detail)
