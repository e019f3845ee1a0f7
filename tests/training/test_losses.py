"""Losses against their formulae by hand."""

import math

import pytest
import torch

from qc_models.model_outputs import Output
from training.losses import loss_of

NAN = float("nan")
ONE_OF, EACH, NUMBER = (Output("o", kind, ("a", "b", "c")) for kind in ("one_of", "each", "number"))


def test_one_of_is_minus_the_log_of_what_it_may_be() -> None:
    raw = torch.tensor([[1.0, 0.0, 0.0]])
    total = math.e + 2
    assert float(loss_of(ONE_OF, raw, torch.tensor([[1.0, 0, 0]]))) == pytest.approx(-math.log(math.e / total))
    assert float(loss_of(ONE_OF, raw, torch.tensor([[1.0, 1, 0]]))) == pytest.approx(-math.log((math.e + 1) / total))


def test_what_is_not_known_costs_nothing_and_pulls_nowhere() -> None:
    for output, unknown in ((ONE_OF, [0.0, 0, 0]), (EACH, [NAN] * 3), (NUMBER, [NAN] * 3)):
        raw = torch.zeros((1, 3), requires_grad=True)
        loss = loss_of(output, raw, torch.tensor([unknown]))
        torch.autograd.backward(loss)
        assert float(loss.detach()) == 0.0
        assert raw.grad is not None
        assert not raw.grad.any()


def test_unknown_rows_do_not_thin_the_known_ones() -> None:
    raw = torch.zeros((2, 3))
    for output, known, unknown in ((ONE_OF, [1.0, 0, 0], [0.0, 0, 0]), (EACH, [1.0, 0, 0], [NAN] * 3)):
        alone = loss_of(output, raw[:1], torch.tensor([known]))
        assert float(loss_of(output, raw, torch.tensor([known, unknown]))) == pytest.approx(float(alone))


def test_each_adds_the_cross_entropies_of_known_classes_and_the_ranking() -> None:
    raw = torch.tensor([[0.0, 0.0, 0.0]])
    found = float(loss_of(EACH, raw, torch.tensor([[1.0, 0.0, NAN]])))
    assert found == pytest.approx(2 * math.log(2) + math.log(3))


def test_a_number_is_off_by_its_distance() -> None:
    raw = torch.tensor([[1.0, 5.0, 9.0]])
    assert float(loss_of(NUMBER, raw, torch.tensor([[3.0, NAN, 8.0]]))) == pytest.approx((2 + 1) / 2)
