"""MR roles from headers as Siemens, GE, Philips, Canon, United Imaging and Hitachi send them."""

from typing import Any

import pytest

from tests.qc_models.roles.written_study import AXIAL, CORONAL, MR, SAGITTAL, facts_of, series, slices

SIEMENS = {"Manufacturer": "SIEMENS", "MagneticFieldStrength": 1.5}
GE = {"Manufacturer": "GE MEDICAL SYSTEMS", "MagneticFieldStrength": 3}
PHILIPS = {"Manufacturer": "Philips Medical Systems", "MagneticFieldStrength": 3}
CANON = {"Manufacturer": "TOSHIBA", "MagneticFieldStrength": 1.5}
UIH = {"Manufacturer": "UIH", "MagneticFieldStrength": 1.5}
HITACHI = {"Manufacturer": "Hitachi Medical Corporation", "MagneticFieldStrength": 0.3}


def mr(number: int = 12, orientation: list[float] = AXIAL, uid: int = 1, **keywords: Any) -> list[dict[str, Any]]:
    return series(uid, slices(number, orientation=orientation), **{**MR, "BodyPartExamined": "BRAIN", **keywords})


COLOURS = {
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "RGB",
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelData": b"\0" * 768,
}

VENDORS: list[tuple[str, dict[str, Any], str | None, tuple[str, ...]]] = [
    (
        "siemens pd fs",
        SIEMENS
        | {
            "ScanningSequence": "SE",
            "SequenceVariant": ["SK", "SP", "OSP"],
            "ScanOptions": ["PFP", "FS"],
            "SequenceName": "*tse2d1_8",
            "RepetitionTime": 3440,
            "EchoTime": 32,
            "EchoTrainLength": 8,
        },
        "PDFS",
        ("AX_PDFS",),
    ),
    (
        "siemens t1 whose ImageType has FS for a filter",
        SIEMENS
        | {
            "ImageType": ["DERIVED", "SECONDARY", "M", "NORM", "DIS2D", "FS", "FIL"],
            "ScanningSequence": "SE",
            "RepetitionTime": 656,
            "EchoTime": 14,
        },
        "T1",
        ("AX_T1",),
    ),
    (
        "siemens mprage",
        SIEMENS
        | {
            "ScanningSequence": ["GR", "IR"],
            "SequenceVariant": ["SK", "SP", "MP"],
            "MRAcquisitionType": "3D",
            "RepetitionTime": 2300,
            "EchoTime": 2.98,
            "InversionTime": 900,
            "FlipAngle": 9,
        },
        "T1",
        ("AX_T1",),
    ),
    (
        "siemens adc by the name of its sequence",
        SIEMENS | {"ScanningSequence": "EP", "SequenceName": "*ep_b0_1000", "RepetitionTime": 5000, "EchoTime": 90},
        "ADC",
        ("ADC",),
    ),
    ("siemens adc", SIEMENS | {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "ADC", ("ADC",)),
    ("siemens swi", SIEMENS | {"ImageType": ["ORIGINAL", "PRIMARY", "M", "SWI", "NORM"]}, "SWI", ("SWI",)),
    ("siemens swi projection", SIEMENS | {"ImageType": ["DERIVED", "PRIMARY", "MNIP", "SWI"]}, "MIP", ("MIP",)),
    ("siemens subtraction", SIEMENS | {"ImageType": ["DERIVED", "PRIMARY", "M", "SUB"]}, "SUB", ()),
    (
        "siemens field map",
        SIEMENS | {"ScanningSequence": "GR", "SequenceName": "*fm2d2", "RepetitionTime": 488, "EchoTime": 4.92},
        "GRE",
        (),
    ),
    (
        "ge flair",
        GE
        | {
            "ScanningSequence": ["SE", "IR"],
            "ScanOptions": ["FAST_GEMS", "IR"],
            "RepetitionTime": 8800,
            "EchoTime": 130,
            "InversionTime": 2250,
        },
        "FLAIR",
        ("AX_FLAIR",),
    ),
    (
        "ge fast spin echo in research mode",
        GE | {"ScanningSequence": ["SE", "RM"], "RepetitionTime": 4000, "EchoTime": 100, "FlipAngle": 111},
        "T2",
        ("AX_T2",),
    ),
    (
        "ge time of flight",
        GE
        | {
            "ScanningSequence": "GR",
            "ScanOptions": ["FAST_GEMS", "VASCTOF_GEMS"],
            "MRAcquisitionType": "3D",
            "RepetitionTime": 25,
            "EchoTime": 2.7,
            "FlipAngle": 20,
        },
        "TOF",
        ("TOF",),
    ),
    (
        "ge bold",
        GE
        | {
            "ScanningSequence": ["EP", "GR"],
            "ScanOptions": "EPI_GEMS",
            "RepetitionTime": 2000,
            "EchoTime": 30,
            "FlipAngle": 77,
        },
        "EPI",
        (),
    ),
    (
        "ge bravo",
        GE
        | {
            "ScanningSequence": "GR",
            "SequenceVariant": ["SS", "SP", "SK"],
            "MRAcquisitionType": "3D",
            "RepetitionTime": 8.2,
            "EchoTime": 3.2,
            "InversionTime": 450,
            "FlipAngle": 12,
        },
        "T1",
        ("AX_T1",),
    ),
    (
        "ge merge of the neck",
        GE
        | {
            "ScanningSequence": "GR",
            "RepetitionTime": 500,
            "EchoTime": 11,
            "FlipAngle": 20,
            "SeriesDescription": "Ax MERGE",
        },
        "T2STAR",
        ("AX_T2STAR",),
    ),
    (
        "ge gauss instead of tesla",
        {"MagneticFieldStrength": 15000, "ScanningSequence": "GR", "RepetitionTime": 235, "EchoTime": 11},
        "T1",
        ("AX_T1",),
    ),
    (
        "philips t2",
        PHILIPS
        | {
            "ImageType": ["ORIGINAL", "SECONDARY", "M_SE", "M", "SE"],
            "ScanningSequence": "SE",
            "ScanOptions": "OTHER",
            "RepetitionTime": 8868,
            "EchoTime": 120,
        },
        "T2",
        ("AX_T2",),
    ),
    (
        "philips spair in words alone",
        PHILIPS
        | {
            "ImageType": ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"],
            "ScanningSequence": "RM",
            "RepetitionTime": 3000,
            "EchoTime": 70,
            "SeriesDescription": "T2W_SPAIR",
        },
        "T2FS",
        ("AX_T2FS",),
    ),
    (
        "philips stir",
        PHILIPS
        | {
            "ImageType": ["ORIGINAL", "PRIMARY", "OTHER", "R", "IR"],
            "ScanningSequence": "IR",
            "RepetitionTime": 4414,
            "EchoTime": 64,
            "InversionTime": 140,
        },
        "STIR",
        ("AX_STIR",),
    ),
    (
        "philips phase",
        PHILIPS
        | {
            "ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"],
            "ScanningSequence": "GR",
            "RepetitionTime": 20,
            "EchoTime": 5,
        },
        "PHASE",
        (),
    ),
    (
        "canon t2",
        CANON | {"ScanningSequence": "SE", "SequenceName": "FSE+10_nBW_slt", "RepetitionTime": 3500, "EchoTime": 100},
        "T2",
        ("AX_T2",),
    ),
    (
        "uih t1 with fat saturation is t1",
        UIH | {"ScanningSequence": "SE", "ScanOptions": ["FS"], "RepetitionTime": 500, "EchoTime": 10},
        "T1",
        ("AX_T1",),
    ),
    (
        "uih t1 flair",
        UIH | {"ScanningSequence": ["SE", "IR"], "RepetitionTime": 1800, "EchoTime": 11, "InversionTime": 750},
        "T1",
        ("AX_T1",),
    ),
    (
        "hitachi t1 without contrast",
        HITACHI | {"ScanningSequence": "SE", "RepetitionTime": 462, "EchoTime": 25, "ContrastBolusAgent": "off"},
        "T1",
        ("AX_T1",),
    ),
    ("words alone", {"SeriesDescription": "AXIAL FLAIR"}, "FLAIR", ("AX_FLAIR",)),
    (
        "parameters before words",
        {"ScanningSequence": "SE", "RepetitionTime": 500, "EchoTime": 10, "SeriesDescription": "T2"},
        "T1",
        ("AX_T1",),
    ),
    ("colours", COLOURS | {"ScanningSequence": "SE", "RepetitionTime": 500, "EchoTime": 10}, None, ()),
]


