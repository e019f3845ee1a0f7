"""Every table of the service: what came in, what is to be done, what was said, who may rely on it, and who did what.

The database holds facts and states; bytes lie in the archive, by the key that a row names. Times are UTC. A patient is
(issuer, id), never the id alone. A study belongs to the hospital that sent it: what another sends under the same UID is another
study.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serving.database.table_base import DIGEST_LENGTH, UID_LENGTH, Number
from serving.database.table_base import Table as Table


class Hospital(Table):
    """A producing or receiving hospital; `standing` other than good sends its studies to review."""

    __tablename__ = "hospital"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    level: Mapped[str] = mapped_column(String(32))
    alliances: Mapped[list[Any]]
    issuer: Mapped[str] = mapped_column(String(64))  # of the patient ids that it gives, where its files name none
    standing: Mapped[str] = mapped_column(String(16), default="good")  # good, suspended
    standing_reason: Mapped[str] = mapped_column(String(500), default="")
    standing_until: Mapped[date | None]  # the last day of a suspension that ends by itself
    served_at: Mapped[datetime | None]  # when a worker last took a job of it: who waited longest is next


class DeviceStanding(Table):
    """What is decided about one device of a hospital, and its last acceptance test; how it came to that is in the audit chain."""

    __tablename__ = "device_standing"
    __table_args__ = (UniqueConstraint("hospital_id", "device"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    device: Mapped[str] = mapped_column(String(16))  # the digest that reports carry
    standing: Mapped[str] = mapped_column(String(16), default="good")  # good, suspended
    standing_reason: Mapped[str] = mapped_column(String(500), default="")
    standing_until: Mapped[date | None]
    tested_on: Mapped[date | None]
    test_passed: Mapped[bool | None]
    test_valid_until: Mapped[date | None]
    test_reference: Mapped[str] = mapped_column(String(200), default="")  # of the test's own document
    changed_at: Mapped[datetime]


class StudyRow(Table):
    """One study of one hospital. `generation` counts the times it was closed: a late instance opens it again."""

    __tablename__ = "study"
    __table_args__ = (
        UniqueConstraint("hospital_id", "uid"),
        Index("study_by_state", "state", "last_instance_at"),
        Index("study_by_patient", "patient_issuer", "patient_id"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    state: Mapped[str] = mapped_column(String(16))  # arriving, closed, scored
    generation: Mapped[int] = mapped_column(default=0)
    urgent: Mapped[bool] = mapped_column(default=False)
    num_instances: Mapped[int] = mapped_column(default=0)
    declared_instances: Mapped[int | None]  # a count that the sender gave
    first_instance_at: Mapped[datetime]
    last_instance_at: Mapped[datetime]
    close_at: Mapped[datetime | None]  # when to look again whether it is all there
    closed_at: Mapped[datetime | None]
    close_confidence: Mapped[float | None]
    close_evidence: Mapped[dict[str, Any] | None]
    verdict_id: Mapped[int | None] = mapped_column(Number)  # the current one; of `verdict`
    withdrawn_at: Mapped[datetime | None]  # by a lead: what passes later waits until the withdrawal is lifted
    withdrawn_by: Mapped[str | None] = mapped_column(String(100))  # as the audit chain calls them
    withdrawn_reason: Mapped[str | None] = mapped_column(String(500))
    patient_issuer: Mapped[str] = mapped_column(String(64), default="")
    patient_id: Mapped[str] = mapped_column(String(64), default="")
    patient_name: Mapped[str] = mapped_column(String(324), default="")
    patient_birth_date: Mapped[date | None]
    patient_sex: Mapped[str] = mapped_column(String(16), default="")
    accession_number: Mapped[str] = mapped_column(String(64), default="")
    study_date: Mapped[date | None]
    description: Mapped[str] = mapped_column(String(64), default="")
    modalities: Mapped[list[Any]]

    @property
    def closed_after_images(self) -> bool:
        """Whether images came before it was closed last; what a report alone opened waited for nobody's images."""
        return (self.close_evidence or {}).get("new_instances") != 0


