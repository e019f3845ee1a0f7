"""Signing keys: made once on trial, given by the centre in production, public halves told to all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OKPKey

from qc_models.errors import ConfigError
from serving.deliver.signing_keys import signing_keys
from serving.opened_service import OpenedService
from serving.service_config import Secrets
from tests.serving.transfer.conftest import Service

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def pem() -> str:
    return OKPKey.generate_key("Ed25519").as_pem(private=True).decode()


def with_secrets(service: Service, **others: str) -> OpenedService:
    return replace(service.opened, secrets=Secrets("k" * 32, others=others))


def test_a_trial_makes_one_for_its_owner_and_keeps_it(service: Service, tmp_path: Path) -> None:
    first, again = signing_keys(service.opened), signing_keys(service.opened)
    assert first is not None
    assert again is not None
    assert first.public() == again.public()
    assert (tmp_path / "token_key.pem").stat().st_mode & 0o777 == 0o600


def test_a_centre_gives_its_own_and_the_ones_before(make_service: Callable[..., Service], tmp_path: Path) -> None:
    service = make_service(mode="production")
    assert signing_keys(service.opened) is None
    new, old = pem(), pem()
    keys = signing_keys(with_secrets(service, TOUCHSTONE_TOKEN_KEY=new + old))
    assert keys is not None
    told = keys.public()["keys"]
    assert [key["kid"] for key in told] == [OKPKey.import_key(one).thumbprint() for one in (new, old)]
    assert all(set(key) == {"kty", "crv", "x", "use", "alg", "kid"} for key in told)  # nothing of the private half
    (tmp_path / "key.pem").write_text(old)
    of_file = signing_keys(with_secrets(service, TOUCHSTONE_TOKEN_KEY_FILE=str(tmp_path / "key.pem")))
    assert of_file is not None
    assert of_file.public()["keys"] == told[1:]


def test_what_is_no_key_is_told_without_its_content(service: Service, tmp_path: Path) -> None:
    other = ECKey.generate_key("P-256").as_pem(private=True).decode()
    for wrong in ("SECRET", pem()[:60], other, pem().replace("MC4CAQ", "AAAAAA")):
        with pytest.raises(ConfigError, match="TOUCHSTONE_TOKEN_KEY: holds no Ed25519 key") as caught:
            signing_keys(with_secrets(service, TOUCHSTONE_TOKEN_KEY=wrong))
        assert "SECRET" not in str(caught.value)
    with pytest.raises(ConfigError, match="TOUCHSTONE_TOKEN_KEY_FILE: the file cannot be read"):
        signing_keys(with_secrets(service, TOUCHSTONE_TOKEN_KEY_FILE=str(tmp_path / "absent")))
