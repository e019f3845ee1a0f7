"""Radiologists' reports as a hospital's information system sends them by FHIR, for tests of what becomes of them."""

import json
from typing import Any


def diagnostic_report(*study_uids: str, **changes: Any) -> bytes:
    """A signed report about a CT of the chest of 1 September 2026; `changes` are elements, and None takes one away."""
    content: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "identifier": [{"system": "urn:city:reports", "value": "R-1"}],
        "status": "final",
        "code": {"text": "胸部CT平扫"},
        "subject": {"reference": "#patient"},
        "effectiveDateTime": "2026-09-01",
        "issued": "2026-09-01T11:30:00+00:00",
        "resultsInterpreter": [{"display": "李四"}],
        "imagingStudy": [{"identifier": study_identifier(uid)} for uid in study_uids or ("1.2.3",)],
        "conclusion": "未见异常",
        "contained": [patient()],
        **changes,
    }
    return json.dumps({name: value for name, value in content.items() if value is not None}).encode()


def study_identifier(uid: str) -> dict[str, str]:
    """How FHIR names a DICOM study."""
    return {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}


def patient(**changes: Any) -> dict[str, Any]:
    """The patient of tests/written_dicom.py."""
    return {
        "resourceType": "Patient",
        "id": "patient",
        "identifier": [{"system": "urn:touchstone:issuer:CQ-HOSPITAL-01", "value": "SIM0001"}],
        "name": [{"text": "张三"}],
        "gender": "male",
        "birthDate": "1980-01-01",
        **changes,
    }
