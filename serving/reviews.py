"""What people decide about verdicts: who reads what, for how long, with which answers, and what follows.

A verdict has one task at a time: a review that the machine asked for, an audit, or an appeal of the producing hospital. What its
reader decides may ask for a second reading by another person, who is not told of the first; where the two differ, a lead decides.
Only then a final verdict is recorded, with all that follows from it, and only where it says other than the verdict in force.
Nobody decides twice about the same images, nor about those of their own hospital. New images make a task obsolete.
Every function works in the caller's transaction, and holds the study's row before that of a task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from pydantic import Field
from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.orm import Session

from configs.strict import Strict
from qc_models.errors import InputError, QcError
from qc_models.policy import Policy
from qc_models.report import QcReport
from qc_models.review import wrong_words
from qc_models.vocabulary import Verdict
from serving import audit, outcome, pool, verdicts, worklist
from serving.database.tables import Review, StudyRow, VerdictRow
from serving.observing import metrics
from serving.outcome import SCORED, UNDECIDED, Following

REVIEW, AUDIT, APPEAL = "review", "audit", "appeal"  # one of these comes first
SECOND, ADJUDICATION = "second reading", "adjudication"
KINDS = (ADJUDICATION, APPEAL, SECOND, REVIEW, AUDIT)  # in the order of their urgency
FOR_LEADS = frozenset((ADJUDICATION, APPEAL))
OPEN, CLAIMED, DECIDED, OBSOLETE = "open", "claimed", "decided", "obsolete"
COMMENT_LENGTH = 2000
MOST_ANSWERS = 1000

_RANK = case({kind: number for number, kind in enumerate(KINDS)}, value=Review.kind, else_=len(KINDS))


class Reviewing(Strict):
    """How long a claim lasts from its last renewal, in seconds."""

    claim_s: float = Field(default=1800, ge=1)


class UnknownReviewError(QcError):
    """There is no such task for who asks."""


class NotAllowedError(QcError):
    """Somebody else has to read it."""


class ConflictError(QcError):
    """It is not in the state for that any more; look again."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who reads, as the audit chain calls them, with the hospital that they belong to, if any."""

    account_id: int
    is_lead: bool = False
    hospital_id: str | None = None

    @property
    def actor(self) -> str:
        """Their name in the audit chain."""
        return f"account:{self.account_id}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader says of a finding, by its number in the report, or of a series that no finding is about.

    `says` are words for the label, as in `qc_models/review.py`.
    """

    holds: bool = True
    finding: int | None = None
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None
    says: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reader decides."""

    verdict: Literal["pass", "reject"]
    answers: Sequence[Answer] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Which tasks are asked for; without a state those that nobody has decided yet."""

    state: str | None = None
    kind: str | None = None
    hospital_id: str | None = None
    claimed_by: int | None = None


def tasks(
    session: Session, seen: ColumnElement[bool], wanted: Tasks, after: Sequence[Any] | None, limit: int
) -> list[tuple[Review, StudyRow, VerdictRow]]:
    """The next tasks after a place in the list: urgent studies first, then appeals before audits, then who waited longest."""
    # a study that is open again waits for its next verdict, and its task with it
    undecided = and_(Review.state.in_(UNDECIDED), StudyRow.state == SCORED)
    asked: tuple[tuple[object, ColumnElement[bool]], ...] = (
        (wanted.kind, Review.kind == wanted.kind),
        (wanted.hospital_id, StudyRow.hospital_id == wanted.hospital_id),
        (wanted.claimed_by, Review.claimed_by == wanted.claimed_by),
    )
    columns = (worklist.URGENT_FIRST, _RANK, Review.created_at, Review.id)
    rows = session.execute(
        select(Review, StudyRow, VerdictRow)
        .join(StudyRow, StudyRow.id == Review.study_id)
        .join(VerdictRow, VerdictRow.id == Review.verdict_id)
        .where(seen, Review.state == wanted.state if wanted.state else undecided)
        .where(*(condition for value, condition in asked if value is not None))
        .where(worklist.behind(columns, after))
        .order_by(*columns)
        .limit(limit)
    )
    return [(review, study, verdict) for review, study, verdict in rows]


def place(review: Review, study: StudyRow) -> list[Any]:
    """Where a task stands in the list, for its cursor."""
    rank = KINDS.index(review.kind) if review.kind in KINDS else len(KINDS)
    return [0 if study.urgent else 1, rank, review.created_at, review.id]


def claim(session: Session, review_id: int, reader: Reader, reviewing: Reviewing, now: datetime) -> Review:
    """Takes a task for a while, or keeps it for longer; ConflictError where somebody else has it."""
    study, review, verdict = _held(session, review_id)
    _require_current(study, review, verdict)
    _require_allowed(session, study, review, reader)
    mine = review.claimed_by == reader.account_id and review.state == CLAIMED
    if is_claimed(review, now) and not mine:
        raise ConflictError("somebody else reads it at the moment; take another one")
    renewed = mine and is_claimed(review, now)
    review.state, review.claimed_by = CLAIMED, reader.account_id
    review.claimed_until = now + timedelta(seconds=reviewing.claim_s)
    if not renewed:
        audit.append(session, reader.actor, "review claimed", f"review:{review.id}", {"study": study.id}, at=now)
    return review


def give_up(session: Session, review_id: int, reader: Reader, now: datetime) -> Review:
    """Gives a task back; ConflictError where the reader does not have it."""
    study, review, _ = _held(session, review_id)
    if review.state != CLAIMED or review.claimed_by != reader.account_id:
        raise ConflictError("you have not claimed it")
    review.state, review.claimed_by, review.claimed_until = OPEN, None, None
    audit.append(session, reader.actor, "review given up", f"review:{review.id}", {"study": study.id}, at=now)
    return review


def decide(
    session: Session, review_id: int, reader: Reader, decision: Decision, following: Following, now: datetime
) -> Review:
    """Keeps a decision with all that follows: another reading, or a final verdict with pool, outbox and audit.

    ConflictError where the task is not the reader's, or about images that are not all of the study any more; InputError where a
    finding has no answer, or the answers contradict the verdict.
    """
    study, review, verdict = _held(session, review_id)
    _require_current(study, review, verdict)
    _require_allowed(session, study, review, reader)
    if not is_claimed(review, now) or review.claimed_by != reader.account_id:
        raise ConflictError("your claim ran out; claim it again, then decide")
    report = verdicts.report_of(session, verdict)
    if report is None:
        raise ConflictError("its report is not there any more; nothing can be decided about it")
    comment = decision.comment.strip()[:COMMENT_LENGTH]
    _require_sound(report, decision, comment)
    review.state, review.decided_by, review.decided_at = DECIDED, reader.account_id, now
    review.claimed_until = None
    review.verdict, review.comment = decision.verdict, comment
    review.answers = [asdict(answer) for answer in decision.answers]
    overturned = [answer.finding for answer in decision.answers if answer.finding is not None and not answer.holds]
    detail = {"study": study.id, "kind": review.kind, "says": decision.verdict, "overturned": overturned}
    audit.append(session, reader.actor, "review decided", f"review:{review.id}", detail, at=now)
    following_kind, why = _asked_next(session, review, verdict, report, following.policy)
    if following_kind is not None:
        _open(session, study, verdict, following_kind, now, why=why)
    else:
        _conclude(session, study, review, verdict, report, reader, following, now)
    return review


def appeal(
    session: Session, study: StudyRow, actor: str, account_id: int | None, comment: str, now: datetime
) -> Review:
    """Opens an appeal of the producing hospital against a rejection, once for each verdict."""
    study = session.get_one(StudyRow, study.id, with_for_update=True, populate_existing=True)
    verdict = session.get(VerdictRow, study.verdict_id) if study.verdict_id is not None else None
    if verdict is None or verdict.verdict != "reject":
        raise ConflictError("the study is not rejected; there is nothing to appeal against")
    if study.state != SCORED or study.generation != verdict.generation:
        raise ConflictError("new images came; wait for the next verdict")
    comment = comment.strip()[:COMMENT_LENGTH]
    if not comment:
        raise InputError("say why the verdict is wrong; a comment is needed")
    for review in session.scalars(select(Review).where(Review.study_id == study.id).with_for_update()):
        if review.verdict_id == verdict.id and review.kind == APPEAL:
            raise ConflictError("there was an appeal against this verdict before")
        if review.state not in UNDECIDED:
            continue
        if review.kind != AUDIT or is_claimed(review, now):
            raise ConflictError("somebody reads the study already; wait for what they decide")
        outcome.close_review(session, review, "an appeal takes its place", now)
    return _open(session, study, verdict, APPEAL, now, opened_by=account_id, comment=comment, actor=actor)


def is_claimed(review: Review, now: datetime) -> bool:
    """Whether somebody has a task; a claim that ran out is free."""
    return review.state == CLAIMED and review.claimed_until is not None and review.claimed_until > now


def has_reader(session: Session, verdict_id: int, now: datetime) -> bool:
    """Whether a person decided about a verdict, or reads it now; what the machine says anew would make that be lost."""
    found = session.scalars(select(Review).where(Review.verdict_id == verdict_id))
    return any(review.state == DECIDED or is_claimed(review, now) for review in found)


def earlier(session: Session, review: Review) -> list[Review]:
    """Readings of the same verdict that were decided before, which a second reader is not told of."""
    if review.kind == SECOND and review.state in UNDECIDED:
        return []
    query = select(Review).where(
        Review.verdict_id == review.verdict_id, Review.state == DECIDED, Review.id != review.id
    )
    return list(session.scalars(query.order_by(Review.id)))


def _held(session: Session, review_id: int) -> tuple[StudyRow, Review, VerdictRow]:
    """A task with its study and verdict, both rows locked, the study's first."""
    study_id = session.scalar(select(Review.study_id).where(Review.id == review_id))
    if study_id is None:
        raise UnknownReviewError("there is no such review")
    study = session.get_one(StudyRow, study_id, with_for_update=True, populate_existing=True)
    review = session.get_one(Review, review_id, with_for_update=True, populate_existing=True)
    return study, review, session.get_one(VerdictRow, review.verdict_id)


