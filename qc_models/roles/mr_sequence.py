"""The weighting of an MR stack from its acquisition parameters: what was played out, and when it was read.

Borders of repetition and echo time: short TR ends at 1500 ms where long TR begins, a short TE lies below 30 ms and a long one
above 60-90 ms (IMAIOS e-MRI, "Signal weighting"; McRobbie et al., MRI from Picture to Proton, 3rd ed., ch. 3). They hold from
0.2 to 3 T: T1 grows with the field, and with it the TR of both weightings. Where times lie between, the reading is not
`certain`, and a text may decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qc_models.roles.clues import Clues

SHORT_TR_MS = 1500.0
SURE_SHORT_TR_MS, SURE_LONG_TR_MS = 1100.0, 1800.0
SHORT_TE_MS = 30.0
INTERMEDIATE_TE_MS = (40.0, 65.0)  # PD of the joints reaches into it from below, T2 from above
PD_TO_T2_TE_MS = 55.0
STIR_TI_MS = (60.0, 320.0)  # fat's null: 85 ms at 0.2 T, 150 ms at 1.5 T, 220 ms at 3 T
FLAIR_TI_MS = 1300.0  # fluid's null: 1500 ms at 0.3 T to 2800 ms at 3 T
HYDROGRAPHY_TE_MS = 450.0  # only still fluid has signal left
T2STAR_TE_MS = 15.0
LOWEST_WEIGHTED_B = 100.0  # s/mm²

_FAT_SUPPRESSION = frozenset("FS FATSAT FAT_SAT FATSAT_GEMS SFS SPAIR SPIR SPECIAL ASPIR WE WATER_EXC PASTA WFS CHESS FATSUP".split())
_NONE_OF_IT = frozenset("NONE NO N OFF".split())


@dataclass(frozen=True, slots=True)
class Reading:
    """A role read from parameters (None: they say nothing), and whether they leave no doubt."""

    role: str | None
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Pulse:
    """What was played out, classic and enhanced attributes read alike; times in ms, angle in degrees."""

    repetition_time: float | None
    echo_time: float | None
    inversion_time: float | None
    flip_angle: float | None
    echo_train_length: float | None
    gradient_echo: bool
    echo_planar: bool
    inversion: bool
    balanced: bool  # steady state without spoiling: bSSFP
    is_3d: bool
    fat_suppressed: bool
    words: frozenset[str]
    contrast_word: str
    sequence_name: str
    angiography: bool
    flow_compensated: bool


def pulse_of(clues: Clues) -> Pulse:
    """The pulse sequence of a stack, from its header."""
    scanning = clues.texts("ScanningSequence")
    variant = clues.texts("SequenceVariant")
    options = clues.texts("ScanOptions")
    kind = clues.text("EchoPulseSequence")
    name = clues.text("SequenceName", "PulseSequenceName")
    flip, echo_train = clues.number("FlipAngle"), clues.number("EchoTrainLength", "RFEchoTrainLength")
    repetition = _positive(clues.number("RepetitionTime"))
    inversion_time = _positive(clues.number("InversionTime", "InversionTimes"))
    gradient = bool({"GR"} & scanning) or kind == "GRADIENT" or "M_FFE" in clues.words
    if not (scanning & {"SE", "GR"}) and not kind and "M_SE" not in clues.words and "M_IR" not in clues.words:
        # "Research mode" alone: short trains of small flips are gradient echoes.
        gradient = gradient or (repetition or 1e9) < 60 or ((flip or 90) < 60 and (echo_train or 1) <= 1)
    suppression = clues.text("SpectrallySelectedSuppression")
    return Pulse(
        repetition_time=repetition,
        echo_time=clues.frame.echo_time_ms,
        inversion_time=inversion_time,
        flip_angle=flip,
        echo_train_length=echo_train,
        gradient_echo=gradient and not scanning >= {"SE"},
        echo_planar="EP" in scanning or "EPI_GEMS" in options or clues.text("EchoPlanarPulseSequence") == "YES",
        inversion=inversion_time is not None
        and (bool({"IR"} & scanning) or "MP" in variant or "IR" in options or inversion_time > 0),
        balanced=("SS" in variant and "SP" not in variant)
        or clues.text("SteadyStatePulseSequence") in ("FREE_PRECESSION", "TIME_REVERSED"),
        is_3d=clues.text("MRAcquisitionType") == "3D",
        fat_suppressed=bool(_FAT_SUPPRESSION & options)
        or suppression in ("FAT", "FAT_AND_WATER", "SILICON_GEL_AND_FAT")
        or clues.text("SpectrallySelectedExcitation") == "WATER"
        or bool(clues.words & {"W", "WATER"}),
        words=clues.words,
        contrast_word=clues.text("AcquisitionContrast"),
        sequence_name=name,
        angiography=clues.text("AngioFlag") == "Y" or clues.text("TimeOfFlightContrast") == "YES",
        flow_compensated="FC" in options or clues.text("FlowCompensation") not in ("", *_NONE_OF_IT),
    )


def read_weighting(pulse: Pulse, b_values: Sequence[float]) -> Reading:
    """The weighting of a stack; `b_values` are those of its whole series, in s/mm²."""
    for rule in (_special, _echo_planar, _inversion):
        reading = rule(pulse, b_values)
        if reading is not None:
            return reading
    return _gradient_echo(pulse) if pulse.gradient_echo else _spin_echo(pulse)
