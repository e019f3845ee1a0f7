"""A verdict as a FHIR R4 transaction: the study, what was judged and found, the review that is wanted, and that it was said.

The models are those of R4B in fhir.resources, whose ImagingStudy, Observation, Task, AuditEvent and Bundle are as those of R4. A
server that has a resource of the same identifier keeps it: sent again, a bundle changes nothing. The patient is named by an
identifier, of (issuer, id), and nothing else.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fhir.resources.R4B.bundle import Bundle

from serving.database.tables import VerdictRow
from serving.deliver.dicom_codes import (
    ASSESSMENT,
    FINDING,
    SIDES,
    SITES,
    VERDICTS,
    Coded,
    finding_code,
    own,
    unit_code,
)
from serving.deliver.document_subject import MODEL, code_version
from serving.deliver.http_sending import HttpSender
from serving.deliver.outbox import Taken
from serving.deliver.receivers import Fhir
from serving.deliver.told_verdict import ToldVerdict
from serving.verdicts import FINAL

_SYSTEMS = {
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "SCT": "http://snomed.info/sct",
    "RADLEX": "http://www.radlex.org",
    "UCUM": "http://unitsofmeasure.org",
    "99QCGATE": "urn:touchstone:codes",
}
_DICOM_UID = "urn:dicom:uid"
_REPLACES = "http://hl7.org/fhir/StructureDefinition/observation-replaces"  # of R4 itself
_MOST_FINDINGS = 100
_TAKEN = (200,)

Json = dict[str, Any]


class FhirChannel:
    """Sends verdicts to one FHIR server."""

    def __init__(self, sender: HttpSender, fhir: Fhir, address: str) -> None:
        self._sender = sender
        self._fhir = fhir
        self._address = address

    def send(self, taken: Taken, told: ToldVerdict, now: datetime) -> None:
        """Posts the transaction of a verdict."""
        body = bundle_of(told, self._address, self._fhir.patient_systems).model_dump_json(exclude_none=True)
        headers = {
            "content-type": "application/fhir+json",
            "accept": "application/fhir+json",
            "prefer": "return=minimal",
        }
        self._sender.post(body.encode(), headers, _TAKEN)


def bundle_of(told: ToldVerdict, address: str, patient_systems: Mapping[str, str]) -> Bundle:
    """The transaction of a verdict; `patient_systems` are the URIs by which the server knows issuers of patient ids."""
    making = _Making(told, address, patient_systems)
    findings = [making.finding(number, one) for number, one in enumerate(making.wanted_findings)]
    entries = [making.study(), making.verdict(), *findings, *making.task(), making.audit_event()]
    bundle: Bundle = Bundle.model_validate({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return bundle


class _Making:
    """Makes the entries of one bundle."""

    def __init__(self, told: ToldVerdict, address: str, patient_systems: Mapping[str, str]) -> None:
        self._told = told
        self._address = address
        study = told.study
        system = (
            patient_systems.get(study.patient_issuer) or f"urn:touchstone:issuer:{quote(study.patient_issuer, safe='')}"
        )
        patient = {"system": system, "value": study.patient_id}
        self._patient: Json = {
            "type": "Patient",
            **({"identifier": patient} if study.patient_id else {"display": "not identified"}),
        }
        self._said_at = told.verdict.created_at.isoformat()
        self.wanted_findings = [one for one in told.findings if one["level"] != "note"][:_MOST_FINDINGS]

    def study(self) -> Json:
        """The study; a server that has it keeps its own."""
        told = self._told
        identifier = {"system": _DICOM_UID, "value": f"urn:oid:{told.study.uid}"}
        series: dict[str, Json] = {}
        for row in told.images:
            one = series.setdefault(row.series_instance_uid, {"uid": row.series_instance_uid, "numberOfInstances": 0})
            one["numberOfInstances"] += 1
            one["modality"] = _coding(Coded(row.modality or "OT", "DCM", row.modality or "OT"))
            if row.series_number is not None and row.series_number >= 0:
                one["number"] = row.series_number
            one |= self._place(row.series_instance_uid)
        resource = {
            "resourceType": "ImagingStudy",
            "identifier": [identifier],
            "status": "available",
            "subject": self._patient,
            "modality": [_coding(Coded(modality, "DCM", modality)) for modality in told.study.modalities],
            "numberOfSeries": len(series),
            "numberOfInstances": len(told.images),
            "series": list(series.values()),
            **({"started": told.study.study_date.isoformat()} if told.study.study_date is not None else {}),
        }
        return self._created("study", resource, f"identifier={_DICOM_UID}|urn:oid:{told.study.uid}")

    def verdict(self) -> Json:
        """What was decided: the assessment, with scores, exam items and versions."""
        told, verdict = self._told, self._told.verdict
        dimensions = told.report.content.get("dimensions", {}) if told.report is not None else {}
        scores = {"total": verdict.total} | {name: of["score"] for name, of in dimensions.items()}
        components = [
            {"code": _concept(own(f"score.{name}", f"Score {name}")), "valueQuantity": _quantity(score, "points")}
            for name, score in scores.items()
            if score is not None
        ]
        components += [
            {
                "code": _concept(own(f"item.{item['id']}", item["id"])),
                "valueCodeableConcept": _concept(own(item["verdict"])),
            }
            for item in verdict.items
        ]
        resource = {
            **self._observation("verdict", ASSESSMENT),
            "extension": self._replaces(),
            "valueCodeableConcept": _concept(VERDICTS[verdict.verdict], own(verdict.verdict), text=verdict.verdict),
            "component": components,
            "hasMember": [{"reference": self._url(f"finding:{at}")} for at in range(len(self.wanted_findings))],
            "note": [{"text": ", ".join(f"{name} {said}" for name, said in sorted(told.versions.items()))}],
        }
        return self._created("verdict", {name: value for name, value in resource.items() if value})

    def finding(self, number: int, finding: Mapping[str, Any]) -> Json:
        """What was found, and where."""
        place = finding["location"]
        code, metric, message = finding_code(finding["metric"]), finding["metric"], finding.get("message", {})
        uids = {
            "112002": ("Series Instance UID", "series_instance_uid"),
            "110181": ("SOP Instance UID", "sop_instance_uid"),
        }
        components: list[Json] = []
        if "value" in finding:
            quantity = _quantity(finding["value"], finding.get("unit", "1"))
            components.append({"code": _concept(own(metric)), "valueQuantity": quantity})
        components += [
            {"code": _concept(Coded(value, "DCM", meaning)), "valueString": place[key]}
            for value, (meaning, key) in uids.items()
            if place.get(key)
        ]
        resource = {
            **self._observation(f"finding:{number}", FINDING),
            "valueCodeableConcept": _concept(code, own(metric), text=message.get("en") or metric),
            "interpretation": [_concept(own(finding["level"]))],
            "component": components,
            "note": [{"text": text} for text in (message.get("zh"), finding.get("clause")) if text],
        }
        return self._created(f"finding:{number}", {name: value for name, value in resource.items() if value})

    def task(self) -> list[Json]:
        """The review that is wanted, or the one that this verdict ends."""
        told, verdict = self._told, self._told.verdict
        if verdict.kind == FINAL and verdict.versions.get("review"):
            number, status = verdict.versions["review"], "completed"
        elif told.review is not None:
            number, status = str(told.review.id), "requested"
        else:
            return []
        identifier = {"system": f"{self._address}/reviews", "value": number}
        resource = {
            "resourceType": "Task",
            "identifier": [identifier],
            "status": status,
            "intent": "order",
            "code": _concept(own("review-quality", "Review of the quality of a study")),
            "focus": {"reference": self._url("verdict")},
            "for": self._patient,
            "authoredOn": self._said_at,
            "lastModified": self._said_at,
            "requester": {"display": MODEL},
        }
        changed = {"method": "PUT", "url": f"Task?identifier={identifier['system']}|{number}"}
        return [{"fullUrl": self._url("task"), "resource": resource, "request": changed}]

    def audit_event(self) -> Json:
        """That a verdict was said. It has no identifier: the name of what was said tells one from the other."""
        name = self._name("verdict")
        resource = {
            "resourceType": "AuditEvent",
            "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "object"},
            "subtype": [_coding(own("quality-verdict", "Verdict on the quality of a study"))],
            "action": "C",
            "recorded": self._said_at,
            "outcome": "0",
            "agent": [{"who": {"display": MODEL}, "name": code_version(self._told), "requestor": False}],
            "source": {"observer": {"display": self._address or MODEL}},
            "entity": [{"what": {"reference": self._url("verdict")}, "name": name}],
        }
        return self._created("audit", resource, f"entity-name:exact={quote(name, safe='')}")

    def _observation(self, part: str, code: Coded) -> Json:
        study = self._told.study
        return {
            "resourceType": "Observation",
            "identifier": [self._identifier(part)],
            "status": "preliminary" if self._told.verdict.verdict == "review" else "final",
            "code": _concept(code),
            "subject": self._patient,
            "derivedFrom": [{"reference": self._url("study")}],
            "performer": [{"display": f"{MODEL} {code_version(self._told)}"}],
            "issued": self._said_at,
            **({"effectiveDateTime": study.study_date.isoformat()} if study.study_date is not None else {}),
        }

    def _replaces(self) -> list[Json]:
        """That this verdict stands in the place of another one, which is known by its identifier."""
        if self._told.replaced is None:
            return []
        replaced = self._identifier("verdict", self._told.replaced)
        return [{"url": _REPLACES, "valueReference": {"type": "Observation", "identifier": replaced}}]

    def _place(self, series_uid: str) -> Json:
        """Body part and side of a series, where the report tells one."""
        stacks = self._told.report.content.get("stacks", []) if self._told.report is not None else []
        for stack in stacks:
            if stack["series_instance_uid"] == series_uid:
                sites = [SITES[region] for region in stack["region"]["label"] if region in SITES]
                side = SIDES.get(stack["laterality"] or "")
                place = {"bodySite": _coding(sites[0])} if sites else {}
                return place | ({"laterality": _coding(side)} if side is not None else {})
        return {}

    def _created(self, part: str, resource: Json, known_by: str = "") -> Json:
        """An entry that creates a resource where the server has none that is `known_by` the same."""
        known_by = known_by or f"identifier={self._address}/verdicts|{self._name(part)}"
        request = {"method": "POST", "url": resource["resourceType"], "ifNoneExist": known_by}
        return {"fullUrl": self._url(part), "resource": resource, "request": request}

    def _identifier(self, part: str, verdict: VerdictRow | None = None) -> Json:
        return {"system": f"{self._address}/verdicts", "value": self._name(part, verdict)}

    def _name(self, part: str, verdict: VerdictRow | None = None) -> str:
        """A part of a verdict, of this one or another of the study: the same whenever it is told, another for every verdict."""
        verdict = verdict or self._told.verdict
        said = f"{self._told.hospital.id}\n{self._told.study.uid}\n{verdict.created_at.isoformat()}"
        return f"{verdict.id}.{hashlib.sha256(said.encode()).hexdigest()[:16]}.{part.replace(':', '.')}"

    def _url(self, part: str) -> str:
        return f"urn:uuid:{UUID(bytes=hashlib.sha256(self._name(part).encode()).digest()[:16], version=4)}"


def _coding(code: Coded) -> Json:
    return {"system": _SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}


def _concept(*codes: Coded, text: str = "") -> Json:
    return {"coding": [_coding(code) for code in codes], **({"text": text} if text else {})}


def _quantity(value: float, unit: str) -> Json:
    code = unit_code(unit)
    return {"value": float(f"{value:.6g}"), "unit": code.meaning, "system": _SYSTEMS[code.scheme], "code": code.value}
