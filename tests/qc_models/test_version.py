"""The version of the code is another one once anything is that measures or judges, and nothing else changes it."""

from importlib.metadata import version
from pathlib import Path

import pytest

import qc_models.version
from qc_models.version import code_version


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of its own with a check, an engine, two configurations and the policy."""
    for name in (
        "qc_models/checks/noise.py",
        "inference/engine.py",
        "configs/vocabulary.yaml",
        "configs/policy.yaml",
        "serving/web.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one")
    monkeypatch.setattr(qc_models.version, "_ROOT", tmp_path)
    return tmp_path


def now() -> str:
    return code_version.__wrapped__()


def test_the_release_is_named_first() -> None:
    release, _, digest = code_version().partition("+")
    assert release == version("touchstone-qc")
    assert len(digest) == 8
    assert now() == code_version()


@pytest.mark.parametrize("name", ["qc_models/checks/noise.py", "inference/engine.py", "configs/vocabulary.yaml"])
def test_what_judges_changes_it(root: Path, name: str) -> None:
    before = now()
    (root / name).write_text("two")
    assert now() != before
    (root / name).unlink()
    (root / name).with_name(f"another{Path(name).suffix}").write_text("one")
    assert now() != before


@pytest.mark.parametrize("name", ["configs/policy.yaml", "serving/web.py", "qc_models/note.txt"])
def test_what_has_a_digest_of_its_own_or_judges_nothing_does_not(root: Path, name: str) -> None:
    before = now()
    (root / name).write_text("two")
    assert now() == before
