"""Blocks hand the same features to every check that asks for the same frames."""

import torch

from qc_models.pixels import Block


def test_features_are_computed_once_for_all_checks() -> None:
    padding = torch.zeros(3, 16, 16, dtype=torch.bool)
    block = Block(torch.rand(3, 16, 16), padding, "HU", (1.0, 2.0), (0, 1, 2), ("a", "b", "c"), (0, 0, 0))
    features = block.features
    assert block.features is features
    assert features.pixels is block.pixels
    assert features.padding is padding
    assert (features.unit, features.spacing_mm) == ("HU", (1.0, 2.0))
