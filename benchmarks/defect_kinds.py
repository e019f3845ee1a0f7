"""Which findings are of the right kind for each defect: what a defect must be caught by, not merely some finding."""

from collections.abc import Mapping, Sequence
from typing import Any

_GAPS = (
    "completeness.slice_positions.missing",
    "completeness.slice_positions.missing_frames",
    "completeness.slice_positions.irregular",
    "completeness.slice_positions.thinned",
    "completeness.instance_numbers.missing",
    "completeness.acquisition_sets.",
    "completeness.declared_counts.",
    "completeness.required_components.missing",
)

KINDS: Mapping[str, tuple[str, ...]] = {
    "missing_slices": _GAPS,
    "missing_fraction": _GAPS,
    "duplicate_slice": (
        "completeness.slice_positions.duplicate",
        "completeness.pixel_integrity.repeated",
        "completeness.instance_numbers.repeated",
    ),
    "truncated_file": ("completeness.pixel_integrity.",),
    "blank_slices": ("completeness.pixel_integrity.blank",),
    "repeated_pixels": ("completeness.pixel_integrity.repeated",),
    "missing_series": ("completeness.required_components.missing",),
    "missing_component": ("completeness.required_components.",),
    "patient_mix_up": ("metadata.patient_identity.",),
    "future_date": ("metadata.dates.future_days",),
    "birth_after_study": ("metadata.dates.before_birth",),
    "wrong_charset": ("metadata.character_set.",),
    "wrong_body_part": ("body_part.declared_region.", "metadata.request_match.", "completeness.required_components."),
    "wrong_side": ("metadata.laterality.",),
    "conflicting_uid": ("metadata.uids.conflicting",),
    "ct_noise": ("adequacy.noise_hu.", "adequacy.low_contrast.", "artifacts.streak.", "artifacts.photon_starvation."),
    "photon_starvation": ("artifacts.photon_starvation.", "artifacts.streak.", "adequacy.noise_hu."),
    "ring": ("artifacts.ring.",),
    "metal_streak": ("artifacts.metal.", "artifacts.streak."),
    "beam_hardening": ("artifacts.streak.",),
    "ct_motion": ("artifacts.streak.", "adequacy.sharpness."),
    "fov_truncation": ("artifacts.truncation.",),
    "mr_motion": ("artifacts.motion.", "artifacts.ghosting."),
    "ghost": ("artifacts.ghosting.", "artifacts.background.", "artifacts.motion."),
    "wrap": ("artifacts.wrap.",),
    "gibbs": ("adequacy.fwhm.", "artifacts.motion."),
    "mr_noise": ("adequacy.mr_snr.", "adequacy.fber."),
    "spike": ("artifacts.spike.",),
    "zipper": ("artifacts.zipper.",),
    "bias_field": ("artifacts.bias_field.", "adequacy.uniformity."),
    "fat_suppression_failure": ("artifacts.bias_field.", "adequacy.uniformity."),
    "xr_noise": ("adequacy.xr_noise.",),
    "under_exposure": ("artifacts.clipping.", "adequacy.xr_histogram.", "adequacy.xr_noise."),
    "over_exposure": ("artifacts.clipping.", "adequacy.xr_histogram."),
    "double_exposure": ("adequacy.xr_histogram.", "adequacy.xr_contrast."),
    "xr_motion": ("adequacy.xr_sharpness.",),
    "focal_blur": ("adequacy.xr_sharpness.",),
    "grid_lines": ("artifacts.grid_lines.",),
    "grid_cutoff": ("artifacts.clipping.", "adequacy.xr_histogram."),
    "dead_lines": ("artifacts.dead_lines.",),
    "collimation_cut": ("artifacts.collimation.", "adequacy.xr_centering."),
    "foreign_object": ("artifacts.foreign_object.",),
}


def above_note(content: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The findings of a report at review or reject, by metric and message."""
    return {
        (finding["metric"], finding["message"]["en"]) for finding in content["findings"] if finding["level"] != "note"
    }


def caught_by(defect: str, clean: Mapping[str, Any], defective: Mapping[str, Any]) -> Sequence[str]:
    """The metrics of the right kind that the defective study's report has, and the clean one's has not.

    A model of artifacts names a defect by its own name.
    """
    new = above_note(defective) - above_note(clean)
    right = (*KINDS[defect], f"artifacts.seen.{defect}")
    return sorted({metric for metric, _ in new if metric.startswith(right)})
