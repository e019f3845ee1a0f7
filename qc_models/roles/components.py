"""Which components of an exam item a stack fills: a pure function of the facts of the stacks beside it."""

from collections.abc import Iterable, Iterator, Sequence

from qc_models.facts import StackFacts
from qc_models.roles.xr_view import components_of_view
from qc_models.vocabulary import COMPONENTS, MR_PLANES, MR_WEIGHTS, Modality

THIN_MM = 1.5
OVERLAP = 1.1  # the step may exceed the thickness by rounding, no more: else there is a gap
ISOTROPIC_MM = 1.5
FEWEST_ISOTROPIC_SLICES = 32
LOW_B, HIGH_B = 100.0, 400.0  # s/mm²
IMPLIES_ENHANCED = frozenset({"arterial", "portal", "delayed"})

_FILLS_NOTHING = frozenset({"LOC", "SUB", "PHASE", "FIELDMAP"})


def components_of(facts: StackFacts, beside: Sequence[StackFacts]) -> tuple[str, ...]:
    """The tokens of `vocabulary.COMPONENTS` that a stack fills; `beside` are all stacks of its series and its acquisition."""
    if facts.role is None and facts.modality != "XR":
        return ()
    if _FILLS_NOTHING.intersection(facts.roles):
        return ()
    if facts.role == "MIP":
        return ("MIP",)
    if facts.modality in ("CT", "MR") and is_alone(facts, beside) and "MRCP" not in facts.roles:
        return ()
    if facts.modality == "XR":
        return _known(components_of_view(facts.view.label, facts.laterality), "XR")
    if facts.modality == "CT":
        return _known(_ct(facts), "CT")
    return _known(_mr(facts, beside), "MR") if facts.modality == "MR" else ()


def is_alone(facts: StackFacts, beside: Sequence[StackFacts]) -> bool:
    """Whether a stack is one image and no more in its series: one slice shows no organ (but a thick slab the bile ducts)."""
    return facts.num_frames == 1 and all(
        other.index == facts.index for other in beside if other.series_instance_uid == facts.series_instance_uid
    )


def _known(tokens: Iterable[str], modality: Modality) -> tuple[str, ...]:
    return tuple(dict.fromkeys(token for token in tokens if token in COMPONENTS[modality]))


def _ct(facts: StackFacts) -> Iterator[str]:
    yield from facts.roles
    if IMPLIES_ENHANCED.intersection(facts.roles):
        yield "enhanced"
    if facts.nearest_plane in ("coronal", "sagittal"):
        yield facts.nearest_plane
    elif is_thin(facts):
        yield "thin"


def is_thin(facts: StackFacts) -> bool:
    """Whether an axial stack is thin enough, and without gaps, to cut other planes out of it."""
    thickness, step = facts.slice_thickness_mm, facts.step_mm
    if thickness is None or step is None or facts.num_slices < 2:
        return False
    return thickness <= THIN_MM * 1.01 and step <= thickness * OVERLAP


def _mr(facts: StackFacts, beside: Sequence[StackFacts]) -> Iterator[str]:
    planes = [token for token, plane in MR_PLANES.items() if plane == facts.nearest_plane or is_isotropic(facts)]
    for role in facts.roles:
        if role not in MR_WEIGHTS:
            yield role
        elif role != "DWI" or has_low_and_high_b(beside):
            yield from (f"{plane}_{role}" for plane in planes)


def is_isotropic(facts: StackFacts) -> bool:
    """Whether a volume can be cut in every plane: voxels of 1.5 mm at most, and enough of them."""
    if facts.pixel_spacing_mm is None or facts.step_mm is None or facts.num_slices < FEWEST_ISOTROPIC_SLICES:
        return False
    return max(*facts.pixel_spacing_mm, facts.step_mm) <= ISOTROPIC_MM * 1.01


def has_low_and_high_b(beside: Sequence[StackFacts]) -> bool:
    """Whether diffusion images of one series hold a low and a high b-value; maps of diffusion do not count.

    Where no header tells a b-value (private attributes are lost in transit), each place must have been taken twice at least.
    """
    diffusion = [facts for facts in beside if facts.role == "DWI"]
    b_values = [b for facts in diffusion for b in facts.b_values]
    if not b_values:
        return any(facts.num_frames >= 2 * facts.num_slices for facts in diffusion)
    return min(b_values) <= LOW_B and max(b_values) >= HIGH_B
