"""Artifacts that a model sees in the pictures: of each kind, how sure it is that the kind disturbs there.

Direction: higher is worse; probabilities 0 to 1 of the models ct_artifact, mr_artifact and xr_artifact. The value is the highest
that two of three neighbouring frames share, of those that the model was shown along the stack; of a single frame its own. In the
detail stand the range of slices about it that are at least half as sure, and the severity there: 1/3 just visible, 2/3 disturbing,
1 non-diagnostic; and from `TOLD` on the model's coarse map, a hexadecimal digit a cell, row by row. The box covers the cells that
are more than half as high as the highest.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.model_outputs import Floats, Prediction
from qc_models.model_registry import models
from qc_models.roles.seen import DIGITS

Box = tuple[int, int, int, int]
SHARED = 2  # of three neighbouring frames
CELLS = 8  # of the map, along each side
TOLD = 0.25  # probability from which on the map is kept

# What a reviewer reads of each kind, and what to do.
_KINDS: Mapping[str, tuple[str, str, str, str]] = {
    "ct_noise": ("strong noise", "明显噪声", "repeat with the right dose", "请以合适剂量重复扫描"),
    "photon_starvation": ("photon starvation streaks", "光子饥饿条纹", "raise the dose, arms up", "请提高剂量并上举手臂"),
    "ring": ("rings", "环状伪影", "calibrate the detector and repeat", "请校准探测器后重复扫描"),
    "metal_streak": ("metal with streaks", "金属条纹伪影", "remove metal or use its correction", "请去除金属或使用金属伪影校正"),
    "beam_hardening": ("dark bands between bones", "射束硬化暗带", "use the correction for bone", "请使用骨硬化校正"),
    "ct_motion": ("motion", "运动伪影", "repeat with the patient still", "请在患者静止时重复扫描"),
    "fov_truncation": ("a body cut by the scan field", "扫描野截断", "widen the scan field", "请居中患者并扩大扫描野"),
    "mr_motion": ("motion", "运动伪影", "repeat with the patient still", "请在患者静止时重复扫描"),
    "ghost": ("ghosts", "鬼影", "swap phase encoding or gate the movement", "请更换相位编码方向或使用门控"),
    "wrap": ("a body folded over", "卷褶伪影", "widen the field or oversample phase encoding", "请扩大视野或相位过采样"),
    "gibbs": ("ringing of a matrix too coarse", "截断（吉布斯）伪影", "raise the matrix", "请提高采集矩阵"),
    "mr_noise": ("strong noise", "明显噪声", "check the coil; average more", "请检查线圈或增加平均次数"),
    "spike": ("stripes of spikes", "尖峰条纹伪影", "look for sparks of the gradients; repeat", "请查找梯度放电后重复"),
    "zipper": ("a zipper line", "拉链伪影", "close the door, look for leaking radio frequency", "请关闭屏蔽门并查找射频泄漏"),
    "bias_field": ("strong shading", "明显亮度不均", "check the coil's position; correct the shading", "请检查线圈位置并校正亮度"),
    "fat_suppression_failure": ("fat that is not suppressed", "压脂失败", "shim again, or use Dixon", "请重新匀场或改用 Dixon"),
    "xr_noise": ("strong noise", "明显噪声", "repeat with the right dose", "请以合适剂量重复曝光"),
    "under_exposure": ("too little exposure", "曝光不足", "repeat with the right dose", "请以合适剂量重复曝光"),
    "over_exposure": ("too much exposure", "曝光过度", "repeat with the right dose", "请以合适剂量重复曝光"),
    "double_exposure": ("a double exposure", "重复曝光", "repeat on a fresh detector", "请在清空的探测器上重新曝光"),
    "xr_motion": ("motion", "运动模糊", "repeat with a shorter exposure", "请以更短曝光时间重复"),
    "focal_blur": ("blur", "图像模糊", "bring the part to the detector, use the small focus", "请贴近探测器并使用小焦点"),
    "grid_lines": ("lines of a grid", "滤线栅条纹", "use a moving grid", "请使用活动滤线栅"),
    "grid_cutoff": ("grid cutoff", "滤线栅切割", "centre the grid and keep its focal distance", "请居中滤线栅并保持焦距"),
    "dead_lines": ("dead detector lines", "探测器坏线", "calibrate the detector and repeat", "请校准探测器后重复曝光"),
    "collimation_cut": ("a part cut by collimation", "准直遮挡", "open the collimator and repeat", "请打开准直器后重复曝光"),
    "foreign_object": ("a foreign object", "异物", "remove jewellery, buttons and wires", "请去除首饰、纽扣和导线"),
}  # fmt: skip

QUANTITIES = {
    kind: Quantity(
        "1",
        en + " in slices {worst_slices} (probability {value:.2f}, severity {severity:.2f})",
        "第 {worst_slices} 层" + zh + "（概率 {value:.2f}，严重程度 {severity:.2f}）",
        remedy_en,
        remedy_zh,
    )
    for kind, (en, zh, remedy_en, remedy_zh) in _KINDS.items()
}


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Each kind of each stack that a model of artifacts looked at."""
    for facts, predictions in evidence.seen_stacks():
        for prediction in predictions.values():
            if "artifact" in prediction.outputs:
                yield from _measured(facts, prediction)


