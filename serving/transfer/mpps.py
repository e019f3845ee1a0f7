"""Performed procedure steps: a modality says that it has begun, and at the end which images it made.

Nothing tells better whether a study is all there, so that the study is looked at again at once.
"""

import re
from collections.abc import Callable
from typing import Any, cast

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom.dimse_primitives import N_CREATE, N_SET
from pynetdicom.events import Event
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from qc_models.errors import ServiceError
from serving.closing import ARRIVING
from serving.database.sessions import Database
from serving.database.tables import PerformedStep, StudyRow
from serving.jobs import reason_of
from serving.service_config import ServiceConfig

PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
IN_PROGRESS, ENDED = "IN PROGRESS", ("COMPLETED", "DISCONTINUED")
SUCCESS, INVALID_VALUE, PROCESSING_FAILURE, DUPLICATE, NO_SUCH_OBJECT = 0x0000, 0x0106, 0x0110, 0x0111, 0x0112
NO_LONGER_UPDATED = 0xA710  # error id of a processing failure (PS3.4 table F.7.2-2)
MOST_INSTANCES = 20_000
_IMAGES = ("ReferencedImageSequence", "ReferencedNonImageCompositeSOPInstanceSequence")
_UID = re.compile(r"[0-9.]{1,64}")

log = structlog.get_logger(__name__)


class _NoStepError(Exception):
    """What was said makes no step."""

    def __init__(self, status: int, comment: str, error_id: int | None = None) -> None:
        super().__init__(comment)
        self.answer = Dataset()
        self.answer.Status = status
        self.answer.ErrorComment = comment
        if error_id is not None:
            self.answer.ErrorID = error_id


class PerformedSteps:
    """Writes down what modalities say of their steps; each hospital has its own."""

    def __init__(self, database: Database, config: ServiceConfig) -> None:
        self._database = database
        self._config = config

    def begun(self, event: Event) -> tuple[Dataset | int, Dataset | None]:
        """A step has begun (N-CREATE)."""
        return self._answered(event, self._begin)

    def changed(self, event: Event) -> tuple[Dataset | int, Dataset | None]:
        """A step goes on, or has ended (N-SET)."""
        return self._answered(event, self._change)

    def _answered(
        self, event: Event, act: Callable[[Event, str], Dataset | None]
    ) -> tuple[Dataset | int, Dataset | None]:
        title = event.assoc.requestor.ae_title
        try:
            return SUCCESS, act(event, self._config.hospital_of(title) or "")
        except _NoStepError as error:
            log.info("procedure step refused", sender=title, reason=str(error))
            return error.answer, None
        except ServiceError as error:
            log.warning("procedure step not taken", sender=title, reason=str(error))
            return PROCESSING_FAILURE, None
        except Exception as error:  # whatever a device can send
            log.exception("procedure step not understood", sender=title, reason=reason_of(error), exc_info=False)
            return INVALID_VALUE, None

    def _begin(self, event: Event, hospital_id: str) -> Dataset | None:
        given = cast(N_CREATE, event.request).AffectedSOPInstanceUID
        said = event.attribute_list
        scheduled = said.get("ScheduledStepAttributesSequence") or [Dataset()]
        step = PerformedStep(
            hospital_id=hospital_id,
            sop_instance_uid=_uid(given or generate_uid(), "AffectedSOPInstanceUID"),
            study_uid=_uid(scheduled[0].get("StudyInstanceUID"), "StudyInstanceUID"),
            status=said.get("PerformedProcedureStepStatus"),
            instances=_instances(said),
            updated_at=self._database.now(),
        )
        if step.status != IN_PROGRESS:
            raise _NoStepError(INVALID_VALUE, "a step begins with the status IN PROGRESS")
        try:
            with self._database.writing() as session:
                session.add(step)
        except IntegrityError as error:
            raise _NoStepError(DUPLICATE, "the step was begun before") from error
        if given:
            return None
        created = Dataset()
        created.AffectedSOPInstanceUID = step.sop_instance_uid
        return created

    def _change(self, event: Event, hospital_id: str) -> Dataset | None:
        uid = str(cast(N_SET, event.request).RequestedSOPInstanceUID)
        said = event.modification_list
        status = said.get("PerformedProcedureStepStatus") or IN_PROGRESS
        if status not in (IN_PROGRESS, *ENDED):
            raise _NoStepError(INVALID_VALUE, "the status is none that a step can have")
        instances = _instances(said)
        now = self._database.now()
        with self._database.writing() as session:
            step = session.scalar(
                select(PerformedStep)
                .where(PerformedStep.hospital_id == hospital_id, PerformedStep.sop_instance_uid == uid)
                .with_for_update()
            )
            if step is None:
                raise _NoStepError(NO_SUCH_OBJECT, "the step was never begun here")
            if step.status in ENDED:
                raise _NoStepError(PROCESSING_FAILURE, "the step has ended and is not changed", NO_LONGER_UPDATED)
            step.status, step.updated_at = status, now
            step.instances = instances or step.instances
            if status in ENDED:
                session.execute(
                    update(StudyRow)
                    .where(
                        StudyRow.hospital_id == hospital_id,
                        StudyRow.uid == step.study_uid,
                        StudyRow.state == ARRIVING,
                        StudyRow.close_at > now,
                    )
                    .values(close_at=now)
                )
        return None


def _instances(said: Dataset) -> list[Any]:
    """The SOP instance UIDs of all series that a step names."""
    uids = [
        _uid(item.get("ReferencedSOPInstanceUID"), "ReferencedSOPInstanceUID")
        for series in said.get("PerformedSeriesSequence") or ()
        for images in _IMAGES
        for item in series.get(images) or ()
    ]
    if len(uids) > MOST_INSTANCES:
        raise _NoStepError(INVALID_VALUE, "the step names too many images")
    return sorted(set(uids))


def _uid(value: object, keyword: str) -> str:
    text = str(value or "")
    if not _UID.fullmatch(text):
        raise _NoStepError(INVALID_VALUE, f"{keyword} is absent, or no UID")
    return text
