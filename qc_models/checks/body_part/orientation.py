"""How the patient lies in the image: directions that are directions, the plane that the text names, no mirror image, one order.

Direction: higher is worse. Geometry is ImageOrientationPatient (PS3.3 C.7.6.2.1.1), whose row and column directions always
make a right-handed normal: a mirrored image can only be told where another attribute says otherwise, here PatientOrientation
(C.7.6.1.1.1). Hands, feet and what hangs on them have planes of their own and are not asked for the body's.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.stack import Stack
from qc_models.study import Vector

QUANTITIES = {
    "not_orthonormal": Quantity(
        "1",
        "image row and column are not unit vectors at right angles: off by {value:.3f}",
        "图像行列方向不是相互垂直的单位向量，偏差 {value:.3f}",
        "export the series again with its original geometry",
        "请以原始几何信息重新导出该序列",
    ),
    "plane_conflict": Quantity(
        "deg",
        "{source} says {plane}, but the images stand {value:.0f}° from that plane",
        "{source} 标注为 {plane}，但图像与该平面成 {value:.0f}°",
        "correct the description, or export the series again with its original geometry",
        "请更正序列描述，或以原始几何信息重新导出",
    ),
    "mirrored": Quantity(
        "deg",
        "PatientOrientation {said} and ImageOrientationPatient {found} differ by {value:.0f}°: the image may be mirrored or turned",
        "PatientOrientation（{said}）与 ImageOrientationPatient（{found}）相差 {value:.0f}°，图像可能镜像或旋转",
        "export the series again without flipping or turning the image",
        "请不要翻转或旋转图像，重新导出该序列",
    ),
    "against_convention": Quantity(
        "stacks",
        "the {plane} images are seen from {seen_from}: right and left are exchanged on the screen",
        "{plane} 图像自头侧或背侧观察，屏幕上左右互换",
        "send the images in the usual view; check the patient position that was registered",
        "请按常规观察方向上传，并核对登记的患者体位",
    ),
    "reversed_order": Quantity(
        "images",
        "{value:.0f} of {num_slices} images are numbered out of order along the stack",
        "{num_slices} 幅图像中有 {value:.0f} 幅编号与空间顺序不一致",
        "number the images in order of position and send the series again",
        "请按空间位置顺序编号后重新上传该序列",
    ),
    "decubitus": Quantity(
        "series",
        "the patient lay on the side ({positions}): check side and levels with care",
        "患者为侧卧位（{positions}），请注意左右和液平面判读",
        "state the position in the description",
        "请在序列描述中注明体位",
    ),
    "view_conflict": Quantity(
        "images",
        "the view is {view}, but PatientOrientation {said} is none of a {view} view",
        "投照体位为 {view}，但 PatientOrientation（{said}）与之不符",
        "correct ViewPosition or PatientOrientation and send the image again",
        "请更正投照体位或患者方向后重新上传",
    ),
}

ROUNDING = 1e-3  # of direction cosines as headers write them
OBLIQUE_DEG = 20.0  # nearer to a direction or plane than this, nothing is said
LETTER_DEG = 60.0  # the first letter of a direction is at most 55° from it
OBLIQUE_COSINE = 0.7  # a normal nearer than 45° to a body axis is that axis
# Planes of hands, feet and what hangs on them follow the limb, not the body.
FREE_LIMBS = frozenset("ankle calcaneus elbow finger foot forearm hand toe wrist".split())

# Unit vectors of the patient: x to the left, y to the back, z to the head (C.7.6.2.1.1).
_DIRECTIONS = {
    "L": (1.0, 0.0, 0.0),
    "R": (-1.0, 0.0, 0.0),
    "P": (0.0, 1.0, 0.0),
    "A": (0.0, -1.0, 0.0),
    "H": (0.0, 0.0, 1.0),
    "F": (0.0, 0.0, -1.0),
}
_PLANE_AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}
_PLANE_WORDS = {
    **dict.fromkeys(("AX", "AXI", "AXIAL", "TRA", "TRANS", "TRANSVERSE", "TRANSVERSAL", "TRANSAXIAL"), "axial"),
    **dict.fromkeys(("SAG", "SAGITTAL", "SG"), "sagittal"),
    **dict.fromkeys(("COR", "CORO", "CORONAL"), "coronal"),
}
_PLANE_SIGNS = {
    "轴位": "axial",
    "横断": "axial",
    "横轴": "axial",
    "矢状": "sagittal",
    "矢位": "sagittal",
    "冠状": "coronal",
}
_CORONARY = re.compile(r"CORONAR|CALCIUM|CARD|HEART|\bCTA\b|ANGIO|冠脉|心脏")  # where COR is the heart's, no plane

# The axes that the rows and columns of a radiograph lie along, by view.
_VIEW_AXES = {"AP": {0, 2}, "PA": {0, 2}, "LAT": {1, 2}}
_ON_THE_SIDE = frozenset({"HFDL", "HFDR", "FFDL", "FFDR"})


def off_orthonormal(orientation: Sequence[float]) -> float:
    """How far six direction cosines are from two unit vectors at right angles: max(||r|-1|, ||c|-1|, |r·c|)."""
    row, column = orientation[:3], orientation[3:]
    return max(abs(math.hypot(*row) - 1), abs(math.hypot(*column) - 1), abs(_dot(row, column)))


def angle_deg(first: Vector, second: Vector) -> float:
    """The angle between two unit vectors, 0-180 degrees."""
    return math.degrees(math.acos(max(-1.0, min(1.0, _dot(first, second)))))


def planes_named(text: str) -> frozenset[str]:
    """The planes that a description names as words."""
    words = re.findall(r"[A-Z]+", text.upper())
    named = {_PLANE_WORDS[word] for word in words if word in _PLANE_WORDS}
    return frozenset(named | {plane for sign, plane in _PLANE_SIGNS.items() if sign in text})


def out_of_order(numbers: Sequence[int]) -> int:
    """How many numbers must go before the rest runs one way, up or down: length less the longest run that never turns."""
    return len(numbers) - max(_longest_run(numbers), _longest_run([-number for number in numbers]))


def _longest_run(numbers: Iterable[int]) -> int:
    """The length of the longest subsequence that never falls (patience sorting)."""
    tops: list[int] = []
    for number in numbers:
        place = bisect_right(tops, number)
        tops[place : place + 1] = [number]
    return len(tops)


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """All that orientation tells of each stack, and of the patient's position in each series."""
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        header = evidence.instance(stack.frames[0]).header
        said = tuple(text.upper() for text in header.texts("PatientOrientation"))
        yield from _orthonormality(stack)
        if facts.is_localizer:
            continue
        yield from _plane(stack, facts, header)
        yield from _mirrored(stack, said)
        yield from _convention(stack, facts, said)
        yield from _order(stack)
        if facts.modality == "XR":
            yield from _view(stack, facts, said)
    yield from _decubitus(evidence)


