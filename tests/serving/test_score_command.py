"""Calls `touchstone score` as a person, a script and a pipe would: what stands where, and what the exit status says."""

import gc
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

import jsonschema
import pydicom
import pytest
from click.testing import CliRunner, Result
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

import inference.pipeline
from qc_models.exam_item import load_catalogue
from qc_models.simulation.defects import apply_defect
from qc_models.simulation.patients import Patient
from qc_models.simulation.study_simulation import simulate_study
from serving.command_line import touchstone
from serving.html_report import HtmlReport
from serving.score_command import DEFAULT_CATALOGUE
from tests.written_dicom import axial_slices, write_instances

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "qc_models" / "report_schema.json").read_text("utf-8"))
PATIENT = Patient("欧阳", "浩然", "PID-7Q7Q7Q", "19610213", "M")
AS_OF = ("--as-of", "2026-09-30", "--no-models")  # a model may see that a drawn hand is none
OTHER = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.2", "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2.1"}


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that passes: both views of a hand."""
    folder = tmp_path_factory.mktemp("hand") / "study"
    simulate_study(load_catalogue(DEFAULT_CATALOGUE).item("XR-HAND"), folder, patient=PATIENT)
    return folder


@pytest.fixture(scope="module")
def mixed_up(hand: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study, rejected: an image of another patient in it."""
    apply_defect("patient_mix_up", hand, folder := tmp_path_factory.mktemp("mixed") / "study")
    return folder


def score(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(touchstone, ["score", *map(str, arguments)], input=stdin)


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def command(*arguments: object) -> list[str]:
    """What starts the console script in a process of its own."""
    return [sys.executable, "-c", "from serving.command_line import main; main()", "score", *map(str, arguments)]


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command(*arguments), text=True, cwd=ROOT, timeout=120, check=False, **kept)


def test_a_study_that_passes_is_0(hand: Path) -> None:
    result = score(hand, *AS_OF)
    assert result.exit_code == 0, result.output
    assert "pass 通过" in result.stdout
    assert "XR-HAND" in result.stdout
    assert result.stderr == ""


def test_one_rejected_study_among_others_is_1(hand: Path, tmp_path: Path) -> None:
    write_instances(tmp_path, axial_slices(4))
    result = score(hand, tmp_path, *AS_OF, "--format", "json")
    assert result.exit_code == 1
    assert sorted(line["verdict"] for line in json_lines(result.stdout))[0] == "pass"


def test_json_is_one_valid_report_a_line_and_nothing_else(hand: Path, tmp_path: Path) -> None:
    write_instances(tmp_path / "a", axial_slices(3))
    write_instances(tmp_path / "b", axial_slices(3, **OTHER))
    (tmp_path / "notes.txt").write_text("no image")
    result = run(tmp_path, hand, *AS_OF, "--format", "json")
    lines = json_lines(result.stdout)
    assert len(lines) == 3
    for line in lines:
        jsonschema.validate(line, SCHEMA, format_checker=jsonschema.FormatChecker())
        assert line["as_of"] == "2026-09-30"
    assert result.stdout.endswith("\n")
    assert "skipped 1 of 9 files" in result.stderr


def test_a_rejected_study_says_why_in_json_too(mixed_up: Path) -> None:
    (report,) = json_lines(score(mixed_up, *AS_OF, "--format", "json").stdout)
    jsonschema.validate(report, SCHEMA)
    assert report["verdict"] == "reject"
    assert report["findings"][0]["metric"] == "metadata.patient_identity.patients"


def test_standard_input_lists_paths(hand: Path) -> None:
    listed = "".join(f"{path}\n" for path in sorted(hand.rglob("*.dcm"))) + "\n"
    result = score("-", *AS_OF, "--format", "json", stdin=listed)
    (report,) = json_lines(result.stdout)
    assert (result.exit_code, report["verdict"]) == (0, "pass")


def test_a_listed_name_may_hold_spaces_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/ odd \xff"
    os.mkdir(folder)
    (written,) = write_instances(tmp_path / "written", axial_slices(1))
    shutil.copy(written, folder + b"/one.dcm")
    result = run("-", *AS_OF, "--format", "json", "--no-pixels", stdin=_pipe(folder + b"\n"))
    assert len(json_lines(result.stdout)) == 1, result.stderr


