"""Signing in by a provider of OpenID Connect: out to it, and back with a code."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import RedirectResponse

from configs.strict import Strict
from qc_models.errors import InputError
from serving.api.callers import Service, sign_in_allowance
from serving.api.sign_in import set_session
from serving.auth import sign_ins
from serving.auth.openid import TICKET_S, NotLetInError, Provider, Ticket, account_for
from serving.opened_service import OpenedService

CALLBACK = "/api/sign-in/openid/callback"
_HOME = "/"
_COOKIE, _SECURE_COOKIE = "touchstone-openid", "__Host-touchstone-openid"

router = APIRouter(tags=["session"])


class Ways(Strict):
    """How people may sign in; `openid` is what the provider is called."""

    password: bool
    openid: str | None


def provider_of(service: OpenedService) -> Provider | None:
    """The provider that the configuration names."""
    settings = service.config.auth.openid
    secret = service.secrets.others.get("TOUCHSTONE_OPENID_SECRET", "")
    return Provider(settings, secret, service.config.web.url + CALLBACK) if settings is not None else None


def _the_provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise HTTPException(404, "no provider of OpenID Connect is configured; sign in by name and password")
    return provider


_TheProvider = Annotated[Provider, Depends(_the_provider)]


@router.get("/api/sign-in")
def ways(service: Service) -> Ways:
    """Say how people may sign in."""
    settings = service.config.auth.openid
    return Ways(password=True, openid=settings.name if settings is not None else None)


@router.get("/api/sign-in/openid", dependencies=[Depends(sign_in_allowance)], status_code=303)
def go_to_provider(service: Service, provider: _TheProvider) -> RedirectResponse:
    """Go to the provider to sign in."""
    ticket = Ticket.new(service.secrets.key, service.database.now().timestamp())
    response = RedirectResponse(provider.address(ticket), 303)
    response.set_cookie(
        _cookie_name(service),
        ticket.word,
        max_age=TICKET_S,
        secure=service.config.web.secure,
        httponly=True,
        samesite="lax",  # the provider's site leads back here
    )
    return response


@router.get(CALLBACK, dependencies=[Depends(sign_in_allowance)], status_code=303)
def come_back(
    request: Request,
    service: Service,
    provider: _TheProvider,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> RedirectResponse:
    """Come back from the provider, signed in or not."""
    now = service.database.now()
    lasts = timedelta(hours=service.config.auth.session_h)
    try:
        ticket = Ticket.read(request.cookies.get(_cookie_name(service), ""), service.secrets.key, now.timestamp())
        ticket.check(state)
        if not code or iss not in (None, provider.settings.issuer):
            raise NotLetInError("the provider did not sign you in")
        claims = provider.claims(ticket, code)
        with service.database.writing() as session:
            account = account_for(session, provider.settings, claims, service.database)
            begun = sign_ins.begin(session, account, now, lasts, "openid")
    except (NotLetInError, InputError) as error:  # also where a hospital is none of ours
        raise HTTPException(403, str(error)) from error
    response = RedirectResponse(_HOME, 303)
    set_session(request, response, begun, lasts)
    response.delete_cookie(_cookie_name(service), secure=service.config.web.secure, httponly=True, samesite="lax")
    return response


def _cookie_name(service: OpenedService) -> str:
    return _SECURE_COOKIE if service.config.web.secure else _COOKIE
