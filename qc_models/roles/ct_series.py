"""The roles of the CT stacks of a study: phase, what they were reconstructed for, and what was calculated of them."""

import re
from collections.abc import Sequence

from qc_models.roles.clues import Clues
from qc_models.roles.ct_kernel import reconstructed_for
from qc_models.roles.ct_phase import assign_phases
from qc_models.roles.draft import Draft
from qc_models.roles.text_roles import role_in_text

# Monoenergetic images that look like a usual scan at 120 kV; those far from it must not stand for one (40 keV, 190 keV).
USUAL_KEV = range(55, 81)

_PROJECTIONS = frozenset({"MIP", "MAX_IP", "MINIP", "MIN_IP", "MNIP", "PROJECTION IMAGE", "PROJECTION"})
_REFORMATS = frozenset({"MPR", "REFORMATTED", "CURVED", "CPR", "RESAMPLED", "CSA MPR"})
_RENDERED = frozenset({"VRT", "VR", "VOLREN", "SSD"})
_MATERIAL = re.compile(
    r"\bVNC\b|VIRTUAL NON|\bTNC\b|IODINE|IODMAP|\bPBV\b|\bZ ?EFF|\bRHO\b|ELECTRON DENS|URIC|FAT ?MAP|OVERLAY|碘图"
)
_KEV = re.compile(r"(\d{2,3}) ?_?KEV")


def assign_ct_roles(drafts: Sequence[Draft]) -> None:
    """Gives the CT drafts of one study their roles; what was calculated from them gets none, and is marked derived."""
    for draft in drafts:
        draft.derived = is_reformat(draft)
    calculated = [draft for draft in drafts if draft.role is None and _is_calculated(draft.clues)]
    for draft in calculated:
        draft.derived = True
    for draft in drafts:
        if draft.role is None and _is_projection(draft.clues):
            draft.claim("header" if draft.clues.words & _PROJECTIONS else "text", "MIP")
            draft.derived = True
    phased = [draft for draft in drafts if draft.role is None and draft not in calculated]
    assign_phases(phased)
    for draft in phased:
        draft.claim(draft.source, *draft.roles, *reconstructed_for(draft.clues, draft.regions))


def is_reformat(draft: Draft) -> bool:
    """Whether a stack was cut out of another: it says so, or calls itself derived and is not axial."""
    words = draft.clues.words
    return "DERIVED" in words and (bool(words & _REFORMATS) or draft.nearest_plane in ("coronal", "sagittal"))


def _is_calculated(clues: Clues) -> bool:
    """Colour, volume rendering, one material alone, or an energy far from that of a usual scan."""
    said = " ".join((*sorted(clues.words), clues.description))
    kev = _KEV.search(said)
    return (
        (clues.number("SamplesPerPixel") or 1) > 1
        or bool(clues.words & _RENDERED)
        or _MATERIAL.search(said) is not None
        or (kev is not None and int(kev[1]) not in USUAL_KEV)
    )


def _is_projection(clues: Clues) -> bool:
    return bool(clues.words & _PROJECTIONS) or role_in_text(clues.description, "CT") == "MIP"
