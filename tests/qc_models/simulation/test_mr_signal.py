"""MR signals of tissues: the order that each weighting is known for, values by hand, Rician noise."""

import math

import numpy as np
import pytest

from qc_models.simulation.mr_protocols import PROTOCOLS, protocol_of
from qc_models.simulation.mr_signal import mr_blocks, signal_table, tissue_signal
from qc_models.simulation.shapes import ellipsoid, plane_grid
from qc_models.simulation.tissues import TISSUE_INDEX, TISSUES

WEIGHTS_BRIGHTEST_FIRST = {
    "T1": ["fat", "brain_wm", "brain_gm", "csf", "air"],
    "T2": ["csf", "brain_gm", "brain_wm", "tendon", "air"],
    "FLAIR": ["brain_gm", "brain_wm", "csf"],
    "STIR": ["joint_fluid", "muscle", "fat"],
    "PDFS": ["joint_fluid", "cartilage", "fat", "tendon"],
    "MRCP": ["bile", "joint_fluid", "liver"],
    "TOF": ["artery", "brain_wm", "csf"],
}


@pytest.mark.parametrize("weight", WEIGHTS_BRIGHTEST_FIRST)
def test_tissues_stand_in_the_known_order(weight: str) -> None:
    table = signal_table(protocol_of(weight if weight in ("MRCP", "TOF") else f"AX_{weight}", "head")[1])
    signals = [float(table[TISSUE_INDEX[name]]) for name in WEIGHTS_BRIGHTEST_FIRST[weight]]
    assert signals == sorted(signals, reverse=True)
    assert signals[0] > 1.15 * signals[-1]


def test_spin_echo_by_hand() -> None:
    white = TISSUES["brain_wm"]  # density 0.73, T1 780 ms, T2 75 ms
    expected = 0.73 * (1 - math.exp(-520 / 780)) * math.exp(-10 / 75)
    assert tissue_signal(white, PROTOCOLS["T1"]) == pytest.approx(expected)


def test_diffusion_by_hand() -> None:
    grey, protocol = TISSUES["brain_gm"], PROTOCOLS["DWI"]  # ADC 0.85e-3 mm²/s
    ratio = tissue_signal(grey, protocol, b_value=1000) / tissue_signal(grey, protocol, b_value=0)
    assert ratio == pytest.approx(math.exp(-0.85))


def test_the_adc_can_be_computed_from_the_b_values() -> None:
    protocol = PROTOCOLS["DWI"]
    low, high = signal_table(protocol), signal_table(protocol, b_value=1000)
    index = TISSUE_INDEX["prostate_pz"]
    assert math.log(low[index] / high[index]) * 1000 == pytest.approx(signal_table(PROTOCOLS["ADC"])[index], rel=0.01)


def test_fat_suppression_takes_fat_and_leaves_water() -> None:
    plain, suppressed = PROTOCOLS["T2"], PROTOCOLS["T2FS"]
    assert tissue_signal(TISSUES["fat"], suppressed) < 0.1 * tissue_signal(TISSUES["fat"], plain)
    assert tissue_signal(TISSUES["csf"], suppressed) == pytest.approx(tissue_signal(TISSUES["csf"], plain))


def test_contrast_brightens_what_takes_it_up() -> None:
    protocol = PROTOCOLS["T1C"]
    assert tissue_signal(TISSUES["choroid"], protocol, contrast=0.9) > 1.3 * tissue_signal(TISSUES["choroid"], protocol)
    assert tissue_signal(TISSUES["csf"], protocol, contrast=0.9) == pytest.approx(
        tissue_signal(TISSUES["csf"], protocol)
    )


def test_fat_and_water_oppose_each_other_at_the_first_echo() -> None:
    protocol = PROTOCOLS["IN_OUT_PHASE"]
    marrow = TISSUES["marrow"]  # 60 % fat
    assert tissue_signal(marrow, protocol, echo=0) < 0.4 * tissue_signal(marrow, protocol, echo=1)


def test_noise_is_rician() -> None:
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 1, 0), (200, 200), (200, 200), 8, 5)
    shapes = [ellipsoid("brain_gm", "air", (0, 0, 0), (80, 80, 900))]
    table = signal_table(PROTOCOLS["T1"])
    volume = np.concatenate([*mr_blocks(shapes, grid, table, 15.0, np.random.default_rng(1), shading=0.0)])
    inside, outside = volume[:, 70:130, 70:130], volume[:, :20, :20]
    assert inside.std() == pytest.approx(15.0, rel=0.06)
    assert outside.mean() == pytest.approx(15.0 * math.sqrt(math.pi / 2), rel=0.05)  # Rayleigh
    assert outside.std() == pytest.approx(15.0 * math.sqrt(2 - math.pi / 2), rel=0.06)
