"""What an engine on Ray says before it has reached any cluster."""

import pytest

from inference.engine.ray_engine import RayEngine
from inference.engine.section import EngineSection
from qc_models.errors import ConfigError, ServiceError


def test_a_head_that_does_not_answer_is_told_at_once() -> None:
    away = RayEngine(EngineSection(kind="ray", address="127.0.0.1:1"))
    with pytest.raises(ServiceError, match=r"Ray's head at 127\.0\.0\.1:1 does not answer; start it"):
        away._joined()
    assert away.health().reason == "Ray's head at 127.0.0.1:1 does not answer; start it"
    away.close()


def test_ray_without_authentication_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigError, match="RAY_AUTH_MODE"):
        RayEngine(EngineSection(kind="ray"))


def test_addresses_are_those_of_sockets() -> None:
    for wrong in ("nowhere", "127.0.0.1:x", "::1"):
        away = RayEngine(EngineSection(kind="ray", address=wrong))
        with pytest.raises(ServiceError, match="does not answer"):
            away._joined()
