"""What the image checks share of the frames of one block: coarse means, samples, masks, spectra; each computed once, if asked for.

Masks and most statistics live on a coarse grid of about 128 x 128 cells. `means` are the means of its cells, for shapes and
slow changes; `samples` one pixel of each cell, untouched by averaging, for noise.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from qc_models.features import masks
from qc_models.features.cells import cell_means, cell_peaks
from qc_models.features.masked_statistics import (
    MIN_PIXELS,
    masked_deviation,
    masked_mean,
    masked_median,
    masked_quantiles,
)
from qc_models.features.repetition import autocorrelation, clipped_texture

if TYPE_CHECKING:
    from torch import Tensor

GRID = 128  # cells along the short side, at least
TYPICAL_SPACING_MM = (0.75, 0.75)  # where a stack does not say
SPECTRUM_SIDE = 256
LEAST_SIGNAL = 0.1
SMOOTHING = 1 / 16  # deviation of the Gaussian of the slow field, of each side
TISSUE_HU = (-20.0, 150.0)  # muscle, brain and organs, enhanced or not, but no fat


class FrameFeatures:
    """Features of frames [B, H, W]; `unit` and `spacing_mm` as in a block. What is of one frame each is [B]."""

    def __init__(
        self, pixels: "Tensor", padding: "Tensor | None", unit: str, spacing_mm: tuple[float, float] | None
    ) -> None:
        self.pixels, self.padding, self.unit = pixels, padding, unit
        self.spacing_mm = spacing_mm
        self.cell = max(1, min(pixels.shape[1:]) // GRID)  # pixels along a side of a cell

    @property
    def grid_mm(self) -> tuple[float, float]:
        """Size of a cell of the coarse grid, rows and columns."""
        row_mm, column_mm = self.spacing_mm or TYPICAL_SPACING_MM
        return row_mm * self.cell, column_mm * self.cell

    @cached_property
    def means(self) -> "Tensor":
        """Means of cells, [B, h, w]; what is left at the far edges is not read."""
        return cell_means(self.pixels, self.cell, self.cell)

    @cached_property
    def peaks(self) -> "Tensor":
        """The greatest pixel of each cell, [B, h, w]."""
        return cell_peaks(self.pixels, self.cell, self.cell)

    @cached_property
    def samples(self) -> "Tensor":
        """The middle pixel of each cell, [B, h, w]."""
        return self.coarse(self.pixels).contiguous()

    @cached_property
    def inside(self) -> "Tensor":
        """Cells within the reconstruction, [B, h, w]."""
        import torch

        if self.padding is None:
            return torch.ones_like(self.samples, dtype=torch.bool)
        return ~self.coarse(self.padding)

    def displaced(self, rows: int, columns: int) -> "Tensor":
        """The pixel so many rows and columns beyond each sample, [B, h, w]; the frame's edge repeats."""
        import torch

        cell, (height, width) = self.cell, self.pixels.shape[1:]
        first = cell // 2 + rows, cell // 2 + columns
        if all(0 <= place < cell for place in first):  # still in the same cells: plain strides are faster
            return self.pixels[:, first[0] : height // cell * cell : cell, first[1] : width // cell * cell : cell]
        row = torch.arange(height // cell, device=self.pixels.device) * cell + first[0]
        column = torch.arange(width // cell, device=self.pixels.device) * cell + first[1]
        return self.pixels[:, row.clamp(0, height - 1)[:, None], column.clamp(0, width - 1)]

    def coarse(self, whole: "Tensor") -> "Tensor":
        """Every `cell`-th pixel of [B, H, W] from the middle of the first cell on, as many as there are whole cells."""
        rows, columns = whole.shape[1] // self.cell * self.cell, whole.shape[2] // self.cell * self.cell
        return whole[:, self.cell // 2 : rows : self.cell, self.cell // 2 : columns : self.cell]

    @cached_property
    def body(self) -> "Tensor":
        """Cells of the patient, [B, h, w], holes closed in; for CT and MR."""
        if self.unit == "HU":
            return masks.ct_body(self.means, max(self.grid_mm)) & self.inside
        return masks.mr_body(self.means) & self.inside

    @cached_property
    def air(self) -> "Tensor":
        """Cells of air around the patient that show noise, [B, h, w], for MR; all False in a frame without any."""
        return masks.mr_air(self.means, self.samples, self.body) & self.inside

    @cached_property
    def body_mean(self) -> "Tensor":
        """Mean of the patient."""
        return masked_mean(self.samples, self.body)

    @cached_property
    def body_median(self) -> "Tensor":
        """Median of the patient."""
        return masked_median(self.samples, self.body)

    @cached_property
    def air_median(self) -> "Tensor":
        """Median of the air; NaN where there is none."""
        return masked_median(self.samples, self.air)

    @cached_property
    def air_deviation(self) -> "Tensor":
        """Standard deviation of the air; NaN where there is none."""
        return masked_deviation(self.samples, self.air)

    @cached_property
    def soft_tissue(self) -> "Tensor":
        """Cells of soft tissue of a CT, [B, h, w]: in the body, and it and its neighbours within -20 to 150 HU."""
        soft = (self.means > TISSUE_HU[0]) & (self.means < TISSUE_HU[1])
        return masks.eroded(soft, 1) & self.body

    @cached_property
    def tissue_classes(self) -> tuple["Tensor", "Tensor"]:
        """The two classes of an MR brain, [B, h, w] each: inside the head by 18 mm, parted at Otsu's threshold, tails cut off."""
        depth = max(1, round(18.0 / max(self.grid_mm)))
        brain = masks.eroded(self.body, depth)
        ends = masked_quantiles(self.samples, brain, (0.05, 0.95)).nan_to_num(0.0)
        brain = brain & (self.samples >= ends[:, :1, None]) & (self.samples <= ends[:, 1:, None])
        bright = self.samples > masks.otsu(self.samples, brain).reshape(-1, 1, 1)
        return brain & ~bright, brain & bright

    @cached_property
    def signal(self) -> "Tensor":
        """Cells of the patient that give signal, [B, h, w], for MR: off its rim, above a tenth of its mean (no gas, no bone)."""
        level = masked_mean(self.means, self.body).nan_to_num(0.0).reshape(-1, 1, 1)
        return masks.eroded(self.body, 1) & (self.means > LEAST_SIGNAL * level)

    @cached_property
    def self_likeness(self) -> tuple["Tensor", "Tensor"]:
        """How much the texture is like itself so many lines further down and across: [B, rows] and [B, columns]."""
        texture = clipped_texture(self.pixels)
        return autocorrelation(texture.transpose(1, 2).contiguous()), autocorrelation(texture)

    @cached_property
    def log_field_ends(self) -> "Tensor":
        """The 2 % and the 98 % of the slow change of an MR image, [B, 2]: log of the means, smoothed within `signal`.

        On cells of twice the size, which show all that is slow.
        """
        share = cell_means(self.signal.float(), 2, 2)
        logs = cell_means(self.means.clamp(min=1e-12).log() * self.signal, 2, 2)
        field = smoothed(logs, SMOOTHING) / smoothed(share, SMOOTHING).clamp(min=1e-6)
        return masked_quantiles(field, share > 0.5, (0.02, 0.98), MIN_PIXELS // 4)

    @cached_property
    def power(self) -> "Tensor":
        """Power of the two-dimensional spectrum of the middle 256 x 256 pixels at most, half plane: [B, H, W // 2 + 1]."""
        import torch

        height, width = (min(size, SPECTRUM_SIDE) for size in self.pixels.shape[1:])
        top, left = (self.pixels.shape[1] - height) // 2, (self.pixels.shape[2] - width) // 2
        spectrum = torch.fft.rfft2(self.pixels[:, top : top + height, left : left + width])
        power: Tensor = spectrum.real.square() + spectrum.imag.square()
        return power


def smoothed(values: "Tensor", share: float) -> "Tensor":
    """Values [B, h, w] convolved with a Gaussian whose deviation is a share of each side; nothing comes from beyond the frame."""
    import torch

    kernels = []
    for size in values.shape[1:]:
        place = torch.arange(size, device=values.device, dtype=torch.float32)
        kernels.append(torch.exp(-0.5 * ((place[:, None] - place) / (share * size)) ** 2))
    return kernels[0] @ values @ kernels[1]
