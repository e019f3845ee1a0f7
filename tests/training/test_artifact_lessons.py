"""What mistakes of the models of artifacts cost, and changes that keep a picture's texture."""

import math

import pytest
import torch

from training.artifact_lessons import beside_a_sibling, loss, moved
from training.examples import Examples
from training.manifest import Row

NAN = float("nan")


def test_what_is_not_known_costs_nothing() -> None:
    raw = {"artifact": torch.tensor([[0.0, 5.0]]), "severity": torch.tensor([[0.25, 0.9]])}
    targets = {"artifact": torch.tensor([[1.0, NAN]]), "severity": torch.tensor([[1.0, NAN]])}
    # Of one known kind of two: minus the log of a half, and of a quarter, each counted for both.
    assert float(loss(raw, targets)) == pytest.approx(2 * math.log(2) + 2 * math.log(4))
    nothing = {name: torch.full((1, 2), NAN) for name in targets}
    assert float(loss(raw, nothing)) == 0.0


def test_half_of_a_batch_shows_siblings_of_the_other() -> None:
    notes = {"number": torch.tensor([0, 1, 2, 0, 1]), "copies": torch.tensor([3, 3, 3, 2, 2])}
    row = Row("a", "picture", "MR", "s", "source", "open", "drawn", 5, {})
    examples = Examples(torch.zeros(5, 1, 1, 1), {}, [row] * 5, torch.ones(5), notes)
    chosen = torch.tensor([1, 4, 2, 3, 0, 0, 0, 0])
    found = beside_a_sibling(examples, chosen, torch.Generator().manual_seed(1))
    assert found[:4].tolist() == chosen[:4].tolist()
    assert [number < 3 for number in found[4:].tolist()] == [True, False, True, False]


def test_moved_pictures_hold_the_same_greys() -> None:
    pictures = torch.rand(6, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    found = moved(pictures, generator, turns=True, gamma=0.0)
    assert torch.allclose(found.flatten(1).sort(1).values, pictures.flatten(1).sort(1).values, atol=1e-6)
    assert not torch.equal(found, pictures)


def test_the_same_generator_moves_alike() -> None:
    pictures = torch.rand(3, 1, 16, 16)
    one, other = (moved(pictures, torch.Generator().manual_seed(4), turns=False, gamma=0.3) for _ in range(2))
    assert torch.equal(one, other)
