"""Which artifacts an MR picture shows, how bad each is, and about where.

Output `artifact`: how probable each kind is at a strength that disturbs a reader, or more. `severity`: of each kind, 0 clean, 1/3
just visible, 2/3 disturbing, 1 non-diagnostic. `where`: a coarse map of the picture, eight by eight cells from the top left row
by row, high where the most probable kinds show. It learned from simulated artifacts in clean pictures, and motion from real heads
that moved as well.
"""

from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.model_outputs import Output
from qc_models.preprocessing import InputSpec

if TYPE_CHECKING:
    from torch import nn

INPUT = InputSpec(rows=256, columns=256, scaling="percentiles", low=0.5, high=99.5)
KINDS = tuple("mr_motion ghost wrap gibbs mr_noise spike zipper bias_field fat_suppression_failure".split())
OUTPUTS = (
    Output("artifact", "each", KINDS),
    Output("severity", "number", KINDS),
    Output("where", "number", tuple(f"{row},{column}" for row in range(8) for column in range(8))),
)
MOST_FRAMES = 8  # along a stack: what runs over several slices is met, and scoring stays within its time


def applies(stack: StackFacts) -> bool:
    """MR images as acquired."""
    return stack.modality == "MR" and not stack.derived


def network() -> "nn.Module":
    """About 0.4 million weights, 0.3 GFLOP a picture."""
    from qc_models.mapped_heads import MappedHeads

    return MappedHeads(len(KINDS))
