"""What a CT reconstruction is made for, bone or lung: by its kernel, vendor by vendor, or by the window it was saved with."""

import re
from typing import Literal

from qc_models.roles.clues import Clues

Kernel = Literal["soft", "sharp", "bone", "lung"]

SHARP_FROM = 57  # Siemens numbers sharpness 10-99: Bl57 and Br59 are for the lung, B60 and above for bone
LUNG_SERIES = 50  # ... but B50 to B56 and Bl50 to Bl56 are the older names of lung kernels
BONE_WINDOW = (250.0, 1500.0)  # HU: least centre and width
LUNG_WINDOW = (-300.0, 1000.0)  # HU: highest centre, least width

_SIEMENS = re.compile(r"(?P<part>[BHUTJIDQS][A-Z]?)(?P<number>\d{2})[A-Z]?\d?(?:[\\ /].*)?")
_CANON = re.compile(r"FC(?P<number>\d{2})")
# Canon: FC30-35 inner ear and bone, FC80 to FC85 high-resolution bone, FC50-59 and FC86 lung.
_CANON_BONE = frozenset({*range(30, 36), *range(80, 86)})
_CANON_LUNG = frozenset({*range(50, 60), 86, 87})
# GE and Philips, and the words that all others build their names of.
_NAMED: dict[str, Kernel] = {
    "BONE": "bone",
    "BONEPLUS": "bone",
    "EDGE": "bone",
    "DETAIL": "sharp",
    "ULTRA": "sharp",
    "LUNG": "lung",
    "D": "sharp",
    "E": "bone",
    "L": "lung",
    "YC": "sharp",
    "YD": "bone",
    "YE": "bone",
}
_WORDS: tuple[tuple[str, Kernel], ...] = (
    ("LUNG", "lung"),
    ("BONE", "bone"),
    ("SHARP", "sharp"),
    ("DETAIL", "sharp"),
    ("EDGE", "sharp"),
    ("肺", "lung"),
    ("骨", "bone"),
)


def kernel_kind(kernel: str) -> Kernel:
    """What a ConvolutionKernel is for; `sharp` where bone and lung alike are read with it, `soft` for all else."""
    name = kernel.upper().strip()
    if name in _NAMED:
        return _NAMED[name]
    if canon := _CANON.match(name):
        number = int(canon["number"])
        return "bone" if number in _CANON_BONE else "lung" if number in _CANON_LUNG else "soft"
    if siemens := _SIEMENS.fullmatch(name):
        part, number = siemens["part"], int(siemens["number"])
        if part == "BL" and number >= LUNG_SERIES:
            return "lung"
        body = part[0] in "BI"  # I is B reconstructed iteratively, as J is H
        if number >= SHARP_FROM:
            return "sharp" if body else "bone"
        return "lung" if body and number >= LUNG_SERIES else "soft"
    return next((kind for word, kind in _WORDS if word in name), "soft")


def reconstructed_for(clues: Clues, regions: tuple[str, ...]) -> tuple[str, ...]:
    """`bone`, `lung`, both or neither: a sharp kernel shows the lung only where there is one."""
    kinds = {kernel_kind(clues.text("ConvolutionKernel"))}
    group = clues.text("ConvolutionKernelGroup")
    centre, width = clues.number("WindowCenter"), clues.number("WindowWidth")
    if group in ("BONE", "LUNG"):
        kinds.add("bone" if group == "BONE" else "lung")
    if centre is not None and width is not None:
        if centre <= LUNG_WINDOW[0] and width >= LUNG_WINDOW[1]:
            kinds.add("lung")
        if centre >= BONE_WINDOW[0] and width >= BONE_WINDOW[1]:
            kinds.add("bone")
    if "sharp" in kinds:
        kinds.add("bone")
    if kinds & {"bone", "sharp"} and "chest" in regions and "soft" not in kinds:
        kinds.add("lung")
    return tuple(kind for kind in ("bone", "lung") if kind in kinds)
