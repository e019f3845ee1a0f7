"""The weighting of an MR stack from its acquisition parameters: what was played out, and when it was read.

Borders of repetition and echo time: short TR ends at 1500 ms where long TR begins, a short TE lies below 30 ms and a long one
above 60-90 ms (IMAIOS e-MRI, "Signal weighting"; McRobbie et al., MRI from Picture to Proton). They hold from
0.2 to 3 T: T1 grows with the field, and with it the TR of both weightings. Where times lie between, the reading is not
`certain`, and a text may decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qc_models.roles.clues import Clues

SHORT_TR_MS = 1500.0
SURE_T1_TR_MS, SURE_PD_TR_MS = 1100.0, 1800.0
INTERMEDIATE_TE_MS = (40.0, 65.0)  # PD of the joints reaches into it from below, T2 from above
PD_TO_T2_TE_MS = 55.0
STIR_TI_MS = (60.0, 320.0)  # fat's null: 85 ms at 0.2 T, 150 ms at 1.5 T, 220 ms at 3 T
FLAIR_TI_MS = 1300.0  # fluid's null: 1500 ms at 0.3 T to 2800 ms at 3 T
HYDROGRAPHY_TE_MS = 450.0  # only still fluid has signal left
T2STAR_TE_MS = 15.0
LOWEST_DIFFUSION_B = 100.0  # s/mm²; below it perfusion is seen, not diffusion

_FAT_SUPPRESSION = frozenset(
    "FS FATSAT FAT_SAT FAT_SAT_GEMS SFS SPAIR SPIR SPECIAL ASPIR WE WATER_EXC PASTA CHESS FATSUP".split()
)
_DIFFUSION_WORDS = frozenset("DIFFUSION TRACEW TRACE DWI".split())
_CONTRAST_WORDS = {
    "DIFFUSION": "DWI",
    "STIR": "STIR",
    "FLUID_ATTENUATED": "FLAIR",
    "TOF": "TOF",
    "T2_STAR": "T2STAR",
    "PERFUSION": "EPI",
}
_TIMELESS_WORDS = {"T1": "T1", "T2": "T2", "PROTON_DENSITY": "PD"}  # often a default: told only where times are absent
_ASL, _SHORT_GRADIENT_ECHO = frozenset({"ASL"}), frozenset({"FIELDMAP", "TOF"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A role read from parameters (None: they say nothing), whether they leave no doubt, and what a text may still say instead."""

    role: str | None
    certain: bool = True
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pulse:
    """What was played out, classic and enhanced attributes read alike; times in ms, angle in degrees."""

    repetition_time: float | None = None
    echo_time: float | None = None
    inversion_time: float | None = None
    flip_angle: float | None = None
    gradient_echo: bool = False
    echo_planar: bool = False
    inversion: bool = False
    balanced: bool = False
    is_3d: bool = False
    fat_suppressed: bool = False
    flow_compensated: bool = False
    angiography: bool = False
    time_of_flight: bool = False
    spin_labelled: bool = False
    contrast_word: str = ""  # AcquisitionContrast of enhanced objects
    sequence_name: str = ""
    words: frozenset[str] = frozenset()


def pulse_of(clues: Clues) -> Pulse:
    """The pulse sequence of a stack, from its header (PS3.3 C.8.3.1, C.8.13)."""
    scanning, variant, options = (clues.texts(k) for k in ("ScanningSequence", "SequenceVariant", "ScanOptions"))
    echo_kind = clues.text("EchoPulseSequence")
    repetition_time = _positive(clues.number("RepetitionTime"))
    inversion_time = _positive(clues.number("InversionTime", "InversionTimes"))
    flip_angle = _positive(clues.number("FlipAngle"))
    spin = "SE" in scanning or echo_kind in ("SPIN", "BOTH") or bool(clues.words & {"M_SE", "M_IR"})
    gradient = not spin and ("GR" in scanning or echo_kind == "GRADIENT" or "M_FFE" in clues.words)
    if not spin and not gradient:  # a research mode alone: small flips in quick succession are gradient echoes
        gradient = (flip_angle or 90.0) < 60 and (repetition_time or SHORT_TR_MS) < 100
    return Pulse(
        repetition_time=repetition_time,
        echo_time=clues.frame.echo_time_ms,
        inversion_time=inversion_time,
        flip_angle=flip_angle,
        gradient_echo=gradient,
        echo_planar="EP" in scanning or clues.text("EchoPlanarPulseSequence") == "YES",
        inversion="IR" in scanning or clues.text("InversionRecovery") == "YES" or inversion_time is not None,
        balanced=("SS" in variant and "SP" not in variant)
        or clues.text("SteadyStatePulseSequence") in ("FREE_PRECESSION", "TIME_REVERSED"),
        is_3d=clues.text("MRAcquisitionType") == "3D",
        fat_suppressed=bool(_FAT_SUPPRESSION & options)
        or clues.text("SpectrallySelectedSuppression") in ("FAT", "FAT_AND_WATER", "SILICON_GEL_AND_FAT")
        or clues.text("SpectrallySelectedExcitation") == "WATER"
        or bool(clues.words & {"W", "WATER"}),
        flow_compensated="FC" in options or clues.text("FlowCompensation") not in ("", "NONE"),
        angiography=clues.text("AngioFlag") == "Y",
        time_of_flight=clues.text("TimeOfFlightContrast") == "YES" or "VASCTOF_GEMS" in options,
        spin_labelled=bool(clues.text("ArterialSpinLabelingContrast")) or "ASL" in clues.words,
        contrast_word=clues.text("AcquisitionContrast"),
        sequence_name=clues.text("SequenceName", "PulseSequenceName"),
        words=clues.words,
    )