@pytest.mark.parametrize(
    ("keywords", "role", "components"), [case[1:] for case in VENDORS], ids=[case[0] for case in VENDORS]
)
def test_vendors(keywords: dict[str, Any], role: str | None, components: tuple[str, ...]) -> None:
    (facts,) = facts_of(mr(**keywords))
    assert (facts.role, facts.components) == (role, components)


T1 = {"ScanningSequence": "SE", "RepetitionTime": 500, "EchoTime": 10, "AcquisitionTime": "100500"}


@pytest.mark.parametrize(
    ("keywords", "role", "source"),
    [
        ({"ContrastBolusAgent": "Gadovist"}, "T1C", "header"),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "100400"}, "T1C", "header"),
        ({"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "100600"}, "T1", "header"),
        ({"SeriesDescription": "T1 +C", "ContrastBolusStartTime": "100600"}, "T1", "header"),
        ({"SeriesDescription": "T1 +C"}, "T1C", "text"),
        ({"SeriesDescription": "T1WI 增强", "ContrastBolusAgent": "NO"}, "T1C", "text"),
        ({"ContrastBolusAgent": "off"}, "T1", "header"),
        ({"ContrastBolusAgent": "Gadovist", "SeriesDescription": "T1 PRE CONTRAST"}, "T1", "header"),
        ({"ContrastBolusAgent": "BARIUM", "ContrastBolusRoute": "ORAL"}, "T1", "header"),
    ],
)
def test_contrast_is_decided_by_the_clock_then_by_the_agent_then_by_words(
    keywords: dict[str, Any], role: str, source: str
) -> None:
    (facts,) = facts_of(mr(**T1, **keywords))
    assert (facts.role, facts.role_source) == (role, source)


