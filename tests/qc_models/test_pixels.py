"""Blocks hand the same features to every check that asks for the same frames."""

import torch

from qc_models.pixels import Block


def test_features_are_computed_once_for_all_checks() -> None:
    padding = torch.zeros(3, 16, 16, dtype=torch.bool)
    padding[2] = True
    block = Block(torch.rand(3, 16, 16), padding, "HU", (1.0, 2.0), (0, 1, 2), ("a", "b", "c"), (0, 0, 0))
    whole = block.features((0, 1, 2))
    assert block.features((0, 1, 2)) is whole
    assert whole.pixels is block.pixels  # no copy where all are asked for
    part = block.features((0, 2))
    assert torch.equal(part.pixels, block.pixels[[0, 2]])
    assert part.padding is not None
    assert part.padding.flatten(1).any(1).tolist() == [False, True]
    assert (part.unit, part.spacing_mm) == ("HU", (1.0, 2.0))
