"""Signed verdicts: another hospital verifies them offline; what was altered, is past its time or of a foreign key is refused."""

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from qc_models.errors import InputError
from serving.database.tables import Hospital, StudyRow
from serving.deliver.signing_keys import SigningKeys, signing_keys
from serving.deliver.verdict_token import VerdictTokens, verify_images, verify_token
from tests.serving.conftest import object_bytes
from tests.serving.deliver.judged_studies import Judged, judge, told
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Service

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Signed:
    """A token of a hand, the public keys, and when it was signed."""

    token: str
    keys: dict[str, Any]
    signing: SigningKeys
    at: datetime


@pytest.fixture
def signed(service: Service, clock: Clock, hand: Judged) -> Signed:
    found = judge(service.opened, hand)
    (token,) = VerdictTokens(service.opened)(found).values()
    keys = signing_keys(service.opened)
    assert keys is not None
    return Signed(token, keys.public(), keys, clock())


@pytest.fixture
def copied(hand: Judged, tmp_path: Path) -> Path:
    """The files of the study in another hospital."""
    folder = tmp_path / "copied"
    folder.mkdir()
    for number, path in enumerate(hand.files):
        shutil.copy(path, folder / f"{number}.dcm")
    return folder


def test_it_says_what_was_decided(signed: Signed, service: Service, hand: Judged) -> None:
    said = verify_token(f" {signed.token}\n", signed.keys, signed.at)
    assert (said.item, said.verdict, said.grade, said.hospital) == ("XR-HAND", "pass", "A", "city")
    assert (said.examined_on, said.valid_until) == (date(2026, 9, 1), date(2026, 10, 31))
    assert (said.study_instance_uid, said.num_images) == (hand.report.study_instance_uid, 2)
    assert said.issuer == service.opened.config.web.url
    assert said.versions["code"] == "0.1"
    assert said.signed_at == signed.at


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_what_was_altered_is_refused(signed: Signed) -> None:
    head, body, signature = signed.token.split(".")
    other = encoded({**claims_of(signed.token), "item": "CT-CHEST"})
    unsigned = encoded({"alg": "none", "typ": "touchstone-verdict+jwt", "kid": signed.keys["keys"][0]["kid"]})
    key = OctKey.import_key(signed.keys["keys"][0]["x"])  # the public half as a shared secret
    header = {"alg": "HS256", "typ": "touchstone-verdict+jwt", "kid": signed.keys["keys"][0]["kid"]}
    shared = jwt.encode(header, claims_of(signed.token), key, algorithms=["HS256"])
    for token, words in (
        (f"{head}.{other}.{signature}", "altered"),
        (f"{head}.{body}.{signature[:-4]}AAAA", "altered"),
        (f"{unsigned}.{body}.", "no signed verdict"),
        (shared, "no signed verdict"),
        (f"{head}.{body}", "is none"),
        ("", "is none"),
        ("ä.ö.ü", "is none"),
        ("a" * 70000, "no signed verdict"),
    ):
        with pytest.raises(InputError, match=words):
            verify_token(token, signed.keys, signed.at)


def test_what_is_past_its_time_or_before_it_is_refused(signed: Signed) -> None:
    last = datetime(2026, 10, 31, 12, tzinfo=UTC)
    assert verify_token(signed.token, signed.keys, last).item == "XR-HAND"
    with pytest.raises(InputError, match="valid until 2026-10-31"):
        verify_token(signed.token, signed.keys, last + timedelta(days=2))
    with pytest.raises(InputError, match="later than now"):
        verify_token(signed.token, signed.keys, signed.at - timedelta(minutes=6))


