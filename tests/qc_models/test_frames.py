"""Frames made from headers: classic, enhanced, mosaic, and what is no image."""

import struct
from typing import Any

import pytest
from pydicom.dataset import Dataset

from qc_models.dicom.header import Header
from qc_models.frames import frames_of, time_of_day_s
from qc_models.study import Frame
from tests.qc_models.roles.written_study import MR, XR, header_of, written_header
from tests.written_dicom import instance

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def frame(**keywords: Any) -> Frame:
    (only,) = frames_of(written_header(**keywords))
    return only


def test_a_classic_slice_says_where_and_when_it_was_taken() -> None:
    made = frame(
        **MR,
        InstanceNumber=7,
        ImagePositionPatient=[-1.5, 2, 3.25],
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        PixelSpacing=[0.5, 0.6],
        SliceThickness=3,
        SpacingBetweenSlices=3.3,
        AcquisitionNumber=2,
        AcquisitionTime="101530.5",
        TemporalPositionIdentifier=4,
        TriggerTime=48.75,
        EchoTime=17,
        DiffusionBValue=800.0,
        Rows=20,
    )
    assert (made.rows, made.columns, made.instance_number, made.index) == (20, 16, 7, 0)
    assert made.image_position_patient == (-1.5, 2.0, 3.25)
    assert made.image_orientation_patient == (0, 1, 0, 0, 0, -1)
    assert made.pixel_spacing_mm == (0.5, 0.6)
    assert (made.slice_thickness_mm, made.spacing_between_slices_mm) == (3.0, 3.3)
    assert (made.acquisition_number, made.temporal_position, made.trigger_time_ms) == (2, 4, 48.75)
    assert (made.echo_time_ms, made.diffusion_b_value) == (17.0, 800.0)
    assert made.acquisition_time_s == 10 * 3600 + 15 * 60 + 30.5
    assert made.image_type == ("ORIGINAL", "PRIMARY", "M")
    assert made.content == "image"


@pytest.mark.parametrize(
    ("keyword", "value", "field"),
    [
        ("ImagePositionPatient", [1, 2], "image_position_patient"),
        ("ImagePositionPatient", None, "image_position_patient"),
        ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0], "image_orientation_patient"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "image_orientation_patient"),
        ("ImageOrientationPatient", [1, 0, 0], "image_orientation_patient"),
        ("PixelSpacing", [0, 0.5], "pixel_spacing_mm"),
        ("PixelSpacing", [0.5], "pixel_spacing_mm"),
        ("SliceThickness", 0, "slice_thickness_mm"),
        ("SliceThickness", -5, "slice_thickness_mm"),
        ("AcquisitionTime", "", "acquisition_time_s"),
        # Numbers that would overflow, or make infinite ratios, in what is reckoned of them.
        ("ImagePositionPatient", ["1e308", "0", "0"], "image_position_patient"),
        ("ImageOrientationPatient", ["1e200", "0", "0", "0", "1e200", "0"], "image_orientation_patient"),
        ("PixelSpacing", ["1e-300", "1e-300"], "pixel_spacing_mm"),
        ("PixelSpacing", ["1e300", "1e300"], "pixel_spacing_mm"),
        ("SliceThickness", "1e-320", "slice_thickness_mm"),
        ("SliceThickness", "1e300", "slice_thickness_mm"),
        ("SpacingBetweenSlices", "1e-320", "spacing_between_slices_mm"),
        ("EchoTime", "1e308", "echo_time_ms"),
    ],
)
def test_a_value_that_cannot_be_is_none_and_no_exception(keyword: str, value: object, field: str) -> None:
    assert getattr(frame(**{keyword: value}), field) is None


def test_a_radiograph_takes_the_spacing_at_its_detector_where_no_other_is_known() -> None:
    made = frame(**XR, PixelSpacing=None, ImagerPixelSpacing=[0.143, 0.143])
    assert made.pixel_spacing_mm == (0.143, 0.143)


def _private(creator: str, group: int, element: int, vr: str, value: object) -> Header:
    dataset = instance(**MR)
    dataset.private_block(group, creator, create=True).add_new(element, vr, value)
    return header_of(dataset)


