"""One study from files to report: the verdict, its schema, and that nothing but the input decides its bytes."""

import json
import math
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from inference.pipeline import Settings, examine, examine_all
from inference.reading import read_studies
from qc_models.check_registry import checks
from qc_models.exam_item import Name
from qc_models.judgement import judge
from qc_models.model_outputs import Output
from qc_models.model_registry import models
from qc_models.policy import Suspension
from qc_models.report import QcReport
from qc_models.study import Study
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.tiny_bundle import SLOPE, VERSION, tiny_model, write_bundle
from tests.written_dicom import axial_slices, write_instances

Build = Callable[[list[dict[str, Any]]], Study]
REGION = Output("region", "each", ("pelvis", "chest", "abdomen"))
SIZE = 32  # pixels; the smallest picture
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "qc_models" / "report_schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, (), "2026-09-30", 1, pixels=True, models=False)


def report(study: Study, settings: Settings) -> dict[str, Any]:
    return dict(examine(study, settings).report.content)


def same_but_for_times(content: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in content.items() if key not in {"evaluated_at", "timings_s"}})


def test_a_report_follows_its_schema(study_of: Build, settings: Settings) -> None:
    content = report(study_of(axial_slices(8)), settings)
    jsonschema.validate(content, SCHEMA)
    assert content["as_of"] == "2026-09-30"


def test_the_bytes_do_not_depend_on_workers_order_or_names(tmp_path: Path, settings: Settings) -> None:
    paths = write_instances(tmp_path / "a", axial_slices(20))
    (tmp_path / "b").mkdir()
    for number, path in enumerate(reversed(paths)):
        shutil.copy(path, tmp_path / "b" / f"{number:03}")
    reports = []
    for folder, workers in (("a", 1), ("a", 2), ("b", 2)):
        (study,) = read_studies([tmp_path / folder]).studies
        reports.append(same_but_for_times(report(study, replace(settings, workers=workers))))
    assert reports[0] == reports[1] == reports[2]


def test_several_studies_come_in_their_order_as_they_would_alone(tmp_path: Path, settings: Settings) -> None:
    for number in range(4):
        write_instances(tmp_path / str(number), axial_slices(6 + number, StudyInstanceUID=f"1.2.{4 - number}"))
    studies = read_studies([tmp_path]).studies
    together = [(uid, found.result().report.content) for uid, found in examine_all(deque(studies), settings)]
    assert [uid for uid, _ in together] == [study.study_instance_uid for study in studies]
    alone = [same_but_for_times(report(study, settings)) for study in studies]
    assert [same_but_for_times(dict(content)) for _, content in together] == alone


def test_studies_that_nobody_waits_for_any_more_are_not_examined(tmp_path: Path, settings: Settings) -> None:
    for number in range(5):
        write_instances(tmp_path / str(number), axial_slices(6, StudyInstanceUID=f"1.2.{number}"))
    studies = deque(read_studies([tmp_path]).studies)
    running = examine_all(studies, settings)
    next(running)[1].result()
    running.close()
    assert len(studies) >= 2


