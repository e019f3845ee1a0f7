"""The digest of a study: of the data sets of its images, whatever their file meta information and whatever stands beside them."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import update

from serving.database.tables import InstanceRow
from serving.deliver.study_digest import data_set_digest, digest_of, study_digest
from tests.serving.conftest import object_bytes
from tests.serving.deliver.judged_studies import Judged, judge, told
from tests.serving.made_rows import Clock, made_instance
from tests.serving.transfer.conftest import Service


def test_a_data_set_is_what_stands_behind_the_meta_information(tmp_path: Path) -> None:
    content = object_bytes()
    begins = 132 + 12 + int.from_bytes(content[140:144], "little")  # PS3.10 7.1: preamble, DICM, group length, group
    (tmp_path / "a").write_bytes(content)
    assert data_set_digest(tmp_path / "a") == hashlib.sha256(content[begins:]).hexdigest()
    (tmp_path / "b").write_bytes(b"x" * 128 + content[128:])
    assert data_set_digest(tmp_path / "a") == data_set_digest(tmp_path / "b")


def test_a_study_is_its_images_in_any_order() -> None:
    by_hand = "sha256:" + hashlib.sha256(b"1.2 aa\n1.3 bb\n").hexdigest()
    assert digest_of([("1.3", "bb"), ("1.2", "aa")]) == digest_of([("1.2", "aa"), ("1.3", "bb")]) == by_hand


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_objects_are_read_once_and_documents_are_none_of_it(service: Service, clock: Clock, hand: Judged) -> None:
    opened = service.opened
    verdict_id = judge(opened, hand).verdict.id
    with opened.database.writing() as session:
        made_instance(session, told(opened, verdict_id).study, 9, rows=0, modality="SR")
    first = study_digest(told(opened, verdict_id), opened.database, opened.archive)
    for row in told(opened, verdict_id).images:
        assert row.data_set_digest is not None
        opened.archive.delete(row.archive_key)
    assert study_digest(told(opened, verdict_id), opened.database, opened.archive) == first
    with opened.database.writing() as session:
        session.execute(update(InstanceRow).where(InstanceRow.rows > 0).values(data_set_digest="0" * 64))
    assert study_digest(told(opened, verdict_id), opened.database, opened.archive) != first
