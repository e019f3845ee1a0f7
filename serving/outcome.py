"""What follows from a verdict, in the transaction that records it: the pool, tasks for reviewers, and what others are told."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.policy import Policy
from qc_models.report import QcReport
from qc_models.vocabulary import Verdict
from serving import audit, pool, verdicts
from serving.closing import CLOSED
from serving.database.tables import OutboxRow, PoolEntry, Review, StudyRow, VerdictRow

SCORED = pool.SCORED
UNDECIDED = ("open", "claimed")  # states of a review
WITHDRAWN, UPHELD = (
    "withdrawn",
    "upheld",
)  # what else is told of a verdict: out of the pool, or an appeal was of no avail
_BY_TEXT = frozenset(("webhook", "fhir"))  # messages that can say so; a document of a PACS says what it said before
_SAYS_WHAT_STANDS = frozenset(("webhook", "fhir", "sr"))  # a key object document can only refuse
_OF_ERASED = "webhook"  # messages that need nothing of a study but what the outbox holds


@dataclass(frozen=True, slots=True)
class Delivery:
    """Somebody outside who is told: by which kind of message (webhook, sr, ko, fhir), and the receiver's name.

    `hospitals` are those whose studies it is told of, none: all; `verdicts` which of them.
    """

    kind: str
    target: str
    hospitals: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset(("pass", "review", "reject"))
    first_looks: bool = True

    def wants(self, study: StudyRow, verdict: VerdictRow) -> bool:
        """Whether it is told of a verdict."""
        of_it = not self.hospitals or study.hospital_id in self.hospitals
        return of_it and verdict.verdict in self.verdicts and (self.first_looks or verdict.kind != verdicts.FIRST_LOOK)


@dataclass(frozen=True, slots=True)
class Following:
    """What a verdict's consequences depend on."""

    policy: Policy
    person_key: bytes  # of the digests by which one person is found under several ids
    deliveries: tuple[Delivery, ...] = ()
    draw: Callable[[], float] = random.random  # of [0, 1): whether a study is drawn for an audit


def follow(
    session: Session, study: StudyRow, verdict: VerdictRow, report: QcReport, following: Following, now: datetime
) -> list[PoolEntry]:
    """Makes a full or final verdict count, unless another one stands before it; the new pool entries.

    Of a study to which images came since, what was said stays, but nobody is to rely on it: it will be judged anew. The caller
    holds the study's row.
    """
    if not verdicts.make_current(session, study, verdict):
        return []
    if study.state not in (CLOSED, SCORED) or study.generation != verdict.generation:
        return []
    study.state = SCORED
    person = pool.person_digest(following.person_key, study.patient_name, study.patient_birth_date, study.patient_sex)
    entries = pool.offer(session, study, verdict, report, person, now)
    if verdict.kind == verdicts.FULL:
        _close_older_reviews(session, study, verdict, now)
        _ask_for_review(session, study, verdict, following, now)
    tell(session, verdict, following.deliveries, now)
    return entries


