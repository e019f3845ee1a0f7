"""A modality says which images it made, and the study is looked at again; what makes no step is refused."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from sqlalchemy import select

from serving.database.tables import PerformedStep
from serving.transfer.dimse import Receiver
from serving.transfer.mpps import PERFORMED_STEP
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service

CT = "1.2.840.10008.5.1.4.1.1.2"
CONTEXTS = ((PERFORMED_STEP, [ImplicitVRLittleEndian]), (CT, [ExplicitVRLittleEndian]))
STUDY, STEP = "1.2.826.0.1.3680043.8.498.1", "1.2.5"
Connect = Callable[..., Association]


def dataset(content: dict[str, Any]) -> Dataset:
    """A data set of keywords; a list of mappings is a sequence."""
    made = Dataset()
    for keyword, value in content.items():
        setattr(made, keyword, [dataset(item) for item in value] if isinstance(value, list) else value)
    return made


def begin(association: Association, uid: str | None = STEP, **content: Any) -> tuple[int, str]:
    said = {
        "PerformedProcedureStepStatus": "IN PROGRESS",
        "ScheduledStepAttributesSequence": [{"StudyInstanceUID": STUDY}],
        "PerformedSeriesSequence": [],
        **content,
    }
    answer, _ = association.send_n_create(dataset(said), PERFORMED_STEP, uid)
    return answer.Status, answer.get("ErrorComment", "")


def change(association: Association, status: str, *images: str, uid: str = STEP) -> tuple[int, str]:
    series = {"ReferencedImageSequence": [{"ReferencedSOPInstanceUID": image} for image in images]}
    said = {"PerformedProcedureStepStatus": status, "PerformedSeriesSequence": [series] if images else []}
    answer, _ = association.send_n_set(dataset(said), PERFORMED_STEP, uid)
    return answer.Status, answer.get("ErrorComment", "")


def steps(service: Service) -> list[tuple[str, str, str, str, list[Any]]]:
    with service.opened.database.reading() as session:
        return [
            (step.hospital_id, step.sop_instance_uid, step.study_uid, step.status, step.instances)
            for step in session.scalars(select(PerformedStep))
        ]


def test_a_step_begins_goes_on_and_ends(service: Service, receive: Receiver, connect: Connect) -> None:
    association = connect(receive, *CONTEXTS)
    assert begin(association) == (0x0000, "")
    assert steps(service) == [("city", STEP, STUDY, "IN PROGRESS", [])]
    assert change(association, "IN PROGRESS", "1.2.1") == (0x0000, "")
    assert change(association, "COMPLETED", "1.2.2", "1.2.1", "1.2.2") == (0x0000, "")
    assert steps(service) == [("city", STEP, STUDY, "COMPLETED", ["1.2.1", "1.2.2"])]
    assert change(association, "COMPLETED") == (0x0110, "the step has ended and is not changed")
    assert steps(service)[0][4] == ["1.2.1", "1.2.2"]


def test_the_end_of_a_step_has_its_study_looked_at(service: Service, receive: Receiver, connect: Connect) -> None:
    association = connect(receive, *CONTEXTS)
    begin(association)
    assert association.send_c_store(dcmread(BytesIO(object_bytes()))).Status == 0x0000
    (study,) = service.studies
    assert study.close_at == study.last_instance_at + timedelta(seconds=60)
    change(association, "DISCONTINUED")
    (study,) = service.studies
    assert study.close_at is not None
    assert study.close_at < study.last_instance_at + timedelta(seconds=60)


def test_a_step_without_uid_gets_one(service: Service, receive: Receiver, connect: Connect) -> None:
    assert begin(connect(receive, *CONTEXTS), uid=None) == (0x0000, "")
    assert steps(service)[0][1].startswith("1.2.826.")


def test_a_hospital_changes_its_own_steps_only(service: Service, receive: Receiver, connect: Connect) -> None:
    begin(connect(receive, *CONTEXTS))
    other = connect(receive, *CONTEXTS, title="COUNTY_CT")
    assert change(other, "COMPLETED", "1.2.1") == (0x0112, "the step was never begun here")
    assert begin(other) == (0x0111, "the step was begun before")
    assert steps(service) == [("city", STEP, STUDY, "IN PROGRESS", [])]


@pytest.mark.parametrize(
    ("content", "comment"),
    [
        ({"PerformedProcedureStepStatus": "COMPLETED"}, "a step begins with the status IN PROGRESS"),
        ({"ScheduledStepAttributesSequence": []}, "StudyInstanceUID is absent, or no UID"),
        (
            {"ScheduledStepAttributesSequence": [{"StudyInstanceUID": "1'; DROP TABLE study; --"}]},
            "StudyInstanceUID is absent, or no UID",
        ),
        (
            {"PerformedSeriesSequence": [{"ReferencedImageSequence": [{"ReferencedSOPInstanceUID": "../1"}]}]},
            "ReferencedSOPInstanceUID is absent, or no UID",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
def test_what_is_no_step_is_refused(
    service: Service, receive: Receiver, connect: Connect, content: dict[str, Any], comment: str
) -> None:
    assert begin(connect(receive, *CONTEXTS), **content) == (0x0106, comment)
    assert steps(service) == []


def test_a_status_that_no_step_has_is_refused(service: Service, receive: Receiver, connect: Connect) -> None:
    association = connect(receive, *CONTEXTS)
    begin(association)
    assert change(association, "NEARLY") == (0x0106, "the status is none that a step can have")
    assert steps(service)[0][3] == "IN PROGRESS"
