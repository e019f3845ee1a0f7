"""The hospitals of the configuration, written into the database when a process starts."""

from collections.abc import Iterable

from serving.database.sessions import Database
from serving.database.tables import Hospital
from serving.service_config import HospitalSection


def write_hospitals(database: Database, hospitals: Iterable[HospitalSection]) -> None:
    """Adds the hospitals that are new and changes those that were described anew; standing is left to those who decide it.

    A hospital that the configuration no longer names stays, since studies are its own; its devices are refused.
    """
    with database.writing() as session:
        for wanted in sorted(hospitals, key=lambda hospital: hospital.id):
            session.merge(
                Hospital(
                    id=wanted.id,
                    name=wanted.name,
                    level=wanted.level,
                    alliances=list(wanted.alliances),
                    issuer=wanted.issuer or wanted.id,
                )
            )
