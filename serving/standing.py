"""The standing of hospitals and devices: whose studies go to a person, whatever they show.

A suspension holds until somebody ends it, or to its last day. A device whose acceptance test failed or is overdue is as good as
suspended; of one that nobody entered nothing is known against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from pydantic import PrivateAttr
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.exam_item import Name
from qc_models.policy import Policy, Suspension
from qc_models.report import QcReport
from serving import audit
from serving.database.tables import DeviceStanding, Hospital

GOOD, SUSPENDED = "good", "suspended"
FAILED = "the acceptance test was not passed"
OVERDUE = "the acceptance test is overdue"


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decides: `standing` good or suspended, why, and the last day of a suspension that ends by itself."""

    standing: str
    reason: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class AcceptanceTest:
    """The result of a device's acceptance or constancy test, how long it holds, and where its document is."""

    passed: bool
    performed_on: date
    valid_until: date
    reference: str = ""


def why_suspended(row: Hospital | DeviceStanding, on: date) -> str:
    """Why a hospital or a device is not in good standing on a day; empty where it is."""
    if row.standing != GOOD and (row.standing_until is None or on <= row.standing_until):
        return row.standing_reason or SUSPENDED
    if isinstance(row, DeviceStanding):
        if row.test_passed is False:
            return FAILED
        if row.test_valid_until is not None and on > row.test_valid_until:
            return OVERDUE
    return ""


def decide_hospital(session: Session, hospital_id: str, decision: Decision, actor: str, now: datetime) -> Hospital:
    """Sets the standing of a hospital; InputError for one that is not known."""
    hospital = _hospital(session, hospital_id)
    _decide(hospital, decision)
    audit.append(session, actor, "standing", f"hospital:{hospital_id}", _said(decision), at=now)
    return hospital


def decide_device(
    session: Session, hospital_id: str, device: str, decision: Decision, actor: str, now: datetime
) -> DeviceStanding:
    """Sets the standing of a device, by the digest that reports carry."""
    row = _device(session, hospital_id, device, now)
    _decide(row, decision)
    said = {"hospital": hospital_id, **_said(decision)}
    audit.append(session, actor, "standing", f"device:{device}", said, at=now)
    return row


def enter_test(
    session: Session, hospital_id: str, device: str, test: AcceptanceTest, actor: str, now: datetime
) -> DeviceStanding:
    """Enters the result of a test, unless a later one is known; InputError where it ends before it was made."""
    if test.valid_until < test.performed_on:
        raise InputError("the test is valid to a day before it was made; correct one of the dates")
    if test.performed_on > now.astimezone().date():
        raise InputError("the test was made on a day that is still to come; correct the date")
    row = _device(session, hospital_id, device, now)
    if row.tested_on is not None and row.tested_on > test.performed_on:
        raise InputError(f"a test of {row.tested_on} is known, which is later; enter that one again to correct it")
    row.tested_on, row.test_passed, row.test_valid_until = test.performed_on, test.passed, test.valid_until
    row.test_reference = test.reference
    said = {
        "hospital": hospital_id,
        "passed": test.passed,
        "performed_on": test.performed_on.isoformat(),
        "valid_until": test.valid_until.isoformat(),
        "reference": test.reference,
    }
    audit.append(session, actor, "acceptance test", f"device:{device}", said, at=now)
    return row


def devices(session: Session, hospital_id: str | None = None) -> Sequence[DeviceStanding]:
    """The devices of which something is known, of one hospital or all."""
    query = select(DeviceStanding).order_by(DeviceStanding.hospital_id, DeviceStanding.device)
    if hospital_id is not None:
        query = query.where(DeviceStanding.hospital_id == hospital_id)
    return session.scalars(query).all()


def policy_for(policy: Policy, hospital: Hospital, session: Session, on: date) -> Policy:
    """The policy for studies of a hospital on a day: under it, it or its devices may be suspended; the same where none is."""
    if said := why_suspended(hospital, on):
        return suspended(policy, hospital.name, said)
    bad = [(row.device, said) for row in devices(session, hospital.id) if (said := why_suspended(row, on))]
    if not bad:
        return policy
    added = tuple(Suspension(device=device, reason=Name(en=said, zh=said)) for device, said in bad)
    return _with(_Standing, policy, added)


def decided(plain: Policy, policy: Policy, report: QcReport) -> bool:
    """Whether a report goes to a person for a standing that the policy's own file does not know of."""
    facts = report.content["facts"]
    devices = (facts["device"], *facts.get("other_devices", ()))
    institutions = (facts["institution"], *facts.get("other_institutions", ()))
    suspension, known = (one.standing_of(devices, institutions) for one in (policy, plain))
    return suspension is not None and known is None


def suspended(policy: Policy, who: str, said: str = "") -> Policy:
    """A policy for the studies of somebody who is suspended: a person decides on each."""
    reason = Name(en=said or SUSPENDED, zh=said or SUSPENDED)
    return _with(_OfSuspended, policy, (Suspension(institution=who, reason=reason),))


class _Standing(Policy):
    """A policy with the suspensions of a day; its digest is that of the policy, which did not change."""

    _digest: str = PrivateAttr("")

    @cached_property
    def digest(self) -> str:
        """That of the policy."""
        return self._digest


class _OfSuspended(_Standing):
    """A policy under which every device and institution is suspended."""

    def standing_of(self, devices: tuple[str, ...], institutions: tuple[str, ...]) -> Suspension:
        """The suspension that was added last."""
        return self.suspended[-1]


def _with(kind: type[_Standing], policy: Policy, added: tuple[Suspension, ...]) -> Policy:
    made = kind.model_validate(policy.model_dump() | {"suspended": (*policy.suspended, *added)})
    made._digest = policy.digest
    return made


def _hospital(session: Session, hospital_id: str) -> Hospital:
    hospital = session.get(Hospital, hospital_id, with_for_update=True)
    if hospital is None:
        raise InputError("there is no such hospital; name one of the configuration")
    return hospital


def _device(session: Session, hospital_id: str, device: str, now: datetime) -> DeviceStanding:
    """The row of a device, made where there is none; whoever changes one of a hospital waits for the hospital's row."""
    _hospital(session, hospital_id)
    row = session.scalar(
        select(DeviceStanding).where(DeviceStanding.hospital_id == hospital_id, DeviceStanding.device == device)
    )
    if row is None:
        row = DeviceStanding(
            hospital_id=hospital_id, device=device, standing=GOOD, standing_reason="", test_reference=""
        )
        session.add(row)
    row.changed_at = now
    return row


def _decide(row: Hospital | DeviceStanding, decision: Decision) -> None:
    is_good = decision.standing == GOOD
    row.standing = decision.standing
    row.standing_reason = decision.reason
    row.standing_until = None if is_good else decision.until


def _said(decision: Decision) -> dict[str, str | None]:
    until = decision.until.isoformat() if decision.until else None
    return {"standing": decision.standing, "reason": decision.reason, "until": until}
