"""Changes of how bright tissues are, so that a network learns shapes; and pictures without a body."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

_SOFT_HU, _SPREAD_HU = 100.0, 2000.0
_NARROWEST_HU = 100.0
_KNOTS = 6
_BODY = 0.12  # grey of a neighbourhood from which it is no air
_INSERTS = 6
_SHADING = 0.35  # of the logarithm, at the rim


def windowed(pictures: Tensor, span_hu: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Pictures [B, 1, H, W] of CT, shown for a share of them through a window of soft tissue, lung or bone drawn at random.

    `span_hu` [B, 2] is the HU of 0 and of 1; NaN where a picture has none, which stays as it is.
    """
    count = len(pictures)
    low, high = (end.reshape(-1, 1, 1, 1) for end in span_hu.T)
    drawn = torch.rand((count, 3), generator=generator)
    width = _NARROWEST_HU * (_SPREAD_HU / _NARROWEST_HU) ** drawn[:, 0].reshape(-1, 1, 1, 1)
    middle = (2 * drawn[:, 1].reshape(-1, 1, 1, 1) - 1) * _SOFT_HU - width * 0.1  # wide windows also show lung
    shown = ((pictures * (high - low) + low - middle) / width + 0.5).clamp(0, 1)
    here = (drawn[:, 2] < chance) & span_hu.isfinite().all(1)
    return torch.where(here.reshape(-1, 1, 1, 1), shown, pictures)


def remapped(pictures: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Pictures [B, 1, H, W] from 0 to 1 whose grey values are exchanged by a random curve, black kept: another contrast."""
    count = len(pictures)
    knots = torch.rand((count, _KNOTS + 1), generator=generator)
    knots[:, 0] = 0
    place = pictures.flatten(1) * _KNOTS
    below = place.floor().clamp(max=_KNOTS - 1)
    at, share = below.long(), place - below
    curve = knots.gather(1, at) * (1 - share) + knots.gather(1, at + 1) * share
    here = torch.rand((count, 1), generator=generator) < chance
    return torch.where(here, curve, pictures.flatten(1)).reshape(pictures.shape)


def exchanged(pictures: Tensor) -> Tensor:
    """Pictures [B, 1, H, W] of MR whose fluid and tissue exchange their grey, what is black around them kept: T1 as if it were
    fat-suppressed T2, and the other way round."""
    body = torch.sigmoid((avg_pool2d(pictures, 3, 1, 1) - _BODY) * 40)
    return (body * (1.05 - pictures) + (1 - body) * pictures).clamp(0, 1)


def shaded(pictures: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Pictures [B, 1, H, W] of which a share is brighter on one side or in the middle, as a surface coil makes them."""
    count, _, height, width = pictures.shape
    down = torch.linspace(-1, 1, height).reshape(1, 1, -1, 1)
    across = torch.linspace(-1, 1, width).reshape(1, 1, 1, -1)
    terms = torch.randn((5, count, 1, 1, 1), generator=generator) * _SHADING
    field = terms[0] * down + terms[1] * across + terms[2] * down**2 + terms[3] * across**2 + terms[4] * down * across
    here = torch.rand((count, 1, 1, 1), generator=generator) < chance
    return torch.where(here, (pictures * field.exp()).clamp(0, 1), pictures)


def phantoms(like: Tensor, generator: torch.Generator) -> Tensor:
    """Test objects in place of pictures [B, 1, H, W]: an ellipse or a box of one grey, with a few inserts, and noise."""
    count, _, height, width = like.shape
    down = torch.linspace(-1, 1, height).reshape(1, 1, -1, 1)
    across = torch.linspace(-1, 1, width).reshape(1, 1, 1, -1)

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand((count, 1, 1, 1), generator=generator)

    power = torch.where(draw(0, 1) < 0.7, 2.0, 12.0)  # of a round or a square body
    radii = draw(0.35, 0.95), draw(0.35, 0.95)
    inside = ((down - draw(-0.1, 0.1)) / radii[0]).abs() ** power + (
        (across - draw(-0.1, 0.1)) / radii[1]
    ).abs() ** power
    shown: Tensor = (inside < 1) * draw(0.5, 1.0)
    for _ in range(_INSERTS):
        place, radius, grey, there = (draw(-0.6, 0.6), draw(-0.6, 0.6)), draw(0.03, 0.2), draw(0, 1), draw(0, 1) < 0.5
        insert = ((down - place[0] * radii[0]) ** 2 + (across - place[1] * radii[1]) ** 2 < radius**2) & there
        shown = torch.where(insert & (inside < 1), grey, shown)
    real, imaginary = torch.randn((2, *like.shape), generator=generator) * draw(0.0, 0.15)
    magnitude: Tensor = ((shown + real) ** 2 + imaginary**2).sqrt()
    return magnitude.clamp(0, 1)


def noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Slices that show nothing: the magnitude of complex noise, or grains of it, in place of pictures [B, 1, H, W]."""
    count, _, height, width = like.shape
    real, imaginary = torch.randn((2, count, 1, height, width), generator=generator)
    magnitude = (real**2 + imaginary**2).sqrt()
    coarse = avg_pool2d(magnitude, 3, 1, 1, count_include_pad=False)
    is_coarse = torch.rand((count, 1, 1, 1), generator=generator) < 0.5
    magnitude = torch.where(is_coarse, coarse, magnitude)
    top = torch.quantile(magnitude.flatten(1), 0.99, dim=1).reshape(-1, 1, 1, 1)
    return (magnitude / top).clamp(0, 1)