@pytest.mark.parametrize(
    ("header", "b_value"),
    [
        (_private("SIEMENS MR HEADER", 0x0019, 0x0C, "IS", 1000), 1000.0),
        (_private("GEMS_PARM_01", 0x0043, 0x39, "IS", [1000000800, 8, 0, 0]), 800.0),
        (_private("GEMS_PARM_01", 0x0043, 0x39, "IS", [50, 8, 0, 0]), 50.0),
        (_private("Philips Imaging DD 001", 0x2001, 0x03, "FL", 400.0), 400.0),
        (_private("Image Private Header", 0x0065, 0x09, "FD", 600.0), 600.0),
        (written_header(**MR, SequenceName="*ep_b1000#12"), 1000.0),
        (written_header(**MR, SequenceName="*ep_b50t"), 50.0),
        (written_header(**MR, SequenceName="*ep_b0_1000"), None),
        (written_header(**MR, ImageComments="b=1500(0.445,0.000,0.895)"), 1500.0),
        (written_header(**MR, DiffusionBValue=-1.0), None),
        (written_header(**MR), None),
    ],
)
def test_b_values_of_every_vendor(header: Header, b_value: float | None) -> None:
    assert frames_of(header)[0].diffusion_b_value == b_value


@pytest.mark.parametrize(
    ("sop_class_uid", "modality"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.33", "SR"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KO"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC"),
        ("1.2.840.10008.5.1.4.1.1.4.2", "MR"),
        ("1.3.12.2.1107.5.9.1", "CT"),
    ],
)
def test_what_is_no_image_has_no_frames(sop_class_uid: str, modality: str) -> None:
    assert frames_of(written_header(SOPClassUID=sop_class_uid, Modality=modality)) == ()


def test_an_instance_with_neither_rows_nor_pixels_has_no_frames() -> None:
    assert frames_of(written_header(SOPClassUID="1.2.3", Rows=None, Columns=None)) == ()


def test_frames_without_functional_groups_have_no_position() -> None:
    made = frames_of(written_header(NumberOfFrames=3, PixelData=b"\0" * (3 * 16 * 16 * 2)))
    assert [(each.index, each.image_position_patient) for each in made] == [(0, None), (1, None), (2, None)]
    assert made[2].pixel_spacing_mm == (0.7, 0.7)


def test_a_senseless_number_of_frames_is_one_frame() -> None:
    assert len(frames_of(written_header(NumberOfFrames=2000000000))) == 1


def test_more_frames_than_the_pixels_hold_are_told_by_one_that_cannot_be_decoded() -> None:
    assert len(frames_of(written_header(NumberOfFrames=100000))) == 2
    whole = b"\0" * (3 * 16 * 16 * 2)
    assert len(frames_of(written_header(NumberOfFrames=3, PixelData=whole))) == 3
    assert len(frames_of(written_header(NumberOfFrames=5, PixelData=whole))) == 4


def test_a_lone_shared_functional_group_leaves_a_classic_slice_classic() -> None:
    shared = [{"PixelMeasuresSequence": [{"PixelSpacing": [9, 9]}]}]
    made = frame(**MR, SharedFunctionalGroupsSequence=shared, ImagePositionPatient=[1, 2, 3])
    assert (made.image_position_patient, made.pixel_spacing_mm) == ((1.0, 2.0, 3.0), (0.7, 0.7))


def _enhanced(per_frame: list[dict[str, Any]], shared: dict[str, Any], **keywords: Any) -> tuple[Frame, ...]:
    header = written_header(
        **{**MR, "SOPClassUID": ENHANCED_MR},
        ImageOrientationPatient=None,
        ImagePositionPatient=None,
        PixelSpacing=None,
        SliceThickness=None,
        PerFrameFunctionalGroupsSequence=per_frame,
        SharedFunctionalGroupsSequence=[shared],
        **keywords,
    )
    return frames_of(header)


