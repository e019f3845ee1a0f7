"""MR protocols by weight and region: the times, angles and words that a scanner writes and that make the contrast."""

from dataclasses import dataclass, replace

from qc_models.errors import InputError
from qc_models.vocabulary import MR_PLANES

FIELD_T = 1.5


@dataclass(frozen=True)
class Protocol:
    """How one series is acquired; times in ms. `echo_times_ms` has two values for in- and opposed-phase images."""

    weight: str
    tr_ms: float
    echo_times_ms: tuple[float, ...]
    ti_ms: float | None = None
    flip_deg: float = 90.0
    sequence: tuple[str, ...] = ("SE",)
    variant: tuple[str, ...] = ("SK", "SP")
    echo_train: int = 1
    volume: bool = False  # MRAcquisitionType 3D
    fat_saturated: bool = False
    inflow: bool = False
    b_values: tuple[int, ...] = ()
    dynamic: bool = False
    word: str = "se"  # of descriptions and sequence names

    @property
    def gradient_echo(self) -> bool:
        """True for spoiled gradient echoes."""
        return self.sequence == ("GR",)


_T1 = Protocol("T1", 520, (10,), echo_train=3, word="t1_tse")
_T2 = Protocol("T2", 4500, (98,), flip_deg=150, echo_train=16, word="t2_tse")
_PD = Protocol("PD", 2900, (28,), flip_deg=150, echo_train=7, word="pd_tse")
_VIBE = Protocol(
    "DYNAMIC",
    4.4,
    (2.1,),
    flip_deg=12,
    sequence=("GR",),
    volume=True,
    fat_saturated=True,
    dynamic=True,
    word="t1_vibe_fs_dyn",
)

PROTOCOLS: dict[str, Protocol] = {
    "T1": _T1,
    "T1C": replace(_T1, weight="T1C", word="t1_tse_gd"),
    "T2": _T2,
    "T2FS": replace(_T2, weight="T2FS", fat_saturated=True, word="t2_tse_fs"),
    "T2STAR": Protocol("T2STAR", 620, (18,), flip_deg=20, sequence=("GR",), variant=("SP",), word="t2_fl2d_hemo"),
    "PD": _PD,
    "PDFS": replace(_PD, weight="PDFS", fat_saturated=True, word="pd_tse_fs"),
    "STIR": Protocol(
        "STIR",
        4200,
        (42,),
        ti_ms=165,
        flip_deg=150,
        sequence=("SE", "IR"),
        variant=("SK", "SP", "MP"),
        echo_train=12,
        word="t2_tirm_stir",
    ),
    "FLAIR": Protocol(
        "FLAIR",
        9000,
        (98,),
        ti_ms=2500,
        flip_deg=150,
        sequence=("SE", "IR"),
        variant=("SK", "SP", "MP"),
        echo_train=16,
        word="t2_tirm_dark-fluid",
    ),
    "DWI": Protocol("DWI", 5200, (78,), sequence=("EP",), fat_saturated=True, b_values=(0, 1000), word="ep2d_diff"),
    "ADC": Protocol("ADC", 5200, (78,), sequence=("EP",), fat_saturated=True, word="ep2d_diff_ADC"),
    "SWI": Protocol("SWI", 40, (24,), flip_deg=15, sequence=("GR",), variant=("SP",), volume=True, word="t2_swi3d"),
    "TOF": Protocol(
        "TOF",
        22,
        (3.6,),
        flip_deg=20,
        sequence=("GR",),
        variant=("SP", "MTC"),
        volume=True,
        inflow=True,
        word="tof_fl3d",
    ),
    "MRCP": Protocol(
        "MRCP",
        3000,
        (680,),
        flip_deg=180,
        variant=("SK", "SP"),
        echo_train=101,
        volume=True,
        fat_saturated=True,
        word="t2_spc_mrcp",
    ),
    "IN_OUT_PHASE": Protocol(
        "IN_OUT_PHASE", 150, (2.3, 4.6), flip_deg=70, sequence=("GR",), variant=("SP",), word="t1_fl2d_opp-in"
    ),
    "DYNAMIC": _VIBE,
    "MIP": Protocol(
        "MIP",
        22,
        (3.6,),
        flip_deg=20,
        sequence=("GR",),
        variant=("SP", "MTC"),
        volume=True,
        inflow=True,
        word="tof_MIP",
    ),
}

_B_VALUES: dict[str, tuple[int, ...]] = {"abdomen": (50, 800), "pelvis": (0, 1000), "prostate": (50, 800, 1500)}
_VOLUME_PLANES = {
    "MRCP": "COR",
    "DYNAMIC": "AX",
    "SWI": "AX",
    "TOF": "AX",
    "ADC": "AX",
    "IN_OUT_PHASE": "AX",
    "MIP": "COR",
}


def protocol_of(token: str, region: str) -> tuple[str, Protocol]:
    """The plane (AX, SAG, COR) and the protocol of a component, fitted to a region; raises InputError for an unknown token."""
    plane, _, weight = token.partition("_")
    if plane not in MR_PLANES:
        plane, weight = _VOLUME_PLANES.get(token, "AX"), token
    if weight not in PROTOCOLS:
        raise InputError(f"no MR protocol for component {token!r}; there are {', '.join(PROTOCOLS)} with AX, SAG, COR")
    protocol = PROTOCOLS[weight]
    if region == "abdomen" and weight in ("T1", "T1C"):  # breath-hold gradient echo
        protocol = replace(
            protocol,
            tr_ms=160,
            echo_times_ms=(4.6,),
            flip_deg=70,
            sequence=("GR",),
            variant=("SP",),
            echo_train=1,
            word="t1_fl2d",
        )
    if weight == "MIP" and region == "abdomen":
        protocol = replace(PROTOCOLS["MRCP"], weight="MIP", word="t2_spc_mrcp_MIP")
    if protocol.b_values:
        protocol = replace(protocol, b_values=_B_VALUES.get(region, protocol.b_values))
    return plane, protocol
