"""Signing in and out, who is signed in, and one's own password."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import Field

from configs.strict import Strict
from serving import audit
from serving.api.callers import (
    AnyCaller,
    Caller,
    Person,
    Service,
    caller_of,
    cookie_name,
    sign_in_allowance,
    the_service,
)
from serving.auth import passwords, sign_ins
from serving.auth.accounts import Name
from serving.database.tables import Account
from serving.opened_service import OpenedService

router = APIRouter(prefix="/api", tags=["session"])

Password = Annotated[str, Field(max_length=passwords.LONGEST)]


class Credentials(Strict):
    """A name and a password."""

    name: Name
    password: Password


class NewPassword(Strict):
    """The password so far, and the one from now on."""

    old: Password
    new: Password


class Who(Strict):
    """Who is signed in; `csrf` is said in X-CSRF-Token with every change, and empty for a program with a key."""

    name: str
    role: str
    hospital: str | None
    csrf: str


@router.post("/session", dependencies=[Depends(sign_in_allowance)])
def sign_in(request: Request, response: Response, service: Service, said: Credentials) -> Who:
    """Sign in by name and password."""
    refuse_other_sites(request, service)
    lasts = timedelta(hours=service.config.auth.session_h)
    with _told():
        begun = sign_ins.sign_in(service.database, service.secrets.key, said.name, said.password, lasts)
    set_session(request, response, begun, lasts)
    return _who(service, caller_of(begun.account), begun.word)


@router.get("/session")
def who_am_i(request: Request, service: Service, caller: AnyCaller) -> Who:
    """Say who is signed in."""
    return _who(service, caller, request.cookies.get(cookie_name(request)))


@router.delete("/session", status_code=204)
def sign_out(request: Request, response: Response, service: Service, caller: Person) -> None:
    """End this session."""
    account_id, word = _session_of(request, caller)
    with service.database.writing() as session:
        sign_ins.end(session, word, account_id)
    response.delete_cookie(cookie_name(request), secure=service.config.web.secure, httponly=True, samesite="lax")


@router.put("/session/password", status_code=204, dependencies=[Depends(sign_in_allowance)])
def change_password(request: Request, service: Service, caller: Person, said: NewPassword) -> None:
    """Change one's own password; every other session of the account ends."""
    account_id, word = _session_of(request, caller)
    passwords.check_new_password(said.new, caller.name)
    with _told():
        sign_ins.recognised(service.database, service.secrets.key, caller.name, said.old)
    fresh = passwords.hash_of(said.new)
    with service.database.writing() as session:
        session.get_one(Account, account_id).password_hash = fresh
        sign_ins.end_all(session, account_id, but=word)
        audit.append(session, caller.actor, "password changed", caller.actor, {})


def set_session(request: Request, response: Response, begun: sign_ins.Begun, lasts: timedelta) -> None:
    """Puts a session into the cookie: for this host alone, out of reach of scripts, not sent by other sites' forms."""
    response.set_cookie(
        cookie_name(request),
        begun.word,
        max_age=round(lasts.total_seconds()),
        secure=the_service(request).config.web.secure,
        httponly=True,
        samesite="lax",  # not strict: who comes from the provider of OpenID Connect is signed in at once
    )


def refuse_other_sites(request: Request, service: OpenedService) -> None:
    """403 where a page of another site asks: nobody is to be signed in without knowing."""
    origin = request.headers.get("origin")
    own = {request.headers.get("host", ""), urlsplit(service.config.web.address).netloc}
    if origin is not None and (urlsplit(origin).netloc or origin) not in own:
        raise HTTPException(403, "this page belongs to another site; web.address says which is ours")


@contextmanager
def _told() -> Iterator[None]:
    """Tells by a code why somebody was not let in."""
    try:
        yield
    except sign_ins.WrongPasswordError as error:
        raise HTTPException(403, str(error)) from error
    except sign_ins.TooManyFailuresError as error:
        raise HTTPException(429, str(error), {"Retry-After": str(error.wait_s)}) from error


def _session_of(request: Request, caller: Caller) -> tuple[int, str]:
    word = request.cookies.get(cookie_name(request))
    assert caller.account_id is not None
    assert word is not None
    return caller.account_id, word


def _who(service: OpenedService, caller: Caller, word: str | None) -> Who:
    csrf = sign_ins.csrf_token(service.secrets.key, word) if word and caller.account_id is not None else ""
    return Who(name=caller.name, role=caller.role, hospital=caller.hospital_id, csrf=csrf)