def _orthonormality(stack: Stack) -> Iterator[Measurement]:
    orientations = {frame.image_orientation_patient for frame in stack.frames}
    worst = max((off_orthonormal(orientation) for orientation in orientations if orientation), default=0.0)
    if worst > ROUNDING:
        yield Measurement("body_part.orientation.not_orthonormal", worst, "1", _place(stack))


def _plane(stack: Stack, facts: StackFacts, header: Header) -> Iterator[Measurement]:
    if stack.normal is None or not FREE_LIMBS.isdisjoint(facts.region.label):
        return
    source, named = _named_planes(facts, header)
    if not named:
        return
    angles = {plane: math.degrees(math.acos(min(1.0, abs(stack.normal[_PLANE_AXIS[plane]])))) for plane in named}
    plane = min(angles, key=lambda name: (angles[name], name))
    if angles[plane] > OBLIQUE_DEG:
        detail = {"source": source, "plane": plane}
        yield Measurement("body_part.orientation.plane_conflict", angles[plane], "deg", _place(stack), detail)


def _named_planes(facts: StackFacts, header: Header) -> tuple[str, frozenset[str]]:
    """The first source that names a plane, and the planes that it names."""
    # A reformat keeps the protocol's name, and often the third value of ImageType, of what it was made from.
    keywords = ("SeriesDescription",) if facts.derived else ("SeriesDescription", "ProtocolName")
    texts = {keyword: header.text(keyword) or "" for keyword in keywords}
    is_heart = facts.modality == "CT" and any(_CORONARY.search(text.upper()) for text in texts.values())
    for keyword, text in texts.items():
        if named := planes_named(text) - ({"coronal"} if is_heart else set()):
            return keyword, named
    image_type = tuple(value.upper() for value in header.texts("ImageType"))
    if facts.modality == "CT" and image_type[:3] == ("ORIGINAL", "PRIMARY", "AXIAL"):
        return "ImageType", frozenset({"axial"})
    return "", frozenset()


