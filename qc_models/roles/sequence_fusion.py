"""Who says which sequence an MR stack is: its parameters, its pixels, its description, in this order.

Pixels speak where nothing else does, and over a description that they exclude; parameters stand, and what pixels say against them
is for a person. A model contradicts only where it is sure, and only between sequences that it learned: of others it knows nothing.
"""

from collections.abc import Sequence

from qc_models.roles.conflict import conflicts
from qc_models.roles.seen import ENOUGH, Seen
from qc_models.vocabulary import Source
from qc_models.zoo.mr_sequence import SEQUENCES

SURE = 0.95  # probability from which pixels contradict
# What looks like a learned sequence but for fat, or but for agent: it is judged as that one.
_LOOKS_LIKE = {"T1C": "T1", "DYNAMIC": "T1", "T2FS": "T2"}


def contradicted(roles: Sequence[str], seen: Seen) -> bool:
    """Whether pixels exclude all that was read."""
    known = {role: _LOOKS_LIKE.get(role, role) for role in roles}
    learned = bool(known) and set(known.values()) <= set(SEQUENCES)
    sure = seen.role is not None and seen.role_probability >= SURE
    return sure and learned and all(conflicts(role, seen.role) for role in (*known, *known.values()))


def pixels_speak(roles: Sequence[str], source: Source, seen: Seen) -> bool:
    """Whether the role of a stack is that of the pixels, given what was read and where."""
    if not roles:
        return seen.role is not None and seen.role_probability > ENOUGH
    return source == "text" and contradicted(roles, seen)
