"""What the header of a stack's middle frame says, the same way for classic and enhanced objects."""

from collections.abc import Iterable
from dataclasses import dataclass

from qc_models.dicom.header import Header
from qc_models.stack import Stack
from qc_models.study import Frame, Instance

# The functional groups that hold what a classic header holds at its top level (PS3.3 C.7.6.16, C.8.13, C.8.15).
_GROUPS = (
    "MRImageFrameTypeSequence",
    "MRTimingAndRelatedParametersSequence",
    "MRModifierSequence",
    "MREchoSequence",
    "MRDiffusionSequence",
    "MRVelocityEncodingSequence",
    "MRArterialSpinLabelingSequence",
    "CTImageFrameTypeSequence",
    "CTAcquisitionTypeSequence",
    "CTAcquisitionDetailsSequence",
    "CTReconstructionSequence",
    "CTXRayDetailsSequence",
    "ContrastBolusUsageSequence",
    "CardiacSynchronizationSequence",
    "FrameAnatomySequence",
    "FrameVOILUTSequence",
    "FrameContentSequence",
)


@dataclass(frozen=True, slots=True)
class Clues:
    """The header of one frame with its functional groups, `words` of its ImageType, and its own `frame`."""

    frame: Frame
    places: tuple[Header, ...]
    words: frozenset[str]

    @property
    def header(self) -> Header:
        """The top level of the header."""
        return self.places[0]

    def text(self, *keywords: str) -> str:
        """The first value of the first attribute that has one, upper case; empty without."""
        return next((value.upper() for value in self._texts(keywords) if value), "")

    def texts(self, keyword: str) -> frozenset[str]:
        """All values of an attribute, upper case, from the first place that has it."""
        for place in self.places:
            if values := place.texts(keyword):
                return frozenset(value.upper() for value in values)
        return frozenset()

    def number(self, *keywords: str) -> float | None:
        """The first value of the first attribute that is a number."""
        for keyword in keywords:
            for place in self.places:
                value = place.number(keyword)
                if value is not None:
                    return value
        return None

    @property
    def description(self) -> str:
        """SeriesDescription, upper case."""
        return self.text("SeriesDescription")

    def _texts(self, keywords: Iterable[str]) -> Iterable[str]:
        return (place.text(keyword) or "" for keyword in keywords for place in self.places)


def clues_of(stack: Stack, instances: dict[str, Instance]) -> Clues:
    """The clues of the middle frame of a stack; `instances` by SOPInstanceUID."""
    frame = stack.frames[len(stack.frames) // 2]
    header = instances[frame.sop_instance_uid].header
    places = [header]
    own = header.items("PerFrameFunctionalGroupsSequence")[frame.index : frame.index + 1]
    for groups in (*own, *header.items("SharedFunctionalGroupsSequence")[:1]):
        places.extend(item for keyword in _GROUPS for item in groups.items(keyword)[:1])
    words = {word.upper() for word in (*frame.image_type, *header.texts("ImageType"))}
    return Clues(frame, tuple(places), frozenset(words))
