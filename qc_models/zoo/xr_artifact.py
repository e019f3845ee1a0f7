"""Which artifacts a radiograph shows, how bad each is, and about where.

Output `artifact`: how probable each kind is at a strength that disturbs a reader, or more. `severity`: of each kind, 0 clean, 1/3
just visible, 2/3 disturbing, 1 non-diagnostic. `where`: a coarse map of the picture, eight by eight cells from the top left row
by row, high where the most probable kinds show. It learned from simulated artifacts in clean pictures.
"""

from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.model_outputs import Output
from qc_models.preprocessing import InputSpec

if TYPE_CHECKING:
    from torch import nn

INPUT = InputSpec(rows=320, columns=320, scaling="percentiles", low=0.5, high=99.5)
KINDS = tuple(
    "xr_noise under_exposure over_exposure double_exposure xr_motion focal_blur grid_lines grid_cutoff dead_lines "
    "collimation_cut foreign_object".split()
)
OUTPUTS = (
    Output("artifact", "each", KINDS),
    Output("severity", "number", KINDS),
    Output("where", "number", tuple(f"{row},{column}" for row in range(8) for column in range(8))),
)
MOST_FRAMES = 4


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def network() -> "nn.Module":
    """About 0.3 million weights, 0.4 GFLOP a picture."""
    from qc_models.mapped_heads import MappedHeads

    return MappedHeads(len(KINDS), widths=(20, 48, 96, 128))