def test_a_missing_slice_is_named(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(12)
    del slices[5]
    content = report(study_of(slices), settings)
    assert content["verdict"] in {"review", "reject"}
    (finding,) = [f for f in content["findings"] if f["metric"] == "completeness.slice_positions.missing"]
    assert finding["value"] == 1


def test_an_undecodable_instance_never_passes_and_the_rest_is_scored(tmp_path: Path, settings: Settings) -> None:
    paths = write_instances(tmp_path, axial_slices(12))
    paths[4].write_bytes(paths[4].read_bytes()[:-100])
    (study,) = read_studies([tmp_path]).studies
    content = report(study, settings)
    found = [f for f in content["findings"] if f["metric"].startswith("completeness.pixel_integrity.")]
    assert found
    assert {f["level"] for f in found} & {"review", "reject"}
    assert content["verdict"] != "pass"
    assert content["stacks"][0]["num_slices"] == 12


def test_a_series_of_a_suspended_institution_sends_the_study_to_a_person(study_of: Build, settings: Settings) -> None:
    own = axial_slices(20, InstitutionName="West", DeviceSerialNumber="1")
    other = axial_slices(2, InstitutionName="East", DeviceSerialNumber="2", SeriesInstanceUID="9.9")
    suspension = Suspension(institution="east", reason=Name(en="x", zh="x"))
    suspending = replace(settings, policy=settings.policy.model_copy(update={"suspended": (suspension,)}))
    content = report(study_of([*own, *other]), suspending)
    facts = content["facts"]
    assert (facts["institution"], facts["other_institutions"]) == ("West", ["East"])
    assert "metadata.device.suspended" in [finding["metric"] for finding in content["findings"]]


def test_headers_alone_never_pass(study_of: Build, settings: Settings) -> None:
    content = report(study_of(axial_slices(8)), replace(settings, pixels=False))
    assert content["verdict"] != "pass"


def test_an_item_given_by_the_caller_is_taken(study_of: Build, settings: Settings) -> None:
    item = settings.catalogue.item("CT-HEAD")
    content = report(study_of(axial_slices(8)), replace(settings, items=(item,)))
    assert [entry["item"] for entry in content["items"]] == ["CT-HEAD"]


def test_a_neighbour_of_what_no_item_covers_is_reviewed_unless_it_was_asked_for(
    study_of: Build, settings: Settings
) -> None:
    portal = {"BodyPartExamined": "ABDOMEN", "SeriesDescription": "portal", "StudyDescription": None}
    for request, level in ((None, "review"), ("上腹部CT增强", "reject")):
        content = report(study_of(axial_slices(8, **portal, RequestedProcedureDescription=request)), settings)
        lacking = [f for f in content["findings"] if f["metric"] == "completeness.required_components.missing"]
        assert [entry["item"] for entry in content["items"]] == ["CT-ABD-C"]
        assert [finding["level"] for finding in lacking] == [level]


def test_a_check_that_crashes_is_a_line_in_the_report(
    study_of: Build, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: object) -> None:
        raise RuntimeError("a patient's secret")

    monkeypatch.setattr(checks()["metadata.uids"].module, "measure", crash)
    content = report(study_of(axial_slices(8)), settings)
    assert [failure["check"] for failure in content["failures"]] == ["metadata.uids"]
    assert content["verdict"] != "pass"
    assert "secret" not in json.dumps(content)


def test_a_stored_report_can_be_judged_again(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(12)
    del slices[5]
    examined = examine(study_of(slices), settings)
    stored = QcReport.from_json(examined.report.to_json())
    assert stored.facts() == examined.facts
    item = settings.catalogue.item(stored.content["items"][0]["item"])
    again = judge(stored.facts(), item, date(2026, 9, 30), settings.policy)
    assert (again.verdict, again.score) == (stored.verdict, stored.content["score"])


def test_a_report_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 1"):
        QcReport.from_json('{"schema": 2}')


def test_no_patient_data_in_a_report(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(6, AccessionNumber="ACC4711")
    slices[2] |= {"PatientID": "ODD99", "PatientName": "WANG^WU", "PatientBirthDate": "19611231"}
    text = examine(study_of(slices), settings).report.to_json()
    for secret in ("SIM0001", "ODD99", "WANG", "张", "19611231", "1961-12-31", "19800101", "1980-01-01", "ACC4711"):
        assert secret not in text


def test_what_is_no_image_is_reviewed_as_unknown(study_of: Build, settings: Settings) -> None:
    sr = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "Rows": None, "PixelData": None}
    content = report(study_of([sr]), settings)
    assert content["verdict"] == "review"
    assert [entry["item"] for entry in content["items"]] == ["_fallback"]


def test_every_stage_of_the_pipeline_is_timed(study_of: Build, settings: Settings) -> None:
    content = report(study_of(axial_slices(4)), settings)
    assert set(content["timings_s"]) == {"stacks", "pixels", "checks", "judgement"}


@pytest.fixture
def seeing(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with one released model: on bright CT stacks it sees a pelvis, and of chest and abdomen it knows nothing (1/2)."""
    for name in list(models()):  # of those no version is released here
        monkeypatch.delitem(models(), name)
    monkeypatch.setitem(models(), "tiny", tiny_model(outputs=(REGION,), applies=lambda stack: stack.modality == "CT"))
    write_bundle(models()["tiny"], tmp_path / "bundles")
    return replace(settings, models=tmp_path / "bundles")


def test_a_model_without_a_version_asks_a_person(study_of: Build, seeing: Settings) -> None:
    (seeing.models / "released.json").write_text("{}", encoding="utf-8")  # type: ignore[operator]
    content = report(study_of(bright_slices(12)), seeing)
    assert content["models"] == {}
    assert [failure["check"] for failure in content["failures"]] == ["model tiny"]
    assert "no version is released" in content["failures"][0]["reason"]
    assert content["verdict"] in ("review", "reject")


def bright_slices(count: int, **keywords: Any) -> list[dict[str, Any]]:
    slices = axial_slices(count, Rows=SIZE, Columns=SIZE, **keywords)
    return [entry | {"pixels": np.full((SIZE, SIZE), 100 - number)} for number, entry in enumerate(slices)]


def test_a_model_speaks_where_headers_are_silent(study_of: Build, seeing: Settings) -> None:
    slices = bright_slices(12, BodyPartExamined=None)
    content = report(study_of(slices), seeing)
    assert content["models"] == {"tiny": VERSION}
    assert content["failures"] == []
    region = content["stacks"][0]["region"]
    assert (region["label"], region["source"]) == (["pelvis"], "pixels")
    shown = [100, 96, 93, 89]  # slices 0, 4, 7, 11
    expected = sum(1 / (1 + math.exp(-SLOPE * (value / 100 - 0.5))) for value in shown) / 4
    assert region["probability"] == pytest.approx(expected, abs=1e-4)
    jsonschema.validate(content, SCHEMA)


def test_without_models_nothing_of_them_is_said(study_of: Build, seeing: Settings) -> None:
    study = study_of(bright_slices(12))
    for blind in (replace(seeing, models=None), replace(seeing, pixels=False)):
        content = report(study, blind)
        assert (content["models"], content["stacks"][0]["region"]["source"]) == ({}, "header")


def test_what_models_say_does_not_depend_on_workers(study_of: Build, seeing: Settings) -> None:
    series = [entry for number in range(3) for entry in bright_slices(9 + number, SeriesInstanceUID=f"1.2.3.{number}")]
    study = study_of(series)
    one, two = (same_but_for_times(report(study, replace(seeing, workers=workers))) for workers in (1, 2))
    assert one == two
    assert VERSION in one


@pytest.mark.parametrize("spoil", ["digest", "missing", "not finite"])
def test_a_broken_model_is_a_line_in_the_report_and_the_study_goes_to_review(
    spoil: str, tmp_path: Path, study_of: Build, seeing: Settings
) -> None:
    if spoil == "not finite":
        write_bundle(models()["tiny"], tmp_path / "other", finite=False)
        seeing = replace(seeing, models=tmp_path / "other")
    else:
        onnx = tmp_path / "bundles" / "tiny" / VERSION / "model.onnx"
        onnx.write_bytes(b"spoilt") if spoil == "digest" else onnx.unlink()
    slices = [entry | {"pixels": np.zeros((SIZE, SIZE))} for entry in bright_slices(6)]
    content = report(study_of(slices), seeing)
    assert [failure["check"] for failure in content["failures"]] == ["model tiny"]
    assert content["models"] == {}
    assert content["verdict"] != "pass"


def test_headers_alone_import_no_runtime_of_models() -> None:
    code = (
        "import sys\n"
        "import inference.pipeline\n"
        "from qc_models.check_registry import checks\n"
        "checks()\n"
        "print('torch' in sys.modules, 'onnxruntime' in sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[2]
    printed = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True).stdout
    assert printed == "False False\n"


def test_a_picture_of_another_part_goes_to_review_as_what_it_is_named(
    study_of: Build, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bright picture: to this model a knee for certain, and no chest (the other outputs are undecided)."""
    knee = Output("region", "one_of", ("knee", "chest"))  # so that the chest is excluded
    turned = Output("rotation", "one_of", ("90", "0"))
    radiographs = tiny_model("xr_anatomy", (knee, turned), 1, lambda stack: stack.modality == "XR")
    monkeypatch.setitem(models(), "xr_anatomy", radiographs)
    write_bundle(radiographs, tmp_path / "bundles")
    film = {
        "Modality": "DX",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "Rows": SIZE,
        "Columns": SIZE,
        "pixels": np.full((SIZE, SIZE), 90),
    }
    content = report(study_of([film]), replace(settings, models=tmp_path / "bundles"))
    sure = 1 / (1 + math.exp(-SLOPE * 0.4))
    findings = {finding["metric"]: finding for finding in content["findings"]}
    for metric in ("body_part.region.contradiction", "body_part.rotation.turned"):
        assert (findings[metric]["level"], findings[metric]["value"]) == ("review", pytest.approx(sure, abs=1e-4))
    assert content["stacks"][0]["region"]["label"] == ["chest"]
    assert [entry["item"] for entry in content["items"]] == ["XR-CHEST"]
    assert content["verdict"] != "pass"
