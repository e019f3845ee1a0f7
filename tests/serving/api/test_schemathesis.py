"""Whatever a client sends that the OpenAPI describes, or that it forbids, is answered without a failure of ours."""

from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode

from serving.auth.roles import ADMIN, ROLES
from serving.database.tables import Review, StudyRow
from serving.recording import Sender
from tests.serving.api.conftest import Person
from tests.serving.api.route_roles import ROUTE_ROLES
from tests.serving.conftest import object_bytes
from tests.serving.made_rows import NOW, made_verdict
from tests.serving.transfer.conftest import Service, Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MANY = dict.fromkeys(("caller_burst", "stranger_burst", "sign_in_burst"), 1000000)
FAILURE = 500
KNOWN = {  # what is there
    "study_id": 1,
    "review_id": 1,
    "study_uid": "1.2.3",
    "series_uid": "1.2.3.1",
    "instance_uid": "1.2.3.1.1",
    "numbers": "1",
    "number": "1",
}


@pytest.fixture
def web(make_service: Callable[..., Service], serve_web: Callable[[Service], Web]) -> Web:
    """A service that holds one study, which waits for a reviewer, and does not mind how often it is asked."""
    service = make_service(limits=MANY)
    uids = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1", "SOPInstanceUID": "1.2.3.1.1"}
    service.opened.intake.take(object_bytes(**uids), Sender("city", "stow", "key:1"))
    with service.opened.database.writing() as session:
        study = session.get_one(StudyRow, 1)
        study.state, study.generation = "scored", 1
        verdict = made_verdict(session, study, verdict="review")
        study.verdict_id = verdict.id
        session.add(Review(study_id=1, verdict_id=verdict.id, kind="review", state="open", answers=[], created_at=NOW))
    return serve_web(service)


def failures(web: Web, client_of: Callable[[str], httpx.Client], modes: dict[GenerationMode, int]) -> list[str]:
    """Calls every operation with made-up content, so many times each way, and returns what failed."""
    document = web.stranger().get("/openapi.json").json()
    for operations in document["paths"].values():
        for described in operations.values():
            described.pop("security", None)  # who calls is not made up
    found = []
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = result.ok()
        client = client_of(f"{operation.method.upper()} {operation.path}")
        for mode, examples in modes.items():
            with suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked for
                found += called(web, client, operation.as_strategy(generation_mode=mode), examples)
    return found


def called(web: Web, client: httpx.Client, cases: SearchStrategy[schemathesis.Case], examples: int) -> list[str]:
    """What failed of so many cases."""
    found = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def call(case: schemathesis.Case) -> None:
        if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
            case.path_parameters |= {name: KNOWN[name] for name in case.path_parameters if name in KNOWN}
        response = case.call(base_url=web.url, headers=dict(client.headers), cookies=dict(client.cookies))
        if response.status_code >= FAILURE:
            found.append(f"{case.as_curl_command()}: {response.status_code} {response.text[:200]}")

    call()
    return found


def test_as_nobody(web: Web) -> None:
    found = failures(web, lambda _: web.stranger(), {GenerationMode.POSITIVE: 1})
    assert not found, "\n".join(found)


def test_as_somebody_who_may(web: Web, person: Person) -> None:
    """As an admin, where admins may; as the first role that may, otherwise."""

    def client_of(route: str) -> httpx.Client:
        roles = ROUTE_ROLES[route]
        role = ADMIN if ADMIN in roles else next(role for role in ROLES if role in roles and ROLES[role].person)
        return person(role, "city" if ROLES[role].of_hospital else None, name=f"caller{len(web.clients)}")

    found = failures(web, client_of, {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 3})
    assert not found, "\n".join(found)
