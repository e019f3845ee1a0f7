"""The signed verdict of one exam item: a compact JWS that another hospital verifies without asking anybody.

It says which images it is about (their digest), what was decided by which versions, and until when others may rely on it. What
happens after it was signed it cannot know: an examination that was withdrawn since is told by the pool alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from qc_models.dicom.header import NotDicomError, read_header
from qc_models.errors import InputError
from serving.database.tables import PoolEntry
from serving.deliver.signing_keys import ALGORITHM, TYPE, SigningKeys, signing_keys
from serving.deliver.study_digest import data_set_digest, digest_of, study_digest
from serving.deliver.told_verdict import ToldVerdict
from serving.opened_service import OpenedService

CLOCKS_DIFFER = timedelta(minutes=5)
_LONGEST = 1 << 16  # characters of a token


@dataclass(frozen=True, slots=True)
class SignedVerdict:
    """What a token says, once its signature and its time were found to be right."""

    issuer: str
    study_instance_uid: str
    study_digest: str
    num_images: int
    item: str
    verdict: str
    grade: str
    hospital: str
    examined_on: date
    valid_until: date
    signed_at: datetime
    ends_at: datetime
    versions: Mapping[str, str]


def token_of(told: ToldVerdict, entry: PoolEntry, digest: str, keys: SigningKeys, issuer: str, now: datetime) -> str:
    """The signed verdict of an exam item that stands in the pool; it ends with the last day of its validity."""
    item = next(item for item in told.verdict.items if item["id"] == entry.item_id)
    return keys.sign(
        {
            "iss": issuer,
            "sub": told.study.uid,
            "jti": f"verdict:{told.verdict.id}:{entry.item_id}",
            "iat": int(now.timestamp()),
            "exp": int(_end_of(entry.valid_until).timestamp()),
            "study_digest": digest,
            "num_images": len(told.images),
            "item": entry.item_id,
            "verdict": item["verdict"],
            "grade": item["grade"],
            "hospital": told.hospital.id,
            "examined_on": entry.examined_on.isoformat(),
            "valid_until": entry.valid_until.isoformat(),
            "versions": told.versions,
        }
    )


class VerdictTokens:
    """Signs the exam items of a verdict that stand in the pool, with the keys of the service; none where it has no keys."""

    def __init__(self, service: OpenedService) -> None:
        self._service = service
        self._keys = signing_keys(service)

    @property
    def signs(self) -> bool:
        """Whether there is a key."""
        return self._keys is not None

    def __call__(self, told: ToldVerdict) -> dict[str, str]:
        """The tokens by exam item, of those that others may rely on now."""
        service, now = self._service, self._service.database.now()
        today = now.astimezone().date()
        valid = {item: offered.entry for item, offered in told.entries.items() if not offered.why_not(today)}
        if self._keys is None or not valid:
            return {}
        digest, issuer = study_digest(told, service.database, service.archive), service.config.web.url
        return {item: token_of(told, entry, digest, self._keys, issuer, now) for item, entry in valid.items()}


def verify_token(token: str, keys: Mapping[str, Any], now: datetime) -> SignedVerdict:
    """What a token says; InputError where it was altered, is past its time, or signed by none of these keys (a JWKS)."""
    known = _known(keys)
    try:
        header = jws.extract_compact(token.strip().encode()).headers() if len(token) < _LONGEST else {}
    except (JoseError, ValueError) as error:
        raise InputError("the token is none, or was cut off; ask for it again") from error
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
        raise InputError("the token is no signed verdict; ask for it again")
    if header.get("kid") not in known:
        raise InputError("the token was signed by a key that is not among those given; see who issued it")
    try:
        claims = jwt.decode(token.strip(), known[header["kid"]], algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError) as error:
        raise InputError("the token was altered, or its signature is not of that key; refuse it") from error
    said = _said(claims)
    if now >= said.ends_at:
        raise InputError(f"the token has expired: its examination was valid until {said.valid_until.isoformat()}")
    if said.signed_at - now > CLOCKS_DIFFER:
        raise InputError("the token was signed later than now; see to the clock")
    return said


def verify_images(said: SignedVerdict, folder: Path) -> None:
    """InputError where the images of a study in a folder are not those that a token is about."""
    images = dict.fromkeys(_images(folder, said.study_instance_uid))
    if not images:
        raise InputError(f"{folder}: holds no image of the study that the token names; name the folder of its files")
    if len(images) != said.num_images:
        told = f"holds {len(images)} images of the study, the verdict is about {said.num_images}"
        raise InputError(f"{folder}: {told}; get the study again")
    if digest_of(images) != said.study_digest:
        raise InputError(
            f"{folder}: the images are not those that were judged; get the study again, as it was received"
        )


def _images(folder: Path, study_uid: str) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            header = read_header(path, path.name)
        except NotDicomError:
            continue
        if header.text("StudyInstanceUID") == study_uid and (header.integer("Rows") or 0) > 0:
            yield header.text("SOPInstanceUID") or "", data_set_digest(path)


def _known(keys: Mapping[str, Any]) -> dict[str, OKPKey]:
    try:
        found = [key for key in KeySet.import_key_set({"keys": list(keys["keys"])}).keys if isinstance(key, OKPKey)]
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "the keys are no JSON Web Key Set; get them from /.well-known/jwks.json of the issuer"
        ) from error
    return {key.thumbprint(): key for key in found}


def _said(claims: Mapping[str, Any]) -> SignedVerdict:
    try:
        return SignedVerdict(
            issuer=claims["iss"],
            study_instance_uid=claims["sub"],
            study_digest=claims["study_digest"],
            num_images=int(claims["num_images"]),
            item=claims["item"],
            verdict=claims["verdict"],
            grade=claims["grade"],
            hospital=claims["hospital"],
            examined_on=date.fromisoformat(claims["examined_on"]),
            valid_until=date.fromisoformat(claims["valid_until"]),
            signed_at=datetime.fromtimestamp(claims["iat"], UTC),
            ends_at=datetime.fromtimestamp(claims["exp"], UTC),
            versions=claims["versions"],
        )
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise InputError("the token lacks what a signed verdict says; ask for it again") from error


def _end_of(day: date) -> datetime:
    """The midnight after a day, here: examinations are dated by the day of this place."""
    return datetime.combine(day + timedelta(days=1), time()).astimezone()
