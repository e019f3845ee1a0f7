"""Masked statistics against NumPy on the same pixels."""

import numpy as np
import pytest
import torch

from qc_models.features import masked_statistics as stats

RANDOM = np.random.default_rng(3)
VALUES = RANDOM.gamma(2.0, 50.0, (3, 90, 70)).astype(np.float32)
MASK = RANDOM.random((3, 90, 70)) < np.array([0.9, 0.3, 0.05])[:, None, None]
PARTS = [image[mask] for image, mask in zip(VALUES, MASK, strict=True)]


def found(statistic: object, *rest: object) -> list[float]:
    result: list[float] = statistic(torch.tensor(VALUES), torch.tensor(MASK), *rest).tolist()  # type: ignore[operator]
    return result


def test_mean_and_deviation() -> None:
    assert found(stats.masked_mean) == pytest.approx([part.mean() for part in PARTS], rel=1e-4)
    assert found(stats.masked_deviation) == pytest.approx([part.std(ddof=1) for part in PARTS], rel=1e-4)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_quantiles(share: float) -> None:
    quantiles = [value for (value,) in found(stats.masked_quantiles, (share,))]  # type: ignore[misc]
    spread = [float(part.std()) for part in PARTS]
    for value, part, scale in zip(quantiles, PARTS, spread, strict=True):
        assert value == pytest.approx(np.quantile(part, share), abs=scale * (0.03 if len(part) > 1000 else 0.2))


def test_one_bright_pixel_costs_no_precision() -> None:
    image = RANDOM.normal(100, 1, (1, 200, 200)).astype(np.float32)
    image[0, 0, 0] = 1e4
    mask = torch.ones(1, 200, 200, dtype=torch.bool)
    assert stats.masked_median(torch.tensor(image), mask).item() == pytest.approx(100, abs=0.1)


def test_too_few_pixels_have_no_statistic() -> None:
    few = torch.zeros(1, 90, 70, dtype=torch.bool)
    few[0, :7, :9] = True
    values = torch.tensor(VALUES[:1])
    for statistic in (stats.masked_mean, stats.masked_deviation, stats.masked_median):
        assert torch.isnan(statistic(values, few)).all()


def test_a_single_value_is_every_quantile() -> None:
    values = torch.full((1, 20, 20), 7.0)
    assert stats.masked_quantiles(values, values > 0, (0.1, 0.9)).tolist() == [[7.0, 7.0]]
