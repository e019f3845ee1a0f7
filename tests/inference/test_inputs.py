"""Files, folders and archives become sources in a fixed order; what an archive hides is bounded and named."""

import os
import struct
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.inputs import ArchiveSource, is_other, sources
from inference.reading import read_studies
from qc_models.errors import InputError
from tests.written_dicom import axial_slices, write_instances


def names(*paths: Path) -> list[str]:
    return [source.name for source in sources(paths)]


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return path


def test_order_is_that_of_names_whatever_the_disk_says(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/3", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == ["c", "3", "1", "2"]


def test_hidden_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"x")
    assert names(tmp_path) == []


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert names(tmp_path, tmp_path / "a", tmp_path / "b") == ["a"]


def test_a_link_to_a_folder_is_followed_and_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "study" / "inner").mkdir(parents=True)
    (tmp_path / "study" / "inner" / "a").write_bytes(b"x")
    (tmp_path / "study" / "inner" / "back").symlink_to(tmp_path / "study")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "linked").symlink_to(tmp_path / "study")
    assert names(tmp_path / "list") == ["a"]


def test_a_pipe_does_not_hold_everything_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").write_bytes(b"x")
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(names(tmp_path)), daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert found == ["a"]


def test_a_folder_that_may_not_be_entered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_instances(tmp_path, axial_slices(1))
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    read = read_studies([tmp_path])
    assert [item.name for item in (*read.studies[0].unreadable, *read.homeless)] == ["closed"]


def test_a_path_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: no such file"):
        names(tmp_path / "gone")


@pytest.mark.parametrize("name", ["notes.txt", "A.JPG", "study.nii.gz"])
def test_some_names_are_never_images(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    (source,) = sources([tmp_path])
    assert is_other(source)


def test_members_come_in_order_without_folders_and_hidden_files(tmp_path: Path) -> None:
    members = {"z/2.dcm": b"2", "a/1.dcm": b"1", "__MACOSX/a/._1.dcm": b"x", "empty/": b""}
    path = archive(tmp_path / "study.zip", members)
    assert [source.content() for source in sources([path])] == [b"1", b"2"]
    assert names(path) == ["study.zip!1.dcm", "study.zip!2.dcm"]


def test_an_archive_changed_between_two_reads_is_read_anew(tmp_path: Path) -> None:
    path = archive(tmp_path / "study.zip", {"a": b"first"})
    assert [source.content() for source in sources([path])] == [b"first"]
    archive(path, {"a": b"second"})
    os.utime(path, ns=(1, 1))
    assert [source.content() for source in sources([path])] == [b"second"]


def test_members_may_be_read_from_many_threads(tmp_path: Path) -> None:
    contents = {f"{number:02}": os.urandom(50_000) for number in range(20)}
    found = list(sources([archive(tmp_path / "study.zip", contents)]))
    read: dict[str, bytes] = {}
    threads = [threading.Thread(target=lambda s=source: read.update({s.member: s.content()})) for source in found * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == contents


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _spoil_data(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60:80] = b"\xff" * 20
    path.write_bytes(content)


def _lock(path: Path) -> None:
    """Sets the flag of a password in the local header and in the list of members (APPNOTE 4.3.7, 4.3.12)."""
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)


def _pack_oddly(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8:10] = content[content.index(b"PK\1\2") + 10 :][:2] = struct.pack("<H", 97)
    at = content.index(b"PK\1\2") + 10
    content[at : at + 2] = struct.pack("<H", 97)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_cut, "the archive is broken"),
        (_spoil_data, "cannot be unpacked"),
        (_lock, "locked by a password"),
        (_pack_oddly, "cannot be unpacked"),
    ],
)
def test_a_spoilt_archive_says_what_is_wrong_and_the_rest_is_read(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    path = archive(tmp_path / "spoilt.zip", {"a.dcm": os.urandom(4000)})
    spoil(path)
    write_instances(tmp_path / "good", axial_slices(2))
    (source,) = sources([path])
    with pytest.raises(InputError, match=reason):
        source.content()
    read = read_studies([tmp_path])
    assert len(read.studies) == 1
    assert [reason in item.reason for item in read.homeless] == [True]


def test_a_text_called_zip_is_a_file_like_others(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("no archive")
    assert read_studies([tmp_path]).num_skipped == 1


def test_an_archive_inside_an_archive_is_named_not_skipped(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", {"a.dcm": b"x"}).read_bytes()
    path = archive(tmp_path / "outer.zip", {"inner.zip": inner})
    (item,) = read_studies([path]).homeless
    assert (item.name, "unpack it" in item.reason) == ("outer.zip!inner.zip", True)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written, written.open("a.dcm", "w") as member:
        for _ in range(80):
            member.write(bytes(1 << 20))
    monkeypatch.setattr(zlib, "decompressobj", None)  # whatever unpacks anything now fails otherwise
    (source,) = sources([path])
    with pytest.raises(InputError, match="unpacks to 80 MiB"):
        source.content()


def test_a_bomb_that_lies_about_its_size_unpacks_no_more_than_it_says(tmp_path: Path) -> None:
    path = archive(tmp_path / "bomb.zip", {"a.dcm": bytes(5 << 20)})
    content = bytearray(path.read_bytes())
    listed = content.index(b"PK\1\2")
    for at in (22, listed + 24):  # the size unpacked, in the local header and in the list
        content[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(content)
    (source,) = sources([path])
    tracemalloc.start()
    with pytest.raises(InputError, match="cannot be unpacked"):
        source.content()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20


def test_a_big_member_that_packs_as_images_do_is_read(tmp_path: Path) -> None:
    noise = os.urandom(1 << 20)
    path = archive(tmp_path / "big.zip", {"a.dcm": noise * 70}, zipfile.ZIP_STORED)
    (source,) = sources([path])
    assert isinstance(source, ArchiveSource)
    assert len(source.content()) == 70 << 20
