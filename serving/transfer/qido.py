"""Finds studies, series and instances by QIDO-RS (PS3.18 section 10.6), among those that the caller may see.

What the database keeps of a header can be asked for. Another attribute is refused rather than passed over, since an answer that
is too long is a wrong one. Values reach the database as parameters alone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydicom.datadict import keyword_for_tag
from sqlalchemy import ColumnElement, exists, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from serving.api.callers import Caller, Looker, Service
from serving.api.looks import the_looks
from serving.database.tables import InstanceRow, StudyRow
from serving.opened_service import OpenedService
from serving.transfer.dicom_json import PREFIX, DicomJsonResponse, Uid, address, elements

MOST = 5000  # answers at once
_THERE_ARE_MORE = '299 touchstone "there are more; ask for them by offset"'
_LITERAL = '299 touchstone "the fuzzymatching parameter is not supported; only literal matching was performed"'
_NO_ATTRIBUTES = frozenset(("limit", "offset", "includefield", "fuzzymatching", "accept"))
_LONGEST_VALUE = 1000
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_INTEGER = re.compile(r"-?[0-9]{1,9}")

router = APIRouter(prefix=PREFIX)

_Condition = Callable[[str], ColumnElement[bool]]
_Find = Callable[[Session, list[ColumnElement[bool]], int, int], list[dict[str, Any]]]


class _NoValueError(ValueError):
    """A value that its attribute cannot have."""


def _text(column: InstrumentedAttribute[str], *, any_case: bool = False) -> _Condition:
    """Equal, or like a pattern of * and ?."""

    def condition(value: str) -> ColumnElement[bool]:
        if not any_case and not set("*?") & set(value):
            return column == value
        pattern = re.sub(r"([\\%_])", r"\\\1", value).replace("*", "%").replace("?", "_")
        return column.ilike(pattern, escape="\\") if any_case else column.like(pattern, escape="\\")

    return condition


def _uids(column: InstrumentedAttribute[str]) -> _Condition:
    """One of several."""
    return lambda value: column.in_(re.split(r"[,\\]", value))


def _days(column: InstrumentedAttribute[date | None]) -> _Condition:
    """A day, or a range of days, of which either end may be open."""

    def condition(value: str) -> ColumnElement[bool]:
        first, dash, last = value.partition("-")
        if not dash:
            return column == _day(first)
        since = column >= _day(first) if first else true()
        return since & (column <= _day(last)) if last else since

    return condition


def _number(column: InstrumentedAttribute[int | None]) -> _Condition:
    def condition(value: str) -> ColumnElement[bool]:
        if not _INTEGER.fullmatch(value):
            raise _NoValueError
        return column == int(value)

    return condition


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError as error:
        raise _NoValueError from error


def _modalities(value: str) -> ColumnElement[bool]:
    """Studies with an image of one of these modalities."""
    image = aliased(InstanceRow)
    return exists().where(image.study_id == StudyRow.id, image.modality.in_(re.split(r"[,\\]", value)))


_OF_STUDIES: dict[str, _Condition] = {
    "StudyInstanceUID": _uids(StudyRow.uid),
    "StudyDate": _days(StudyRow.study_date),
    "AccessionNumber": _text(StudyRow.accession_number),
    "ModalitiesInStudy": _modalities,
    "StudyDescription": _text(StudyRow.description, any_case=True),
    "PatientName": _text(StudyRow.patient_name, any_case=True),
    "PatientID": _text(StudyRow.patient_id),
    "IssuerOfPatientID": _text(StudyRow.patient_issuer),
    "PatientBirthDate": _days(StudyRow.patient_birth_date),
    "PatientSex": _text(StudyRow.patient_sex),
}
_OF_SERIES: dict[str, _Condition] = _OF_STUDIES | {
    "SeriesInstanceUID": _uids(InstanceRow.series_instance_uid),
    "Modality": _text(InstanceRow.modality),
    "SeriesNumber": _number(InstanceRow.series_number),
    "SeriesDescription": _text(InstanceRow.series_description, any_case=True),
}
_OF_INSTANCES: dict[str, _Condition] = _OF_SERIES | {
    "SOPInstanceUID": _uids(InstanceRow.sop_instance_uid),
    "SOPClassUID": _uids(InstanceRow.sop_class_uid),
    "InstanceNumber": _number(InstanceRow.instance_number),
}


@router.get("/studies")
def studies(request: Request, service: Service, caller: Looker) -> DicomJsonResponse:
    """Find studies."""
    return _found(request, service, caller, _OF_STUDIES, _find_studies)


@router.get("/series")
def series(request: Request, service: Service, caller: Looker) -> DicomJsonResponse:
    """Find series of any study."""
    return _found(request, service, caller, _OF_SERIES, _find_series)


@router.get("/studies/{study_uid}/series")
def series_of_study(request: Request, service: Service, caller: Looker, study_uid: Uid) -> DicomJsonResponse:
    """Find series of a study."""
    within = StudyRow.uid == study_uid
    return _found(request, service, caller, _OF_SERIES, _find_series, within)


@router.get("/instances")
def instances(request: Request, service: Service, caller: Looker) -> DicomJsonResponse:
    """Find instances of any study."""
    return _found(request, service, caller, _OF_INSTANCES, _find_instances)


@router.get("/studies/{study_uid}/instances")
def instances_of_study(request: Request, service: Service, caller: Looker, study_uid: Uid) -> DicomJsonResponse:
    """Find instances of a study."""
    within = StudyRow.uid == study_uid
    return _found(request, service, caller, _OF_INSTANCES, _find_instances, within)


@router.get("/studies/{study_uid}/series/{series_uid}/instances")
def instances_of_series(
    request: Request, service: Service, caller: Looker, study_uid: Uid, series_uid: Uid
) -> DicomJsonResponse:
    """Find instances of a series."""
    within = (StudyRow.uid == study_uid) & (InstanceRow.series_instance_uid == series_uid)
    return _found(request, service, caller, _OF_INSTANCES, _find_instances, within)


def _found(
    request: Request,
    service: OpenedService,
    caller: Caller,
    known: Mapping[str, _Condition],
    find: _Find,
    within: ColumnElement[bool] | None = None,
) -> DicomJsonResponse:
    """Answers a query, with a warning where more was found than is answered."""
    limit = min(_whole(request, "limit", MOST), MOST)
    conditions = [caller.own_studies, *_conditions(request, known)]
    if within is not None:
        conditions.append(within)
    with service.database.reading() as session:
        answers = find(session, conditions, limit + 1, _whole(request, "offset", 0))
    the_looks(request).note(caller, "list", "studies")
    warnings = [_THERE_ARE_MORE] if len(answers) > limit else []
    if request.query_params.get("fuzzymatching") == "true":
        warnings.append(_LITERAL)
    content = [
        elements(answer | {"RetrieveURL": address(request, service.config, *answer["RetrieveURL"])})
        for answer in answers[:limit]
    ]
    return DicomJsonResponse(content, headers={"Warning": ", ".join(warnings)} if warnings else None)


def _conditions(request: Request, known: Mapping[str, _Condition]) -> list[ColumnElement[bool]]:
    """What the query asks for; 400 where it asks for what is not kept, or by a value that cannot be. Neither is quoted."""
    conditions = []
    for name, value in request.query_params.multi_items():
        keyword = keyword_for_tag(int(name, 16)) if _TAG.fullmatch(name) else name
        if keyword in _NO_ATTRIBUTES or not value:
            continue
        if keyword not in known or len(value) > _LONGEST_VALUE or "\0" in value:
            raise HTTPException(400, f"ask by {', '.join(known)}, limit and offset alone")
        try:
            conditions.append(known[keyword](value))
        except _NoValueError as error:
            raise HTTPException(400, f"{keyword} cannot have this value") from error
    return conditions


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise HTTPException(400, f"{name} must be a whole number")
    return int(text)


def _find_studies(
    session: Session, conditions: list[ColumnElement[bool]], limit: int, offset: int
) -> list[dict[str, Any]]:
    of_study = select(func.count(InstanceRow.series_instance_uid.distinct())).where(InstanceRow.study_id == StudyRow.id)
    query = select(StudyRow, of_study.correlate(StudyRow).scalar_subquery()).where(*conditions)
    newest_first = query.order_by(StudyRow.study_date.desc(), StudyRow.id.desc())
    return [
        _of_study(study)
        | {
            "InstanceAvailability": "ONLINE",
            "ModalitiesInStudy": study.modalities,
            "StudyDescription": study.description,
            "PatientName": study.patient_name,
            "PatientID": study.patient_id,
            "IssuerOfPatientID": study.patient_issuer,
            "PatientBirthDate": study.patient_birth_date,
            "PatientSex": study.patient_sex,
            "NumberOfStudyRelatedSeries": num_series,
            "NumberOfStudyRelatedInstances": study.num_instances,
        }
        for study, num_series in session.execute(newest_first.limit(limit).offset(offset))
    ]


def _find_series(
    session: Session, conditions: list[ColumnElement[bool]], limit: int, offset: int
) -> list[dict[str, Any]]:
    query = (
        select(
            StudyRow,
            InstanceRow.series_instance_uid,
            func.min(InstanceRow.modality),
            func.min(InstanceRow.series_number),
            func.min(InstanceRow.series_description),
            func.count(InstanceRow.sop_instance_uid.distinct()),
        )
        .join(InstanceRow, InstanceRow.study_id == StudyRow.id)
        .where(*conditions)
        .group_by(StudyRow.id, InstanceRow.series_instance_uid)
        .order_by(StudyRow.id, func.min(InstanceRow.series_number), InstanceRow.series_instance_uid)
    )
    return [
        _of_study(study)
        | {
            "SeriesInstanceUID": uid,
            "Modality": modality,
            "SeriesNumber": number,
            "SeriesDescription": description,
            "NumberOfSeriesRelatedInstances": num_instances,
            "RetrieveURL": ("studies", study.uid, "series", uid),
        }
        for study, uid, modality, number, description, num_instances in session.execute(
            query.limit(limit).offset(offset)
        )
    ]


def _find_instances(
    session: Session, conditions: list[ColumnElement[bool]], limit: int, offset: int
) -> list[dict[str, Any]]:
    query = (
        select(StudyRow, InstanceRow)
        .join(InstanceRow, InstanceRow.study_id == StudyRow.id)
        .where(*conditions, InstanceRow.conflicting.is_(False))
        .order_by(StudyRow.id, InstanceRow.series_instance_uid, InstanceRow.instance_number, InstanceRow.id)
    )
    return [
        _of_study(study)
        | {
            "SeriesInstanceUID": instance.series_instance_uid,
            "Modality": instance.modality,
            "SOPClassUID": instance.sop_class_uid,
            "SOPInstanceUID": instance.sop_instance_uid,
            "AvailableTransferSyntaxUID": instance.transfer_syntax_uid,
            "InstanceAvailability": "ONLINE",
            "InstanceNumber": instance.instance_number,
            "NumberOfFrames": instance.num_frames,
            "Rows": instance.rows or None,
            "Columns": instance.columns or None,
            "RetrieveURL": (
                *("studies", study.uid, "series", instance.series_instance_uid),
                *("instances", instance.sop_instance_uid),
            ),
        }
        for study, instance in session.execute(query.limit(limit).offset(offset))
    ]


def _of_study(study: StudyRow) -> dict[str, Any]:
    """What every answer says of its study."""
    return {
        "StudyInstanceUID": study.uid,
        "StudyDate": study.study_date,
        "AccessionNumber": study.accession_number,
        "RetrieveURL": ("studies", study.uid),
    }