def test_the_injection_of_one_series_dates_the_others() -> None:
    before, after = facts_of(
        mr(uid=1, **T1 | {"AcquisitionTime": "100000", "SeriesDescription": "T1 +C"}),
        mr(uid=2, **T1 | {"AcquisitionTime": "102000", "ContrastBolusStartTime": "101500"}),
    )
    assert (before.role, after.role) == ("T1", "T1C")


def test_an_agent_of_the_whole_examination_leaves_it_to_words_which_series_shows_it() -> None:
    agent = T1 | {"ContrastBolusAgent": "Gadovist"}
    plain, enhanced = facts_of(
        mr(uid=1, **agent, SeriesDescription="T1 TSE"), mr(uid=2, **agent, SeriesDescription="T1 TSE +C")
    )
    assert (plain.role, enhanced.role) == ("T1", "T1C")


EPI = {"ScanningSequence": ["EP", "SE"], "RepetitionTime": 5000, "EchoTime": 80}


def test_low_and_high_b_of_one_series_fill_the_component_from_both_stacks() -> None:
    low, high = facts_of(mr(**EPI, DiffusionBValue=0.0) + mr(**EPI, DiffusionBValue=1000.0))
    assert (low.role, low.b_values, low.components) == ("DWI", (0.0,), ("AX_DWI",))
    assert (high.role, high.b_values, high.components) == ("DWI", (1000.0,), ("AX_DWI",))


def test_canon_leaves_the_b_value_out_where_it_is_zero() -> None:
    low, high = facts_of(mr(**CANON, **EPI) + mr(**CANON, **EPI, DiffusionBValue=1000.0))
    assert (low.b_values, low.components) == ((0.0,), ("AX_DWI",))
    assert high.components == ("AX_DWI",)


@pytest.mark.parametrize("b_values", [(1000.0,), (0.0, 50.0), (200.0, 800.0)])
def test_half_a_diffusion_set_fills_nothing(b_values: tuple[float, ...]) -> None:
    made = facts_of([each for b in b_values for each in mr(**EPI, DiffusionBValue=b)])
    assert {facts.components for facts in made} == {()}


def test_a_diffusion_map_alone_is_no_diffusion_image() -> None:
    (facts,) = facts_of(mr(ImageType=["DERIVED", "PRIMARY", "ADC"], DiffusionBValue=1000.0))
    assert facts.components == ("ADC",)
    assert facts.derived


