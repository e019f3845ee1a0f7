"""How probably a person would exclude a T1 image of a brain, from MRIQC's measures of it.

Learned from three raters of ABIDE (17 sites) by `training/image_ratings.py`, for tables that MRIQC has written (Esteban et al.
2017, doi 10.1371/journal.pone.0184661). Sizes and spacings are left out: they name the site and not the image.

Our own checks do not feed it. EFC, FBER, FWHM and SNRd ask for no more than body and air, and ours have the same formulas; but what
tells the raters' words are CJV, CNR and SNR of segmented grey and white matter, for which our checks have two classes of brightness
within the head (see the check cjv): equal in formula, not in value.
"""

from qc_models.measure_spec import Measure, MeasureSpec
from qc_models.model_outputs import Output

# Of many orders of magnitude, or counted in ratios: with the unit below which they are small.
_IN_RATIOS = {"qi": 1e-3, "cnr": 1.0, "fber": 1.0, "rpve": 1.0, "snr": 1.0, "snrd": 1.0, "summary": 1.0}
_TISSUES = "csf gm wm".split()
_SUMMARY = "k mad mean median n p05 p95 stdv".split()
_COLUMNS = (
    *"cjv cnr efc fber fwhm_avg fwhm_x fwhm_y fwhm_z inu_med inu_range qi_1 qi_2 wm2max".split(),
    *(f"{kind}_{tissue}" for kind in ("icvs", "rpve", "tpm_overlap") for tissue in _TISSUES),
    *(f"{kind}_{tissue}" for kind in ("snr", "snrd") for tissue in (*_TISSUES, "total")),
    *(f"summary_{place}_{number}" for place in ("bg", *_TISSUES) for number in _SUMMARY),
)

INPUT = MeasureSpec(tuple(Measure(name, _IN_RATIOS.get(name.partition("_")[0])) for name in _COLUMNS))
OUTPUTS = (Output("adequacy", "one_of", ("adequate", "inadequate")),)
