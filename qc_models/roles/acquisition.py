"""Which stacks are reconstructions of one acquisition: thin, thick, bone and lung of one scan are one phase, not four."""

from collections.abc import Sequence

from qc_models.roles.draft import Draft

CT_OVERLAP_S = 3.0  # reconstructions of one scan begin within a rotation or two of each other
MR_OVERLAP_S = 0.5


def name_acquisitions(drafts: Sequence[Draft]) -> None:
    """Gives all reconstructions of one acquisition one name, counted up in order of time.

    They share frame of reference and times that overlap; in CT the AcquisitionNumber too. Where CT tells no time, the number
    alone decides; elsewhere a stack without time stands alone.
    """
    groups: list[list[tuple[Draft, frozenset[int]]]] = []
    for draft in sorted(drafts, key=_order):
        numbers = frozenset(
            frame.acquisition_number for frame in draft.stack.frames if frame.acquisition_number is not None
        )
        member = (draft, numbers)
        home = next((group for group in groups if any(_same(member, other) for other in group)), None)
        groups.append([member]) if home is None else home.append(member)
    for number, group in enumerate(groups, 1):
        for draft, _ in group:
            draft.acquisition = str(number)


def _order(draft: Draft) -> tuple[float, str, int]:
    return (draft.taken_s[0] if draft.taken_s else 0.0, draft.stack.series_instance_uid, draft.stack.index)


def _same(a: tuple[Draft, frozenset[int]], b: tuple[Draft, frozenset[int]]) -> bool:
    (one, numbers), (other, other_numbers) = a, b
    modality = one.stack.modality
    if modality != other.stack.modality:
        return False
    if one.stack.frames[0].frame_of_reference_uid != other.stack.frames[0].frame_of_reference_uid:
        return False
    if modality == "CT" and numbers and other_numbers and not numbers & other_numbers:
        return False
    if one.taken_s is None or other.taken_s is None:
        return modality == "CT" and bool(numbers & other_numbers)
    overlap = CT_OVERLAP_S if modality == "CT" else MR_OVERLAP_S
    return one.taken_s[0] <= other.taken_s[1] + overlap and other.taken_s[0] <= one.taken_s[1] + overlap
