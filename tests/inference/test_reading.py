"""Files, folders and archives become studies; what cannot be read is named and kept where it belongs."""

import shutil
import zipfile
from pathlib import Path

import pytest

from inference.reading import read_studies
from qc_models.errors import InputError
from tests.written_dicom import axial_slices, write_instances

OTHER_STUDY = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.2", "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2.1"}


def test_a_folder_becomes_its_studies(tmp_path: Path) -> None:
    write_instances(tmp_path / "a", axial_slices(3))
    write_instances(tmp_path / "b", axial_slices(2, **OTHER_STUDY))
    read = read_studies([tmp_path])
    assert [len(study.instances) for study in read.studies] == [3, 2]
    assert read.num_files == 5


def test_a_study_is_its_uid_wherever_its_files_lie(tmp_path: Path) -> None:
    paths = write_instances(tmp_path / "a", axial_slices(3))
    (tmp_path / "b").mkdir()
    shutil.move(paths[1], tmp_path / "b" / "x")
    (study,) = read_studies([tmp_path]).studies
    assert len(study.instances) == 3


def test_instances_come_in_order_of_number_whatever_the_order_of_files(tmp_path: Path) -> None:
    write_instances(tmp_path, reversed(axial_slices(4)))
    (study,) = read_studies([tmp_path]).studies
    assert [instance.header.integer("InstanceNumber") for instance in study.instances] == [1, 2, 3, 4]


def test_an_archive_is_read_as_a_folder(tmp_path: Path) -> None:
    paths = write_instances(tmp_path / "a", axial_slices(2))
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"inner/{path.name}")
    (study,) = read_studies([tmp_path / "study.zip"]).studies
    assert len(study.instances) == 2


def test_the_same_file_named_twice_is_read_once(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, axial_slices(1))
    read = read_studies([tmp_path, paths[0]])
    assert read.num_files == 1
    assert read.studies[0].repeated == ()


def test_other_files_are_skipped_with_a_count(tmp_path: Path) -> None:
    write_instances(tmp_path, axial_slices(1))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "README").write_text("no image either")
    read = read_studies([tmp_path])
    assert read.num_skipped == 2
    assert read.homeless == ()
    assert read.studies[0].unreadable == ()


def test_a_broken_file_belongs_to_the_only_study_of_its_folder(tmp_path: Path) -> None:
    write_instances(tmp_path, axial_slices(2))
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 50)
    (study,) = read_studies([tmp_path]).studies
    assert [item.name for item in study.unreadable] == ["broken.dcm"]
    assert len(study.instances) == 2


@pytest.mark.parametrize("content", [b"", b"\0" * 400, bytes(range(256))])
@pytest.mark.parametrize("ending", ["", ".7"])
def test_a_broken_file_named_as_the_images_beside_it_is_not_skipped(
    tmp_path: Path, ending: str, content: bytes
) -> None:
    for number, path in enumerate(write_instances(tmp_path, axial_slices(2))):
        path.rename(tmp_path / f"IM{number}{ending}")
    (tmp_path / f"IM3{ending}").write_bytes(content)
    (tmp_path / "README").write_text("exported for teaching")
    (study,) = read_studies([tmp_path]).studies
    assert [item.name for item in study.unreadable] == [f"IM3{ending}"]


def test_a_broken_file_among_several_studies_belongs_to_none(tmp_path: Path) -> None:
    write_instances(tmp_path / "a", axial_slices(1))
    shutil.copytree(tmp_path / "a", tmp_path / "all")
    (second,) = write_instances(tmp_path / "b", axial_slices(1, **OTHER_STUDY))
    shutil.copy(second, tmp_path / "all" / "other.dcm")
    (tmp_path / "all" / "broken.dcm").write_bytes(b"\0" * 50)
    read = read_studies([tmp_path / "all"])
    assert [item.name for item in read.homeless] == ["broken.dcm"]


def test_an_instance_without_a_series_uid_is_kept_with_the_study_that_it_names(tmp_path: Path) -> None:
    slices = axial_slices(3)
    slices[1]["SeriesInstanceUID"] = None
    write_instances(tmp_path, slices)
    (study,) = read_studies([tmp_path]).studies
    assert len(study.instances) == 2
    assert "SeriesInstanceUID" in study.unreadable[0].reason


def test_equal_files_of_one_sop_uid_are_one_instance(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, axial_slices(2))
    shutil.copy(paths[0], tmp_path / "again.dcm")
    (study,) = read_studies([tmp_path]).studies
    assert len(study.instances) == 2
    assert [(item.num_files, item.agrees) for item in study.repeated] == [(2, True)]


@pytest.mark.parametrize("change", [{"SliceThickness": 7}, {"pixels": [[1] * 16] * 16}, {"PatientID": "OTHER"}])
def test_files_of_one_sop_uid_that_differ_are_named(tmp_path: Path, change: dict[str, object]) -> None:
    first = {"InstanceNumber": 1, "SOPInstanceUID": "1.2.3.4"}
    write_instances(tmp_path, [first, {**first, **change}])
    (study,) = read_studies([tmp_path]).studies
    assert len(study.instances) == 1
    assert [(item.num_files, item.agrees) for item in study.repeated] == [(2, False)]


def test_of_two_files_the_one_that_decodes_is_kept(tmp_path: Path) -> None:
    first, second = write_instances(tmp_path, [{"SOPInstanceUID": "1.2.3.4"}] * 2)
    first.write_bytes(first.read_bytes()[:-100])
    (study,) = read_studies([tmp_path]).studies
    assert study.instances[0].source.path == second
    assert not study.repeated[0].agrees


def test_a_path_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such file"):
        read_studies([tmp_path / "nowhere"])


def test_an_empty_folder_holds_no_study(tmp_path: Path) -> None:
    read = read_studies([tmp_path])
    assert (read.studies, read.homeless, read.num_files) == ((), (), 0)
