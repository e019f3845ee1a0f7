"""`touchstone outbox`: what was given up is listed with its reason, and sent again."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from serving.command_line import touchstone
from serving.database import schema
from serving.database.sessions import open_database, utc_now
from serving.database.tables import OutboxRow


def call(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(touchstone, ["outbox", *arguments, "--state", str(state)])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of a service with two messages that were given up, and one that waits."""
    database = open_database(f"sqlite:///{tmp_path / 'touchstone.sqlite'}")
    schema.upgrade(database)
    with database.writing() as session:
        for number in (1, 2, 3):
            session.add(
                OutboxRow(
                    kind="webhook",
                    target="his",
                    subject=f"verdict:{number}",
                    body={"verdict": number},
                    state="dead" if number < 3 else "waiting",
                    last_error="the receiver answered 404",
                    next_at=utc_now(),
                    created_at=utc_now(),
                )
            )
    database.close()
    return tmp_path


def test_what_was_given_up_is_listed_and_sent_again(state: Path) -> None:
    listed = call(state, "list").output
    assert "webhook to his  verdict:1  attempts 0  the receiver answered 404" in listed
    assert listed.endswith("2 dead\n")
    assert call(state, "list", "--state-of", "waiting").output.endswith("1 waiting\n")
    assert call(state, "resend", "1").output == "1 will be sent again\n"
    assert call(state, "resend", "--all").output == "1 will be sent again\n"
    assert call(state, "list").output == "0 dead\n"


def test_what_was_not_given_up_is_not_sent_again(state: Path) -> None:
    assert call(state, "resend", "3").exit_code == 3
    assert call(state, "resend").exit_code == 2
    assert call(state, "resend", "1", "--all").exit_code == 2
    database = open_database(f"sqlite:///{state / 'touchstone.sqlite'}")
    with database.writing() as session:
        session.execute(update(OutboxRow).values(state="sent"))
    database.close()
    assert call(state, "resend", "--all").output == "0 will be sent again\n"
