"""A verdict as a DICOM Structured Report: the assessment, scores, findings and measurements by the codes of the standard.

A Comprehensive SR of TID 1500: one group says what holds for the study, one for each series what was found there, with the images
that it is about. The same verdict makes the same document, whenever it is sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    SourceImageForMeasurement,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes

from serving.archive import Archive
from serving.database.tables import InstanceRow
from serving.deliver.dicom_codes import (
    ASSESSMENT,
    FINDING,
    OWN_STANDARD,
    QUALITIES,
    SIDES,
    SITES,
    STANDARD,
    STUDY_QUALITY,
    VERDICTS,
    Coded,
    finding_code,
    own,
    unit_code,
)
from serving.deliver.document_subject import (
    MANUFACTURER,
    MODEL,
    UTF8,
    code_version,
    derived_uid,
    document_uids,
    evidence_of,
    finish,
    instance_number,
    replaced_documents,
    subject_of,
)
from serving.deliver.told_verdict import ToldVerdict
from serving.metric_words import label
from serving.verdicts import FINAL

SERIES_NUMBER, DESCRIPTION = 99001, "Quality control"
_MOST_MEASUREMENTS = 1000
_POINTS = Coded("{points}", "UCUM", "points")
_NOWHERE = ""
_LONGEST_MEANING = 64


def quality_report(told: ToldVerdict, archive: Archive) -> ComprehensiveSR:
    """The document of a verdict; RefusedError where the study has no image any more."""
    subject = subject_of(told, archive)
    series_uid, instance_uid = document_uids(told, "sr")
    procedures = [concept(own(item["id"])) for item in told.verdict.items] or [concept(own("unknown"))]
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer(told)),
        procedure_reported=procedures,
        imaging_measurements=[_of_study(told), *_of_series(told)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    document = ComprehensiveSR(
        evidence=evidence_of(told, subject),
        content=content,
        series_instance_uid=series_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=instance_uid,
        instance_number=instance_number(told),
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=code_version(told),
        series_description=DESCRIPTION,
        specific_character_set=UTF8,
        is_complete=True,
        is_final=told.verdict.verdict != "review",
        previous_versions=replaced_documents(told) or None,
    )
    finish(document, subject, told)
    return document


def observer(told: ToldVerdict) -> ObserverContext:
    """This service, as the one who observed."""
    version = code_version(told)
    device = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", MODEL, version), name=MODEL, manufacturer_name=MANUFACTURER, model_name=MODEL
    )
    return ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)


def concept(code: Coded) -> CodedConcept:
    """A code as highdicom writes it."""
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


def _of_study(told: ToldVerdict) -> MeasurementsAndQualitativeEvaluations:
    verdict = told.verdict
    said = {
        ASSESSMENT: VERDICTS[verdict.verdict],
        STANDARD: OWN_STANDARD,
        STUDY_QUALITY: QUALITIES[verdict.verdict],
        own("verdict", "Verdict of the gate"): own(verdict.verdict),
        own("grade", "Grade"): own(verdict.grade or "none"),
        own("decided-by", "Decided by"): own("reviewer" if verdict.kind == FINAL else "machine"),
    }
    evaluations = [QualitativeEvaluation(concept(name), concept(value)) for name, value in said.items()]
    evaluations += _evaluations(finding for finding in told.findings if not _series_of(told, finding))
    scores = {"total": verdict.total} | {name: of["score"] for name, of in _content(told, "dimensions").items()}
    measurements = [
        Measurement(concept(own(f"score.{name}", f"Score {name}")), float(score), concept(_POINTS))
        for name, score in scores.items()
        if score is not None
    ]
    return _group(told, "study", evaluations, [*measurements, *_measurements(told, _NOWHERE)], ())


def _of_series(told: ToldVerdict) -> list[MeasurementsAndQualitativeEvaluations]:
    series: dict[str, list[InstanceRow]] = {}
    for row in told.images:
        series.setdefault(row.series_instance_uid, []).append(row)
    return [
        _group(
            told,
            uid,
            _evaluations(finding for finding in told.findings if _series_of(told, finding) == uid),
            _measurements(told, uid),
            rows,
        )
        for uid, rows in series.items()
    ]


def _group(
    told: ToldVerdict,
    name: str,
    evaluations: Sequence[QualitativeEvaluation],
    measurements: Sequence[Measurement],
    images: Sequence[InstanceRow],
) -> MeasurementsAndQualitativeEvaluations:
    models = told.verdict.versions.get("models") or {}
    stated = [f"{key} {told.verdict.versions[key]}" for key in ("catalogue", "policy") if key in told.verdict.versions]
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=derived_uid("group", *document_uids(told, "sr"), name), identifier=name
        ),
        algorithm_id=AlgorithmIdentification(
            MODEL, code_version(told), parameters=[*stated, *(f"model {key} {models[key]}" for key in sorted(models))]
        ),
        finding_sites=_sites(told, name) or None,
        measurements=measurements,
        qualitative_evaluations=evaluations,
        source_images=[
            SourceImageForMeasurementGroup(row.sop_class_uid, uid)
            for uid, row in {row.sop_instance_uid: row for row in images}.items()
        ],
    )


def _evaluations(findings: Iterable[Mapping[str, Any]]) -> list[QualitativeEvaluation]:
    """What was found, each code once; notes are measurements and no findings."""
    found = dict.fromkeys(finding_code(finding["metric"]) for finding in findings if finding["level"] != "note")
    return [QualitativeEvaluation(concept(FINDING), concept(code)) for code in found]


def _measurements(told: ToldVerdict, series_uid: str) -> list[Measurement]:
    """The measurements of a series, or of the study as a whole; each refers to the image where it was found."""
    known = {row.sop_instance_uid: row for row in told.images}
    measured = [one for one in _content(told, "measurements") if _series_of(told, one) == series_uid]
    made = []
    for one in measured[:_MOST_MEASUREMENTS]:
        place = one["location"]
        image = known.get(place.get("sop_instance_uid") or "")
        frames = (
            [place["frame"] + 1]
            if image is not None and image.num_frames > 1 and place.get("frame") is not None
            else None
        )
        references = [SourceImageForMeasurement(image.sop_class_uid, image.sop_instance_uid, frames)] if image else None
        name = own(one["metric"], _words(one["metric"]))
        value = float(f"{one['value']:.6g}")
        made.append(Measurement(concept(name), value, concept(unit_code(one["unit"])), referenced_images=references))
    return made


def _words(metric: str) -> str:
    """What a metric is called, where that is short and has no gaps for numbers; else its own name."""
    words = label(metric).en
    return words if words.isascii() and len(words) <= _LONGEST_MEANING else metric


def _series_of(told: ToldVerdict, found: Mapping[str, Any]) -> str:
    """The series of images that something was found in; empty where it is said of the study."""
    uid = found["location"].get("series_instance_uid") or _NOWHERE
    return uid if any(row.series_instance_uid == uid for row in told.images) else _NOWHERE


def _sites(told: ToldVerdict, series_uid: str) -> list[FindingSite]:
    sites: dict[tuple[str, str | None], FindingSite] = {}
    for stack in _content(told, "stacks"):
        if stack["series_instance_uid"] == series_uid:
            side = SIDES.get(stack["laterality"] or "")
            for region in stack["region"]["label"]:
                if site := SITES.get(region):
                    laterality = concept(side) if side is not None else None
                    sites[region, stack["laterality"]] = FindingSite(concept(site), laterality=laterality)
    return list(sites.values())


def _content(told: ToldVerdict, key: str) -> Any:
    """A part of the report; empty after a purge."""
    empty: Any = {} if key == "dimensions" else []
    return told.report.content.get(key, empty) if told.report is not None else empty
