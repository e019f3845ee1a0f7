"""The standing of hospitals and devices over HTTP: who is suspended and why, and which acceptance tests are known."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from serving import standing as standings
from serving.api.callers import Caller, Service, of_role
from serving.api.paths import PREFIX
from serving.api.study_bodies import Body
from serving.auth.roles import ADMIN, HOSPITAL, LEAD
from serving.database.tables import DeviceStanding, Hospital

router = APIRouter(prefix=f"{PREFIX}/standing", tags=["standing"])

HospitalId = Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]
Words = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
Decider = Annotated[Caller, Depends(of_role(LEAD, ADMIN))]
Reader = Annotated[Caller, Depends(of_role(LEAD, ADMIN, HOSPITAL))]


class Decided(BaseModel):
    """What is decided: a suspension has a reason, and may end by itself after its last day."""

    model_config = ConfigDict(extra="forbid")

    standing: Literal["good", "suspended"]
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    until: date | None = None

    @model_validator(mode="after")
    def _says_why(self) -> "Decided":
        if self.standing == standings.SUSPENDED and not self.reason.strip():
            raise ValueError("a suspension needs a reason")
        return self

    def decision(self) -> standings.Decision:
        """The same, for the service."""
        return standings.Decision(self.standing, self.reason.strip(), self.until)


class Equipment(BaseModel):
    """A device as its images name it."""

    model_config = ConfigDict(extra="forbid")

    manufacturer: Words = ""
    model: Words = ""
    serial_number: Words = ""
    station: Words = ""


class OfDevice(BaseModel):
    """Which device is meant: by the digest that reports carry, or as its images name it."""

    hospital: HospitalId
    device: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    equipment: Equipment | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "OfDevice":
        if (self.device is None) == (self.equipment is None):
            raise ValueError("give `device` or `equipment`, and not both")
        if self.equipment is not None and not any(self.equipment.model_dump().values()):
            raise ValueError("equipment: say at least one of its names")
        return self

    def digest(self) -> str:
        """The digest that reports carry."""
        from inference.study_facts import device_digest

        if self.equipment is None:
            return self.device or ""
        named = self.equipment
        return device_digest(named.manufacturer, named.model, named.serial_number, named.station)


class DeviceDecided(Decided, OfDevice):
    """What is decided about a device."""


class Tested(OfDevice):
    """A result of an acceptance or constancy test."""

    model_config = ConfigDict(extra="forbid")

    passed: bool
    performed_on: date
    valid_until: date
    reference: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class HospitalBody(BaseModel):
    """A hospital; `suspended` says why its studies go to a person today, and is empty where they need not."""

    id: str
    name: str
    standing: str
    reason: str
    until: date | None
    suspended: str


class DeviceBody(Body):
    """A device; `suspended` says why its studies go to a person today."""

    hospital_id: str
    device: str
    standing: str
    standing_reason: str
    standing_until: date | None
    tested_on: date | None
    test_passed: bool | None
    test_valid_until: date | None
    test_reference: str
    changed_at: datetime
    suspended: str = ""


class StandingBody(BaseModel):
    """Hospitals, and the devices of which something is known."""

    hospitals: list[HospitalBody]
    devices: list[DeviceBody]


@router.get("")
def list_standing(service: Service, caller: Reader) -> StandingBody:
    """List the standing of hospitals and devices; a hospital sees its own."""
    today = _today(service)
    query = select(Hospital).order_by(Hospital.id)
    if caller.hospital_id is not None:
        query = query.where(Hospital.id == caller.hospital_id)
    with service.database.reading() as session:
        return StandingBody(
            hospitals=[_hospital(row, today) for row in session.scalars(query)],
            devices=[_device(row, today) for row in standings.devices(session, caller.hospital_id)],
        )


@router.put("/hospitals/{hospital_id}")
def decide_hospital(service: Service, caller: Decider, hospital_id: HospitalId, said: Decided) -> HospitalBody:
    """Suspend a hospital, or end its suspension."""
    with service.database.writing() as session:
        row = standings.decide_hospital(session, hospital_id, said.decision(), caller.actor, service.database.now())
        return _hospital(row, _today(service))


@router.put("/devices")
def decide_device(service: Service, caller: Decider, said: DeviceDecided) -> DeviceBody:
    """Suspend a device, or end its suspension."""
    with service.database.writing() as session:
        now = service.database.now()
        row = standings.decide_device(session, said.hospital, said.digest(), said.decision(), caller.actor, now)
        return _device(row, _today(service))


@router.post("/tests", status_code=201)
def enter_test(service: Service, caller: Decider, said: Tested) -> DeviceBody:
    """Enter the result of a device's acceptance test."""
    test = standings.AcceptanceTest(said.passed, said.performed_on, said.valid_until, said.reference.strip())
    with service.database.writing() as session:
        now = service.database.now()
        row = standings.enter_test(session, said.hospital, said.digest(), test, caller.actor, now)
        return _device(row, _today(service))


def _today(service: Service) -> date:
    """The day of this place."""
    return service.database.now().astimezone().date()


def _hospital(row: Hospital, today: date) -> HospitalBody:
    return HospitalBody(
        id=row.id,
        name=row.name,
        standing=row.standing,
        reason=row.standing_reason,
        until=row.standing_until,
        suspended=standings.why_suspended(row, today),
    )


def _device(row: DeviceStanding, today: date) -> DeviceBody:
    body = DeviceBody.model_validate(row)
    return body.model_copy(update={"suspended": standings.why_suspended(row, today)})
