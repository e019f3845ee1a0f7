"""The keys that sign verdicts: Ed25519, of which the public halves are told to everybody, at /.well-known/jwks.json.

A centre gives them in PEM, by TOUCHSTONE_TOKEN_KEY or in the file that TOUCHSTONE_TOKEN_KEY_FILE names. There may be several:
the first signs, the others are told still, so that what they signed stays valid. On trial one is made, in the state folder.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from qc_models.errors import ConfigError
from serving.opened_service import OpenedService
from serving.service_config import kept_in_state

ALGORITHM = "Ed25519"  # RFC 9864; what RFC 8037 calls EdDSA with the curve Ed25519
TYPE = "touchstone-verdict+jwt"
_KEY, _FILE = "TOUCHSTONE_TOKEN_KEY", "TOUCHSTONE_TOKEN_KEY_FILE"
_TRIAL_FILE = "token_key.pem"
_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True, repr=False)
class SigningKeys:
    """Keys, of which the first signs."""

    keys: Sequence[OKPKey]

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Claims as a compact JWS."""
        key = self.keys[0]
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
        return jwt.encode(header, dict(claims), key, algorithms=[ALGORITHM])

    def public(self) -> dict[str, Any]:
        """The public halves, as a JSON Web Key Set."""
        told = {"use": "sig", "alg": ALGORITHM}
        return {"keys": [{**key.as_dict(private=False), **told, "kid": key.thumbprint()} for key in self.keys]}


def signing_keys(service: OpenedService) -> SigningKeys | None:
    """The keys of the service; None in production where nobody gave any. ConfigError where they are none."""
    secrets = service.secrets.others
    if secrets.get(_KEY):
        return _read(secrets[_KEY], _KEY)
    if secrets.get(_FILE):
        try:
            return _read(Path(secrets[_FILE]).read_text(), _FILE)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{_FILE}: the file cannot be read ({type(error).__name__})") from error
    if service.config.mode == "production":
        return None
    return _read(kept_in_state(service.config.state_folder, _TRIAL_FILE, _make), _TRIAL_FILE)


def _make() -> str:
    pem: bytes = OKPKey.generate_key("Ed25519").as_pem(private=True)
    return pem.decode()


def _read(text: str, where: str) -> SigningKeys:
    try:
        keys = [OKPKey.import_key(pem) for pem in _PEM.findall(text)]
    except (JoseError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{where}: holds no Ed25519 key in PEM; make one by openssl genpkey -algorithm ed25519"
        ) from error
    if not keys or any(key.as_dict(private=False).get("crv") != ALGORITHM for key in keys):
        raise ConfigError(f"{where}: holds no Ed25519 key in PEM; make one by openssl genpkey -algorithm ed25519")
    return SigningKeys(keys)
