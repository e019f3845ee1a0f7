"""What the tests of completeness share: a series with a defect as its case describes it, and evidence read from real files.

A case of `cases/<check>.yaml` says how many `slices` stand how many `step_mm` apart (or their `positions_mm`), how often the range
is taken (`times`), which `keywords` all carry and which `each` slice by its index; then which images to `drop` and to `copy` under
a new UID, and what numbers they carry in the end (`numbers`, or 1, 2, 3 … again with `renumber`). `expect` holds every quantity
that the check may measure, as a number or as [least, most].
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

import pytest
from pydicom import dcmread

from qc_models.evidence import Evidence, PixelFailure
from qc_models.facts import StackFacts
from qc_models.findings import Measurement, Quantity
from qc_models.frame_statistics import frame_statistics
from qc_models.stack import split
from qc_models.study import Study

EvidenceOf = Callable[..., Evidence]
_MR = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}


@pytest.fixture
def series_of() -> Callable[[Mapping[str, Any]], list[dict[str, Any]]]:
    """A function from a case to the instances of its series, as mappings of DICOM keywords."""

    def build(case: Mapping[str, Any]) -> list[dict[str, Any]]:
        positions = case.get("positions_mm") or [i * case.get("step_mm", 5.0) for i in range(case["slices"])]
        shared = (_MR if case.get("modality") == "MR" else {}) | case.get("keywords", {})
        places = [
            {"ImagePositionPatient": [0, 0, position], **shared, **case.get("each", {}).get(i, {})}
            for i, position in enumerate(positions)
        ]
        images = [{"InstanceNumber": i + 1, **place} for i, place in enumerate(places * case.get("times", 1))]
        kept = [image for i, image in enumerate(images) if i not in case.get("drop", [])]
        kept += [{**images[i], "SOPInstanceUID": f"1.2.826.0.1.77.{i}"} for i in case.get("copy", [])]
        numbers = range(1, len(kept) + 1) if case.get("renumber") else case.get("numbers")
        if numbers is None:
            return kept
        return [{**image, "InstanceNumber": number} for image, number in zip(kept, numbers, strict=True)]

    return build


@pytest.fixture
def evidence_of(study_of: Callable[[Iterable[Mapping[str, Any]]], Study]) -> EvidenceOf:
    """A function from instances to the evidence of their study; keywords are fields that all its stack facts carry."""

    def build(
        instances: Iterable[Mapping[str, Any]],
        *,
        pixels: bool = False,
        failures: tuple[PixelFailure, ...] = (),
        **fields: Any,
    ) -> Evidence:
        study = study_of(instances)
        stacks = tuple(stack for series in study.series for stack in split(series))
        facts = tuple(
            StackFacts(
                stack.series_instance_uid, stack.index, stack.modality, stack.num_slices, len(stack.frames), **fields
            )
            for stack in stacks
        )
        statistics = {
            (instance.sop_instance_uid, 0): frame_statistics(dcmread(instance.source.path).pixel_array)
            for instance in study.instances
            if pixels
        }
        return Evidence(study, stacks, facts, statistics if pixels else None, failures)

    return build


@pytest.fixture
def assert_measured() -> Callable[[Iterable[Measurement], Mapping[str, Any]], None]:
    """A function that holds measurements against `expect`: quantity -> number or [least, most], summed over places.

    It also fills in the texts of each quantity, so that no text asks for a detail that a measurement lacks.
    """

    def hold(measurements: Iterable[Measurement], expect: Mapping[str, Any]) -> None:
        found: dict[str, float] = {}
        for measurement in measurements:
            quantity = measurement.metric.rpartition(".")[2]
            words: Quantity = import_module(f"qc_models.checks.{measurement.check}").QUANTITIES[quantity]
            assert measurement.unit == words.unit
            for text in (words.en, words.zh, words.remedy_en, words.remedy_zh):
                assert text.format(value=measurement.value, limit=0, unit=measurement.unit, **measurement.detail)
            found[quantity] = found.get(quantity, 0) + measurement.value
        assert set(found) == set(expect), found
        for quantity, wanted in expect.items():
            least, most = wanted if isinstance(wanted, list) else (wanted, wanted)
            assert least - 1e-9 <= found[quantity] <= most + 1e-9, (quantity, found[quantity])

    return hold
