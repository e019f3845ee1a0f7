"""The description of a series against its parameters and its plane."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from qc_models.checks.metadata import series_role
from qc_models.checks.metadata.series_role import plane_in_text
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from qc_models.model_outputs import Prediction
from qc_models.vocabulary import Plane
from qc_models.zoo.mr_sequence import SEQUENCES
from tests.written_dicom import axial_slices

MR = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}


@pytest.mark.parametrize(
    ("text", "modality", "plane"),
    [
        ("SAG DP FS .", "MR", "sagittal"),
        ("t2_tse_tra_fs", "MR", "axial"),
        ("NEW HASTE CORONAL", "MR", "coronal"),
        ("T2 矢状位", "MR", "sagittal"),
        (",,Spine,3.0,Ax", "CT", "axial"),
        ("AX MPR FROM SAG", "MR", None),
        ("COR CTA", "CT", None),
        ("Lung CORONAL 2mm", "CT", "coronal"),
        ("TRAUMA", "CT", None),
        ("SAGA", "MR", None),
    ],
)
def test_planes_in_descriptions(text: str, modality: str, plane: Plane | None) -> None:
    assert plane_in_text(text, modality) == plane


@pytest.mark.parametrize(
    ("description", "facts", "expected"),
    [
        ("AX T1 SE", {"role": "T2", "plane": "axial"}, {"weighting"}),
        ("AX DWI", {"role": "T1", "plane": "axial"}, {"weighting"}),
        ("AX T1 SE", {"role": "T2", "role_source": "text", "plane": "axial"}, set()),
        ("AX T1 SE", {"role": "T1", "plane": "axial"}, set()),
        ("AX T2 TSE", {"role": "PD", "plane": "axial"}, set()),
        ("SAG T1 SE", {"role": "T1", "plane": "axial"}, {"plane"}),
        ("SAG T1 SE", {"role": "T1", "plane": "oblique"}, set()),
        ("SAG T1 SE", {"role": "T1"}, set()),
        ("SAG T2 localizer", {"role": "LOC", "plane": "axial"}, set()),
        (None, {"role": "T1", "plane": "axial"}, set()),
    ],
)
def test_what_a_series_is_called(
    evidence_of: Callable[..., Evidence],
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
    description: str | None,
    facts: dict[str, object],
    expected: set[str],
) -> None:
    facts |= {"roles": (facts["role"],)} if "role" in facts else {}
    found = list(series_role.measure(evidence_of(axial_slices(3, **MR, SeriesDescription=description), **facts)))
    assert {measurement.metric.removeprefix("metadata.series_role.") for measurement in found} == expected
    for measurement in found:
        assert measurement.location.stack == 0
        assert "described as" in sentences(series_role, measurement)[0]


def test_contrast_in_words_and_in_the_header(
    evidence_of: Callable[..., Evidence], level_of: Callable[[Measurement], str | None]
) -> None:
    plain = {"role": "plain", "roles": ("plain",)}
    (found,) = series_role.measure(evidence_of(axial_slices(3, SeriesDescription="CHEST ARTERIAL 1mm"), **plain))
    assert (found.metric, found.detail) == (
        "metadata.series_role.phase",
        {"described": "arterial", "found": "plain"},
    )
    assert level_of(found) == "note"  # headers often forget the contrast agent, or keep that of the patient before


@pytest.mark.parametrize(
    ("read", "probability", "expected"),
    [("T1", 0.97, ["pixels"]), ("T1", 0.9, []), ("T2FS", 0.97, []), ("PDFS", 0.97, []), (None, 0.97, [])],
)
def test_a_model_that_is_sure_of_another_sequence_is_told(
    read: str | None,
    probability: float,
    expected: list[str],
    evidence_of: Callable[..., Evidence],
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    roles = (read,) if read else ()
    evidence = evidence_of([MR | each for each in axial_slices(3)], role=read, roles=roles)
    (facts,) = evidence.stack_facts
    shown = np.array([[probability if name == "T2" else 0.0 for name in SEQUENCES]] * 3, np.float32)
    places = tuple((number, f"1.{number}", 0) for number in range(3))
    said = {"mr_sequence": Prediction("mr_sequence", "1", places, {"sequence": shown}, [0.5] * len(places))}
    evidence = replace(evidence, predictions={(facts.series_instance_uid, facts.index): said})
    found = list(series_role.measure(evidence))
    assert [each.metric.rpartition(".")[2] for each in found] == expected
    assert all("T1" in sentences(series_role, each)[0] and "T2" in sentences(series_role, each)[1] for each in found)