def _require_current(study: StudyRow, review: Review, verdict: VerdictRow) -> None:
    if review.state == DECIDED:
        raise ConflictError("it is decided already")
    if review.state == OBSOLETE:
        raise ConflictError("it is about a verdict that does not stand any more; nothing is left to decide")
    if study.state != SCORED or study.generation != verdict.generation:
        raise ConflictError("new images came since; the study is judged anew, and this review is obsolete")
    if study.verdict_id != verdict.id:
        raise ConflictError("another verdict stands by now, and this review is obsolete")


def _require_allowed(session: Session, study: StudyRow, review: Review, reader: Reader) -> None:
    if reader.hospital_id is not None and reader.hospital_id == study.hospital_id:
        raise NotAllowedError("nobody reviews a study of their own hospital")
    if review.kind in FOR_LEADS and not reader.is_lead:
        raise NotAllowedError(f"this {review.kind} is for a lead")
    decided = (
        select(Review.decided_by)
        .join(VerdictRow, VerdictRow.id == Review.verdict_id)
        .where(
            Review.study_id == study.id,
            Review.state == DECIDED,
            VerdictRow.generation == study.generation,
        )
    )
    if reader.account_id in set(session.scalars(decided)) or review.opened_by == reader.account_id:
        raise NotAllowedError("you had your say about these images; another person has to decide")


