"""The roles: what each of them may do, in plain words. Routes say which roles they are for; this table says who those are."""

from dataclasses import dataclass

from qc_models.errors import InputError

SENDER, HOSPITAL, DOCTOR = "sender", "hospital", "doctor"
REVIEWER, LEAD, ENGINEER, ADMIN = "reviewer", "lead", "engineer", "admin"


@dataclass(frozen=True, slots=True)
class Role:
    """What a role may do. One of a hospital belongs to one always, and sees its studies alone; the others are the centre's."""

    may: str
    of_hospital: bool = False
    person: bool = True  # False: for keys of programs alone


ROLES: dict[str, Role] = {
    SENDER: Role("send studies of its hospital, and read them", of_hospital=True, person=False),
    HOSPITAL: Role("send and read studies of its hospital, and appeal against their verdicts", of_hospital=True),
    DOCTOR: Role(
        "look up what may be recognised, accept or refuse it, and read their hospital's studies", of_hospital=True
    ),
    REVIEWER: Role("read every study, and decide reviews, and second readings of what another person decided"),
    LEAD: Role(
        "whatever a reviewer may; decide where two readers differ, and appeals; withdraw from the pool, and suspend"
    ),
    ENGINEER: Role("see how the service runs and revive what it gave up, without names and images; export labels"),
    ADMIN: Role("make, change and end accounts and keys"),
}


def check_role(role: str, hospital_id: str | None, *, person: bool) -> None:
    """InputError where there is no such role for a person or a program, or where it does not go with a hospital or none."""
    found = ROLES.get(role)
    if found is None or (person and not found.person):
        named = ", ".join(name for name, one in ROLES.items() if one.person or not person)
        raise InputError(f"role: choose one of {named}")
    if found.of_hospital and hospital_id is None:
        raise InputError(f"hospital: a {role} belongs to one; name it")
    if not found.of_hospital and hospital_id is not None:
        raise InputError(f"hospital: a {role} is the centre's, and belongs to none")
