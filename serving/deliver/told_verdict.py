"""What a message tells: a verdict with its study, hospital, report and images, read when it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.policy import Policy
from qc_models.report import QcReport
from serving import pool, verdicts
from serving.database.tables import Hospital, InstanceRow, PoolEntry, Review, StudyRow, VerdictRow
from serving.outcome import SCORED, UNDECIDED


@dataclass(frozen=True, slots=True)
class ToldVerdict:
    """A verdict and what belongs to it.

    `entries` are its places in the pool that still stand, by exam item; `replaced` is the verdict that stood before it.
    """

    verdict: VerdictRow
    study: StudyRow
    hospital: Hospital
    report: QcReport | None
    instances: Sequence[InstanceRow]
    entries: Mapping[str, pool.Offered]
    review: Review | None
    replaced: VerdictRow | None

    @property
    def current(self) -> bool:
        """Whether the study still rests on it: neither another verdict nor new images came since."""
        return self.study.state == SCORED and self.study.verdict_id == self.verdict.id

    @property
    def images(self) -> list[InstanceRow]:
        """The objects that hold an image, in the order of the study: what a verdict is about."""
        return [row for row in self.instances if row.rows > 0]

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        """The findings of the report, worst first; none after a purge."""
        return self.report.findings if self.report is not None else ()

    @property
    def versions(self) -> dict[str, str]:
        """What the verdict was made by, as names and words; a model is called models.NAME."""
        return _flat(self.verdict.versions)

    def valid_until(self, item_id: str, on: date) -> date | None:
        """The last day on which others may rely on an exam item; None where on the day `on` nobody may."""
        offered = self.entries.get(item_id)
        return offered.entry.valid_until if offered is not None and not offered.why_not(on) else None


def told_verdict(session: Session, verdict_id: int, policy: Policy) -> ToldVerdict | None:
    """Reads a verdict with what belongs to it, worth what it is under a policy; None where it was purged with its study."""
    verdict = session.get(VerdictRow, verdict_id)
    if verdict is None:
        return None
    study = session.get_one(StudyRow, verdict.study_id)
    instances = session.scalars(
        select(InstanceRow)
        .where(InstanceRow.study_id == study.id)
        .order_by(
            InstanceRow.series_number,
            InstanceRow.series_instance_uid,
            InstanceRow.instance_number,
            InstanceRow.sop_instance_uid,
            InstanceRow.id,
        )
    ).all()
    entries = pool.offered(session, policy, PoolEntry.verdict_id == verdict.id, PoolEntry.state == pool.ACTIVE)
    reviews = select(Review).where(Review.verdict_id == verdict.id, Review.state.in_(UNDECIDED)).order_by(Review.id)
    return ToldVerdict(
        verdict=verdict,
        study=study,
        hospital=session.get_one(Hospital, study.hospital_id),
        report=verdicts.report_of(session, verdict),
        instances=instances,
        entries={one.entry.item_id: one for one in entries},
        review=session.scalars(reviews.limit(1)).first(),
        replaced=verdicts.replaced_by(session, verdict),
    )


def _flat(versions: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, version in versions.items():
        flat |= _flat(version, f"{name}.") if isinstance(version, Mapping) else {f"{prefix}{name}": str(version)}
    return flat
