"""What a network begins with: photographs excite it in their way, and no other network takes their weights."""

import pytest
import torch
from torch import nn

from qc_models.errors import InputError
from qc_models.lite_network import LiteNetwork
from qc_models.model_outputs import Output
from training.first_weights import begin_with


def test_known_weights_are_those_of_a_network_that_was_taught() -> None:
    """Running means of a new network are all 0; a network of photographs has seen some."""
    network = LiteNetwork([Output("region", "each", ("a",))])
    begin_with(network, "efficientnet_lite0")
    means = [value for name, value in network.body.state_dict().items() if name.endswith("running_mean")]
    assert len(means) == 45  # a stem, two of the first block, three of each other
    assert all(torch.count_nonzero(mean) for mean in means)


def test_they_fit_no_other_network() -> None:
    with pytest.raises(InputError, match="LiteNetwork, and of no Linear"):
        begin_with(nn.Linear(1, 1), "efficientnet_lite0")
