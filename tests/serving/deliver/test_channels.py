"""Lanes of a configuration: a secret that is missing, or an address that is not safe, stops the worker's start."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from qc_models.errors import ConfigError
from serving.database.tables import OutboxRow
from serving.deliver.channels import make_lanes
from serving.deliver.dicom_sending import StoreChannel, StowChannel
from serving.deliver.fhir_bundle import FhirChannel
from serving.deliver.webhook import WebhookChannel
from serving.opened_service import OpenedService
from serving.outcome import Delivery, tell
from serving.service_config import Secrets
from tests.serving.made_rows import Clock, made_study, made_verdict
from tests.serving.transfer.conftest import Service

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = "whsec_" + "A" * 32


def opened(make_service: Callable[..., Service], key: str = KEY, **sections: Any) -> OpenedService:
    secrets = Secrets("k" * 32, others={"TOUCHSTONE_RECEIVER_HIS_KEY": key} if key else {})
    return replace(make_service(**sections).opened, secrets=secrets)


def test_each_kind_of_message_to_each_receiver_has_a_lane(make_service: Callable[..., Service]) -> None:
    his = {"name": "his", "webhook": {"url": "http://his.example/"}, "fhir": {"url": "http://his.example/r4"}}
    store = {"host": "pacs.example", "title": "PACS", "documents": ["sr"]}
    pacs = {"name": "pacs", "dicom": store, "dicomweb": {"url": "http://pacs.example", "documents": ["ko"]}}
    service = opened(make_service, receivers=[his, pacs])
    lanes = {(lane.kind, lane.target): type(lane._channel) for lane in make_lanes(service)}
    assert lanes == {
        ("webhook", "his"): WebhookChannel,
        ("fhir", "his"): FhirChannel,
        ("sr", "pacs"): StoreChannel,
        ("ko", "pacs"): StowChannel,
    }
    assert make_lanes(opened(make_service)) == []


def test_nobody_waits_for_a_receiver_that_is_named_no_more(make_service: Callable[..., Service], clock: Clock) -> None:
    his = {"name": "his", "webhook": {"url": "http://his.example/"}}
    service = opened(make_service, receivers=[his])
    with service.database.writing() as session:
        verdict = made_verdict(session, made_study(session))
        tell(session, verdict, [Delivery("webhook", "his"), Delivery("webhook", "gone")], clock())
    make_lanes(service)
    with service.database.reading() as session:
        dead = session.scalars(select(OutboxRow).where(OutboxRow.state == "dead")).all()
    assert [(row.target, row.last_error) for row in dead] == [("gone", "the configuration names no such receiver")]


def test_files_of_tls_that_are_not_there_stop_the_start(make_service: Callable[..., Service]) -> None:
    peer = {"host": "pacs.example", "title": "PACS", "tls": {"authority": "absent.pem"}}
    with pytest.raises(ConfigError, match="the files of tls cannot be used"):
        make_lanes(opened(make_service, receivers=[{"name": "pacs", "dicom": peer}]))


def test_a_webhook_without_a_key_is_none(make_service: Callable[..., Service]) -> None:
    his = {"name": "his", "webhook": {"url": "https://his.example/"}}
    with pytest.raises(ConfigError, match="TOUCHSTONE_RECEIVER_HIS_KEY: is missing"):
        make_lanes(opened(make_service, key="", receivers=[his]))


def test_in_production_nothing_goes_out_in_plain(make_service: Callable[..., Service]) -> None:
    plain = {"name": "his", "webhook": {"url": "http://his.example/"}}
    with pytest.raises(ConfigError, match="his must be reached by https"):
        make_lanes(opened(make_service, mode="production", receivers=[plain]))
    safe = {"name": "his", "webhook": {"url": "https://his.example/"}}
    assert len(make_lanes(opened(make_service, mode="production", receivers=[safe]))) == 1
