"""Hospitals of the configuration in the database."""

from sqlalchemy import select, update

from serving.database.sessions import Database
from serving.database.tables import Hospital
from serving.hospitals import write_hospitals
from serving.service_config import HospitalSection


def test_hospitals_are_added_and_changed_and_their_standing_is_left(database: Database) -> None:
    city = HospitalSection(id="city", name="City", level="primary")
    write_hospitals(
        database, [city, HospitalSection(id="town", name="镇", level="primary", issuer="T", alliances=("a",))]
    )
    with database.writing() as session:
        session.execute(update(Hospital).values(standing="suspended", standing_reason="no acceptance test"))
    write_hospitals(database, [city.model_copy(update={"level": "tertiary_a"})])
    with database.reading() as session:
        found = [
            (row.id, row.name, row.level, row.issuer, row.alliances, row.standing)
            for row in session.scalars(select(Hospital).order_by(Hospital.id))
        ]
    assert found == [
        ("city", "City", "tertiary_a", "city", [], "suspended"),
        ("town", "镇", "primary", "T", ["a"], "suspended"),
    ]
