"""A stack on its way to its facts: what is known of it already, and the role that it has been given so far."""

from dataclasses import dataclass
from functools import cached_property

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
    b_values: tuple[float, ...] = ()  # s/mm²

    @property
    def role(self) -> str | None:
        """The role shown."""
        return self.roles[0] if self.roles else None

    @cached_property
    def taken_s(self) -> tuple[float, float] | None:
        """When its first and its last frame were taken, in seconds since midnight; None where no frame tells."""
        times = [frame.acquisition_time_s for frame in self.stack.frames if frame.acquisition_time_s is not None]
        return (min(times), max(times)) if times else None

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
