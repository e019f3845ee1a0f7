"""Dead lines of a radiograph's detector: a row or column that is brighter or darker than its neighbours, all along.

Direction: higher is worse. For both directions: how far a pixel stands above or below both pixels two lines before and behind,
clipped at three times the image's mean; `line_contrast` = |mean along the line| over the mean absolute value of the lines
beside (median of 15, the greater side; at least half of the image's mean). Noise alone stays under 0.6, a dead line reaches 2
to 3. The box is the line.

A straight edge of a collimator, an implant or a marker along the grid raises it.
"""

from collections.abc import Iterable

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import line_box, line_scores
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

QUANTITIES = {
    "line_contrast": Quantity(
        "1",
        "brightness of a single line against the texture around is {value:.2f}, limit {limit:.2f}",
        "单行或单列亮度与周围纹理之比 {value:.2f}，限值 {limit:.2f}",
        remedy_en="have the detector calibrated and its defect map renewed",
        remedy_zh="请校准探测器并更新坏点坏线图",
    ),
}


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def start(stack: Stack, facts: StackFacts) -> Curve:
    """Nothing seen yet."""
    return curve_of(stack)


def update(state: Curve, block: Block) -> None:
    """Looks at the sampled frames of a block."""
    state.add(block, _look)


def _look(frames: FrameFeatures) -> Values:
    import torch

    rows, columns = (line_scores(frames.pixels, dim, frames.cell)[0] for dim in (1, 2))
    return {"line_contrast": torch.maximum(rows.amax(1), columns.amax(1)), "line_box": line_box(rows, columns)}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement(
        "artifacts.dead_lines.line_contrast", "1", worst="highest", of_all="worst", box="line_box"
    )