def test_enhanced_frames_take_their_own_groups_first_and_the_shared_ones_else() -> None:
    shared = {
        "PlaneOrientationSequence": [{"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}],
        "PixelMeasuresSequence": [{"PixelSpacing": [0.5, 0.5], "SliceThickness": 4, "SpacingBetweenSlices": 4.4}],
        "MREchoSequence": [{"EffectiveEchoTime": 90.0}],
    }
    own = [
        {
            "PlanePositionSequence": [{"ImagePositionPatient": [i * 4.4, 0, 0]}],
            "FrameContentSequence": [
                {
                    "StackID": "A",
                    "TemporalPositionIndex": i + 1,
                    "FrameAcquisitionNumber": 5,
                    "FrameAcquisitionDateTime": f"20260901100000.{i}",
                }
            ],
            "MRDiffusionSequence": [{"DiffusionBValue": 1000.0} if i else {"DiffusionDirectionality": "NONE"}],
            "CardiacSynchronizationSequence": [{"NominalCardiacTriggerDelayTime": 10.0 * i}],
        }
        for i in range(2)
    ]
    own[1]["MREchoSequence"] = [{"EffectiveEchoTime": 95.0}]
    own[1]["MRImageFrameTypeSequence"] = [
        {"FrameType": ["DERIVED", "PRIMARY", "DIFFUSION", "NONE"], "ComplexImageComponent": "PHASE"}
    ]
    first, second = _enhanced(own, shared, NumberOfFrames=2)
    assert (first.image_position_patient, second.image_position_patient) == ((0, 0, 0), (4.4, 0, 0))
    assert first.image_orientation_patient == second.image_orientation_patient == (0, 1, 0, 0, 0, -1)
    assert (second.pixel_spacing_mm, second.slice_thickness_mm, second.spacing_between_slices_mm) == (
        (0.5, 0.5),
        4,
        4.4,
    )
    assert (first.echo_time_ms, second.echo_time_ms) == (90.0, 95.0)
    assert (first.diffusion_b_value, second.diffusion_b_value) == (0.0, 1000.0)
    assert (second.stack_id, second.temporal_position, second.acquisition_number) == ("A", 2, 5)
    assert second.trigger_time_ms == 10.0
    assert second.acquisition_time_s == 36000.1
    assert first.image_type == ("ORIGINAL", "PRIMARY", "M")
    assert second.image_type == ("DERIVED", "PRIMARY", "DIFFUSION", "NONE", "PHASE")


def test_an_enhanced_object_with_too_few_groups_keeps_its_number_of_frames() -> None:
    own = [{"PlanePositionSequence": [{"ImagePositionPatient": [0, 0, 1]}]}]
    made = _enhanced(own, {}, NumberOfFrames=3, PixelData=b"\0" * (3 * 16 * 16 * 2))
    assert [each.image_position_patient for each in made] == [(0, 0, 1), None, None]


def _csa(normal: tuple[float, float, float]) -> bytes:
    """A CSA 2 image header with one tag; the layout is that of nibabel's documentation."""
    items = b""
    for value in normal:
        text = f"{value:.8f}".encode() + b"\0"
        items += struct.pack("<4i", len(text), len(text), 77, len(text)) + text + b"\0" * (-len(text) % 4)
    tag = b"SliceNormalVector".ljust(64, b"\0") + struct.pack("<i4siii", 3, b"FD\0\0", 4, 6, 77)
    return b"SV10\4\3\2\1" + struct.pack("<II", 1, 77) + tag + items


def _mosaic(num_slices: int, csa: bytes | None = None) -> tuple[Frame, ...]:
    dataset: Dataset = instance(
        **{**MR, "ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]},
        Rows=48,
        Columns=48,
        PixelSpacing=[2, 3],
        SliceThickness=4,
        SpacingBetweenSlices=5,
        ImagePositionPatient=[-100, -200, 30],
    )
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", num_slices)
    if csa is not None:
        dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa)
    return frames_of(header_of(dataset))


def test_a_mosaic_becomes_a_frame_for_each_tile() -> None:
    made = _mosaic(5)  # 3 x 3 tiles of 16 x 16
    assert [(each.index, each.rows, each.columns, each.content) for each in made] == [
        (i, 16, 16, "image" if i < 5 else "padding") for i in range(9)
    ]
    # (48 - 16) / 2 = 16 columns of 3 mm and 16 rows of 2 mm further in; slices every 5 mm along +z.
    assert [each.image_position_patient for each in made[:5]] == [(-52.0, -168.0, 30.0 + 5 * i) for i in range(5)]
    assert made[8].image_position_patient is None


def test_a_mosaic_follows_the_normal_of_its_csa_header() -> None:
    made = _mosaic(4, _csa((0.0, 0.0, -1.0)))
    assert len(made) == 4
    assert [each.image_position_patient[2] for each in made if each.image_position_patient] == [30.0, 25.0, 20.0, 15.0]


def test_a_mosaic_of_more_slices_than_it_has_room_for_stays_one_frame() -> None:
    assert len(_mosaic(60000)) == 1


def test_a_mosaic_without_its_number_of_slices_stays_one_frame() -> None:
    made = frame(**{**MR, "ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]})
    assert (made.rows, made.columns) == (16, 16)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("101530.5", 36930.5),
        ("101530", 36930.0),
        ("1015", 36900.0),
        ("10", 36000.0),
        ("10:15:30", 36930.0),
        ("20260901101530.25+0800", 36930.25),
        ("20260901", None),
        ("251530", None),
        ("106030", None),
        ("noon", None),
        ("", None),
        (None, None),
    ],
)
def test_times_of_day(value: str | None, seconds: float | None) -> None:
    assert time_of_day_s(value) == seconds
