"""Pixel integrity: what cannot be read, decoded or believed is counted once, with its reason and place."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.completeness.pixel_integrity import QUANTITIES, empty_inside, measure
from qc_models.evidence import PixelFailure
from qc_models.study import RepeatedInstance, Unreadable
from tests.written_dicom import axial_slices

CASES = yaml.safe_load((Path(__file__).parent / "cases/pixel_integrity.yaml").read_text(encoding="utf-8"))
SERIES = "1.2.826.0.1.3680043.8.498.1.1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], series_of: Any, evidence_of: Any, assert_measured: Any) -> None:
    instances = series_of(case)
    for index in case.get("blank", []):
        instances[index]["pixels"] = np.full((16, 16), 40)
    evidence = evidence_of(instances, pixels=True, role=case.get("role"))
    assert_measured(measure(evidence), case["expect"])


def test_an_image_in_place_of_another_is_found_at_its_slice(evidence_of: Any) -> None:
    instances = axial_slices(8)
    picture = np.random.default_rng(0).integers(0, 99, (16, 16))
    instances[2]["pixels"] = instances[6]["pixels"] = picture
    (found,) = measure(evidence_of(instances, pixels=True))
    assert (found.metric.rpartition(".")[2], found.location.slice, found.detail["slices"]) == ("repeated", 6, [7])


def test_empty_inside() -> None:
    assert empty_inside([True, False, True, False, True], computed=True) == [2]
    assert empty_inside([True, False, True, False, True], computed=False) == [0, 2, 4]
    assert empty_inside([True, True], computed=True) == [0, 1]
    assert empty_inside([], computed=True) == []


def test_images_that_do_not_decode_are_counted_by_series_with_their_reasons(evidence_of: Any) -> None:
    reason = "a.dcm: the JPEG 2000 codestream ends early; send the file again"
    failures = (PixelFailure(SERIES, "1.2.3", 0, reason), PixelFailure(SERIES, "1.2.4", None, reason))
    (found,) = measure(evidence_of(axial_slices(4), failures=failures))
    assert (found.metric, found.value) == ("completeness.pixel_integrity.undecodable", 2)
    assert found.detail == {"reasons": [reason], "instances": ["1.2.3", "1.2.4"]}
    assert found.location.sop_instance_uid == "1.2.3"
    assert reason in QUANTITIES["undecodable"].en.format(value=2, **found.detail)


def test_unreadable_files_and_conflicting_copies(evidence_of: Any, assert_measured: Any) -> None:
    evidence = evidence_of(axial_slices(4))
    study = replace(
        evidence.study,
        unreadable=(Unreadable("a.dcm", "a.dcm: not DICOM"), Unreadable("b.dcm", "b.dcm: empty", None, SERIES)),
        repeated=(RepeatedInstance(SERIES, "1.2", 2, agrees=False), RepeatedInstance(SERIES, "1.3", 2, agrees=True)),
    )
    assert_measured(measure(replace(evidence, study=study)), {"unreadable": 2, "conflicting": 1})


def test_a_file_that_ends_early_is_told_though_nobody_decoded_it(evidence_of: Any) -> None:
    evidence = evidence_of(axial_slices(4))
    (series,) = evidence.study.series
    first, *others = series.instances
    short = replace(first, header=replace(first.header, truncated=True))
    study = replace(evidence.study, series=(replace(series, instances=(short, *others)),))
    (found,) = measure(replace(evidence, study=study))
    assert (found.metric.rpartition(".")[2], found.location.sop_instance_uid) == ("cut_short", first.sop_instance_uid)
    failure = PixelFailure(SERIES, first.sop_instance_uid, 0, "ends early")
    (found,) = measure(replace(evidence, study=study, pixel_failures=(failure,)))
    assert found.metric.endswith("undecodable")  # told once
