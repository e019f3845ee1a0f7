"""Files are taken once they are whole, and gone then; what is refused lies aside with the reason; all else is left alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from serving.archive import FolderArchive
from serving.intake import Intake, Limits
from serving.transfer.folder_watch import FolderWatch
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a gateway."""
    (tmp_path / "gateway").mkdir()
    return tmp_path / "gateway"


@pytest.fixture
def watch(service: Service, folder: Path) -> FolderWatch:
    """A watch that trusts a file at the second look."""
    return FolderWatch(service.opened.intake, "city", folder, settle_s=0)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_whole_file_is_taken_and_gone(service: Service, folder: Path, watch: FolderWatch) -> None:
    contents = {f"study/{number}.dcm": object_bytes(InstanceNumber=number) for number in (1, 2)}
    (folder / "study").mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    assert watch.step() == 2
    assert {service.content(row) for row in service.instances} == set(contents.values())
    assert {(row.came_by, row.sender) for row in service.instances} == {("folder", "gateway")}
    assert names(folder) == set()


def test_a_file_waits_until_nothing_changes(service: Service, folder: Path) -> None:
    watch = FolderWatch(service.opened.intake, "city", folder, settle_s=1e-9)
    content = object_bytes()
    path = folder / "image"
    path.write_bytes(content[:400])
    assert watch.step() == 0  # it was never seen before
    path.write_bytes(content)
    assert watch.step() == 0  # it has changed since
    assert watch.step() == 1
    assert service.content(service.instances[0]) == content


@pytest.mark.parametrize("name", [".image.dcm.x7", "image.dcm.part", "image.TMP", ".hidden/image.dcm"])
def test_a_name_that_is_not_final_is_left_alone(service: Service, folder: Path, watch: FolderWatch, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(object_bytes())
    assert watch.step() == 0
    (folder / name).rename(folder / "image.dcm")
    assert watch.step() == 1
    assert len(service.instances) == 1


def test_what_is_refused_lies_aside_with_its_reason(folder: Path, watch: FolderWatch) -> None:
    (folder / "study").mkdir()
    for _ in range(2):
        (folder / "study" / "SECRET^NAME.dcm").write_bytes(object_bytes(PatientName="SECRET^NAME")[:-100])
        with capture_logs() as logs:
            assert watch.step() == 0
        assert "SECRET" not in repr(logs)
    aside = folder / "refused" / "study"
    assert names(folder) == {
        f"refused/study/SECRET^NAME.dcm{end}" for end in ("", ".reason.txt", ".1", ".1.reason.txt")
    }
    reason = (aside / "SECRET^NAME.dcm.reason.txt").read_text()
    assert "cut short" in reason
    assert "SECRET" not in reason
    assert watch.step() == 0  # what lies aside is not looked at again


def test_a_mistake_of_ours_about_one_file_keeps_no_other_waiting(
    service: Service, folder: Path, watch: FolderWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Intake.take

    def take(self: Intake, content: Iterator[bytes], *args: object, **options: object) -> object:
        if b"ODD" in (whole := b"".join(content)):
            raise ValueError("SECRET^NAME")
        return taken(self, [whole], *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Intake, "take", take)
    (folder / "a.dcm").write_bytes(object_bytes(SOPInstanceUID="1.2.3.1", StudyID="ODD"))
    (folder / "b.dcm").write_bytes(object_bytes(SOPInstanceUID="1.2.3.2"))
    with capture_logs() as logs:
        assert sum(watch.step() for _ in range(3)) == 1
    assert names(folder) == {"a.dcm"}
    assert [log["event"] for log in logs].count("file left where it is") == 1
    assert "SECRET" not in repr(logs)


def test_a_full_archive_leaves_everything_where_it_is(service: Service, folder: Path) -> None:
    full = FolderArchive(service.opened.config.archive_folder, reserve=1 << 60)
    watch = FolderWatch(Intake(service.opened.database, full, Limits()), "city", folder, settle_s=0)
    for name in ("1", "2"):
        (folder / name).write_bytes(object_bytes())
    with capture_logs() as logs:
        assert watch.step() == 0
    assert [(line["event"], line["kind"]) for line in logs] == [("folder waits", "disk_full")]
    assert names(folder) == {"1", "2"}


def test_links_pipes_and_empty_files_are_left_alone(
    service: Service, folder: Path, watch: FolderWatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(object_bytes())
    (folder / "link").symlink_to(secret)
    (folder / "away").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    (folder / "empty").touch()
    assert watch.step() == 0
    assert secret.exists()
    assert service.instances == []


def test_the_same_file_again_is_gone_too(service: Service, folder: Path, watch: FolderWatch) -> None:
    for _ in range(2):
        (folder / "image").write_bytes(object_bytes())
        assert watch.step() == 1
    assert len(service.instances) == 1


def test_a_file_that_may_not_be_deleted_is_taken_once(
    service: Service, folder: Path, watch: FolderWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take, unlink = service.opened.intake.take, Path.unlink

    def forbidden(path: Path, missing_ok: bool = False) -> None:
        if path.parent == folder:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(service.opened.intake, "take", lambda *given: taken.append(1) or take(*given))
    monkeypatch.setattr(Path, "unlink", forbidden)
    (folder / "image").write_bytes(object_bytes())
    with capture_logs() as logs:
        assert [watch.step() for _ in range(3)] == [0, 0, 0]
    assert [line["event"] for line in logs] == ["file left where it is"]
    assert len(taken) == 1


def test_a_folder_that_is_not_there_is_waited_for(service: Service, folder: Path, watch: FolderWatch) -> None:
    folder.rmdir()
    assert watch.step() == 0
    folder.mkdir()
    (folder / "image").write_bytes(object_bytes())
    assert watch.step() == 1


def test_every_real_file_is_taken_as_it_is_or_lies_aside(
    shared_data: Path, service: Service, folder: Path, watch: FolderWatch
) -> None:
    contents = {path.name: path.read_bytes() for path in (shared_data / "oddities").iterdir()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    taken = watch.step()
    kept = {service.content(row) for row in service.instances}
    aside = {path.name for path in (folder / "refused").iterdir() if not path.name.endswith(".reason.txt")}
    assert taken >= 20
    assert kept == {content for name, content in contents.items() if name not in aside}
    assert all((folder / "refused" / f"{name}.reason.txt").read_text().strip() for name in aside)
