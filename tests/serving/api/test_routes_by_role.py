"""Every route, called by every role and by nobody, lets in whom route_roles.py says, and nobody else."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from serving.api.app import create_app
from serving.auth.roles import ROLES
from tests.serving.api.conftest import Person
from tests.serving.api.route_roles import ALL, NOBODY, ROUTE_ROLES
from tests.serving.transfer.conftest import Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SIGN_OUT = "DELETE /api/session"
NUMBER = "7777"


def routes(web: Web) -> Iterator[str]:
    """Every route of the application, signing out at the end."""
    found = []
    for route in iter_route_contexts(create_app(web.service.opened).routes):
        methods = set(getattr(route, "methods", None) or {"ANY"}) - {"HEAD"}
        found += [f"{method} {route.path}" for method in sorted(methods)]
    yield from sorted(found, key=lambda route: route == SIGN_OUT)


def call(client: httpx.Client, route: str) -> httpx.Response:
    """Calls a route with a number of nothing wherever it asks for something."""
    method, path = route.split(" ")
    return client.request(method, re.sub(r"\{[^}]*\}", NUMBER, path), follow_redirects=False)


@pytest.fixture
def callers(web: Web, person: Person) -> dict[str, httpx.Client]:
    """Somebody of each role: a person where the role may be one's, a program otherwise; and nobody."""
    found = {"nobody": web.stranger()}
    for name, role in ROLES.items():
        hospital = "city" if role.of_hospital else None
        found[name] = person(name, hospital) if role.person else web.client(hospital, name)
    return found


def test_each_route_has_a_row_and_each_row_a_route(web: Web) -> None:
    assert set(routes(web)) == set(ROUTE_ROLES), "write a row into route_roles.py for a new route"
    assert set(ROLES) | NOBODY == ALL


def test_each_route_lets_in_its_roles_alone(web: Web, callers: dict[str, httpx.Client]) -> None:
    wrong = []
    for route in routes(web):
        for name, client in callers.items():
            code = call(client, route).status_code
            if name in ROUTE_ROLES.get(route, ()):
                right = code not in (401, 403) and code < 500
            else:
                right = code == (401 if name == "nobody" else 403)
            if not right:
                wrong.append(f"{route} as {name}: {code}")
    assert not wrong, "\n".join(wrong)


def test_whoever_changes_something_by_a_cookie_says_its_token(web: Web, callers: dict[str, httpx.Client]) -> None:
    wrong = []
    for route in routes(web):
        if route.split(" ")[0] in ("GET", "HEAD", "OPTIONS") or ROUTE_ROLES[route] >= NOBODY:
            continue
        for name in set(callers) & ROUTE_ROLES[route] - {"sender"}:
            client = callers[name]
            client.headers.pop("X-CSRF-Token", None)
            if (code := call(client, route).status_code) != 403:
                wrong.append(f"{route} as {name}: {code}")
    assert not wrong, "\n".join(wrong)
