"""What the tests of these checks share: evidence made from small studies, and the sentences that a measurement reads as."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from inference.reading import read_studies
from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.findings import Measurement
from qc_models.roles.describe import describe
from qc_models.stack import Stack, split
from qc_models.study import Study

EvidenceOf = Callable[..., Evidence]


@pytest.fixture
def evidence_of(study_of: Callable[[Iterable[Mapping[str, Any]]], Study]) -> EvidenceOf:
    """A function from mappings of DICOM keywords, and fields for the facts of every stack, to the evidence of a study."""

    def build(instances: Iterable[Mapping[str, Any]], **fields: Any) -> Evidence:
        study = study_of(instances)
        stacks = tuple(stack for series in study.series for stack in split(series))
        return Evidence(study, stacks, tuple(_facts(stack, fields) for stack in stacks))

    return build


def _facts(stack: Stack, fields: Mapping[str, Any]) -> StackFacts:
    return StackFacts(
        stack.series_instance_uid, stack.index, stack.modality, stack.num_slices, len(stack.frames), **fields
    )


@pytest.fixture
def real_evidence(shared_data: Path) -> Callable[[str], Evidence]:
    """A function from the name of a real study to its evidence, without pixels."""

    def build(name: str) -> Evidence:
        (study,) = read_studies([shared_data / "studies" / name]).studies
        stacks = tuple(stack for series in study.series for stack in split(series))
        return Evidence(study, stacks, describe(study, stacks))

    return build


@pytest.fixture
def sentences() -> Callable[[ModuleType, Measurement], tuple[str, ...]]:
    """A function from a check and one of its measurements to message and remedy in both languages; an unknown field fails."""

    def read(check: ModuleType, measurement: Measurement) -> tuple[str, ...]:
        words = check.QUANTITIES[measurement.metric.rpartition(".")[2]]
        fields = {**measurement.detail, "value": measurement.value, "limit": 1.0, "unit": measurement.unit}
        return tuple(text.format(**fields) for text in (words.en, words.zh, words.remedy_en, words.remedy_zh))

    return read
