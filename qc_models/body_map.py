"""A map of body parts: how many steps lie between two regions, 0 where one contains the other."""

from collections.abc import Iterable, Mapping
from functools import cache

# The body as chains of parts; neighbours in a chain are one step apart. A region covers the parts named for it.
_CHAINS = (
    ("head", "neck", "chest", "abdomen", "pelvis", "hip", "upper leg", "knee", "lower leg", "ankle", "foot"),
    ("chest", "shoulder", "upper arm", "elbow", "forearm", "wrist", "hand"),
)
_PARTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("head", "brain", "face", "nasal", "orbit", "pituitary", "sinus", "skull", "temporal_bone"), ("head",)
    ),
    **dict.fromkeys(("neck", "cspine"), ("neck",)),
    **dict.fromkeys(("chest", "heart", "breast", "tspine"), ("chest",)),
    "ribs": ("chest", "abdomen"),
    "abdomen": ("abdomen",),
    "lspine": ("abdomen", "pelvis"),
    **dict.fromkeys(("pelvis", "prostate", "sacrum"), ("pelvis",)),
    "fullspine": ("neck", "chest", "abdomen", "pelvis"),
    "clavicle": ("chest", "shoulder"),
    "shoulder": ("shoulder",),
    "humerus": ("shoulder", "upper arm", "elbow"),
    "elbow": ("elbow",),
    "forearm": ("elbow", "forearm", "wrist"),
    "wrist": ("wrist",),
    **dict.fromkeys(("hand", "finger"), ("hand",)),
    "hip": ("pelvis", "hip"),
    **dict.fromkeys(("femur", "thigh"), ("hip", "upper leg", "knee")),
    **dict.fromkeys(("knee", "patella"), ("knee",)),
    "tibia": ("knee", "lower leg", "ankle"),
    "ankle": ("ankle",),
    "calcaneus": ("ankle", "foot"),
    **dict.fromkeys(("foot", "toe"), ("foot",)),
}  # `phantom` lies nowhere on it: body_part.content measures phantoms


@cache
def steps_between(first: str, second: str) -> int:
    """How many steps lie between two parts of the body map."""
    chain_of = {part: (chain, chain.index(part)) for chain in reversed(_CHAINS) for part in chain}
    (a, i), (b, j) = chain_of[first], chain_of[second]
    if a is b:
        return abs(i - j)
    limb_place, trunk_place = (i, j) if a is _CHAINS[1] else (j, i)
    return limb_place + abs(trunk_place - _CHAINS[0].index(_CHAINS[1][0]))


def parts_between(first: Iterable[str], second: Iterable[str]) -> int:
    """How far apart two sets of region ids lie at least; 0 where either is empty or not on the map."""
    ours = {part for region in first for part in _PARTS.get(region, ())}
    theirs = {part for region in second for part in _PARTS.get(region, ())}
    return min((steps_between(a, b) for a in ours for b in theirs), default=0)
