"""The only preprocessing there is: from the pixels of a frame to what a model is fed, the same in training and in service.

An `InputSpec` says what a model wants; `prepare` makes it. A bundle holds the digest of the spec that its network learned with, and
is refused where the code has another one.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Bounds = tuple["Tensor", "Tensor"]
QUANTILE_PIXELS = 1 << 16  # at most, of which the percentiles of a frame are taken


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One frame as a model is fed: [1, rows, columns], float32 from 0 to 1.

    `scaling` is "window" (`low` to `high` in modality values, for CT in HU) or "percentiles" (`low` to `high` percent of the
    frame's own pixels, of which more is brighter: a MONOCHROME1 frame, unless of HU, is turned over before). A frame is shrunk or
    grown to fit, keeping its shape, and stands in the middle of black.
    """

    rows: int
    columns: int
    scaling: Literal["window", "percentiles"]
    low: float
    high: float

    @property
    def digest(self) -> str:
        """SHA-256 over its content."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def scale(self) -> tuple[str, float, float]:
        """Specs with the same one share the bounds of a frame."""
        return self.scaling, self.low, self.high


def prepare(pixels: "Tensor", spec: InputSpec, inverted: Sequence[bool] = (), bounds: Bounds | None = None) -> "Tensor":
    """Frames [B, H, W] in modality values, on any device, as a model is fed: [B, 1, rows, columns], float32 from 0 to 1.

    More is brighter: frames that are `inverted` (see `is_inverted`) are turned over. `bounds` are those of the frames where they
    are known already (see `bounds_of`).
    """
    import torch

    pixels = _upright(pixels, inverted)
    low, high = _bounds(pixels, spec) if bounds is None else bounds
    scale = (high - low).clamp(min=1e-6)
    fitted = _fitted(pixels.float(), spec)
    scaled = ((fitted - low) / scale).clamp(0, 1)
    height, width = scaled.shape[1:]
    result = torch.zeros((len(scaled), 1, spec.rows, spec.columns), device=scaled.device)
    top, left = (spec.rows - height) // 2, (spec.columns - width) // 2
    result[:, 0, top : top + height, left : left + width] = scaled
    return result


def bounds_of(pixels: "Tensor", spec: InputSpec, inverted: Sequence[bool] = ()) -> Bounds:
    """What becomes 0 and 1 in each frame, [B, 1, 1] each: the same for every spec with this `scale`, and dear to find."""
    return _bounds(_upright(pixels, inverted), spec)


def _upright(pixels: "Tensor", inverted: Sequence[bool]) -> "Tensor":
    import torch

    if not any(inverted):
        return pixels
    signs = [-1.0 if turned else 1.0 for turned in inverted]
    return pixels * torch.tensor(signs, device=pixels.device).reshape(-1, 1, 1)


def is_inverted(photometric_interpretation: str | None, modality: str) -> bool:
    """Whether more is darker in a frame (PS3.3 C.7.6.3.1.2); never in CT, whose values are HU however they are shown."""
    return photometric_interpretation == "MONOCHROME1" and modality != "CT"


def _bounds(pixels: "Tensor", spec: InputSpec) -> Bounds:
    import torch

    if spec.scaling == "window":
        ends = torch.tensor((spec.low, spec.high), device=pixels.device).repeat(len(pixels), 1)
        return ends[:, :1, None], ends[:, 1:, None]
    step = max(1, int((pixels.shape[1] * pixels.shape[2] / QUANTILE_PIXELS) ** 0.5))
    sample = pixels[:, ::step, ::step].flatten(1).float()
    low, high = _quantile(sample, spec.low / 100), _quantile(sample, spec.high / 100)
    return low.reshape(-1, 1, 1), high.reshape(-1, 1, 1)


def _quantile(sample: "Tensor", share: float) -> "Tensor":
    """What torch.quantile gives, [B], for rows of a sample [B, N]: taken from the nearer end, as it takes long to sort them all."""
    import torch

    place = torch.tensor(share, dtype=sample.dtype) * (sample.shape[1] - 1)
    below, above = int(place.floor()), int(place.ceil())
    from_top = share > 0.5
    count = sample.shape[1] - below if from_top else above + 1
    nearest = sample.topk(count, dim=1, largest=from_top).values
    lower, upper = (nearest[:, sample.shape[1] - 1 - at if from_top else at] for at in (below, above))
    return torch.lerp(lower, upper, float(place - below))


def _fitted(pixels: "Tensor", spec: InputSpec) -> "Tensor":
    """Frames as large as fit into the spec in their own shape; of large ones cells are averaged first, which is faster."""
    from torch.nn.functional import avg_pool2d, interpolate

    share = min(spec.rows / pixels.shape[1], spec.columns / pixels.shape[2])
    size = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[2] * share))
    cell = max(1, min(pixels.shape[1] // (2 * size[0]), pixels.shape[2] // (2 * size[1])))
    if cell > 1:
        pixels = avg_pool2d(pixels[:, None], cell)[:, 0]
    return interpolate(pixels[:, None], size=size, mode="bilinear", antialias=True, align_corners=False)[:, 0]
