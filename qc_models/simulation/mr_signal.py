"""MR signal of tissues under a protocol, and images of a phantom with coil shading and Rician noise.

Spin echo: ρ(1 − e^(−TR/T1))e^(−TE/T2); inversion recovery: ρ|1 − 2e^(−TI/T1) + e^(−TR/T1)|e^(−TE/T2); spoiled
gradient echo (Ernst): ρ sin α (1 − E1)/(1 − cos α E1) e^(−TE/T2*), with T2* taken as T2/1.8; diffusion adds e^(−b·ADC).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.instance_writing import in_blocks
from qc_models.simulation.mr_protocols import Protocol
from qc_models.simulation.noise import WHITE, filtered, noise_field
from qc_models.simulation.shapes import Floats, Grid, Shape, draw_labels
from qc_models.simulation.tissues import TISSUES, Tissue

SCALE = 1000.0  # stored value of the brightest usual tissue
_FULL_SIGNAL = (
    "fat",
    "fatty_marrow",
    "brain_gm",
    "brain_wm",
    "muscle",
    "csf",
    "liver",
    "spleen",
    "prostate_pz",
    "bile",
    "artery",
)
_FLOW_VOID = 0.12


def tissue_signal(
    tissue: Tissue, protocol: Protocol, *, b_value: float = 0.0, contrast: float = 0.0, echo: int = 0
) -> float:
    """Relative signal of one tissue; `contrast` is the share of full gadolinium uptake, `echo` the index of the echo time."""
    te = protocol.echo_times_ms[echo]
    t1 = 1.0 / (1.0 / tissue.t1_ms + contrast * tissue.uptake / 1000.0)
    recovery = math.exp(-protocol.tr_ms / t1)
    if protocol.gradient_echo:
        angle = math.radians(protocol.flip_deg)
        signal = (
            math.sin(angle) * (1 - recovery) / (1 - math.cos(angle) * recovery) * math.exp(-te / (tissue.t2_ms / 1.8))
        )
        if tissue.flows and protocol.inflow:
            signal = math.sin(angle) * math.exp(-te / tissue.t2_ms)
    else:
        inverted = 2 * math.exp(-protocol.ti_ms / t1) if protocol.ti_ms else recovery * 2
        signal = abs(1 - inverted + recovery) * math.exp(-te / tissue.t2_ms) * math.exp(-b_value * tissue.adc / 1000.0)
        if tissue.flows:
            signal *= _FLOW_VOID + (0.7 if contrast else 0.0)
    if protocol.fat_saturated:
        signal *= 1 - 0.94 * tissue.lipid
    if len(protocol.echo_times_ms) > 1 and echo == 0:  # fat and water oppose each other at the first echo
        signal *= abs(1 - 2 * tissue.lipid)
    return tissue.proton_density * signal


def signal_table(protocol: Protocol, *, b_value: float = 0.0, contrast: float = 0.0, echo: int = 0) -> Floats:
    """Signals of every tissue by label, scaled so that the brightest common tissue at b = 0 without contrast has SCALE."""
    if protocol.weight == "ADC":
        return np.array(
            [tissue.adc * 1000 if tissue.proton_density > 0.05 else 0.0 for tissue in TISSUES.values()], np.float32
        )
    brightest = max(tissue_signal(TISSUES[name], protocol) for name in _FULL_SIGNAL)
    values = [
        tissue_signal(tissue, protocol, b_value=b_value, contrast=contrast, echo=echo) for tissue in TISSUES.values()
    ]
    table = np.array(values, np.float32) * np.float32(SCALE / brightest)
    if protocol.weight == "SWI":
        table[list(TISSUES).index("vein")] *= 0.3
    return table


def mr_blocks(
    shapes: Sequence[Shape], grid: Grid, table: Floats, noise: float, rng: np.random.Generator, shading: float = 0.15
) -> Iterator[Floats]:
    """Blocks [slices, rows, columns] of magnitude images; `noise` is the standard deviation of each complex channel.

    `shading` is the amplitude of the coil's smooth sensitivity; 0 for maps.
    """
    sensitivity = _sensitivity(grid, shading)
    for start, stop in in_blocks(grid.shape):
        block = table[draw_labels(shapes, grid.part(start, stop))]
        for image in block:
            filtered(image, (0.2, 0.6, 0.2))
            image *= sensitivity
            if noise > 0:
                # Both channels are cut from one field, as two that are rolled may be the same noise a little displaced: a ghost.
                both = np.float32(noise) * noise_field(WHITE, (2 * grid.rows, grid.columns), rng)
                image += both[: grid.rows]
                np.hypot(image, both[grid.rows :], out=image)
        yield block


def maximum_projections(shapes: Sequence[Shape], grids: Sequence[Grid], table: Floats) -> Iterator[Floats]:
    """The brightest value along each grid's normal [rows, columns], one image a grid."""
    for grid in grids:
        yield table[draw_labels(shapes, grid)].max(0)


def _sensitivity(grid: Grid, amplitude: float) -> NDArray[np.float32]:
    rows = np.linspace(-1, 1, grid.rows, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, grid.columns, dtype=np.float32)[None, :]
    shape = np.cos(1.3 * rows) * np.cos(1.3 * columns) - 0.7 + 0.3 * columns * rows
    return np.asarray(1 + amplitude * shape, np.float32)
