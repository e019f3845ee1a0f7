"""What the tests of these checks share: evidence of small and of real studies, and the sentences that a measurement reads as."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from configs.strict import HERE, read_yaml
from inference.reading import read_studies
from qc_models.evidence import Evidence
from qc_models.exam_item import Limit
from qc_models.facts import StackFacts
from qc_models.findings import Measurement
from qc_models.stack import Stack, split
from qc_models.study import Study

EvidenceOf = Callable[..., Evidence]
LIMITS = {
    metric: Limit.model_validate(limit)
    for metric, limit in read_yaml(HERE / "exam_items" / "_metadata.yaml")["limits"].items()
}


@pytest.fixture
def evidence_of(study_of: Callable[[Iterable[Mapping[str, Any]]], Study]) -> EvidenceOf:
    """A function from mappings of DICOM keywords, and fields for the facts of every stack, to the evidence of a study."""

    def build(instances: Iterable[Mapping[str, Any]], **fields: Any) -> Evidence:
        return _evidence(study_of(instances), fields)

    return build


@pytest.fixture(scope="session")
def real_evidence(shared_data: Path) -> dict[str, Evidence]:
    """The headers of every real study, by its name; stacks are split, and roles are not told."""
    folders = sorted(path for path in (shared_data / "studies").iterdir() if path.is_dir())
    return {folder.name: _evidence(study, {}) for folder in folders for study in read_studies([folder]).studies}


@pytest.fixture
def level_of() -> Callable[[Measurement], str | None]:
    """A function from a measurement to the level that the default limits give it; None within them."""

    def judge(measurement: Measurement) -> str | None:
        crossed = LIMITS[measurement.metric].crossed(measurement.value)
        return crossed[0] if crossed else None

    return judge


def _evidence(study: Study, fields: Mapping[str, Any]) -> Evidence:
    stacks = tuple(stack for series in study.series for stack in split(series))
    return Evidence(study, stacks, tuple(_facts(stack, fields) for stack in stacks))


def _facts(stack: Stack, fields: Mapping[str, Any]) -> StackFacts:
    return StackFacts(
        stack.series_instance_uid, stack.index, stack.modality, stack.num_slices, len(stack.frames), **fields
    )
