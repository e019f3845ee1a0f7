"""What all tests share: the folder of real studies where it exists, and small studies written as real DICOM."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from qc_models.study import Study

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real, de-identified studies beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real studies (../shared/data) is not here")
    return SHARED_DATA


@pytest.fixture
def study_of(tmp_path: Path) -> Callable[[Iterable[Mapping[str, Any]]], Study]:
    """A function from one mapping of DICOM keywords an instance (see tests/written_dicom.py) to a Study read from real files."""
    from inference.reading import read_studies
    from tests.written_dicom import write_instances

    def build(instances: Iterable[Mapping[str, Any]]) -> Study:
        write_instances(tmp_path / "study", instances)
        (study,) = read_studies([tmp_path / "study"]).studies
        return study

    return build