def test_what_another_key_signed_is_refused(signed: Signed) -> None:
    foreign = SigningKeys([OKPKey.generate_key("Ed25519")])
    with pytest.raises(InputError, match="not among those given"):
        verify_token(foreign.sign(claims_of(signed.token)), signed.keys, signed.at)
    own_id = {"alg": "Ed25519", "typ": "touchstone-verdict+jwt", "kid": signed.keys["keys"][0]["kid"]}
    pretending = jwt.encode(own_id, claims_of(signed.token), foreign.keys[0], algorithms=["Ed25519"])
    with pytest.raises(InputError, match="altered"):
        verify_token(pretending, signed.keys, signed.at)
    for keys in ({}, {"keys": 1}, {"keys": [{"kty": "none"}]}, []):
        with pytest.raises(InputError, match="no JSON Web Key Set"):
            verify_token(signed.token, keys, signed.at)  # type: ignore[arg-type]


def test_a_claim_that_is_missing_is_told(signed: Signed) -> None:
    lacking = {name: value for name, value in claims_of(signed.token).items() if name != "study_digest"}
    with pytest.raises(InputError, match="lacks"):
        verify_token(signed.signing.sign(lacking), signed.keys, signed.at)
    with pytest.raises(InputError, match="lacks"):
        verify_token(signed.signing.sign(claims_of(signed.token) | {"exp": "never"}), signed.keys, signed.at)


def test_the_files_are_those_that_were_judged(signed: Signed, copied: Path, hand: Judged) -> None:
    said = verify_token(signed.token, signed.keys, signed.at)
    (copied / "report.txt").write_text("beside it")
    (copied / "other.dcm").write_bytes(object_bytes())  # of another study
    document = pydicom.dcmread(hand.files[0], stop_before_pixels=True)
    for keyword in ("Rows", "Columns"):
        delattr(document, keyword)
    document.SOPInstanceUID = "1.2.3.4"
    document.save_as(copied / "document.dcm")  # of the same study, and no image
    moved = pydicom.dcmread(copied / "0.dcm")
    moved.file_meta.SourceApplicationEntityTitle = "ELSEWHERE"
    moved.file_meta.ImplementationVersionName = "OTHER"
    moved.save_as(copied / "0.dcm")
    verify_images(said, copied)


def test_other_files_are_refused(signed: Signed, copied: Path, tmp_path: Path) -> None:
    said = verify_token(signed.token, signed.keys, signed.at)
    changed = pydicom.dcmread(copied / "1.dcm")
    changed.PixelData = bytes(len(changed.PixelData))
    changed.save_as(copied / "1.dcm")
    with pytest.raises(InputError, match="not those that were judged"):
        verify_images(said, copied)
    (copied / "1.dcm").unlink()
    with pytest.raises(InputError, match="1 images of the study, the verdict is about 2"):
        verify_images(said, copied)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no image"):
        verify_images(said, tmp_path / "empty")


def test_only_what_stands_in_the_pool_is_signed(
    service: Service, clock: Clock, hand: Judged, small_hand: Judged, make_service: Callable[..., Service]
) -> None:
    tokens = VerdictTokens(service.opened)
    rejected = judge(service.opened, small_hand)
    assert tokens(rejected) == {}
    passed = judge(service.opened, hand)
    assert list(tokens(passed)) == ["XR-HAND"]
    with service.opened.database.writing() as session:
        study = session.get_one(StudyRow, passed.study.id)
        study.state = "arriving"
    assert tokens(told(service.opened, passed.verdict.id)) == {}
    with service.opened.database.writing() as session:
        session.get_one(StudyRow, passed.study.id).state = "scored"
        session.get_one(Hospital, "city").standing = "suspended"
    assert tokens(told(service.opened, passed.verdict.id)) == {}
    with service.opened.database.writing() as session:
        session.get_one(Hospital, "city").standing = "good"
    clock.seconds = 53 * 86400  # 2 November: it was valid until 31 October
    assert tokens(passed) == {}
    judge(service.opened, small_hand)  # it is judged again, and rejected
    assert tokens(told(service.opened, passed.verdict.id)) == {}
    assert VerdictTokens(make_service(mode="production").opened)(passed) == {}  # nobody gave a key