def read_weighting(pulse: Pulse, b_values: Sequence[float]) -> Reading:
    """The weighting of a stack; `b_values` are those of its whole series, in s/mm²."""
    if pulse.spin_labelled:
        return Reading("ASL")
    if max(b_values, default=0.0) >= LOWEST_DIFFUSION_B or pulse.words & _DIFFUSION_WORDS:
        return Reading("DWI")
    if pulse.contrast_word in _CONTRAST_WORDS:
        return Reading(_CONTRAST_WORDS[pulse.contrast_word])
    if pulse.time_of_flight:
        return Reading("TOF")
    if pulse.echo_planar:
        # A spin echo may be diffusion whose b-values were lost; labelled blood leaves no trace in classic headers.
        return Reading("EPI", unless=_ASL if pulse.gradient_echo else _ASL | {"DWI"})
    if pulse.echo_time is None and pulse.contrast_word in _TIMELESS_WORDS:
        return Reading(_TIMELESS_WORDS[pulse.contrast_word])
    if pulse.gradient_echo:
        return _gradient_echo(pulse)
    return _inversion(pulse) if pulse.inversion else _spin_echo(pulse)


def _gradient_echo(pulse: Pulse) -> Reading:
    echo, repetition, flip = pulse.echo_time, pulse.repetition_time, pulse.flip_angle
    name = pulse.sequence_name.lstrip("*")
    if name.startswith("FM"):  # Siemens: two echoes for a map of the field
        return Reading("GRE")
    if pulse.balanced or name.startswith("DE3D"):
        return Reading("GRE", certain=False)
    if echo is None or repetition is None:
        return Reading("T1", certain=False)
    if pulse.inversion:  # magnetization prepared: MPRAGE, BRAVO, TFE
        return Reading("T1")
    if echo >= T2STAR_TE_MS:
        # Susceptibility weighting reads a 3D volume late within a short repetition, all else T2* is slower.
        volume = pulse.is_3d and repetition < 80
        return Reading("SWI", certain=pulse.flow_compensated) if volume else Reading("T2STAR")
    if 15 <= repetition <= 60 and (pulse.angiography or (pulse.flow_compensated and pulse.is_3d)):
        return Reading("TOF", certain=pulse.angiography)
    if echo >= 9:
        small = flip is not None and flip <= 35
        return Reading("T2STAR" if small else "T1", certain=False)
    certain = flip is not None and (flip >= 40 or (flip >= 7 and repetition < 60))
    return Reading("T1", certain, unless=_SHORT_GRADIENT_ECHO)


def _inversion(pulse: Pulse) -> Reading:
    inversion, echo = pulse.inversion_time, pulse.echo_time or 0.0
    if inversion is None:
        return Reading("FLAIR" if (pulse.repetition_time or 0.0) >= 5000 else "STIR", certain=False)
    if STIR_TI_MS[0] <= inversion <= STIR_TI_MS[1]:
        return Reading("STIR")
    if inversion < STIR_TI_MS[0]:
        return _spin_echo(pulse)
    if echo >= INTERMEDIATE_TE_MS[1]:
        return Reading("FLAIR") if inversion >= FLAIR_TI_MS else Reading("T2", certain=False)
    return Reading("T1", certain=inversion < FLAIR_TI_MS)


def _spin_echo(pulse: Pulse) -> Reading:
    echo, repetition = pulse.echo_time, pulse.repetition_time
    if echo is None:
        return Reading(None if repetition is None or repetition >= SHORT_TR_MS else "T1", certain=False)
    if echo >= HYDROGRAPHY_TE_MS:
        return Reading("MRCP", certain=False)
    if echo >= INTERMEDIATE_TE_MS[1]:
        return Reading("T2")
    if echo >= INTERMEDIATE_TE_MS[0]:
        return Reading("PD" if echo < PD_TO_T2_TE_MS else "T2", certain=False)
    if repetition is None:
        return Reading("T1", certain=False)
    if repetition < SHORT_TR_MS:
        # Volumes with long trains reach proton density at a TR that in slices gives T1.
        volume = pulse.is_3d and echo >= 25 and repetition >= 900
        return Reading("PD" if volume else "T1", certain=repetition <= SURE_T1_TR_MS and not volume)
    return Reading("PD", certain=repetition >= SURE_PD_TR_MS)


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None
