"""A kind is told from its map, wherever in the picture it stands, and the map says where that was."""

import pytest
import torch

from qc_models.mapped_heads import CELLS, MappedHeads, _three_ways
from qc_models.model_registry import models

NAMES = ("ct_artifact", "mr_artifact", "xr_artifact")


def test_outputs_have_their_shapes() -> None:
    raw, severity, where = MappedHeads(3).eval()(torch.rand(2, 1, 64, 96))
    assert (raw.shape, severity.shape, where.shape) == ((2, 3), (2, 3), (2, CELLS * CELLS))
    assert bool(((severity >= 0) & (severity <= 1)).all())


def test_a_raw_number_is_the_mean_and_the_highest_of_its_map() -> None:
    network = MappedHeads(3).eval()
    with torch.inference_mode():
        pictures = torch.rand(2, 1, 128, 128)
        raw = network(pictures)[0]
        cells = network.map(network.body(network.stem(_three_ways(pictures)))).flatten(2)
    assert torch.allclose(raw, cells.mean(2) + cells.max(2).values, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_networks_of_artifacts_say_what_their_models_promise(name: str) -> None:
    model = models()[name]
    found = model.network().eval()(torch.rand(1, 1, model.input.rows, model.input.columns))
    assert [tuple(output.shape) for output in found] == [(1, len(output.classes)) for output in model.outputs]
