"""Scouts, localizers, bolus tracking, dose pages and screenshots: stacks that fill no component and change no range."""

from collections.abc import Sequence

from qc_models.roles.clues import Clues
from qc_models.roles.plane import nearest_plane_of
from qc_models.roles.text_roles import role_in_text
from qc_models.stack import Stack
from qc_models.vocabulary import Source

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# CT, MR, and their enhanced images, which must have a position (PS3.3 A.3, A.4).
PLACED_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4"))
_LOCALIZER_WORDS = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM"})
_PAGE_WORDS = ("SCREEN SAVE", "SCREENSAVE", "SCREENSHOT", "SCREEN CAPTURE", "DOSE")

FEW_FRAMES = 3  # a scout inside a series
FAR = 1.5  # times the width and the spacing of the slices that it is taken for
MANY_SLICES = 10  # the series that it was taken for
MOST_LOCALIZER_SLICES = 15  # of one plane of a three-plane localizer
LONGEST_DESCRIBED = 40  # slices of CT; a longer stack is no scout whatever its description says
FAST_TR_MS = 20.0
TRACKING_FRAMES = 5  # at one place


def localizer_source(stack: Stack, clues: Clues, series: Sequence[Stack], most_slices: int) -> Source | None:
    """Who says that a stack is a localizer or no picture for diagnosis; None where it is one.

    `series` are all stacks of its series, `most_slices` the slices of the largest stack of this modality in the study.
    """
    if clues.words & _LOCALIZER_WORDS or any(
        word.startswith(_PAGE_WORDS) or word.endswith(" PROT") for word in clues.words
    ):
        return "header"
    if stack.modality not in ("CT", "MR"):
        return None
    sop_class = clues.text("SOPClassUID")
    if sop_class.startswith(_SECONDARY_CAPTURE):
        return "header"
    lost_its_place = stack.normal is None and sop_class in PLACED_CLASSES  # a damaged picture, whatever it looks like
    if not lost_its_place and _looks_like_one(stack, clues, series, most_slices):
        return "header"
    described = role_in_text(clues.description, stack.modality) == "LOC"
    return "text" if described and (stack.modality == "MR" or stack.num_slices <= LONGEST_DESCRIBED) else None


def _looks_like_one(stack: Stack, clues: Clues, series: Sequence[Stack], most_slices: int) -> bool:
    if _is_scout_in_series(stack, series):
        return True
    if stack.modality == "CT":
        return _is_ct_localizer(stack, alone=len(series) == 1, most_slices=most_slices)
    return _is_mr_localizer(clues, series)


def _is_scout_in_series(stack: Stack, series: Sequence[Stack]) -> bool:
    """A few frames of another plane, far other size and spacing, or without geometry, beside the many of the series."""
    main = max(series, key=lambda other: other.num_slices)
    if len(stack.frames) > FEW_FRAMES or main.num_slices < MANY_SLICES or main.normal is None:
        return False
    if nearest_plane_of(stack.normal) != nearest_plane_of(main.normal):
        return True
    # A slice of the series whose matrix or spacing is off is no scout: it has the series' own thickness.
    return _far(_width_mm(stack), _width_mm(main)) and _far(_spacing_mm(stack), _spacing_mm(main))


def _width_mm(stack: Stack) -> float | None:
    frame = stack.frames[0]
    return frame.columns * frame.pixel_spacing_mm[1] if frame.pixel_spacing_mm else None


def _spacing_mm(stack: Stack) -> float | None:
    return stack.step_mm or stack.slice_thickness_mm


def _far(own: float | None, others: float | None) -> bool:
    return bool(own and others) and not 1 / FAR <= (own or 0.0) / (others or 1.0) <= FAR


def _is_ct_localizer(stack: Stack, *, alone: bool, most_slices: int) -> bool:
    """One place looked at again and again (bolus tracking), a series of one place, or one or two frames that are not axial."""
    if stack.num_slices <= 2 and len(stack.frames) >= TRACKING_FRAMES * stack.num_slices:
        return True
    if alone and stack.num_slices == 1 and most_slices >= MANY_SLICES:
        return True
    return len(stack.frames) <= 2 and nearest_plane_of(stack.normal) in ("sagittal", "coronal")


def _is_mr_localizer(clues: Clues, series: Sequence[Stack]) -> bool:
    """Several planes of few slices each in one series: all three, or two where the sequence is a fast gradient echo.

    Rotated slabs for the bile ducts (echo times that only fluid survives) and beating hearts look like it and are not.
    """
    planes = {nearest_plane_of(stack.normal) for stack in series} - {None}
    few = all(max(stack.num_slices, len(stack.frames)) <= MOST_LOCALIZER_SLICES for stack in series)
    fast = (clues.number("RepetitionTime") or FAST_TR_MS) < FAST_TR_MS
    late = (clues.frame.echo_time_ms or 0.0) >= 200
    return few and not late and (len(planes) == 3 or (len(planes) == 2 and fast))
