"""The audit chain: who did what to what, in lines that each hold the digest of the one before.

Lines are written last in a transaction, all at once, whenever they were appended: whoever writes holds the chain's lock for
the moment of the commit alone, and no two wait for each other. A line that is altered, removed or moved breaks the chain; a
tail that was cut is told by what was noted of it elsewhere, and by verdicts that no line names.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import event, select, text
from sqlalchemy.orm import Session, SessionTransaction

from serving.database.tables import AuditLine, VerdictRow

BEGINNING = "0" * 64  # what stands before the first line
VERDICT = "verdict"  # the action of a line whose detail names a `verdict`
_LOCK = 0x746F756368  # of PostgreSQL's advisory locks
_PENDING = "audit lines"
_RECENT = 1000  # verdicts, that must be named by lines


def append(
    session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Any], *, at: datetime | None = None
) -> None:
    """Adds a line with the commit of this transaction, or of the savepoint that it is in.

    `actor` is account:3, key:2 or service; `subject` study:17 or review:4. Nothing that identifies a patient belongs in either or
    in `detail`, which must be JSON.
    """
    said = json.loads(json.dumps(detail, allow_nan=False))  # as it will be read again
    pending = _Pending(at or datetime.now(UTC), actor, action, subject, said, tuple(_transactions(session)))
    session.info.setdefault(_PENDING, []).append(pending)


class Line(Protocol):
    """What a line of the chain says."""

    @property
    def number(self) -> int:
        """From 1, without a gap."""

    @property
    def at(self) -> datetime:
        """When, in UTC."""

    @property
    def actor(self) -> str:
        """Who."""

    @property
    def action(self) -> str:
        """Did what."""

    @property
    def subject(self) -> str:
        """To what."""

    @property
    def detail(self) -> Mapping[str, Any]:
        """With what."""

    @property
    def before(self) -> str:
        """The digest of the line before."""

    @property
    def digest(self) -> str:
        """The digest of this line."""


def digest_of(line: Line) -> str:
    """SHA-256 over all that a line says, the line before it included."""
    said = [
        line.number,
        line.at.astimezone(UTC).isoformat(timespec="microseconds"),
        line.actor,
        line.action,
        line.subject,
        line.detail,
        line.before,
    ]
    content = json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Checked:
    """A chain that was read through: its lines, the last one, and what is wrong with it."""

    num_lines: int
    tip: tuple[int, str]
    faults: tuple[str, ...]


def check(lines: Iterable[Line], noted: Mapping[int, str] | None = None) -> Checked:
    """Reads a chain in order of its numbers; `noted` are digests that were noted of some lines before, by number.

    After a fault it goes on from what stands there, so that each fault is told once.
    """
    noted = noted or {}
    number, digest, num_lines = 0, BEGINNING, 0
    faults: list[str] = []
    for line in lines:
        num_lines += 1
        if line.number != number + 1:
            faults.append(f"{_lines(number + 1, line.number - 1)} missing")
        elif line.before != digest:
            faults.append(f"line {line.number} does not follow the line before it")
        if line.digest != digest_of(line):
            faults.append(f"line {line.number} was altered or moved")
        if noted.get(line.number, line.digest) != line.digest:
            faults.append(f"line {line.number} is not the one that was noted: the chain was written anew")
        number, digest = line.number, line.digest
    if (last := max(noted, default=0)) > number:
        faults.append(f"the end is cut off: line {last} was noted, and the last one is {number}")
    return Checked(num_lines, (number, digest), tuple(faults))


def verify(session: Session, noted: Mapping[int, str] | None = None) -> Checked:
    """Reads the whole chain of a database, and looks for recent verdicts that no line names, as after a cut end."""
    recent = set(session.scalars(select(VerdictRow.id).order_by(VerdictRow.id.desc()).limit(_RECENT)))
    unnamed = set(recent)

    def lines() -> Iterator[Line]:
        for line in session.execute(_LINES).yield_per(_RECENT):
            if line.action == VERDICT:
                unnamed.discard(line.detail.get("verdict"))
            yield line

    checked = check(lines(), noted)
    if not unnamed:
        return checked
    told = f"{len(unnamed)} of the last {len(recent)} verdicts are named by no line, the first of them {min(unnamed)}"
    return replace(checked, faults=(*checked.faults, told))


_LINES = select(
    AuditLine.number,
    AuditLine.at,
    AuditLine.actor,
    AuditLine.action,
    AuditLine.subject,
    AuditLine.detail,
    AuditLine.before,
    AuditLine.digest,
).order_by(AuditLine.number)


def _lines(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"


@dataclass(frozen=True, slots=True)
class _Pending:
    """A line before it has its place; `within` are the transactions that it dies with."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    within: tuple[SessionTransaction, ...]


def _transactions(session: Session) -> Iterator[SessionTransaction]:
    """The savepoints that a session is in, innermost first, and its transaction."""
    transaction = session.get_nested_transaction() or session.get_transaction()
    while transaction is not None:
        yield transaction
        transaction = transaction.parent


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Gives the pending lines their places at the end of the chain, behind the chain's lock."""
    if session.in_nested_transaction() or not session.info.get(_PENDING):
        return
    session.flush()  # what else the transaction writes waits for its own locks before it holds this one
    pending: list[_Pending] = session.info.pop(_PENDING)
    if session.get_bind().dialect.name == "postgresql":  # of SQLite there is one writer at a time
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = session.execute(
        select(AuditLine.number, AuditLine.digest).order_by(AuditLine.number.desc()).limit(1)
    ).one_or_none()
    first, before = (last.number + 1, last.digest) if last is not None else (1, BEGINNING)
    for number, new in enumerate(pending, first):
        line = AuditLine(
            number=number,
            at=new.at,
            actor=new.actor,
            action=new.action,
            subject=new.subject,
            detail=new.detail,
            before=before,
        )
        line.digest = before = digest_of(line)
        session.add(line)
    session.flush()


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    """What was rolled back never happened."""
    if pending := session.info.get(_PENDING):
        session.info[_PENDING] = [line for line in pending if ended not in line.within]
