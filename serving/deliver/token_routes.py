"""Signed verdicts over HTTP: the token of an examination in the pool, and the public keys that everybody verifies it by."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from qc_models.errors import ServiceError
from serving.api.callers import Caller, Service, of_role
from serving.api.looks import Noting
from serving.api.paths import RowId
from serving.database.tables import Hospital, PoolEntry
from serving.deliver.signing_keys import signing_keys
from serving.deliver.told_verdict import told_verdict
from serving.deliver.verdict_token import VerdictTokens
from serving.pool import acceptance_of
from serving.service_policy import policy_at

router = APIRouter(tags=["tokens"])


class Token(BaseModel):
    """A signed verdict: a compact JWS."""

    token: str


@router.get("/.well-known/jwks.json")
def public_keys(service: Service) -> dict[str, Any]:
    """Give the public keys that tokens are verified by, as a JSON Web Key Set."""
    keys = signing_keys(service)
    return keys.public() if keys is not None else {"keys": []}


@router.get("/api/pool/entries/{entry_id}/token")
def token(
    service: Service, caller: Annotated[Caller, Depends(of_role("doctor", "hospital"))], looks: Noting, entry_id: RowId
) -> Token:
    """Sign the verdict of an examination that the caller's hospital made or may accept; 409 where nobody may rely on it now."""
    policy = policy_at(service.config.policy)
    with service.database.reading() as session:
        entry = session.get(PoolEntry, entry_id)
        consumer = session.get(Hospital, caller.hospital_id) if caller.hospital_id is not None else None
        told = told_verdict(session, entry.verdict_id, policy) if entry is not None else None
    if entry is None or told is None or consumer is None:
        raise HTTPException(404, "there is no such entry in the pool; look it up again")
    if acceptance_of(told.hospital, consumer, policy) == "never":
        raise HTTPException(404, "there is no such entry in the pool; look it up again")
    tokens = VerdictTokens(service)
    if not tokens.signs:
        raise ServiceError("no key signs verdicts here; set TOUCHSTONE_TOKEN_KEY")
    signed = tokens(told).get(entry.item_id)
    if signed is None:
        raise HTTPException(
            409,
            "nobody may rely on the examination now: withdrawn, expired, suspended or judged anew; look it up again",
        )
    looks.note(caller, "token", f"study:{entry.study_id}")
    return Token(token=signed)
