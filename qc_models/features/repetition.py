"""How far an image repeats itself along one direction: the autocorrelation of its texture, for ghosts and motion."""

from typing import TYPE_CHECKING

from qc_models.features.cells import cell_means

if TYPE_CHECKING:
    from torch import Tensor

TEXTURE_SIDE = 192  # pixels at least, after averaging


def clipped_texture(pixels: "Tensor") -> "Tensor":
    """The mixed difference of neighbours in both directions, over its mean size and clipped at it, so that no bright edge rules.

    Frames [B, H, W] are first averaged to 192 to 383 pixels along the short side.
    """
    size = max(1, min(pixels.shape[1:]) // TEXTURE_SIDE)
    texture = cell_means(pixels, size, size).diff(dim=1).diff(dim=2)
    usual = texture.abs().mean((1, 2), keepdim=True).clamp(min=1e-20)
    return (texture / usual).clamp(-1, 1)


def autocorrelation(texture: "Tensor") -> "Tensor":
    """Of texture [B, M, N] along its last dimension, summed over the lines: [B, N], without wrapping, 1 at distance 0.

    Divided by the root of the share of the frame that a distance leaves, so that chance is as great at all distances.
    """
    import torch

    size = texture.shape[2]
    padded = -(-2 * size // 32) * 32  # a length that is fast to transform
    parts = torch.view_as_real(torch.fft.rfft(texture, n=padded)).square().sum(1)
    found = torch.fft.irfft(parts[:, :, 0] + parts[:, :, 1], n=padded)[:, :size]
    left = 1 - torch.arange(size, device=texture.device) / size
    likeness: Tensor = found / found[:, :1].clamp(min=1e-20) / left.sqrt()
    return likeness
