"""How the scanners of each manufacturer fill headers: names, character sets, kernels, words of ImageType, orders and roundings.

Habits are those seen in conformance statements and real archives; one habit set a manufacturer, though models differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from qc_models.errors import InputError

VendorName = Literal["siemens", "ge", "philips", "canon", "uih", "hitachi"]


@dataclass(frozen=True)
class Vendor:
    """The habits of one manufacturer's scanners; `models` by modality, `kernels` by what a reconstruction is for."""

    name: VendorName
    manufacturer: str
    models: Mapping[str, str]
    software: str
    character_set: str
    ideographic_group: bool  # Latin letters in PatientName with the characters as second group
    kernels: Mapping[str, str]
    ct_words: tuple[str, ...]  # words of ImageType after AXIAL
    ct_scan_options: str | None
    ct_intercept: int
    ct_signed: bool
    ct_padding: int | None  # stored value outside the reconstruction circle
    ascending: bool  # instance 1 is the lowest, most right or most anterior slice
    decimals: int  # of positions
    fat_saturation: str  # its word in ScanOptions
    mr_words: tuple[str, ...]  # words of ImageType after PRIMARY
    adc_words: tuple[str, ...]
    radiograph_modality: Literal["DX", "CR", "RG"]
    detector_pitch_mm: float
    one_series_of_views: bool  # all radiographs of a study in one series


VENDORS: dict[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            "siemens",
            "SIEMENS",
            {"CT": "SOMATOM Force", "MR": "MAGNETOM Skyra", "XR": "Ysio Max", "MG": "MAMMOMAT Inspiration"},
            "syngo CT VB10A",
            "ISO_IR 192",
            True,
            {"soft": "Br40d", "brain": "Hr38", "bone": "Br59d", "lung": "Bl57d", "vessel": "Bv40d"},
            ("CT_SOM5 SPI",),
            None,
            -1024,
            False,
            None,
            False,
            9,
            "FS",
            ("M", "ND", "NORM"),
            ("DIFFUSION", "ADC", "ND"),
            "DX",
            0.148,
            False,
        ),
        Vendor(
            "ge",
            "GE MEDICAL SYSTEMS",
            {"CT": "Revolution CT", "MR": "DISCOVERY MR750w", "XR": "Discovery XR656", "MG": "Senographe Essential"},
            "revo_ct_21b.33",
            "GB18030",
            False,
            {"soft": "STANDARD", "brain": "SOFT", "bone": "BONEPLUS", "lung": "LUNG", "vessel": "STANDARD"},
            (),
            "HELICAL MODE",
            -1024,
            True,
            -2000,
            False,
            6,
            "FAT_SAT",
            ("OTHER",),
            ("ADC",),
            "DX",
            0.194,
            False,
        ),
        Vendor(
            "philips",
            "Philips",
            {"CT": "IQon - Spectral CT", "MR": "Ingenia", "XR": "DigitalDiagnost", "MG": "MicroDose SI"},
            "4.7.5",
            "ISO_IR 192",
            False,
            {"soft": "B", "brain": "UB", "bone": "YD", "lung": "L", "vessel": "B"},
            (),
            "HELIX",
            -1024,
            False,
            None,
            True,
            8,
            "FS",
            ("M_SE", "M", "SE"),
            ("ADC_UNSPECIFIED", "ADC", "UNSPECIFIED"),
            "DX",
            0.148,
            True,
        ),
        Vendor(
            "canon",
            "TOSHIBA",
            {"CT": "Aquilion ONE", "MR": "Vantage Titan", "XR": "CXDI Control Software NE", "MG": "Peruru"},
            "V7.0ER004",
            "GB18030",
            False,
            {"soft": "FC08", "brain": "FC26", "bone": "FC30", "lung": "FC52", "vessel": "FC43"},
            (),
            "HELICAL_CT",
            0,
            True,
            None,
            False,
            5,
            "FS",
            ("OTHER",),
            ("ADC",),
            "CR",
            0.16,
            True,
        ),
        Vendor(
            "uih",
            "UIH",
            {"CT": "uCT 760", "MR": "uMR 780", "XR": "uDR 770i", "MG": "uMammo 890i"},
            "R002",
            "ISO_IR 192",
            True,
            {"soft": "B_SOFT_B", "brain": "H_SOFT_B", "bone": "B_BONE_C", "lung": "B_LUNG_B", "vessel": "B_VSOFT_B"},
            (),
            "HELICAL",
            -1024,
            False,
            None,
            True,
            4,
            "FS",
            ("M", "NONE"),
            ("ADC", "NONE"),
            "DX",
            0.139,
            False,
        ),
        Vendor(
            "hitachi",
            "Hitachi Medical Corporation",
            {"CT": "SCENARIA", "MR": "ECHELON", "XR": "Radnext", "MG": "LORAD"},
            "V1.70",
            "GB18030",
            False,
            {"soft": "32", "brain": "12", "bone": "41", "lung": "22", "vessel": "32"},
            (),
            "HELICAL",
            -1024,
            True,
            None,
            True,
            3,
            "FS",
            ("OTHER",),
            ("ADC",),
            "RG",
            0.175,
            True,
        ),
    )
}


def vendor_named(name: str) -> Vendor:
    """The vendor of this name; raises InputError that lists those there are."""
    if name not in VENDORS:
        raise InputError(f"no vendor {name!r}; there are {', '.join(VENDORS)}")
    return VENDORS[name]
