"""What an operator decides about signing in."""

from typing import Any

from pydantic import Field, field_validator, model_validator

from configs.strict import Strict
from serving.auth.roles import ROLES

_THIS_MACHINE = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")


class OpenId(Strict):
    """A provider of OpenID Connect, and what it says of people; the client's secret stands in TOUCHSTONE_OPENID_SECRET.

    Without `role_claim` people need an account with their `subject`. With it the provider decides at every sign-in: the first of
    `roles` whose word is in that claim is theirs, in the hospital whose id is in `hospital_claim`; who has none is not let in.
    """

    issuer: str
    client_id: str = Field(min_length=1)
    name: str = Field(default="OpenID Connect", max_length=50)  # on the button
    scope: str = "openid profile"
    role_claim: str = ""  # a path such as realm_access.roles
    roles: dict[str, str] = Field(default_factory=dict)
    hospital_claim: str = ""

    @field_validator("issuer")
    @classmethod
    def _is_reached_by_tls(cls, issuer: str) -> str:
        if not issuer.startswith(("https://", *_THIS_MACHINE)):
            raise ValueError("must begin with https://")
        return issuer

    @field_validator("scope")
    @classmethod
    def _asks_who(cls, scope: str) -> str:
        if "openid" not in scope.split():
            raise ValueError("must hold openid")
        return scope

    @model_validator(mode="after")
    def _maps_to_roles(self) -> "OpenId":
        if bool(self.role_claim) != bool(self.roles):
            raise ValueError("role_claim and roles go together")
        if strange := sorted(role for role in self.roles.values() if role not in ROLES or not ROLES[role].person):
            raise ValueError(f"roles: nobody can be {', '.join(strange)}")
        return self

    def role_of(self, claims: dict[str, Any]) -> tuple[str, str | None] | None:
        """Role and hospital that claims tell; None for somebody who has none."""
        told = _at(claims, self.role_claim)
        words = told if isinstance(told, list) else [told]
        role = next((role for word, role in self.roles.items() if word in words), None)
        if role is None:
            return None
        hospital = _at(claims, self.hospital_claim) if ROLES[role].of_hospital else None
        return role, hospital if isinstance(hospital, str) else None


class SigningIn(Strict):
    """How long a person stays signed in, and who else may say who they are."""

    session_h: float = Field(default=12, gt=0, le=168)
    openid: OpenId | None = None


def _at(claims: dict[str, Any], path: str) -> Any:
    """What stands at a path in nested claims; a claim may also have dots in its own name."""
    if path in claims:
        return claims[path]
    first, _, rest = path.partition(".")
    inner = claims.get(first)
    return _at(inner, rest) if rest and isinstance(inner, dict) else None
