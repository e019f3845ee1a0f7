"""Which parts of the body a stack of CT or MR slices shows, how far along the body each slice lies, and whether it is a body.

Output `region`: each part that shows on a slice; brains count as heads. `scope`: outside are phantoms and slices of nothing but
noise. `coordinate`: of axial CT, how many decimetres a slice lies above the lung apex of an adult, learned without labels from the
order and distance of slices as in BodyPartRegression (Yan et al. 2018; Schuhegger 2021); it means nothing for other slices.
"""

from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.model_outputs import Output
from qc_models.preprocessing import InputSpec

if TYPE_CHECKING:
    from torch import nn

INPUT = InputSpec(rows=80, columns=80, scaling="percentiles", low=1.0, high=99.0)
REGIONS = tuple("abdomen brain breast chest cspine face femur head heart hip knee lspine neck pelvis prostate".split())
WELL_KNOWN = frozenset(
    "abdomen brain breast chest cspine head heart lspine pelvis prostate".split()
)  # from several sources
OUTPUTS = (
    Output("region", "each", REGIONS),
    Output("scope", "one_of", ("inside", "outside")),
    Output("coordinate", "number", ("decimetres",)),
)
MOST_FRAMES = 32


def applies(stack: StackFacts) -> bool:
    """CT and MR."""
    return stack.modality in ("CT", "MR")


def network() -> "nn.Module":
    """About 0.7 million weights, 0.03 GFLOP a slice."""
    from qc_models.many_headed import ManyHeaded

    return ManyHeaded(OUTPUTS, widths=(24, 48, 96, 192))
