"""What admins do: accounts of people and keys of programs, made, changed and ended."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from configs.strict import Strict
from serving.api.callers import Caller, Service, of_role
from serving.api.paths import PREFIX, RowId
from serving.api.sign_in import Password
from serving.auth import accounts, passwords
from serving.auth.accounts import KeyName, Name, Place, Subject
from serving.auth.roles import ADMIN, ROLES
from serving.database.tables import Account, ApiKey

router = APIRouter(prefix=PREFIX, tags=["accounts"])

Admin = Annotated[Caller, Depends(of_role(ADMIN))]
HospitalId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
RoleName = Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]


class NewAccount(Strict):
    """Somebody who is to sign in by a password, by OpenID Connect as `subject`, or by both."""

    name: Name
    role: RoleName
    hospital: HospitalId | None = None
    password: Password | None = None
    subject: Subject | None = None


class AccountChange(Strict):
    """What is to be different; what is absent stays."""

    role: RoleName | None = None
    hospital: HospitalId | None = None
    active: bool | None = None
    subject: Subject | None = None


class NewPasswordOf(Strict):
    """A password that an admin gives."""

    password: Password


class AccountView(Strict):
    """An account, without what lets somebody in."""

    id: int
    name: str
    role: str
    hospital: str | None
    active: bool
    subject: str | None
    has_password: bool
    created_at: datetime


class NewKey(Strict):
    """A key for a program."""

    name: KeyName
    role: RoleName
    hospital: HospitalId | None = None


class KeyView(Strict):
    """A key, without what lets somebody in."""

    id: int
    name: str
    role: str
    hospital: str | None
    active: bool
    created_at: datetime


class MadeKey(KeyView):
    """A key, and `key`, which nobody is told a second time."""

    key: str


@router.get("/roles")
def roles(_: Admin) -> dict[str, str]:
    """Say what each role may do."""
    return {name: role.may for name, role in ROLES.items()}


@router.get("/accounts")
def list_accounts(service: Service, _: Admin) -> list[AccountView]:
    """List accounts, by name."""
    with service.database.reading() as session:
        return [_view(account) for account in session.scalars(select(Account).order_by(Account.name))]


@router.post("/accounts", status_code=201)
def create_account(service: Service, admin: Admin, said: NewAccount) -> AccountView:
    """Make an account."""
    hashed = ""
    if said.password is not None:
        passwords.check_new_password(said.password, said.name)
        hashed = passwords.hash_of(said.password)
    place = Place(said.role, said.hospital)
    now = service.database.now()
    with service.database.writing() as session:
        account = accounts.create_account(
            session, admin.actor, now, said.name, place, password_hash=hashed, subject=said.subject
        )
    return _view(account)


@router.patch("/accounts/{account_id}")
def change_account(service: Service, admin: Admin, account_id: RowId, said: AccountChange) -> AccountView:
    """Change role, hospital, subject or state of an account; a role comes with its hospital or with none."""
    with service.database.writing() as session:
        account = _account(session, account_id)
        place = Place(account.role, account.hospital_id)
        if said.role is not None or said.hospital is not None:
            place = Place(said.role or account.role, said.hospital)
        active = account.active if said.active is None else said.active
        subject = said.subject if "subject" in said.model_fields_set else account.subject
        accounts.change_account(session, admin.actor, account, place, active=active, subject=subject)
    return _view(account)


@router.put("/accounts/{account_id}/password", status_code=204)
def reset_password(service: Service, admin: Admin, account_id: RowId, said: NewPasswordOf) -> None:
    """Give an account another password, and end its sessions."""
    with service.database.reading() as session:
        name = _account(session, account_id).name
    passwords.check_new_password(said.password, name)
    hashed = passwords.hash_of(said.password)
    with service.database.writing() as session:
        accounts.reset_password(session, service.secrets.key, admin.actor, _account(session, account_id), hashed)


@router.get("/keys")
def list_keys(service: Service, _: Admin) -> list[KeyView]:
    """List keys, the newest first."""
    with service.database.reading() as session:
        return [_view_of_key(key) for key in session.scalars(select(ApiKey).order_by(ApiKey.id.desc()))]


@router.post("/keys", status_code=201)
def create_key(service: Service, admin: Admin, said: NewKey) -> MadeKey:
    """Make a key; it is told here, once."""
    now = service.database.now()
    with service.database.writing() as session:
        key, shown = accounts.create_key(session, admin.actor, now, said.name, Place(said.role, said.hospital))
    return MadeKey(**dict(_view_of_key(key)), key=shown)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(service: Service, admin: Admin, key_id: RowId) -> None:
    """End a key, for ever."""
    with service.database.writing() as session:
        key = session.get(ApiKey, key_id)
        if key is None:
            raise HTTPException(404, "there is no such key")
        accounts.revoke_key(session, admin.actor, key)


def _account(session: Session, account_id: int) -> Account:
    account = session.get(Account, account_id)
    if account is None:
        raise HTTPException(404, "there is no such account")
    return account


def _view(account: Account) -> AccountView:
    return AccountView(
        id=account.id,
        name=account.name,
        role=account.role,
        hospital=account.hospital_id,
        active=account.active,
        subject=account.subject,
        has_password=bool(account.password_hash),
        created_at=account.created_at,
    )


def _view_of_key(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        role=key.role,
        hospital=key.hospital_id,
        active=key.active,
        created_at=key.created_at,
    )