def shared(values: Sequence[float]) -> tuple[float, int]:
    """The highest value that two of three neighbours share, and which of them holds it; of one alone its own."""
    if len(values) == 1:
        return values[0], 0
    windows = [range(first, min(first + SHARED + 1, len(values))) for first in range(max(1, len(values) - SHARED))]
    at = [sorted(window, key=lambda number: -values[number])[SHARED - 1] for window in windows]
    best = max(at, key=lambda number: values[number])
    return values[best], best


def run_about(values: Sequence[float], at: int) -> tuple[int, int]:
    """First and last of the values in a row about one that are at least half of it."""
    first = last = at
    while first > 0 and values[first - 1] >= values[at] / 2:
        first -= 1
    while last < len(values) - 1 and values[last + 1] >= values[at] / 2:
        last += 1
    return first, last


def map_digits(cells: Floats) -> str:
    """A map [CELLS²] of 0 to 1 as hexadecimal digits, f highest."""
    return "".join(f"{round(15 * float(np.clip(cell, 0, 1))):x}" for cell in cells)


def box_of(cells: Floats, rows: int, columns: int) -> Box | None:
    """Where the map [CELLS²] of a frame is more than half as high as at its highest, in pixels (row, column, height, width).

    The map is of a square in whose middle the frame lies. None where the frame's size is not known, or most of it is meant.
    """
    cells = cells.reshape(CELLS, CELLS)
    down, right = np.nonzero(cells > cells.max() / 2)
    if not len(down) or not rows or not columns or len(down) > CELLS * CELLS / 2:
        return None
    side = max(rows, columns)
    ends = []
    for place, size in ((down, rows), (right, columns)):
        margin = (side - size) / 2
        low, high = (float(number) * side / CELLS - margin for number in (place.min(), place.max() + 1))
        ends.append((max(0, round(low)), min(size, round(high))))
    (top, bottom), (left, far) = ends
    return (top, left, bottom - top, far - left) if bottom > top and far > left else None


def _measured(facts: StackFacts, prediction: Prediction) -> Iterator[Measurement]:
    model = models()[prediction.model]
    order = sorted(range(len(prediction.places)), key=lambda number: prediction.places[number])
    places = [prediction.places[number] for number in order]
    for column, kind in enumerate(model.output("artifact").classes):
        values = [float(value) for value in prediction.outputs["artifact"][order, column]]
        value, at = shared(values)
        first, last = run_about(values, at)
        slices = sorted({places[number][0] + 1 for number in (first, last)})  # as people count
        detail: dict[str, Any] = {
            "severity": round(float(prediction.outputs["severity"][order[at], column]), DIGITS),
            "num_frames": len(values),
            "worst_slice": places[at][0] + 1,
            "worst_slices": "-".join(map(str, slices)),
            "worst_range": [slices[0], slices[-1]],
        }
        slice_index, uid, frame = places[at]
        if value >= TOLD:
            detail["map"] = map_digits(prediction.outputs["where"][order[at]])
        box = box_of(prediction.outputs["where"][order[at]], facts.rows, facts.columns)
        here = Location(facts.series_instance_uid, uid, frame, slice_index, box, facts.index)
        yield Measurement(f"artifacts.seen.{kind}", round(value, DIGITS), "1", here, detail)