class InstanceRow(Table):
    """One object as it was received. The same SOP instance UID with other content is another row, marked as conflicting."""

    __tablename__ = "instance"
    __table_args__ = (
        UniqueConstraint("study_id", "sop_instance_uid", "digest"),
        Index("instance_by_series", "study_id", "series_instance_uid"),
        Index("instance_by_uid", "sop_instance_uid"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    series_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    sop_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    sop_class_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    transfer_syntax_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    modality: Mapped[str] = mapped_column(String(16), default="")
    instance_number: Mapped[int | None]
    num_frames: Mapped[int] = mapped_column(default=1)
    rows: Mapped[int] = mapped_column(default=0)
    columns: Mapped[int] = mapped_column(default=0)
    series_description: Mapped[str] = mapped_column(String(64), default="")
    series_number: Mapped[int | None]
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH))  # of the file as archived
    data_set_digest: Mapped[str | None] = mapped_column(String(DIGEST_LENGTH))  # without file meta; none: not asked yet
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    archive_key: Mapped[str] = mapped_column(String(200))
    conflicting: Mapped[bool] = mapped_column(default=False)
    came_by: Mapped[str] = mapped_column(String(8))  # dimse, stow, folder
    sender: Mapped[str] = mapped_column(String(64))  # AE title, id of an API key, name of a watched folder
    received_at: Mapped[datetime]