def _pipe(content: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


def test_an_empty_list_is_3(tmp_path: Path) -> None:
    result = score("-", stdin="\n")
    assert result.exit_code == 3
    assert "one a line" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-of", "2026-13-01"], "2026-13-01"),
        (["--as-of", "yesterday"], "yesterday"),
        (["--item", "CT-TOE"], "CT-TOE"),
        (["--catalogue", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--format", "xml"], "xml"),
        (["--workers", "0"], "0"),
    ],
)
def test_a_wrong_option_is_2_before_any_work(hand: Path, arguments: list[str], said: str) -> None:
    result = score(hand, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert score().exit_code == 2


def test_a_broken_catalogue_names_its_file_and_is_2(hand: Path, tmp_path: Path) -> None:
    shutil.copytree(DEFAULT_CATALOGUE, tmp_path / "items")
    path = tmp_path / "items" / "XR-HAND.yaml"
    path.write_text(path.read_text("utf-8") + "\nfavourite_colour: red\n", "utf-8")
    result = score(hand, "--catalogue", tmp_path / "items")
    assert result.exit_code == 2
    assert "XR-HAND.yaml" in result.stderr
    assert "favourite_colour" in result.stderr


def test_a_path_that_is_not_there_is_told_and_the_others_are_scored(hand: Path) -> None:
    result = score(hand, hand / "gone", *AS_OF, "--format", "json")
    assert result.exit_code == 1
    assert [line["verdict"] for line in json_lines(result.stdout)] == ["pass"]
    assert "gone: no such file or folder" in result.stderr


def test_nothing_but_paths_that_are_not_there_is_3(tmp_path: Path) -> None:
    assert score(tmp_path / "gone").exit_code == 3


def test_a_folder_without_images_is_3(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "README").write_text("no image either")
    result = score(tmp_path)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "skipped 2 of 2 files" in result.stderr


def test_a_study_beside_a_file_that_belongs_nowhere_is_1(hand: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 200)
    result = score(hand, tmp_path, *AS_OF, "--format", "json")
    assert result.exit_code == 1
    assert [line["verdict"] for line in json_lines(result.stdout)] == ["pass"]
    assert result.stderr.startswith("broken.dcm: ")


def test_the_page_counts_what_was_not_scored_and_keeps_names_of_files_out(hand: Path, tmp_path: Path) -> None:
    (tmp_path / "zhang_san.dcm").write_bytes(b"\0" * 200)
    result = score(hand, tmp_path, *AS_OF, "--format", "html", "--out", tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "zhang_san.dcm" in result.stderr
    assert "1 files cannot be read and belong to no study" in page
    assert "zhang_san" not in page


def test_many_broken_files_are_counted_not_listed(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.dcm").write_bytes(b"\0" * 200)
    result = score(tmp_path)
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 22  # twenty names, how many more, nothing readable
    assert "and 10 more" in result.stderr


def test_a_dicomdir_is_skipped(hand: Path, tmp_path: Path) -> None:
    shutil.copytree(hand, tmp_path / "images")
    directory = Dataset()
    directory.FileSetID = "DISC"
    directory.DirectoryRecordSequence = [Dataset()]
    directory.DirectoryRecordSequence[0].DirectoryRecordType = "PATIENT"
    directory.DirectoryRecordSequence[0].PatientName = "Ouyang^HaoRan"
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    directory.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    result = score(tmp_path, *AS_OF, "--format", "json")
    assert result.exit_code == 0, result.output
    assert len(json_lines(result.stdout)) == 1
    assert "skipped 1 of 3 files" in result.stderr


def test_an_archive_is_scored_as_its_folder(hand: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "hand.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in hand.rglob("*.dcm"):
            archive.write(path, path.relative_to(hand))
    reports = [json_lines(score(path, *AS_OF, "--format", "json").stdout) for path in (hand, tmp_path / "hand.zip")]
    for (report,) in reports:
        del report["evaluated_at"], report["timings_s"]
    assert reports[0] == reports[1]


def test_a_broken_archive_beside_a_study_is_1_and_alone_3(hand: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4" + b"\0" * 100)
    alone, beside = score(tmp_path), score(hand, tmp_path, *AS_OF)
    assert (alone.exit_code, beside.exit_code) == (3, 1)
    assert alone.stderr.startswith("cut.zip: the archive is broken")


def test_without_pixels_nothing_passes(hand: Path) -> None:
    result = score(hand, *AS_OF, "--no-pixels", "--format", "json")
    (report,) = json_lines(result.stdout)
    assert (result.exit_code, report["verdict"]) == (1, "review")
    assert result.stderr == "headers alone were looked at, so that nothing passes; score again with pixels\n"


def test_without_pixels_no_pixel_is_read_not_even_for_a_picture(
    hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("inference.gather.decode_frames", refuse)
    monkeypatch.setattr("serving.report_pictures.decode_frames", refuse)
    result = score(hand, *AS_OF, "--no-pixels", "--format", "html", "--out", tmp_path)
    assert result.exit_code == 1
    assert "data:image" not in (page := (tmp_path / "report.html").read_text("utf-8"))
    assert "headers alone were looked at" in page
    assert "could not be examined" not in result.stderr


def test_an_item_given_is_the_one_judged(hand: Path) -> None:
    (report,) = json_lines(score(hand, "--item", "XR-FOOT", *AS_OF, "--format", "json").stdout)
    assert [item["item"] for item in report["items"]] == ["XR-FOOT"]


def test_without_a_date_the_verdict_is_todays(hand: Path) -> None:
    (report,) = json_lines(score(hand, "--no-pixels", "--format", "json").stdout)
    assert abs((date.fromisoformat(report["as_of"]) - date.today()).days) <= 1


@pytest.mark.parametrize("output_format", ["table", "json", "html"])
def test_out_holds_page_and_reports_whatever_is_printed(hand: Path, tmp_path: Path, output_format: str) -> None:
    out = tmp_path / "new" / "out"
    result = score(hand, *AS_OF, "--format", output_format, "--out", out)
    assert result.exit_code == 0
    (report,) = json_lines((out / "reports.jsonl").read_text("utf-8"))
    assert (out / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    if output_format == "json":
        assert json_lines(result.stdout) == [report]
    elif output_format == "html":
        assert result.stdout == f"{out / 'report.html'}\n"
    else:
        assert "XR-HAND" in result.stdout
        assert str(out) not in result.stdout


def test_html_without_a_folder_says_where_the_page_lies(
    hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(score(hand, *AS_OF, "--format", "html").stdout.strip())
    assert "XR-HAND" in page.read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_one_line(hand: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = score(hand, *AS_OF, "--out", tmp_path / "file" / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("touchstone: results cannot be written")


def test_a_study_whose_examination_crashes_is_told_and_the_others_are_scored(
    hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_instances(tmp_path / "study", axial_slices(3))
    crashing_uid, describe = "1.2.826.0.1.3680043.8.498.1", inference.pipeline.describe

    def crash(study: Any, stacks: Any) -> Any:
        if study.study_instance_uid == crashing_uid:
            raise KeyError("张^三 1980-01-01")
        return describe(study, stacks)

    monkeypatch.setattr("inference.pipeline.describe", crash)
    for output_format in ("json", "table", "html"):
        result = score(hand, tmp_path / "study", *AS_OF, "--format", output_format, "--out", tmp_path / "out")
        assert result.exit_code == 1
        told = [line for line in result.stderr.splitlines() if crashing_uid in line]
        assert len(told) == 1
        assert "KeyError" in told[0]
        assert "张" not in result.output
        assert [line["verdict"] for line in json_lines((tmp_path / "out" / "reports.jsonl").read_text("utf-8"))] == [
            "pass"
        ]
        page = (tmp_path / "out" / "report.html").read_text("utf-8")
        assert f"study {crashing_uid} could not be examined" in page
        assert "张" not in page


def test_studies_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        uid = f"1.2.3.{number}"
        write_instances(tmp_path / str(number), axial_slices(2, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1"))
    alive: list[int] = []
    describe = inference.pipeline.describe
    turn = Lock()  # whoever counts holds all there is meanwhile: of two that overlap, one always would

    def counted(study: Any, stacks: Any) -> Any:
        with turn:
            gc.collect()
            alive.append(sum(type(thing) is type(study) for thing in gc.get_objects()))
        return describe(study, stacks)

    monkeypatch.setattr("inference.pipeline.describe", counted)
    score(tmp_path, *AS_OF, "--no-pixels", "--format", "json")
    assert alive[0] >= 9
    assert alive[-1] <= alive[0] - 3  # the two that are examined side by side, and the reports before them


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    for number in range(30):
        uid = f"1.2.3.{number}"
        write_instances(tmp_path / str(number), axial_slices(12, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1"))
    with subprocess.Popen(
        command(tmp_path, "--no-pixels", "--format", "json"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_a_full_disk_is_one_line(hand: Path) -> None:
    with open("/dev/full", "wb") as full:
        result = run(hand, *AS_OF, "--no-pixels", "--format", "json", stdout=full)
    assert result.returncode == 1
    assert result.stderr.startswith("touchstone: results cannot be written (No space left on device)")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("output_format", ["table", "json", "html"])
def test_nothing_of_the_patient_is_in_any_output(
    hand: Path, mixed_up: Path, tmp_path: Path, output_format: str
) -> None:
    damaged = tmp_path / "damaged"
    apply_defect("truncated_file", mixed_up, damaged)
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in damaged.rglob("*.dcm")]
    secrets = {PATIENT.family, PATIENT.given, PATIENT.patient_id, PATIENT.birth_date, "1961-02-13", "Ouyang", "HaoRan"}
    for header in headers:
        secrets |= {str(header.PatientID), str(header.AccessionNumber), str(header.PatientBirthDate)}
        secrets |= {part for group in str(header.PatientName).split("=") for part in group.split("^") if len(part) > 2}
    result = score(damaged, *AS_OF, "--format", output_format, "--out", tmp_path / "out")
    written = [path.read_text("utf-8") for path in (tmp_path / "out").iterdir()]
    assert len(written) == 2
    assert len(secrets) >= 9
    for secret in secrets:
        assert not any(secret in text for text in (result.stdout, result.stderr, *written)), secret


def test_a_picture_that_crashes_costs_only_its_study(
    hand: Path, mixed_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add: Callable[[HtmlReport, Any], None] = HtmlReport.add
    uids: list[str] = []

    def crash_once(page: HtmlReport, examined: Any) -> None:
        uids.append(examined.study.study_instance_uid)
        if len(uids) == 1:
            raise ZeroDivisionError
        add(page, examined)

    monkeypatch.setattr(HtmlReport, "add", crash_once)
    write_instances(tmp_path / "study", axial_slices(3))
    result = score(hand, tmp_path / "study", *AS_OF, "--format", "html", "--out", tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert result.exit_code == 1
    assert f'<section id="{uids[1]}"' in page
    assert f"study {uids[0]} could not be examined" in page
