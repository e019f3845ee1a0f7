"""All pixel defects by name, with what each does in a line."""

import math

from qc_models.simulation.pixel_defects import (
    ct_metal,
    ct_motion,
    ct_noise,
    ct_ring,
    ct_truncation,
    mr_interference,
    mr_motion,
    mr_sampling,
    mr_shading,
    xr_blur,
    xr_detector,
    xr_exposure,
    xr_obstruction,
)
from qc_models.simulation.pixel_defects.pixel_defect import Deed, Draw, Modality, PixelDefect
from qc_models.simulation.pixel_defects.strength_levels import STRENGTH_LEVELS


def _defect(name: str, modality: Modality, what: str, draw: Draw, deed: Deed, limit: float = math.inf) -> PixelDefect:
    return PixelDefect(name, modality, what, STRENGTH_LEVELS[name], draw, deed, limit)


_DEFECTS = (
    _defect("ct_noise", "CT", "adds correlated noise", ct_noise.draw_noise, ct_noise.add_noise),
    _defect(
        "photon_starvation",
        "CT",
        "adds horizontal streaks where the body is widest",
        ct_noise.draw_starvation,
        ct_noise.add_starvation,
    ),
    _defect("ring", "CT", "adds rings about the isocentre", ct_ring.draw_rings, ct_ring.add_rings),
    _defect("metal_streak", "CT", "puts metal with its streaks into bone", ct_metal.draw_metal, ct_metal.add_metal, 60),
    _defect(
        "beam_hardening",
        "CT",
        "darkens bands between dense bones",
        ct_metal.draw_beam_hardening,
        ct_metal.add_beam_hardening,
    ),
    _defect("ct_motion", "CT", "moves the body during the rotation", ct_motion.draw_motion, ct_motion.add_motion),
    _defect(
        "fov_truncation",
        "CT",
        "cuts the scan field through the body, with a bright rim",
        ct_truncation.draw_truncation,
        ct_truncation.cut_field,
        0.9,
    ),
    _defect(
        "mr_motion",
        "MR",
        "moves the body between lines of k-space",
        mr_motion.draw_rigid_motion,
        mr_motion.add_rigid_motion,
    ),
    _defect("ghost", "MR", "adds ghosts along phase encoding", mr_motion.draw_ghost, mr_motion.add_ghost, 1),
    _defect("wrap", "MR", "folds the body over along phase encoding", mr_sampling.draw_wrap, mr_sampling.add_wrap, 0.9),
    _defect(
        "gibbs", "MR", "leaves the outer lines of k-space out", mr_sampling.draw_gibbs, mr_sampling.add_gibbs, 0.98
    ),
    _defect("mr_noise", "MR", "adds Rician noise", mr_interference.draw_noise, mr_interference.add_noise),
    _defect(
        "spike", "MR", "adds the stripes of spikes in k-space", mr_interference.draw_spike, mr_interference.add_spike
    ),
    _defect(
        "zipper", "MR", "adds lines of radio interference", mr_interference.draw_zipper, mr_interference.add_zipper
    ),
    _defect(
        "bias_field", "MR", "shades the picture smoothly", mr_shading.draw_bias_field, mr_shading.add_bias_field, 0.99
    ),
    _defect(
        "fat_suppression_failure",
        "MR",
        "brightens fat in a region",
        mr_shading.draw_fat_failure,
        mr_shading.add_fat_failure,
    ),
    _defect("xr_noise", "XR", "adds quantum noise", xr_exposure.draw_noise, xr_exposure.add_noise, 3),
    _defect(
        "under_exposure",
        "XR",
        "exposes too little: bright, noisy, clipped",
        xr_exposure.draw_under_exposure,
        xr_exposure.under_expose,
        10,
    ),
    _defect(
        "over_exposure",
        "XR",
        "exposes too much: dark, burnt through",
        xr_exposure.draw_over_exposure,
        xr_exposure.over_expose,
        10,
    ),
    _defect("double_exposure", "XR", "exposes twice", xr_exposure.draw_double_exposure, xr_exposure.expose_twice, 1),
    _defect("xr_motion", "XR", "blurs along a line", xr_blur.draw_motion, xr_blur.blur_motion),
    _defect("focal_blur", "XR", "blurs in all directions", xr_blur.draw_focal_blur, xr_blur.blur_focus),
    _defect("grid_lines", "XR", "shows the lines of a grid", xr_detector.draw_grid_lines, xr_detector.add_grid_lines),
    _defect(
        "grid_cutoff",
        "XR",
        "loses radiation to a decentred grid",
        xr_detector.draw_grid_cutoff,
        xr_detector.add_grid_cutoff,
        0.99,
    ),
    _defect("dead_lines", "XR", "kills detector lines", xr_detector.draw_dead_lines, xr_detector.add_dead_lines, 1000),
    _defect(
        "collimation_cut",
        "XR",
        "covers a side with a blade",
        xr_obstruction.draw_collimation_cut,
        xr_obstruction.cut_collimation,
        0.9,
    ),
    _defect(
        "foreign_object",
        "XR",
        "lays a necklace, buttons or a wire over the part",
        xr_obstruction.draw_foreign_object,
        xr_obstruction.add_foreign_object,
        3,
    ),
)

PIXEL_DEFECTS: dict[str, PixelDefect] = {defect.name: defect for defect in _DEFECTS}
