"""The configuration of the service: usable as it ships, strict to the last key, and no known secret in production."""

import stat
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml

from qc_models.errors import ConfigError
from serving.service_config import (
    DEFAULT_CONFIG,
    ServiceConfig,
    load_service_config,
    make_state_folder,
    read_secrets,
)

HOSPITAL = {"id": "city", "name": "City", "level": "tertiary_a"}
KEY = "0123456789abcdefghijklmnopqrstuvwxyz"


def load(tmp_path: Path, **content: object) -> ServiceConfig:
    path = tmp_path / "service.yaml"
    path.write_text(yaml.safe_dump({"hospitals": [HOSPITAL]} | content))
    return load_service_config(path, state=tmp_path / "state", environ={})


def test_the_default_is_usable_and_spells_out_every_key(tmp_path: Path) -> None:
    config = load_service_config(state=tmp_path / "state", environ={})
    assert config == ServiceConfig(hospitals=config.hospitals, state=str(tmp_path / "state"))
    assert set(yaml.safe_load(DEFAULT_CONFIG.read_text())) == set(ServiceConfig.model_fields)
    assert (config.mode, config.dimse.port, config.web.port) == ("trial", 11112, 8080)
    assert {config.dimse.host, config.web.host} == {"127.0.0.1"}  # nobody else reaches a trial
    assert str(config.database_url({})) == f"sqlite:///{tmp_path}/state/touchstone.sqlite"
    assert config.archive_folder == tmp_path / "state" / "archive"
    assert (config.hospital_of("CITY_CT"), config.hospital_of("city_ct")) == ("example-city", None)


def test_state_lies_where_it_is_said_else_where_the_system_keeps_it(tmp_path: Path) -> None:
    def folder(state: Path | None, **environ: str) -> str:
        return str(load_service_config(state=state, environ=environ).state_folder)

    assert folder(None, HOME="/somebody") == "/somebody/.local/state/touchstone"
    assert folder(None, HOME="/somebody", XDG_STATE_HOME="/states") == "/states/touchstone"
    assert folder(tmp_path, XDG_STATE_HOME="/states") == str(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"unknown": 1}, "unknown: Extra inputs"),
        ({"web": {"port": 0}}, "web.port"),
        ({"dimse": {"ae_title": "LONGER THAN SIXTEEN"}}, "dimse.ae_title"),
        ({"hospitals": []}, "hospitals: "),
        ({"hospitals": [HOSPITAL, HOSPITAL]}, "hospitals: id city is named twice"),
        ({"hospitals": [HOSPITAL | {"peers": ["A", "A"]}]}, "AE title A is named twice"),
        ({"hospitals": [HOSPITAL | {"peers": ["back\\slash"]}]}, "hospitals.0.peers.0.title"),
        ({"hospitals": [HOSPITAL | {"id": "../up"}]}, "hospitals.0.id"),
        ({"hospitals": [HOSPITAL | {"id": "quarantine"}]}, "hospitals.0.id"),
        ({"hospitals": [HOSPITAL | {"level": "best"}]}, "hospitals.0.level: the policy has primary"),
        ({"database": {"url": "postgresql://a:secret-word@b/c"}}, "TOUCHSTONE_DATABASE_PASSWORD"),
        ({"database": {"url": "nothing"}}, "database.url"),
    ],
)
def test_an_error_names_file_and_key(tmp_path: Path, content: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=r"service\.yaml: ") as caught:
        load(tmp_path, **content)
    assert told in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_devices_are_titles_or_titles_with_an_address(tmp_path: Path) -> None:
    peers = ["CT1", {"title": "MR 1", "host": "10.0.0.7", "port": 4242}]
    (hospital,) = load(tmp_path, hospitals=[HOSPITAL | {"peers": peers}]).hospitals
    assert [(peer.title, peer.host, peer.port) for peer in hospital.peers] == [
        ("CT1", "", 104),
        ("MR 1", "10.0.0.7", 4242),
    ]


def test_the_password_of_the_database_comes_from_the_environment(tmp_path: Path) -> None:
    config = load(tmp_path, database={"url": "postgresql://touchstone@db/qc"})
    assert config.database_url({}).password is None
    assert config.database_url({"TOUCHSTONE_DATABASE_PASSWORD": "p"}).password == "p"
    assert config.database.connections == 10


def test_a_trial_makes_its_key_once_for_its_owner_alone(tmp_path: Path) -> None:
    config = load(tmp_path)
    make_state_folder(config)
    first, second = read_secrets(config, {}), read_secrets(config, {})
    assert first.key == second.key
    assert len(first.key) > 32
    assert first.admin_password == "touchstone"
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in (tmp_path / "state").iterdir()] == [
        ("secret_key", 0o600)
    ]
    assert read_secrets(config, {"TOUCHSTONE_SECRET_KEY": "mine"}).key == "mine"
    assert first.key not in repr(first)


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({}, "TOUCHSTONE_SECRET_KEY"),
        ({"TOUCHSTONE_SECRET_KEY": "short"}, "TOUCHSTONE_SECRET_KEY"),
        ({"TOUCHSTONE_SECRET_KEY": "a" * 40}, "TOUCHSTONE_SECRET_KEY"),
        ({"TOUCHSTONE_SECRET_KEY": KEY, "TOUCHSTONE_ADMIN_PASSWORD": "touchstone"}, "TOUCHSTONE_ADMIN_PASSWORD"),
        ({"TOUCHSTONE_SECRET_KEY": KEY, "TOUCHSTONE_ADMIN_PASSWORD": "too short"}, "TOUCHSTONE_ADMIN_PASSWORD"),
    ],
)
def test_production_refuses_secrets_that_everybody_knows(
    tmp_path: Path, environ: dict[str, str], variable: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{variable}: "):
        read_secrets(load(tmp_path, mode="production"), environ)


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", True), ("::", True), ("qc.example", True), ("::1", False)])
def test_who_others_reach_has_a_password_of_its_own_and_in_production_tls(
    tmp_path: Path, host: str, reached: bool
) -> None:
    config = load(tmp_path, web={"host": host})
    make_state_folder(config)
    with pytest.raises(ConfigError, match=r"^TOUCHSTONE_ADMIN_PASSWORD: ") if reached else nullcontext():
        read_secrets(config, {})
    with pytest.raises(ConfigError, match=r"^TOUCHSTONE_ADMIN_PASSWORD: ") if reached else nullcontext():
        read_secrets(config, {"TOUCHSTONE_ADMIN_PASSWORD": "touchstone"})
    assert read_secrets(config, {"TOUCHSTONE_ADMIN_PASSWORD": "our own"}).admin_password == "our own"
    with pytest.raises(ConfigError, match="web: others reach") if reached else nullcontext():
        load(tmp_path, mode="production", web={"host": host})
    tls = {"certificate": "c.pem", "key": "k.pem"}
    for safe in ({"tls": tls}, {"address": "https://qc.example"}):
        assert load(tmp_path, mode="production", web={"host": host} | safe).web.secure


def test_production_takes_good_secrets_and_makes_none_up(tmp_path: Path) -> None:
    secrets = read_secrets(load(tmp_path, mode="production"), {"TOUCHSTONE_SECRET_KEY": KEY})
    assert (secrets.key, secrets.admin_password) == (KEY, None)
    assert not (tmp_path / "state").exists()
