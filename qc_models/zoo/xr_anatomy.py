"""Which part of the body a radiograph shows, in which view, which way up, and whether it is an ordinary radiograph at all.

Output `region`: each part that shows. `scope`: inside, or outside what can be judged: bone densitometry, fluoroscopy with
contrast medium, two views on one film, pictures that are no radiograph. `view`: of the patient against the beam; AP and PA look
alike, and the model is rarely sure of them. `rotation`: by how many degrees, clockwise, the picture is turned. `polarity`:
inverted where bones are dark.
"""

from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.model_outputs import Output
from qc_models.preprocessing import InputSpec

if TYPE_CHECKING:
    from torch import nn

INPUT = InputSpec(rows=160, columns=160, scaling="percentiles", low=1.0, high=99.0)
REGIONS = tuple(
    "abdomen ankle chest clavicle cspine elbow face femur finger foot forearm fullspine hand hip humerus knee lspine "
    "pelvis ribs shoulder sinus skull tibia tspine wrist".split()
)
OUTPUTS = (
    Output("region", "each", REGIONS),
    Output("scope", "one_of", ("inside", "outside")),
    Output("view", "one_of", ("AP", "PA", "LAT", "OBL", "AXIAL")),
    Output("rotation", "one_of", ("0", "90", "180", "270")),
    Output("polarity", "one_of", ("normal", "inverted")),
)
MOST_FRAMES = 1


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def network() -> "nn.Module":
    """About 2.5 million weights, 0.2 GFLOP a picture."""
    from qc_models.lite_network import LiteNetwork

    return LiteNetwork(OUTPUTS)
