"""Answers of people, as a folder that training reads: a line of JSON each, beside the images that they are about, de-identified.

Exported are the answers of reviews, audits, second readings, adjudications and appeals, and refusals of receiving doctors that
speak against the quality. A finding without a place of its own is answered by the middle image of its series. Nothing leaves of an
image that the profile refuses, and how many that were is told.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import InputError, ServiceError
from qc_models.policy import Policy
from qc_models.report import QcReport
from qc_models.review import DIAGNOSTIC, NONDIAGNOSTIC, Label, Origin, write_labels
from qc_models.vocabulary import XR_MODALITIES
from serving import audit, pool, verdicts
from serving.archive import Archive
from serving.database.sessions import Database
from serving.database.tables import InstanceRow, PoolEntry, Recognition, Review, StudyRow, VerdictRow
from serving.deidentified import Deidentified, Deidentifier
from serving.reviews import DECIDED

FILE, IMAGES = "labels.jsonl", "reviewed"

# Of a check that measures one kind of artifact: the word for that kind.
_KINDS: Mapping[str, str] = {
    "artifacts.ring": "ring",
    "artifacts.metal": "metal_streak",
    "artifacts.photon_starvation": "photon_starvation",
    "artifacts.truncation": "fov_truncation",
    "artifacts.motion": "mr_motion",
    "artifacts.ghosting": "ghost",
    "artifacts.wrap": "wrap",
    "artifacts.spike": "spike",
    "artifacts.zipper": "zipper",
    "artifacts.bias_field": "bias_field",
    "artifacts.grid_lines": "grid_lines",
    "artifacts.dead_lines": "dead_lines",
    "artifacts.collimation": "collimation_cut",
    "artifacts.foreign_object": "foreign_object",
    "adequacy.noise_hu": "ct_noise",
    "adequacy.mr_snr": "mr_noise",
    "adequacy.xr_noise": "xr_noise",
}
_SEEN = "artifacts.seen"
_OF_QUALITY = ("artifacts.", "adequacy.")


@dataclass(frozen=True, slots=True)
class Exported:
    """How much was exported, and how many images stayed for which reason."""

    num_labels: int
    num_images: int
    stayed: Mapping[str, int]


@dataclass
class Said:
    """What somebody said of images of one study, by SOP instance UID."""

    study: StudyRow
    verdict: VerdictRow
    origin: str
    words: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def add(self, instance: InstanceRow | None, says: Mapping[str, Sequence[str]]) -> None:
        """Adds words to those about an image; an empty list says that nothing holds, until something does."""
        if instance is None or not says:
            return
        known = self.words.setdefault(instance.sop_instance_uid, {})
        for about, words in says.items():
            known[about] = list(dict.fromkeys([*known.get(about, []), *words]))


def export(
    database: Database,
    archive: Archive,
    secret: str,
    policy: Policy,
    since: datetime,
    out: Path,
    actor: str,
) -> Exported:
    """Writes a folder with what people answered since a time; InputError where it holds something already."""
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty; name a new folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        writer = _Writer(archive, Deidentifier(secret), pool.person_key(secret), out)
        labels = [label for said, images in _all(database, policy, since) for label in writer.labels(said, images)]
        write_labels(labels, out / FILE)
    except OSError as error:
        raise ServiceError(f"{out}: cannot be written ({error.strerror}); name another folder") from error
    exported = Exported(len(labels), writer.num_images, dict(writer.stayed))
    with database.writing() as session:
        detail = {"since": since.isoformat(), "labels": exported.num_labels, "images": exported.num_images}
        audit.append(session, actor, "labels exported", "labels", detail, at=database.now())
    return exported


def words_of(finding: Mapping[str, Any], holds: bool) -> dict[str, list[str]]:
    """What the answer to a finding says by itself: which artifact there is, or that the one that was seen is none."""
    check, _, quantity = str(finding["metric"]).rpartition(".")
    kind = quantity if check == _SEEN else _KINDS.get(check)
    if kind is None:
        return {}
    says = {"artifacts": [kind] if holds else []}
    return says | {"motion": ["motion" if holds else "nomotion"]} if kind == "mr_motion" else says


def said_in(
    review: Review, study: StudyRow, verdict: VerdictRow, report: QcReport, instances: Sequence[InstanceRow]
) -> Said:
    """What a reader said of the images of a study."""
    said = Said(study, verdict, review.kind)
    poor = False
    for answer in review.answers:
        finding = report.findings[answer["finding"]] if answer["finding"] is not None else None
        place = finding["location"] if finding is not None and "location" in finding else answer
        image = image_at(instances, report, place["series_instance_uid"], place["sop_instance_uid"])
        words = words_of(finding, answer["holds"]) if finding is not None else {}
        said.add(image, words | answer["says"])
        if finding is not None and answer["holds"] and _speaks_of_quality(finding) and review.verdict == "reject":
            poor = True
            said.add(image, {"diagnostic": [NONDIAGNOSTIC]})
    if review.verdict == "pass" and not poor:
        said.add(image_at(instances, report), {"diagnostic": [DIAGNOSTIC]})
    return said


def image_at(
    instances: Sequence[InstanceRow], report: QcReport, series_uid: str | None = None, sop_uid: str | None = None
) -> InstanceRow | None:
    """The image that is meant: itself, else the middle one of its series, else that of the largest series that is no scout."""
    if sop_uid is not None:
        return next((row for row in instances if row.sop_instance_uid == sop_uid), None)
    if series_uid is None:
        scouts = {stack["series_instance_uid"] for stack in report.content.get("stacks", ()) if stack["role"] == "LOC"}
        sizes = Counter(row.series_instance_uid for row in instances if row.series_instance_uid not in scouts)
        series_uid = max(sorted(sizes), key=lambda uid: sizes[uid], default=None)
    of_series = [row for row in instances if row.series_instance_uid == series_uid]
    return of_series[len(of_series) // 2] if of_series else None


class _Writer:
    """Writes each image once, and makes labels of what was said of it."""

    def __init__(self, archive: Archive, deidentifier: Deidentifier, person_key: bytes, out: Path) -> None:
        self.num_images = 0
        self.stayed: Counter[str] = Counter()
        self._archive = archive
        self._deidentifier = deidentifier
        self._person_key = person_key
        self._out = out
        self._written: dict[int, tuple[str, Deidentified] | None] = {}  # by instance; without its bytes

    def labels(self, said: Said, instances: Sequence[InstanceRow]) -> Iterator[Label]:
        """The labels of what was said; none of an image that stays here."""
        subject = self._subject(said.study)
        for sop_uid, says in said.words.items():
            row = next(row for row in instances if row.sop_instance_uid == sop_uid)
            modality = "XR" if row.modality in XR_MODALITIES else row.modality
            written = self._image(row, subject) if modality in ("CT", "MR", "XR") else None
            if written is None:
                continue
            path, image = written
            yield Label(
                path=path,
                modality=modality,
                subject=subject,
                site=said.study.hospital_id,
                origin=cast(Origin, said.origin),
                says=says,
                vendor=image.vendor,
                models=dict(said.verdict.versions.get("models", {})),
            )

    def _image(self, row: InstanceRow, subject: str) -> tuple[str, Deidentified] | None:
        if row.id not in self._written:
            self._written[row.id] = self._write(row, subject)
        return self._written[row.id]

    def _write(self, row: InstanceRow, subject: str) -> tuple[str, Deidentified] | None:
        try:
            with self._archive.local(row.archive_key) as path:
                image = self._deidentifier.object(path, subject)
        except InputError as error:
            self.stayed[str(error)] += 1
            return None
        place = f"{IMAGES}/{subject}/{image.sop_instance_uid}.dcm"
        (self._out / place).parent.mkdir(parents=True, exist_ok=True)
        (self._out / place).write_bytes(image.content)
        self.num_images += 1
        return place, Deidentified(b"", image.sop_instance_uid, image.vendor)

    def _subject(self, study: StudyRow) -> str:
        """One digest for one person: by name, birth date and sex where all are known, else by the id, else none but the study's."""
        person = pool.person_digest(self._person_key, study.patient_name, study.patient_birth_date, study.patient_sex)
        if person:
            return self._deidentifier.subject("person", person)
        if study.patient_id:
            return self._deidentifier.subject("id", study.patient_issuer, study.patient_id)
        return self._deidentifier.subject("study", study.hospital_id, study.uid)


