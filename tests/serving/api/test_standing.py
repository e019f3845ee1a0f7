"""Leads suspend hospitals and devices and enter tests; a hospital sees its own and changes nothing."""

import pytest

from inference.study_facts import device_digest
from tests.serving.api.conftest import Person
from tests.serving.transfer.conftest import Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DEVICE = "0123456789abcdef"


def test_a_lead_suspends_and_ends_it(web: Web, person: Person) -> None:
    lead = person("lead")
    body = {"standing": "suspended", "reason": "no quality control", "until": "2999-12-31"}
    answer = lead.put("/api/standing/hospitals/city", json=body)
    assert (answer.status_code, answer.json()["suspended"]) == (200, "no quality control")
    body = {"hospital": "county", "device": DEVICE, "standing": "suspended", "reason": "tube broken"}
    assert lead.put("/api/standing/devices", json=body).json()["suspended"] == "tube broken"
    everything = person("admin").get("/api/standing").json()
    assert [(one["id"], one["suspended"]) for one in everything["hospitals"]][:2] == [
        ("city", "no quality control"),
        ("county", ""),
    ]
    assert [(one["hospital_id"], one["device"]) for one in everything["devices"]] == [("county", DEVICE)]
    own = person("hospital", "city").get("/api/standing").json()
    assert ([one["id"] for one in own["hospitals"]], own["devices"]) == (["city"], [])
    ended = lead.put("/api/standing/hospitals/city", json={"standing": "good"})
    assert (ended.json()["suspended"], ended.json()["until"]) == ("", None)


def test_a_test_of_a_device_that_is_named_as_its_images_do(web: Web, person: Person) -> None:
    body = {
        "hospital": "city",
        "equipment": {"manufacturer": "M", "model": "CT 1", "serial_number": "77", "station": "CT1"},
        "passed": True,
        "performed_on": "2020-01-01",
        "valid_until": "2021-01-01",
        "reference": "QA-7",
    }
    answer = person("lead").post("/api/standing/tests", json=body)
    assert answer.status_code == 201
    assert answer.json()["device"] == device_digest("M", "CT 1", "77", "CT1")
    assert answer.json()["suspended"] == "the acceptance test is overdue"


@pytest.mark.parametrize(
    "change",
    [
        {"reason": " "},
        {"device": None},
        {"equipment": {"model": "x"}},
        {"device": "../x"},
        {"standing": "bad"},
        {"hospital": "a b"},
        {"more": 1},
    ],
)
def test_what_is_not_whole_is_refused(web: Web, person: Person, change: dict[str, object]) -> None:
    body = {"hospital": "city", "device": DEVICE, "standing": "suspended", "reason": "why"} | change
    answer = person("lead").put("/api/standing/devices", json=body)
    assert answer.status_code == 400


def test_others_change_nothing(web: Web, person: Person) -> None:
    body = {"standing": "suspended", "reason": "why"}
    assert person("lead").put("/api/standing/hospitals/nowhere", json=body).status_code == 422
    for client in (person("hospital", "city"), person("reviewer"), web.client("city", "sender")):
        assert client.put("/api/standing/hospitals/city", json=body).status_code == 403