def _require_sound(report: QcReport, decision: Decision, comment: str) -> None:
    """InputError where a finding has no answer, an answer no finding, or both contradict the verdict."""
    if len(decision.answers) > MOST_ANSWERS:
        raise InputError(f"answers: more than {MOST_ANSWERS} of them")
    findings = report.findings
    answered = [answer.finding for answer in decision.answers if answer.finding is not None]
    if strange := [number for number in answered if not 0 <= number < len(findings)]:
        raise InputError(f"answers: there is no finding {strange[0]}; the report has {len(findings)}")
    if len(set(answered)) < len(answered):
        raise InputError("answers: a finding is answered twice")
    asked = {number for number, finding in enumerate(findings) if finding["level"] != "note"}
    if missing := sorted(asked - set(answered)):
        raise InputError(f"answers: findings {', '.join(map(str, missing))} have none; confirm or overturn each")
    for number, answer in enumerate(decision.answers):
        if answer.finding is None and not answer.series_instance_uid:
            raise InputError(f"answers.{number}: says neither of which finding nor of which series it is")
        if (answer.says or answer.finding is None) and (wrong := wrong_words(answer.says)):
            raise InputError(f"answers.{number}.says: {wrong}")
    confirmed = {answer.finding for answer in decision.answers if answer.finding is not None and answer.holds} & asked
    rejecting = [number for number in sorted(confirmed) if findings[number]["level"] == "reject"]
    if decision.verdict == "pass" and rejecting:
        raise InputError(f"verdict: finding {rejecting[0]} rejects the study and holds; overturn it, or reject")
    if decision.verdict == "reject" and not confirmed and not comment:
        raise InputError("comment: no finding holds; say why the study is rejected")


