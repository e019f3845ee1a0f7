"""Evidence: all that a check may look at. A check receives nothing else: no file, no setting, no clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qc_models.facts import StackFacts
from qc_models.frame_statistics import FrameStatistics
from qc_models.model_outputs import Prediction
from qc_models.stack import Stack
from qc_models.study import Frame, Instance, Study

FrameKey = tuple[str, int]  # SOPInstanceUID, frame index
StackKey = tuple[str, int]  # SeriesInstanceUID, index of the stack


@dataclass(frozen=True, slots=True)
class PixelFailure:
    """A frame whose pixels could not be decoded; `reason` says why and what to do."""

    series_instance_uid: str
    sop_instance_uid: str
    frame: int | None
    reason: str


@dataclass(frozen=True)
class Evidence:
    """One study, its stacks (index for index with `stack_facts`), and what the pixels told where they were looked at.

    `predictions` is what models say of a stack, by the name of each. `stack_facts` may rest on them; `read_facts` is what headers
    and texts alone tell (empty: the same).
    """

    study: Study
    stacks: tuple[Stack, ...]
    stack_facts: tuple[StackFacts, ...]
    statistics: Mapping[FrameKey, FrameStatistics] | None = None  # None: pixels were not looked at
    pixel_failures: tuple[PixelFailure, ...] = ()
    predictions: Mapping[StackKey, Mapping[str, Prediction]] = field(default_factory=dict)
    read_facts: tuple[StackFacts, ...] = ()
    _instances: dict[str, Instance] = field(default_factory=dict)

    def instance(self, frame: Frame) -> Instance:
        """The instance of a frame, for what its header says beyond the frame."""
        if not self._instances:
            self._instances.update({instance.sop_instance_uid: instance for instance in self.study.instances})
        return self._instances[frame.sop_instance_uid]

    def seen_stacks(self) -> Iterator[tuple[StackFacts, Mapping[str, Prediction]]]:
        """Of each stack that a model looked at, what headers and texts alone tell, and what models say."""
        for facts in self.read_facts or self.stack_facts:
            if said := self.predictions.get((facts.series_instance_uid, facts.index)):
                yield facts, said

    def statistics_of(self, frame: Frame) -> FrameStatistics | None:
        """The statistics of a frame; None where pixels were not looked at or did not decode."""
        return self.statistics.get((frame.sop_instance_uid, frame.index)) if self.statistics is not None else None
