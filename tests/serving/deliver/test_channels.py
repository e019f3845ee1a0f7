"""Lanes of a configuration: a secret that is missing, or an address that is not safe, stops the worker's start."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qc_models.errors import ConfigError
from serving.deliver.channels import make_lanes
from serving.opened_service import OpenedService
from serving.service_config import Secrets
from tests.serving.transfer.conftest import Service

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = "whsec_" + "A" * 32


def opened(make_service: Callable[..., Service], key: str = KEY, **sections: Any) -> OpenedService:
    secrets = Secrets("k" * 32, others={"TOUCHSTONE_RECEIVER_HIS_KEY": key} if key else {})
    return replace(make_service(**sections).opened, secrets=secrets)


def test_each_kind_of_message_to_each_receiver_has_a_lane(make_service: Callable[..., Service]) -> None:
    his = {"name": "his", "webhook": {"url": "http://his.example/"}}
    assert [(lane.kind, lane.target) for lane in make_lanes(opened(make_service, receivers=[his]))] == [
        ("webhook", "his")
    ]
    assert make_lanes(opened(make_service)) == []


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
