"""Who calls: a program with a key of its hospital, or a person with a session. What they may see or send is asked of the caller.

A person's session comes with every request that a browser makes, also with one that a page of somebody else's asked for: whatever
changes something has to say the session's CSRF token too. A key has to be shown on purpose, and needs none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer
from sqlalchemy import ColumnElement, select, true

from serving.auth import sign_ins
from serving.auth.accounts import digest_of_key
from serving.auth.rate_limits import Limiter
from serving.auth.roles import DOCTOR, HOSPITAL, LEAD, REVIEWER, ROLES, SENDER
from serving.database.tables import Account, ApiKey, StudyRow
from serving.opened_service import OpenedService

CSRF_HEADER = "X-CSRF-Token"
_COOKIE = "touchstone"
_SECURE_COOKIE = "__Host-touchstone"  # which browsers take from a site with TLS alone
_CHANGE_NOTHING = frozenset(("GET", "HEAD", "OPTIONS"))
_ACCOUNT = "account:"


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
        """The account of a person; None for a program."""
        return int(self.actor.removeprefix(_ACCOUNT)) if self.actor.startswith(_ACCOUNT) else None


def the_service(request: Request) -> OpenedService:
    """What the process opened."""
    service: OpenedService = request.app.state.service
    return service


def the_limiter(request: Request) -> Limiter:
    """How often callers and addresses asked this process."""
    limiter: Limiter = request.app.state.limiter
    return limiter


def address_of(request: Request) -> str:
    """Where a request comes from."""
    peer = request.client.host if request.client else ""
    return the_limiter(request).address(peer, request.headers.get("x-forwarded-for", ""))


def refuse_too_often(wait_s: float) -> None:
    """429 where there is something to wait for."""
    if wait_s > 0:
        raise HTTPException(429, "too many requests; come again", {"Retry-After": str(ceil(wait_s))})


def sign_in_allowance(request: Request) -> None:
    """Takes one of the sign-ins that an address may try; 429 where it has none."""
    refuse_too_often(the_limiter(request).sign_ins.take(address_of(request)))


Service = Annotated[OpenedService, Depends(the_service)]
_bearer = HTTPBearer(auto_error=False, description="A key of this service")


def cookie_name(request: Request) -> str:
    """What the cookie of a session is called."""
    return _SECURE_COOKIE if the_service(request).config.web.secure else _COOKIE


def current_caller(request: Request, service: Service, _: Annotated[object, Depends(_bearer)]) -> Caller:
    """The caller of a request, by the key in its Authorization header, else by the session in its cookie.

    401 where it shows none that is known; 429 where they ask too often; 403 where a session comes without its CSRF token, or where
    its role lacks a hospital of this service.
    """
    shown = request.headers.get("authorization")
    caller = _by_key(service, shown) if shown is not None else _by_session(request, service)
    limiter = the_limiter(request)
    refuse_too_often(limiter.callers.take(caller.actor) if caller else limiter.strangers.take(address_of(request)))
    if caller is None:
        raise HTTPException(401, "sign in, or show a key of this service", {"WWW-Authenticate": "Bearer"})
    if caller.role not in ROLES or (ROLES[caller.role].of_hospital and not _is_served(service, caller.hospital_id)):
        raise HTTPException(403, "this account or key has no place here any more; ask who runs this service")
    return caller


AnyCaller = Annotated[Caller, Depends(current_caller)]


def of_role(*roles: str) -> Callable[[Caller], Caller]:
    """A dependency that lets only callers of these roles through; 403 for others."""

    def check(caller: AnyCaller) -> Caller:
        if caller.role not in roles:
            raise HTTPException(403, f"this is for {', '.join(roles)} alone")
        return caller

    return check


Looker = Annotated[Caller, Depends(of_role(SENDER, HOSPITAL, DOCTOR, REVIEWER, LEAD))]  # at images, which name patients


def current_person(caller: AnyCaller) -> Caller:
    """The caller, where it is a person; 403 for a program."""
    if caller.account_id is None:
        raise HTTPException(403, "this is for people who are signed in")
    return caller


Person = Annotated[Caller, Depends(current_person)]


def _is_served(service: OpenedService, hospital_id: str | None) -> bool:
    """Whether the configuration still names a hospital."""
    return any(hospital.id == hospital_id for hospital in service.config.hospitals)


def _by_key(service: OpenedService, authorization: str) -> Caller | None:
    scheme, _, shown = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    with service.database.reading() as session:
        key = session.scalar(select(ApiKey).where(ApiKey.digest == digest_of_key(shown.strip()), ApiKey.active))
    return Caller(f"key:{key.id}", key.name, key.role, key.hospital_id) if key is not None else None


def _by_session(request: Request, service: OpenedService) -> Caller | None:
    word = request.cookies.get(cookie_name(request))
    if not word:
        return None
    with service.database.reading() as session:
        account = sign_ins.account_of(session, word, service.database.now())
    if account is None:
        return None
    said = request.headers.get(CSRF_HEADER, "")
    if request.method not in _CHANGE_NOTHING and not sign_ins.is_csrf_token(service.secrets.key, word, said):
        raise HTTPException(403, f"say the session's CSRF token in {CSRF_HEADER}")
    return caller_of(account)


def caller_of(account: Account) -> Caller:
    """A person as a caller."""
    return Caller(f"{_ACCOUNT}{account.id}", account.name, account.role, account.hospital_id)
