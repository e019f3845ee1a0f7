"""The header does not say which device and which institution made the images.

Higher is worse. `identity_absent`: instances without manufacturer, model or serial number, so that the device's own quality control
cannot be looked up; `institution_absent`: instances without an institution; `devices`: how many devices one series claims, which
more than one did not make.
Source: DICOM PS3.3 C.7.5.1 (General Equipment). Whether a known device is in good standing is the policy's to say.
"""

from collections import Counter
from collections.abc import Iterable

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance, Series

QUANTITIES = {
    "identity_absent": Quantity(
        "instances",
        "{value:.0f} instances do not state {attribute}",
        "{value:.0f} 幅图像未注明 {attribute}",
        "fill in manufacturer, model and serial number on the device",
        "请在设备上补全厂商、型号和序列号",
    ),
    "institution_absent": Quantity(
        "instances",
        "{value:.0f} instances do not state their institution",
        "{value:.0f} 幅图像未注明检查机构",
        "fill in the institution's name on the device",
        "请在设备上补全机构名称",
    ),
    "devices": Quantity(
        "devices",
        "one series claims to come from {value:.0f} devices ({attribute} differs)",
        "一个序列的图像来自 {value:.0f} 台设备（{attribute} 不一致）",
        "find out which images belong to another examination and send the study again",
        "请核实是否混入其他检查的图像后重新上传",
    ),
}

_IDENTITY = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber")


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """Device and institution of every image, and whether each series comes from one device."""
    images = [instance for instance in evidence.study.instances if instance.frames]
    for attribute in _IDENTITY:
        lacking = [image for image in images if image.header.text(attribute) is None]
        if lacking:
            yield _found("identity_absent", len(lacking), lacking[0], {"attribute": attribute})
    lacking = [image for image in images if not _states_institution(image)]
    if lacking:
        yield _found("institution_absent", len(lacking), lacking[0], {})
    for series in evidence.study.series:
        yield from _devices(series)


def _states_institution(image: Instance) -> bool:
    return image.header.has_value("InstitutionName") or image.header.has_value("InstitutionCodeSequence")


def _devices(series: Series) -> Iterable[Measurement]:
    """The first attribute of the device's identity in which a series disagrees; absent values disagree with none."""
    for attribute in _IDENTITY:
        said = [(text.upper(), image) for image in series.instances if (text := image.header.text(attribute))]
        counts = Counter(text for text, _ in said)
        if len(counts) > 1:
            usual = min(counts, key=lambda text: (-counts[text], text))
            odd = next(image for text, image in said if text != usual)
            yield _found("devices", len(counts), odd, {"attribute": attribute})
            return


def _found(quantity: str, value: float, instance: Instance, detail: dict[str, str]) -> Measurement:
    place = Location(instance.series_instance_uid, instance.sop_instance_uid)
    return Measurement(f"metadata.device.{quantity}", value, QUANTITIES[quantity].unit, place, detail)
