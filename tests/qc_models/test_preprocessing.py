"""What a model is fed: bounds by percentiles as torch.quantile gives them, and a frame that keeps its shape amid black."""

import pytest
import torch

from qc_models.preprocessing import InputSpec, prepare


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (31, 17), (64, 64), (127, 50)])
@pytest.mark.parametrize(("low", "high"), [(0.5, 99.5), (1, 99), (0, 100), (25, 75)])
@pytest.mark.parametrize("constant", [False, True])
def test_bounds_are_the_quantiles_of_each_frame(
    rows: int, columns: int, low: float, high: float, constant: bool
) -> None:
    generator = torch.Generator().manual_seed(rows)
    frames = torch.randint(-1000, 3000, (3, rows, columns), generator=generator).float()
    if constant:
        frames[1] = 7.0
    spec = InputSpec(rows=rows, columns=columns, scaling="percentiles", low=low, high=high)
    ends = torch.quantile(frames.flatten(1), torch.tensor([low / 100, high / 100]), dim=1)[:, :, None, None]
    expected = ((frames - ends[0]) / (ends[1] - ends[0]).clamp(min=1e-6)).clamp(0, 1)
    assert torch.equal(prepare(frames, spec)[:, 0], expected)


def test_a_frame_keeps_its_shape_in_the_middle_of_black() -> None:
    spec = InputSpec(rows=8, columns=16, scaling="window", low=0, high=10)
    fed = prepare(torch.full((1, 8, 8), 5.0), spec)[0, 0]
    assert torch.equal(fed[:, 4:12], torch.full((8, 8), 0.5))
    assert not fed[:, :4].any()
    assert not fed[:, 12:].any()


def test_an_inverted_frame_is_turned_over() -> None:
    spec = InputSpec(rows=2, columns=2, scaling="percentiles", low=0, high=100)
    frame = torch.tensor([[[0.0, 1.0], [2.0, 4.0]]])
    assert prepare(frame, spec, inverted=[True])[0, 0].tolist() == [[1.0, 0.75], [0.5, 0.0]]
