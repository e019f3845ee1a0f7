"""Who calls: a program with a key of its hospital. Whatever it may see or send is asked of the caller, here and nowhere else."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import ColumnElement, select, true

from serving.database.tables import ApiKey, StudyRow
from serving.opened_service import OpenedService

SENDER = "sender"
READERS = frozenset(("reviewer", "lead"))  # they review what others made, wherever they work


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was recognised; `actor` is what the audit chain calls them, no `hospital_id` is the centre's own."""

    actor: str
    name: str
    role: str
    hospital_id: str | None

    @property
    def own_studies(self) -> ColumnElement[bool]:
        """Which studies the caller may see, for the `where` of a query."""
        return true() if self.hospital_id is None else StudyRow.hospital_id == self.hospital_id

    @property
    def account_id(self) -> int | None:
        """The account of a person; None of a program."""
        kind, _, number = self.actor.partition(":")
        return int(number) if kind == "account" else None

    @property
    def readable_studies(self) -> ColumnElement[bool]:
        """Which studies the caller may read about: their own, and a reviewer those of every hospital."""
        return true() if self.role in READERS else self.own_studies


def digest_of_key(key: str) -> str:
    """What of a key is kept; keys are long and random, so that a plain digest does."""
    return hashlib.sha256(key.encode()).hexdigest()


def the_service(request: Request) -> OpenedService:
    """What the process opened."""
    service: OpenedService = request.app.state.service
    return service


Service = Annotated[OpenedService, Depends(the_service)]
_bearer = HTTPBearer(auto_error=False, description="A key of this service")


def current_caller(
    service: Service, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """The caller of a request, by the key in its Authorization header; 401 where it shows none that is known."""
    if credentials is not None:
        with service.database.reading() as session:
            key = session.scalar(select(ApiKey).where(ApiKey.digest == digest_of_key(credentials.credentials)))
        if key is not None and key.active:
            return Caller(f"key:{key.id}", key.name, key.role, key.hospital_id)
    raise HTTPException(401, "show a key of this service", {"WWW-Authenticate": "Bearer"})


AnyCaller = Annotated[Caller, Depends(current_caller)]


def of_role(*roles: str) -> Callable[[Caller], Caller]:
    """A dependency that lets only callers of these roles through; 403 for others."""

    def check(caller: AnyCaller) -> Caller:
        if caller.role not in roles:
            raise HTTPException(403, f"this is for {', '.join(roles)} alone")
        return caller

    return check
