"""The small EfficientNet: its shapes, and weights that are taken over in their order."""

import pytest
import torch

from qc_models.lite_network import LiteNetwork
from qc_models.model_outputs import Output

OUTPUTS = (Output("region", "each", ("a", "b")), Output("view", "one_of", ("AP", "PA", "LAT")))
PICTURES = torch.rand((2, 1, 64, 64), generator=torch.Generator().manual_seed(1))


def test_each_output_has_its_numbers_and_five_halvings_lie_before_them() -> None:
    network = LiteNetwork(OUTPUTS).eval()
    with torch.inference_mode():
        assert [tuple(raw.shape) for raw in network(PICTURES)] == [(2, 2), (2, 3)]
        assert tuple(network.body(PICTURES).shape) == (2, 192, 2, 2)


def in_colours(network: LiteNetwork) -> list[torch.Tensor]:
    """The weights of a body as another network has them whose first layer reads three colours, and more after its end."""
    first, *rest = network.body.state_dict().values()
    return [torch.cat((0.2 * first, 0.3 * first, 0.5 * first), 1), *rest, torch.zeros(7)]


def test_weights_of_colours_say_of_grey_what_they_said() -> None:
    known, network = LiteNetwork(OUTPUTS), LiteNetwork(OUTPUTS)
    network.begin_with(in_colours(known))
    with torch.inference_mode():
        assert torch.allclose(known.eval().body(PICTURES), network.eval().body(PICTURES), atol=1e-4)


def test_weights_of_another_network_are_refused() -> None:
    network = LiteNetwork(OUTPUTS)
    weights = in_colours(network)
    with pytest.raises(ValueError, match="is \\(32,\\), not \\(16,\\)"):
        network.begin_with([weights[0], torch.zeros(16), *weights[2:]])
    with pytest.raises(ValueError, match="ends"):
        network.begin_with(weights[:50])
