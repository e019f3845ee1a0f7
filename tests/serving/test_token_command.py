"""`touchstone token verify`: what another hospital sees, and how a wrong token, wrong keys or other files end."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import OKPKey
from pydicom import dcmread

from serving.command_line import touchstone
from serving.database.sessions import utc_now
from serving.deliver.signing_keys import SigningKeys
from serving.deliver.study_digest import data_set_digest, digest_of
from tests.serving.conftest import object_bytes

REFUSED = 3


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "image").write_bytes(object_bytes())
    return tmp_path / "study"


@pytest.fixture
def token(study: Path, tmp_path: Path) -> str:
    """A token about the study, for an hour from now; its keys stand in a file."""
    keys, now = SigningKeys([OKPKey.generate_key("Ed25519")]), utc_now()
    (tmp_path / "keys.json").write_text(json.dumps(keys.public()))
    image = dcmread(study / "image")
    return keys.sign(
        {
            "iss": "https://qc.example",
            "sub": image.StudyInstanceUID,
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(hours=1)).timestamp()),
            "study_digest": digest_of([(image.SOPInstanceUID, data_set_digest(study / "image"))]),
            "num_images": 1,
            "item": "CT-CHEST",
            "verdict": "pass",
            "grade": "A",
            "hospital": "city",
            "examined_on": "2026-09-01",
            "valid_until": "2026-10-31",
            "versions": {"code": "0.1"},
        }
    )


def verify(*arguments: str | Path) -> Result:
    return CliRunner().invoke(touchstone, ["token", "verify", *map(str, arguments)])


def test_it_says_what_holds(token: str, study: Path, tmp_path: Path) -> None:
    alone = verify(token, "--keys", tmp_path / "keys.json")
    assert alone.exit_code == 0, alone.output
    assert "item      CT-CHEST" in alone.output
    assert "verdict   pass, grade A" in alone.output
    assert "1, not compared" in alone.output
    assert "by https://qc.example" in alone.output
    (tmp_path / "token.txt").write_text(token + "\n")
    with_files = verify(tmp_path / "token.txt", study, "--keys", tmp_path / "keys.json")
    assert with_files.exit_code == 0, with_files.output
    assert "1, the ones judged" in with_files.output


def test_what_does_not_hold_is_one_line_and_an_exit_code(token: str, study: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    (tmp_path / "foreign.json").write_text(json.dumps(SigningKeys([OKPKey.generate_key("Ed25519")]).public()))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        ((token[:-8], "--keys", keys), "was altered"),
        ((token, "--keys", tmp_path / "foreign.json"), "not among those given"),
        ((token, "--keys", tmp_path / "broken.json"), "is no JSON"),
        (("absent.txt", "--keys", keys), "neither a token nor a file"),
        ((token, tmp_path / "empty", "--keys", keys), "holds no image"),
    ):
        result = verify(*arguments)
        assert result.exit_code == REFUSED, result.output
        assert words in result.output
        assert len(result.output.splitlines()) == 1
    (study / "image").write_bytes(object_bytes(InstanceNumber=7))
    assert "not those that were judged" in verify(token, study, "--keys", keys).output
