"""A stack on its way to its facts: what is known of it already, and the role that it has been given so far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qc_models.roles.clues import Clues
from qc_models.roles.contrast import Contrast
from qc_models.stack import Stack
from qc_models.vocabulary import Plane, Source


@dataclass
class Draft:
    """One stack; `roles` holds the shown role first. Role readers fill in what is behind `acquisition`."""

    stack: Stack
    clues: Clues
    nearest_plane: Plane | None
    regions: tuple[str, ...]
    extent_mm: tuple[float, float] | None
    contrast: Contrast
    acquisition: str = ""
    roles: tuple[str, ...] = ()
    source: Source = "header"
    derived: bool = False

    @property
    def role(self) -> str | None:
        """The role shown."""
        return self.roles[0] if self.roles else None

    @property
    def is_localizer(self) -> bool:
        """Whether it has been found to be no picture for diagnosis."""
        return self.role == "LOC"

    @property
    def began_s(self) -> float | None:
        """When its first frame was taken, in seconds since midnight."""
        times = [frame.acquisition_time_s for frame in self.stack.frames if frame.acquisition_time_s is not None]
        return min(times, default=None)

    def claim(self, source: Source, *roles: str | None) -> None:
        """Takes roles, the one to show first."""
        self.roles = tuple(dict.fromkeys(role for role in roles if role))
        self.source = source


def same_coverage(a: Draft, b: Draft) -> bool:
    """Whether two stacks show the same stretch of the same patient: at least half of the shorter one."""
    if a.stack.frames[0].frame_of_reference_uid != b.stack.frames[0].frame_of_reference_uid:
        return False
    if a.extent_mm is None or b.extent_mm is None:
        return False
    common = min(a.extent_mm[1], b.extent_mm[1]) - max(a.extent_mm[0], b.extent_mm[0])
    return common * 2 >= min(a.extent_mm[1] - a.extent_mm[0], b.extent_mm[1] - b.extent_mm[0]) > 0


def name_acquisitions(drafts: Sequence[Draft]) -> None:
    """Gives all reconstructions of one acquisition one name: same frame of reference, same AcquisitionNumber, times that overlap.

    In MR the number says little and the time alone decides. Names count up in order of time.
    """
    groups: list[list[Draft]] = []
    for draft in sorted(drafts, key=lambda draft: (draft.began_s or 0.0, draft.stack.series_instance_uid, draft.stack.index)):
        home = next((group for group in groups if any(_same_acquisition(draft, other) for other in group)), None)
        groups.append([draft]) if home is None else home.append(draft)
    for number, group in enumerate(groups, 1):
        for draft in group:
            draft.acquisition = str(number)


OVERLAP_S = 3.0  # recons of one acquisition start within a rotation or two of each other


def _same_acquisition(a: Draft, b: Draft) -> bool:
    if a.stack.modality != b.stack.modality:
        return False
    if a.stack.frames[0].frame_of_reference_uid != b.stack.frames[0].frame_of_reference_uid:
        return False
    numbers_a, numbers_b = _numbers(a.stack), _numbers(b.stack)
    if a.stack.modality == "CT" and numbers_a and numbers_b and not numbers_a & numbers_b:
        return False
    times_a, times_b = _times(a.stack), _times(b.stack)
    if not times_a or not times_b:
        return a.stack.modality == "CT" and bool(numbers_a & numbers_b)
    return min(times_a) <= max(times_b) + OVERLAP_S and min(times_b) <= max(times_a) + OVERLAP_S


def _numbers(stack: Stack) -> set[int]:
    return {frame.acquisition_number for frame in stack.frames if frame.acquisition_number is not None}


def _times(stack: Stack) -> list[float]:
    return [frame.acquisition_time_s for frame in stack.frames if frame.acquisition_time_s is not None]
