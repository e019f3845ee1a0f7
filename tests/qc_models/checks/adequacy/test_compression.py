"""Lossy compression by what images say of it and by their transfer syntax."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from configs.strict import HERE
from qc_models.checks.adequacy import compression
from qc_models.checks.adequacy.compression import is_lossy
from qc_models.evidence import Evidence
from qc_models.exam_item import load_catalogue
from qc_models.findings import Measurement
from qc_models.study import Instance
from tests.written_dicom import axial_slices

EvidenceOf = Callable[..., Evidence]
LOSSY = {"LossyImageCompression": "01"}


def by_quantity(found: Iterable[Measurement]) -> dict[str, Measurement]:
    return {measurement.metric.removeprefix("adequacy.compression."): measurement for measurement in found}


@pytest.mark.parametrize(
    ("declared", "syntax", "expected"),
    [
        ("01", "1.2.840.10008.1.2.1", True),  # decompressed since
        ("00", "1.2.840.10008.1.2.1", False),
        ("", "1.2.840.10008.1.2.4.90", False),
        ("", "1.2.840.10008.1.2.4.80", False),
        ("", "1.2.840.10008.1.2.4.50", True),
        ("00", "1.2.840.10008.1.2.4.50", True),  # baseline JPEG cannot be free of loss
        ("", "1.2.840.10008.1.2.4.81", True),
        ("", "1.2.840.10008.1.2.4.102", True),
        ("", "1.2.840.10008.1.2.4.91", True),
        ("00", "1.2.840.10008.1.2.4.91", False),
        ("", "1.2.840.10008.1.2.4.203", True),
    ],
)
def test_what_is_lossy(declared: str, syntax: str, expected: bool) -> None:
    assert is_lossy(declared, syntax) is expected


def test_the_strongest_compression_of_a_series_is_named(
    evidence_of: EvidenceOf, sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(4, **LOSSY, LossyImageCompressionRatio=8, LossyImageCompressionMethod="ISO_10918_1")
    slices[2] |= {
        "SOPInstanceUID": "1.2.3.4",
        "LossyImageCompressionRatio": [12, 40],
        "LossyImageCompressionMethod": "ISO_15444_1",
    }
    found = by_quantity(compression.measure(evidence_of(slices)))
    assert set(found) == {"ratio"}
    assert (found["ratio"].value, found["ratio"].detail["method"]) == (40, "ISO_15444_1")
    assert found["ratio"].location.sop_instance_uid == "1.2.3.4"
    assert "1/40.0" in sentences(compression, found["ratio"])[0]


@pytest.mark.parametrize("ratio", [None, "0", "-3"])
def test_loss_without_a_ratio_is_undeclared(
    evidence_of: EvidenceOf, sentences: Callable[[ModuleType, Measurement], tuple[str, ...]], ratio: str | None
) -> None:
    found = by_quantity(compression.measure(evidence_of(axial_slices(3, **LOSSY, LossyImageCompressionRatio=ratio))))
    assert set(found) == {"undeclared"}
    assert found["undeclared"].value == 3
    assert all(sentences(compression, found["undeclared"]))


def test_a_lossy_transfer_syntax_alone_is_undeclared(evidence_of: EvidenceOf) -> None:
    evidence = evidence_of(axial_slices(3))

    def in_baseline_jpeg(instance: Instance) -> Instance:
        header = replace(instance.header, transfer_syntax_uid="1.2.840.10008.1.2.4.50")
        return replace(instance, header=header)

    (series,) = evidence.study.series
    study = replace(evidence.study, series=(replace(series, instances=tuple(map(in_baseline_jpeg, series.instances))),))
    found = by_quantity(compression.measure(Evidence(study, evidence.stacks, evidence.stack_facts)))
    assert {name: one.value for name, one in found.items()} == {"undeclared": 3}


def test_images_without_loss_and_localizers_say_nothing(evidence_of: EvidenceOf) -> None:
    assert list(compression.measure(evidence_of(axial_slices(3)))) == []
    stray = axial_slices(3, LossyImageCompression="00", LossyImageCompressionRatio=40)
    assert list(compression.measure(evidence_of(stray))) == []
    scouts = evidence_of(axial_slices(3, **LOSSY, LossyImageCompressionRatio=40), role="LOC")
    assert list(compression.measure(scouts)) == []


@pytest.mark.parametrize(
    ("item_id", "ratio", "level"),
    [
        ("CT-CHEST", 1.0, None),
        ("CT-CHEST", 8.0, "note"),
        ("CT-CHEST", 40.0, "review"),
        ("MR-KNEE", 12.0, "review"),
        ("XR-CHEST", 12.0, "note"),
        ("XR-CHEST", 40.0, "review"),
    ],
)
def test_limits_by_modality(item_id: str, ratio: float, level: str | None) -> None:
    limit = load_catalogue(HERE / "exam_items").item(item_id).limits["adequacy.compression.ratio"]
    crossed: Any = limit.crossed(ratio)
    assert (crossed[0] if crossed else None) == level


def test_only_one_real_study_was_compressed_with_loss(real_evidence: Callable[[str], Evidence]) -> None:
    found: Mapping[str, Measurement] = by_quantity(compression.measure(real_evidence("chest-ct")))
    assert {name: one.value for name, one in found.items()} == {"undeclared": 49}
    assert list(compression.measure(real_evidence("abdpel-ct"))) == []