class QuarantineRow(Table):
    """An object that could not be taken, kept with the reason that the sender was told. Same content of one sender once."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("hospital_id", "digest"),)

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    came_by: Mapped[str] = mapped_column(String(8))
    sender: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(500))
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    archive_key: Mapped[str] = mapped_column(String(200))
    times: Mapped[int] = mapped_column(default=1)
    received_at: Mapped[datetime]


class PerformedStep(Table):
    """What a modality said by MPPS: an evidence of which images a study has."""

    __tablename__ = "performed_step"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    sop_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH), unique=True)
    study_uid: Mapped[str] = mapped_column(String(UID_LENGTH), index=True)
    status: Mapped[str] = mapped_column(String(16))  # IN PROGRESS, COMPLETED, DISCONTINUED
    instances: Mapped[list[Any]]  # SOP instance UIDs that it names
    updated_at: Mapped[datetime]


class RadiologyReport(Table):
    """A radiologist's report that came by FHIR, to be checked with a study that may come later; nothing of what it says."""

    __tablename__ = "radiology_report"
    __table_args__ = (
        UniqueConstraint("hospital_id", "key", "study_uid"),
        Index("report_by_study", "hospital_id", "study_uid"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    key: Mapped[str] = mapped_column(String(DIGEST_LENGTH))  # of its identifier: the same for all of its versions
    study_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    form: Mapped[dict[str, Any]]  # qc_models.report_form.ReportForm
    received_at: Mapped[datetime]


class Job(Table):
    """Something to be done once for a study's generation; leased to a worker until a time, and free again after it."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("kind", "study_id", "generation"),
        Index("job_to_take", "state", "kind", "priority", "run_at"),
        Index("job_by_hospital", "hospital_id", "state", "kind", "priority", "run_at"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # first_look, score
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    generation: Mapped[int]
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    priority: Mapped[int]  # 0 urgent, 1 usual, 2 off-peak
    state: Mapped[str] = mapped_column(String(8))  # ready, leased, done, dead
    run_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    lease: Mapped[str] = mapped_column(String(64), default="")  # who holds it; another word each time
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(500), default="")  # of the last failure
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class VerdictRow(Table):
    """What was said of one generation of a study. `kind`: first_look by headers alone, full, or final by a reviewer."""

    __tablename__ = "verdict"
    __table_args__ = (
        UniqueConstraint("study_id", "generation", "kind", "versions_digest"),
        Index("verdict_by_time", "created_at"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    generation: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[str] = mapped_column(String(8))  # pass, review, reject
    total: Mapped[float | None]
    grade: Mapped[str] = mapped_column(String(1), default="")
    items: Mapped[list[Any]]  # id, verdict, total, grade of each exam item
    reasons: Mapped[list[Any]]  # metrics of findings that decided, worst first
    versions: Mapped[dict[str, Any]]  # code, models, catalogue, policy
    versions_digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    as_of: Mapped[date]
    created_at: Mapped[datetime]
    seconds: Mapped[float] = mapped_column(default=0.0)


class ReportRow(Table):
    """The whole report of a verdict as JSON, and what a replay reads of it (`qc_models.stored_report`), compressed by zlib.

    Reports of before have no extract, nor have those of which none can be made.
    """

    __tablename__ = "report"

    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdict.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    extract: Mapped[bytes | None] = mapped_column(LargeBinary)
    extract_form: Mapped[str | None] = mapped_column(String(16))


class PoolEntry(Table):
    """An examination that other hospitals may accept. Entries are never deleted but by retention: states tell their history."""

    __tablename__ = "pool_entry"
    __table_args__ = (
        UniqueConstraint("verdict_id", "item_id"),
        Index("pool_by_patient", "patient_issuer", "patient_id", "examined_on"),
        Index("pool_by_person", "person_digest", "examined_on"),
        Index("pool_by_study", "study_id"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdict.id"))
    item_id: Mapped[str] = mapped_column(String(64))
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    patient_issuer: Mapped[str] = mapped_column(String(64))
    patient_id: Mapped[str] = mapped_column(String(64))
    person_digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), default="")  # keyed, of name, birth date and sex
    devices: Mapped[list[Any] | None]  # digests that its report carries, of all devices of the study
    institutions: Mapped[list[Any] | None]  # names that its report carries, of all who made the study
    examined_on: Mapped[date]
    valid_until: Mapped[date]
    state: Mapped[str] = mapped_column(String(12))  # active, superseded, withdrawn
    state_reason: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Recognition(Table):
    """A receiving doctor's answer: accepted, or refused for one of the enumerated reasons."""

    __tablename__ = "recognition"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("pool_entry.id"), index=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"))
    account_id: Mapped[int | None] = mapped_column(Number)  # none where a program answered for the doctor
    accepted: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(64), default="")
    comment: Mapped[str] = mapped_column(String(2000), default="")
    created_at: Mapped[datetime]


class Review(Table):
    """One person's task about a verdict: a first or second reading, a lead's where both differ, an appeal, or an audit."""

    __tablename__ = "review"
    __table_args__ = (UniqueConstraint("verdict_id", "kind"), Index("review_to_take", "state", "kind", "created_at"))

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdict.id"))
    kind: Mapped[str] = mapped_column(String(16))  # review, second reading, adjudication, appeal, audit
    state: Mapped[str] = mapped_column(String(12))  # open, claimed, decided, obsolete
    opened_by: Mapped[int | None] = mapped_column(Number)  # account; none where a rule opened it
    opening_comment: Mapped[str] = mapped_column(String(2000), default="")
    claimed_by: Mapped[int | None] = mapped_column(Number)
    claimed_until: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(Number)
    decided_at: Mapped[datetime | None]
    verdict: Mapped[str] = mapped_column(String(8), default="")
    answers: Mapped[list[Any]]  # of each finding: number, confirmed or overturned, words for the label
    comment: Mapped[str] = mapped_column(String(2000), default="")
    created_at: Mapped[datetime]


class OutboxRow(Table):
    """A message to somebody outside, written with what it tells in one transaction; sent at least once."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("kind", "target", "subject"),
        Index("outbox_to_send", "kind", "target", "state", "next_at"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # webhook, sr, ko, fhir
    target: Mapped[str] = mapped_column(String(200))  # name of the receiver in the configuration
    subject: Mapped[str] = mapped_column(String(100))  # what it is about, such as verdict:17
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(8))  # waiting, sending, sent, dead
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    last_error: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class Account(Table):
    """A person who may sign in; `hospital_id` is empty for people of the centre. The password is an argon2 hash."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    role: Mapped[str] = mapped_column(String(16))  # hospital, doctor, reviewer, lead, engineer, admin
    hospital_id: Mapped[str | None] = mapped_column(ForeignKey("hospital.id"))
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    subject: Mapped[str | None] = mapped_column(String(200), unique=True)  # of OpenID Connect
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SignedIn(Table):
    """A session of a person; only the digest of its word is kept."""

    __tablename__ = "signed_in"

    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    begun_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class FailedSignIn(Table):
    """Failures to sign in by one name, of an account or of nobody; only the name's keyed digest is kept."""

    __tablename__ = "failed_sign_in"

    name_digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


class ApiKey(Table):
    """A key of a program; only its digest is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), unique=True)
    role: Mapped[str] = mapped_column(String(16))  # sender, doctor, engineer, …
    hospital_id: Mapped[str | None] = mapped_column(ForeignKey("hospital.id"))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class AuditLine(Table):
    """Who did what to what; each line holds the digest of the one before it, so that none can be altered, removed or moved."""

    __tablename__ = "audit"
    __table_args__ = (CheckConstraint("number > 0", name="counts_from_one"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))  # account:3, key:2, service
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(100), index=True)  # study:17, review:4
    detail: Mapped[dict[str, Any]]
    before: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), unique=True)
