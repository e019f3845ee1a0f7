"""Who a provider of OpenID Connect says that somebody is: authorization code with PKCE, and an ID token that its keys signed.

What belongs to one attempt (state, nonce, verifier) is derived by the secret key from a ticket, which the browser keeps in a
cookie: an answer is taken from the browser alone that asked, whichever process it comes to.
"""

import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import QcError, ServiceError
from serving.auth.accounts import THE_SERVICE, Place, change_account, create_account, is_name, is_subject
from serving.auth.settings import OpenId
from serving.database.sessions import Database
from serving.database.tables import Account

TICKET_S = 600  # from the question to the answer
_LEEWAY_S = 60  # between the provider's clock and ours
_KEPT_S = 3600  # what the provider says of itself
_TIMEOUT_S = 10
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]

log = structlog.get_logger(__name__)


class NotLetInError(QcError):
    """An answer that is not the provider's, not for this attempt, or of somebody without a place here."""


@dataclass(frozen=True, slots=True, repr=False)
class Ticket:
    """One attempt to sign in, and what is derived from it."""

    word: str
    key: str

    @classmethod
    def new(cls, key: str, now_s: float) -> "Ticket":
        """A ticket for an attempt that begins now."""
        seed = f"{secrets.token_urlsafe(32)}.{round(now_s) + TICKET_S}"
        return cls(f"{seed}.{_derived(key, 'ticket', seed)}", key)

    @classmethod
    def read(cls, word: str, key: str, now_s: float) -> "Ticket":
        """The ticket of a cookie; NotLetInError where it is not ours, or too old."""
        seed, _, said = word.rpartition(".")
        if not hmac.compare_digest(_derived(key, "ticket", seed).encode(), said.encode()):
            raise NotLetInError("this sign-in was not begun here; begin again")
        if int(seed.rpartition(".")[2]) < now_s:
            raise NotLetInError("this sign-in took too long; begin again")
        return cls(word, key)

    def check(self, state: str) -> None:
        """NotLetInError where the provider says another state."""
        if not hmac.compare_digest(self.state.encode(), state.encode()):
            raise NotLetInError("this answer belongs to another sign-in; begin again")

    @property
    def state(self) -> str:
        """What the provider has to say again."""
        return _derived(self.key, "state", self.word)

    @property
    def nonce(self) -> str:
        """What the ID token has to hold."""
        return _derived(self.key, "nonce", self.word)

    @property
    def verifier(self) -> str:
        """What proves to the provider that the code comes from whom it was meant for."""
        return _derived(self.key, "verifier", self.word)


class Provider:
    """A provider, with what it says of itself kept for a while."""

    def __init__(self, settings: OpenId, secret: str, redirect_uri: str) -> None:
        self.settings = settings
        self._secret = secret
        self._redirect_uri = redirect_uri
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._asked_at = 0.0

    def address(self, ticket: Ticket) -> str:
        """Where the browser goes to sign in."""
        metadata, _ = self._known()
        with self._client() as client:
            url, _ = self._oauth(client).create_authorization_url(
                metadata["authorization_endpoint"],
                state=ticket.state,
                code_verifier=ticket.verifier,
                nonce=ticket.nonce,
            )
        return str(url)

    def claims(self, ticket: Ticket, code: str) -> dict[str, Any]:
        """What the ID token says that a code is worth; NotLetInError where it is not one for us and this attempt."""
        metadata, keys = self._known()
        auth: Any = (quote(self.settings.client_id), quote(self._secret)) if self._secret else httpx.Auth()
        with self._client() as client:
            try:
                token = self._oauth(client).fetch_token(
                    metadata["token_endpoint"],
                    auth=auth,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=ticket.verifier,
                    client_id=self.settings.client_id,
                )
            except AuthlibBaseError as error:
                raise NotLetInError("the provider did not take the code; sign in again") from error
            except (httpx.HTTPError, ValueError) as error:
                raise _away(error) from error
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise NotLetInError("the provider says nothing of who it is")
        try:
            try:
                decoded = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
            except InvalidKeyIdError:  # the provider may have changed its keys
                _, keys = self._known(anew=True)
                decoded = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.settings.issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": ticket.nonce,
                    "client_id": self.settings.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(time.time()), leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("ID token refused", reason=type(error).__name__)
            raise NotLetInError("the provider's answer is none that counts here; sign in again") from error
        return dict(claims)

    def _known(self, *, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        """What the provider says of itself, and its keys; ServiceError where it does not answer."""
        with self._lock:
            if anew or self._keys is None or time.monotonic() - self._asked_at > _KEPT_S:
                issuer = self.settings.issuer
                try:
                    with self._client() as client:
                        metadata = _json(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                        if metadata.get("issuer") != issuer:
                            raise ValueError("another issuer")
                        self._keys = KeySet.import_key_set(_json(client, metadata["jwks_uri"]))  # type: ignore[arg-type]
                except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
                    raise _away(error) from error
                self._metadata, self._asked_at = metadata, time.monotonic()
            return self._metadata, self._keys

    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False)

    def _oauth(self, client: httpx.Client) -> OAuth2Client:
        return OAuth2Client(
            session=client,
            client_id=self.settings.client_id,
            scope=self.settings.scope,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )


def account_for(session: Session, settings: OpenId, claims: dict[str, Any], database: Database) -> Account:
    """The account of somebody whom the provider knows; NotLetInError where they have none, and none is made."""
    subject = claims.get("sub")
    if not is_subject(subject):
        raise NotLetInError("the provider's subject is none that can be kept here")
    account = session.scalar(select(Account).where(Account.subject == subject))
    if account is not None and not account.active:
        raise NotLetInError("this account has ended")
    if not settings.role_claim:
        if account is None:
            raise NotLetInError(f"nobody has an account here with the subject {subject}; ask an admin to make one")
        return account
    told = settings.role_of(claims)
    if told is None:
        raise NotLetInError("the provider gives you no role here; ask who runs it")
    place = Place(*told)
    if account is None:
        name = next((name for name in (claims.get("preferred_username"), subject) if is_name(name)), None)
        if name is None:
            raise NotLetInError("the provider's name for you is none that can be kept here")
        return create_account(session, THE_SERVICE, database.now(), name, place, subject=subject)
    if place != Place(account.role, account.hospital_id):
        change_account(session, THE_SERVICE, account, place, active=True, subject=subject)
    return account


def _json(client: httpx.Client, url: str) -> dict[str, Any]:
    answer = client.get(url)
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    return content


def _away(error: Exception) -> ServiceError:
    return ServiceError(f"the provider of OpenID Connect does not answer as it should ({type(error).__name__})")


def _derived(key: str, purpose: str, text: str) -> str:
    return hmac.digest(key.encode(), f"openid {purpose}\0{text}".encode(), "sha256").hex()