def test_diffusion_known_by_words_alone_counts_when_each_place_was_taken_twice() -> None:
    words = EPI | {"SeriesDescription": "Ax DWI"}
    once = facts_of(mr(**words))
    twice = facts_of(mr(**words) + [{**each, "InstanceNumber": 20 + i} for i, each in enumerate(mr(**words))])
    assert [facts.components for facts in (*once, *twice)] == [(), ("AX_DWI",)]


def test_of_a_turbo_spin_echo_dixon_water_is_fat_saturated_and_fat_is_nothing() -> None:
    echoes = {"ScanningSequence": "SE", "RepetitionTime": 4000, "EchoTime": 90}
    made = facts_of(
        [
            {**each, "ImageType": ["DERIVED", "PRIMARY", "M", word]}
            for word in ("W", "F", "IN_PHASE")
            for each in mr(**echoes)
        ]
    )
    assert [facts.components for facts in made] == [("AX_T2FS",), (), ("AX_T2",)]


def test_an_isotropic_volume_fills_every_plane() -> None:
    volume = {"PixelSpacing": [1, 1], "SliceThickness": 1, "MRAcquisitionType": "3D"}
    made = series(
        1,
        slices(40, 1.0, SAGITTAL),
        **MR,
        **volume,
        ScanningSequence=["SE", "IR"],
        RepetitionTime=5000,
        EchoTime=390,
        InversionTime=1800,
    )
    (facts,) = facts_of(made)
    assert set(facts.components) == {"AX_FLAIR", "SAG_FLAIR", "COR_FLAIR"}


@pytest.mark.parametrize(("body_part", "role"), [("LIVER", "MRCP"), ("LSPINE", "T2"), ("", "MRCP")])
def test_only_fluid_left_is_the_bile_ducts_where_it_can_be(body_part: str, role: str) -> None:
    (facts,) = facts_of(mr(ScanningSequence="SE", RepetitionTime=5000, EchoTime=740, BodyPartExamined=body_part))
    assert facts.role == role


def test_labelled_blood_is_named_by_words_alone() -> None:
    perfusion = {"ScanningSequence": ["EP", "GR"], "RepetitionTime": 3000, "EchoTime": 12, "SeriesDescription": "pCASL"}
    (facts,) = facts_of(mr(**perfusion))
    assert (facts.role, facts.role_source) == ("ASL", "text")


def test_enhanced_objects_are_read_like_classic_ones() -> None:
    frames = [
        {"PlanePositionSequence": [{"ImagePositionPatient": [0, 0, 5 * i]}], "FrameContentSequence": [{"StackID": "1"}]}
        for i in range(3)
    ]
    shared = {
        "PlaneOrientationSequence": [{"ImageOrientationPatient": CORONAL}],
        "PixelMeasuresSequence": [{"PixelSpacing": [0.5, 0.5], "SliceThickness": 4}],
        "MRTimingAndRelatedParametersSequence": [{"RepetitionTime": 4000, "FlipAngle": 90, "EchoTrainLength": 9}],
        "MREchoSequence": [{"EffectiveEchoTime": 80.0}],
        "MRModifierSequence": [{"SpectrallySelectedSuppression": "FAT", "InversionRecovery": "NO"}],
        "MRImageFrameTypeSequence": [{"FrameType": ["ORIGINAL", "PRIMARY", "M", "NONE"]}],
        "FrameAnatomySequence": [
            {
                "FrameLaterality": "L",
                "AnatomicRegionSequence": [
                    {"CodeValue": "72696002", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Knee"}
                ],
            }
        ],
    }
    (facts,) = facts_of(
        [
            {
                **MR,
                "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1",
                "BodyPartExamined": None,
                "EchoPulseSequence": "SPIN",
                "NumberOfFrames": 3,
                "PixelData": b"\0" * (3 * 16 * 16 * 2),
                "ImageOrientationPatient": None,
                "ImagePositionPatient": None,
                "PerFrameFunctionalGroupsSequence": frames,
                "SharedFunctionalGroupsSequence": [shared],
            }
        ]
    )
    assert (facts.role, facts.plane, facts.components) == ("T2FS", "coronal", ("COR_T2FS",))
    assert (facts.region.label, facts.laterality) == (("knee",), "L")
