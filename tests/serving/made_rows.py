"""Rows and reports made by hand, for tests of what happens to a study between its arrival and the pool."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from qc_models.report import QcReport
from serving.database.tables import InstanceRow, StudyRow, VerdictRow
from serving.verdicts import digest_of

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


class Clock:
    """A time that a test moves, in seconds after `start`."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)


def made_study(session: Session, uid: str = "1.2.3", hospital_id: str = "city", **fields: Any) -> StudyRow:
    """A closed study of its first generation, of patient 7 of the city."""
    content: dict[str, Any] = {
        "state": "closed",
        "generation": 1,
        "num_instances": 1,
        "first_instance_at": NOW,
        "last_instance_at": NOW,
        "patient_issuer": "city-issuer",
        "patient_id": "7",
        "patient_name": "张^三",
        "patient_birth_date": date(1980, 1, 1),
        "patient_sex": "M",
        "study_date": date(2026, 9, 1),
        "modalities": ["CT"],
    }
    study = StudyRow(uid=uid, hospital_id=hospital_id, **(content | fields))
    session.add(study)
    session.flush()
    return study


def made_instance(session: Session, study: StudyRow, number: int | None, **fields: Any) -> InstanceRow:
    """An instance of a study; its SOP instance UID ends in its number."""
    content: dict[str, Any] = {
        "series_instance_uid": f"{study.uid}.1",
        "sop_instance_uid": f"{study.uid}.1.{number}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "modality": "CT",
        "instance_number": number,
        "digest": f"{number}",
        "size_bytes": 1,
        "archive_key": f"nowhere/{number}",
        "came_by": "dimse",
        "sender": "CITY_CT",
        "received_at": NOW,
    }
    row = InstanceRow(study_id=study.id, **(content | fields))
    session.add(row)
    session.flush()
    return row


def made_report(items: Mapping[str, str], *, verdict: str = "", study_date: str | None = "2026-09-01") -> QcReport:
    """A report of exam items with their verdicts, each valid for 30 days; as small as the service can read."""
    order = ("pass", "review", "reject")
    return QcReport(
        {
            "schema": 1,
            "study_instance_uid": "1.2.3",
            "as_of": "2026-09-01",
            "verdict": verdict or max(items.values(), key=order.index),
            "grade": "A",
            "score": 95.5,
            "items": [
                {"item": item, "verdict": says, "grade": "A", "score": 95.5, "valid_days": 30}
                for item, says in items.items()
            ],
            "findings": [
                {"metric": "artifacts.motion.share", "level": "review"},
                {"metric": "artifacts.motion.share", "level": "review"},
                {"metric": "metadata.dates.future", "level": "note"},
            ],
            "failures": [{"check": "adequacy.cnr"}],
            "facts": {"study_date": study_date},
            "models": {"xr_anatomy": "a1"},
            "digests": {"code": "0.1", "catalogue": "c1", "policy": "p1"},
        }
    )


def made_verdict(session: Session, study: StudyRow, kind: str = "full", **fields: Any) -> VerdictRow:
    """A verdict of a study's generation, without a report and not current."""
    content: dict[str, Any] = {
        "generation": study.generation,
        "verdict": "pass",
        "items": [{"id": "CT-CHEST", "verdict": "pass", "total": 95.5, "grade": "A"}],
        "reasons": [],
        "versions": {},
        "versions_digest": digest_of({"fields": repr(fields)}),
        "as_of": date(2026, 9, 1),
        "created_at": NOW,
    }
    row = VerdictRow(study_id=study.id, kind=kind, **(content | fields))
    session.add(row)
    session.flush()
    return row