def tell(session: Session, verdict: VerdictRow, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Puts a message about a verdict in the outbox of each receiver that wants it, or was told what it replaces; once."""
    study = session.get_one(StudyRow, verdict.study_id)
    session.add_all(
        OutboxRow(
            kind=delivery.kind,
            target=delivery.target,
            subject=f"verdict:{verdict.id}",
            body={"verdict": verdict.id, "study": verdict.study_id, "kind": verdict.kind},
            state="waiting",
            next_at=now,
            created_at=now,
        )
        for delivery in _told(session, study, verdict, deliveries)
    )


def withdraw(
    session: Session, study: StudyRow, reason: str, actor: str, deliveries: Sequence[Delivery], now: datetime
) -> list[PoolEntry]:
    """Takes a study out of the pool, and tells those who were told of its verdict; the caller holds the study's row."""
    entries = pool.withdraw(session, study.id, reason, actor, now)
    for verdict_id in dict.fromkeys(entry.verdict_id for entry in entries):
        tell_again(session, study, session.get_one(VerdictRow, verdict_id), WITHDRAWN, deliveries, now)
    return entries


def hold_back(
    session: Session, study: StudyRow, reason: str, actor: str, deliveries: Sequence[Delivery], now: datetime
) -> list[PoolEntry]:
    """Withdraws a study until `let_in`: what passes meanwhile goes to a reviewer instead of the pool. The caller holds its row."""
    study.withdrawn_at, study.withdrawn_by, study.withdrawn_reason = now, actor, reason[:500]
    audit.append(session, actor, "study withdrawn", f"study:{study.id}", {"reason": reason[:500]}, at=now)
    return withdraw(session, study, reason, actor, deliveries, now)


def let_in(session: Session, study: StudyRow, actor: str, now: datetime) -> None:
    """Lifts a withdrawal; a verdict that passed waits for a reviewer, whose word brings it into the pool.

    InputError where there is none. The caller holds the study's row.
    """
    if study.withdrawn_at is None:
        raise InputError("the study is not withdrawn; there is nothing to lift")
    study.withdrawn_at, study.withdrawn_by, study.withdrawn_reason = None, None, None
    audit.append(session, actor, "withdrawal lifted", f"study:{study.id}", {}, at=now)
    verdict = session.get(VerdictRow, study.verdict_id) if study.verdict_id is not None else None
    if verdict is None or study.state != SCORED or not _passes(verdict):
        return
    read = Review.state.in_(UNDECIDED) | (Review.kind == "review")
    if session.scalar(select(Review.id).where(Review.verdict_id == verdict.id, read).limit(1)) is None:
        _open_review(session, study, verdict, "review", now)


def tell_again(
    session: Session, study: StudyRow, verdict: VerdictRow, what: str, deliveries: Sequence[Delivery], now: datetime
) -> None:
    """Tells those who were told of a verdict what became of it, WITHDRAWN or UPHELD; of each once."""
    subject = f"{what}:{verdict.id}"
    if session.scalar(select(OutboxRow.id).where(OutboxRow.subject == subject).limit(1)) is not None:
        return
    session.add_all(
        OutboxRow(
            kind=delivery.kind,
            target=delivery.target,
            subject=subject,
            body={"verdict": verdict.id, "study": study.id, "kind": what},
            state="waiting",
            next_at=now,
            created_at=now,
        )
        for delivery in _told(session, study, verdict, deliveries)
        if delivery.kind in _BY_TEXT
    )


def tell_erased(
    session: Session, study: StudyRow, verdict: VerdictRow, deliveries: Sequence[Delivery], now: datetime
) -> None:
    """Tells those who were told of a verdict that its study is erased: the message itself holds UID and hospital."""
    session.add_all(
        OutboxRow(
            kind=delivery.kind,
            target=delivery.target,
            subject=f"{WITHDRAWN}:{verdict.id}",
            body={
                "verdict": verdict.id,
                "study": study.id,
                "kind": WITHDRAWN,
                "erased": {"study_instance_uid": study.uid, "hospital": study.hospital_id},
            },
            state="waiting",
            next_at=now,
            created_at=now,
        )
        for delivery in _told(session, study, verdict, deliveries)
        if delivery.kind == _OF_ERASED
    )


def _told(session: Session, study: StudyRow, verdict: VerdictRow, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Who is told of a verdict: who wants it, and who was told what it replaces, so who wants any that stood before it.

    The verdicts themselves say so, since messages in the outbox are deleted once they are old.
    """
    stood = verdicts.stood_before(session, verdict)
    return [
        delivery
        for delivery in deliveries
        if delivery.wants(study, verdict)
        or (delivery.kind in _SAYS_WHAT_STANDS and any(delivery.wants(study, one) for one in stood))
    ]


def close_review(session: Session, review: Review, why: str, now: datetime) -> None:
    """Makes a task nobody's any more."""
    review.state = "obsolete"
    detail = {"study": review.study_id, "kind": review.kind, "why": why}
    audit.append(session, "service", "review obsolete", f"review:{review.id}", detail, at=now)


def _close_older_reviews(session: Session, study: StudyRow, verdict: VerdictRow, now: datetime) -> None:
    """Tasks about what was said before are nobody's any more."""
    older = select(Review).where(
        Review.study_id == study.id, Review.verdict_id != verdict.id, Review.state.in_(UNDECIDED)
    )
    for review in session.scalars(older.with_for_update()):
        close_review(session, review, f"verdict {verdict.id} stands", now)


def _ask_for_review(
    session: Session, study: StudyRow, verdict: VerdictRow, following: Following, now: datetime
) -> None:
    """A task for a reviewer where the machine or a lead left it to a person, or where the study is drawn for an audit."""
    if verdict.verdict == "review" or (study.withdrawn_at is not None and _passes(verdict)):
        kind = "review"
    elif following.draw() < following.policy.random_audit[cast(Verdict, verdict.verdict)]:
        kind = "audit"
    else:
        return
    _open_review(session, study, verdict, kind, now)


def _passes(verdict: VerdictRow) -> bool:
    """Whether any exam item passed, so that it would enter the pool."""
    return any(item["verdict"] == "pass" for item in verdict.items)


def _open_review(session: Session, study: StudyRow, verdict: VerdictRow, kind: str, now: datetime) -> None:
    review = Review(study_id=study.id, verdict_id=verdict.id, kind=kind, state="open", answers=[], created_at=now)
    session.add(review)
    session.flush()
    audit.append(session, "service", "review opened", f"review:{review.id}", {"study": study.id, "kind": kind}, at=now)