def _mirrored(stack: Stack, said: tuple[str, ...]) -> Iterator[Measurement]:
    found, named = _directions(stack), _named_directions(said)
    angle = max((angle_deg(a, b) for a, b in zip(found, named, strict=False)), default=0.0)
    if angle > LETTER_DEG:
        detail = {"said": "\\".join(said), "found": "\\".join(map(_letter, found))}
        yield Measurement("body_part.orientation.mirrored", angle, "deg", _place(stack), detail)


def _convention(stack: Stack, facts: StackFacts, said: tuple[str, ...]) -> Iterator[Measurement]:
    directions = _directions(stack) or _named_directions(said)
    if not directions or not FREE_LIMBS.isdisjoint(facts.region.label):
        return
    _, y, z = _cross(*directions)
    # A radiograph's axial view has no such convention: a breast is seen from above.
    from_head = z < -OBLIQUE_COSINE and facts.modality != "XR"
    if from_head or y < -OBLIQUE_COSINE:
        plane, seen_from = ("axial", "the head") if from_head else ("coronal", "behind")
        detail = {"plane": plane, "seen_from": seen_from}
        yield Measurement("body_part.orientation.against_convention", 1.0, "stacks", _place(stack), detail)


def _directions(stack: Stack) -> tuple[Vector, ...]:
    """The directions of row and column as geometry says; none without one."""
    orientation = stack.frames[0].image_orientation_patient
    if orientation is None or stack.normal is None:
        return ()
    return _vector(orientation[:3]), _vector(orientation[3:])


def _named_directions(said: tuple[str, ...]) -> tuple[Vector, ...]:
    """The directions of row and column that PatientOrientation names by their first letters; none where it does not name both."""
    letters = [text[0] for text in said if text[:1] in _DIRECTIONS]
    return tuple(_DIRECTIONS[letter] for letter in letters) if len(letters) == len(said) == 2 else ()


def _order(stack: Stack) -> Iterator[Measurement]:
    numbers = [frame.instance_number for frame in stack.frames if frame.instance_number is not None]
    if stack.normal is None or len(numbers) < len(stack.frames) or any(count > 1 for count in stack.frames_per_slice):
        return
    if wrong := out_of_order(numbers):
        detail = {"num_slices": stack.num_slices}
        yield Measurement("body_part.orientation.reversed_order", float(wrong), "images", _place(stack), detail)


def _view(stack: Stack, facts: StackFacts, said: tuple[str, ...]) -> Iterator[Measurement]:
    expected = _VIEW_AXES.get(facts.view.label or "")
    if expected is None or not facts.region.label or not FREE_LIMBS.isdisjoint(facts.region.label):
        return
    axes = {axis for text in said for axis in range(3) if text[:1] in _DIRECTIONS and _DIRECTIONS[text[0]][axis]}
    if len(axes) == 2 and axes != expected:
        detail = {"view": facts.view.label, "said": "\\".join(said)}
        yield Measurement("body_part.orientation.view_conflict", 1.0, "images", _place(stack), detail)


def _decubitus(evidence: Evidence) -> Iterator[Measurement]:
    positions = {
        series.series_instance_uid: position
        for series in evidence.study.series
        if (position := (series.instances[0].header.text("PatientPosition") or "").upper()) in _ON_THE_SIDE
    }
    if positions:
        detail = {"positions": sorted(set(positions.values()))}
        where = Location(series_instance_uid=next(iter(positions)))
        yield Measurement("body_part.orientation.decubitus", float(len(positions)), "series", where, detail)


def _place(stack: Stack) -> Location:
    only = stack.frames[0].sop_instance_uid if len(stack.frames) == 1 else None
    return Location(series_instance_uid=stack.series_instance_uid, sop_instance_uid=only, stack=stack.index)


def _letter(direction: Vector) -> str:
    """The letter of PatientOrientation that is nearest to a direction."""
    return max(_DIRECTIONS, key=lambda letter: _dot(_DIRECTIONS[letter], direction))


def _vector(values: Sequence[float]) -> Vector:
    x, y, z = values
    return x, y, z


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
