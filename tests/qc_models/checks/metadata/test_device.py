"""Which device and institution made the images, and that one series has one device."""

from collections.abc import Callable
from types import ModuleType

from qc_models.checks.metadata import device
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from tests.written_dicom import axial_slices

KNOWN = {
    "Manufacturer": "SIMULATED",
    "ManufacturerModelName": "S1",
    "DeviceSerialNumber": "77",
    "InstitutionName": "CQ-COUNTY-01",
}


def test_a_known_device_says_nothing(evidence_of: Callable[..., Evidence]) -> None:
    assert list(device.measure(evidence_of(axial_slices(2, **KNOWN)))) == []


def test_each_absent_attribute_is_named(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(3, **KNOWN | {"DeviceSerialNumber": ""})
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", "ManufacturerModelName": None, "InstitutionName": None}
    found = list(device.measure(evidence_of(slices)))
    assert [(m.metric.rpartition(".")[2], m.value, m.detail.get("attribute")) for m in found] == [
        ("identity_absent", 1, "ManufacturerModelName"),
        ("identity_absent", 3, "DeviceSerialNumber"),
        ("institution_absent", 1, None),
    ]
    assert found[0].location.sop_instance_uid == "1.2.3.4"


def test_a_coded_institution_will_do(evidence_of: Callable[..., Evidence]) -> None:
    code = [{"CodeValue": "CQ1", "CodingSchemeDesignator": "99CQ", "CodeMeaning": "Hospital"}]
    slices = axial_slices(2, **KNOWN | {"InstitutionName": None}, InstitutionCodeSequence=code)
    assert list(device.measure(evidence_of(slices))) == []


def test_two_devices_in_one_series(
    evidence_of: Callable[..., Evidence], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(4, **KNOWN)
    slices[3] |= {"SOPInstanceUID": "1.2.3.4", "ManufacturerModelName": "S2", "DeviceSerialNumber": "12"}
    (found,) = device.measure(evidence_of(slices))
    assert (found.metric, found.value, found.location.sop_instance_uid) == ("metadata.device.devices", 2, "1.2.3.4")
    assert "ManufacturerModelName" in sentences(device, found)[0]


def test_two_series_may_have_two_devices(evidence_of: Callable[..., Evidence]) -> None:
    other = axial_slices(2, **KNOWN | {"DeviceSerialNumber": "12"}, SeriesInstanceUID="1.2.9")
    assert list(device.measure(evidence_of(axial_slices(2, **KNOWN) + other))) == []