def _asked_next(
    session: Session, review: Review, verdict: VerdictRow, report: QcReport, policy: Policy
) -> tuple[str | None, str]:
    """The kind of the reading that has to follow, and why; None where the decision holds."""
    says = cast(Literal["pass", "reject"], review.verdict)
    if review.kind == ADJUDICATION:
        return None, ""
    if review.kind == SECOND:
        first = earlier(session, review)
        differ = any(one.verdict != says for one in first)
        return (ADJUDICATION, "readers differ") if differ else (None, "")
    overturned = any(
        not answer["holds"] and report.findings[answer["finding"]]["level"] != "note"
        for answer in review.answers
        if answer["finding"] is not None
    )
    rule = policy.second_reading_of(cast(Verdict, verdict.verdict), says, overturned=overturned)
    return (SECOND, rule.when) if rule is not None else (None, "")


def _open(
    session: Session,
    study: StudyRow,
    verdict: VerdictRow,
    kind: str,
    now: datetime,
    *,
    why: str = "",
    opened_by: int | None = None,
    comment: str = "",
    actor: str = "service",
) -> Review:
    review = Review(
        study_id=study.id,
        verdict_id=verdict.id,
        kind=kind,
        state=OPEN,
        opened_by=opened_by,
        opening_comment=comment,
        answers=[],
        created_at=now,
    )
    session.add(review)
    session.flush()
    detail = {"study": study.id, "kind": kind, "why": why}
    audit.append(session, actor, "review opened", f"review:{review.id}", detail, at=now)
    return review


def _conclude(
    session: Session,
    study: StudyRow,
    review: Review,
    verdict: VerdictRow,
    report: QcReport,
    reader: Reader,
    following: Following,
    now: datetime,
) -> None:
    """Records the final verdict with what follows; where the verdict in force holds, it stays, and an appellant is told."""
    says = cast(Literal["pass", "reject"], review.verdict)
    kinds = set(session.scalars(select(Review.kind).where(Review.verdict_id == verdict.id)))
    # what was withdrawn enters the pool by a verdict of its own
    kept_out = says == "pass" and (REVIEW in kinds or pool.was_withdrawn(session, verdict))
    if verdict.verdict == says and not kept_out:
        if APPEAL in kinds:
            outcome.tell_again(session, study, verdict, outcome.UPHELD, following.deliveries, now)
        return
    final = verdicts.record_final(session, study, verdict, says, following.policy, review.id, reader.actor, now)
    if final is None:
        raise ConflictError("it is decided already")
    held = (
        report.findings[answer["finding"]]
        for answer in review.answers
        if answer["finding"] is not None and answer["holds"]
    )
    final.reasons = list(dict.fromkeys(finding["metric"] for finding in held if finding["level"] != "note"))
    outcome.follow(session, study, final, report, following, now)
    metrics.verdict_said(study.hospital_id, study.modalities, final.kind, final.verdict, final.items)
