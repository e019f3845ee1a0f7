"""Which sequence an MR stack was taken with, in which plane, and whether contrast agent shows, from its pixels alone.

Output `sequence`: T1 (with agent or without), T2, FLAIR, DWI, ADC, EPI, CINE; `other` is all else, and what it learned nothing of,
such as proton density and fat suppression, is spread over several. `plane`: as the slices lie. `contrast`: of T1 alone.
"""

from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.model_outputs import Output
from qc_models.preprocessing import InputSpec

if TYPE_CHECKING:
    from torch import nn

INPUT = InputSpec(rows=96, columns=96, scaling="percentiles", low=1.0, high=99.0)
SEQUENCES = ("T1", "T2", "FLAIR", "DWI", "ADC", "EPI", "CINE", "other")
OUTPUTS = (
    Output("sequence", "one_of", SEQUENCES),
    Output("plane", "one_of", ("axial", "sagittal", "coronal")),
    Output("contrast", "one_of", ("plain", "enhanced")),
)
MOST_FRAMES = 16


def applies(stack: StackFacts) -> bool:
    """MR."""
    return stack.modality == "MR"


def network() -> "nn.Module":
    """About 0.7 million weights, 0.05 GFLOP a slice."""
    from qc_models.many_headed import ManyHeaded

    return ManyHeaded(OUTPUTS, widths=(24, 48, 96, 192))
