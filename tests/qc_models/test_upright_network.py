"""A turned picture is the picture with its turn exchanged, by construction; black around it stays black when it is inverted."""

import torch

from qc_models.model_outputs import Output
from qc_models.upright_network import UprightNetwork, inverse

PICTURES = torch.rand((3, 1, 64, 64), generator=torch.Generator().manual_seed(1))


def network() -> UprightNetwork:
    torch.manual_seed(1)
    return UprightNetwork([Output("region", "each", ("a", "b"))], stance_widths=(4, 8, 8, 8)).eval()


@torch.inference_mode()
def test_a_turn_moves_the_answers_round() -> None:
    taught = network()
    _, upright, _ = taught(PICTURES)
    for quarter in (1, 2, 3):
        _, turned, _ = taught(torch.rot90(PICTURES, -quarter, (2, 3)))  # clockwise
        assert torch.allclose(turned, upright.roll(quarter, 1), atol=1e-5)


@torch.inference_mode()
def test_an_inverse_exchanges_both_answers() -> None:
    taught = network()
    _, _, polarity = taught(PICTURES)
    _, _, inverted = taught(inverse(PICTURES))
    assert torch.allclose(inverted, polarity.flip(1), atol=1e-4)


def test_black_around_a_picture_stays_black() -> None:
    picture = torch.zeros((1, 1, 6, 6))
    picture[0, 0, :, 2:4] = 0.25
    expected = torch.zeros((1, 1, 6, 6))
    expected[0, 0, :, 2:4] = 0.75
    assert torch.equal(inverse(picture), expected)


@torch.inference_mode()
def test_every_output_has_its_shape() -> None:
    region, turn, polarity = network()(PICTURES)
    assert (region.shape, turn.shape, polarity.shape) == ((3, 2), (3, 4), (3, 2))