def _all(database: Database, policy: Policy, since: datetime) -> Iterator[tuple[Said, Sequence[InstanceRow]]]:
    """What readers and then what doctors said since a time, in order, each with the images of the study."""
    reviews = select(Review.id).where(Review.state == DECIDED, Review.decided_at >= since)
    about_quality = [word for word, reason in policy.refusal_reasons.items() if reason.about_quality]
    refusals = select(Recognition.id).where(
        Recognition.created_at >= since, Recognition.accepted.is_(False), Recognition.reason.in_(about_quality)
    )
    with database.reading() as session:
        review_ids = session.scalars(reviews.order_by(Review.id)).all()
        refusal_ids = session.scalars(refusals.order_by(Recognition.id)).all()
    for review_id in review_ids:
        with database.reading() as session:
            found = _of_review(session, session.get_one(Review, review_id))
        if found is not None:
            yield found
    for refusal_id in refusal_ids:
        with database.reading() as session:
            found = _of_refusal(session, session.get_one(Recognition, refusal_id))
        if found is not None:
            yield found


def _of_review(session: Session, review: Review) -> tuple[Said, Sequence[InstanceRow]] | None:
    verdict = session.get_one(VerdictRow, review.verdict_id)
    study = session.get_one(StudyRow, review.study_id)
    report = verdicts.report_of(session, verdict)
    if report is None:  # after a purge nothing tells what was answered
        return None
    instances = _images(session, study)
    return said_in(review, study, verdict, report, instances), instances


def _of_refusal(session: Session, refusal: Recognition) -> tuple[Said, Sequence[InstanceRow]] | None:
    entry = session.get_one(PoolEntry, refusal.entry_id)
    verdict, study = session.get_one(VerdictRow, entry.verdict_id), session.get_one(StudyRow, entry.study_id)
    report = verdicts.report_of(session, verdict)
    if report is None:
        return None
    instances = _images(session, study)
    said = Said(study, verdict, "refusal")
    said.add(image_at(instances, report), {"diagnostic": [NONDIAGNOSTIC]})
    return said, instances


def _images(session: Session, study: StudyRow) -> Sequence[InstanceRow]:
    """The images of a study in the order of their series."""
    return session.scalars(
        select(InstanceRow)
        .where(InstanceRow.study_id == study.id, InstanceRow.rows > 0, InstanceRow.conflicting.is_(False))
        .order_by(InstanceRow.series_instance_uid, InstanceRow.instance_number, InstanceRow.sop_instance_uid)
    ).all()


def _speaks_of_quality(finding: Mapping[str, Any]) -> bool:
    return finding["level"] != "note" and str(finding["metric"]).startswith(_OF_QUALITY)
