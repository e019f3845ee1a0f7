"""Splitting a series into stacks: the geometry bugs of other importers, each a test."""

import math

import numpy as np
import pytest

from qc_models.stack import Stack, normal_of
from tests.qc_models.roles.written_study import AXIAL, CORONAL, MR, SAGITTAL, XR, series, slices, stacks_of

MAIN = slices(20, 0.7)


def sizes(stacks: list[Stack]) -> list[int]:
    return [len(stack.frames) for stack in stacks]


def test_a_scout_in_a_series_leaves_the_spacing_of_the_others_alone() -> None:
    # RSIP-Vision/medio PR 23: a scout among axial slices made 0.7 mm into 0.81662 mm.
    scout = {
        "InstanceNumber": 1,
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "ImageOrientationPatient": CORONAL,
        "ImagePositionPatient": [-200, -300, 250],
        "PixelSpacing": [1, 1],
    }
    made = stacks_of(series(1, [scout, *({**each, "InstanceNumber": i + 2} for i, each in enumerate(MAIN))]))
    assert sizes(made) == [1, 20]
    assert made[1].step_mm == pytest.approx(0.7)


def test_a_lost_slice_is_a_wide_step_in_one_stack() -> None:
    # dcmstack 55: one step of 3.2 mm among steps of 1.6 mm is one lost slice, not two stacks.
    every = slices(10, 1.6)
    (made,) = stacks_of(series(1, every[:4] + every[5:]))
    assert made.num_slices == 9
    assert np.diff(made.slice_positions_mm) == pytest.approx([1.6] * 3 + [3.2] + [1.6] * 4)
    assert made.step_mm == pytest.approx(1.6)


def test_rounding_in_headers_splits_nothing() -> None:
    # dcm2niix 216: float rounding raised false alarms.
    rounded = [
        {
            **each,
            "PixelSpacing": [0.292969, 0.292969] if i % 2 else [0.292968, 0.292968],
            "SliceThickness": "3.2999999523163" if i % 2 else "3.3",
            "ImageOrientationPatient": [1, 0.0001 * (i % 2), 0, 0, 1, 0],
            "ImagePositionPatient": [0, 0, round(i * 3.3 + (0.001 if i % 2 else 0), 6)],
        }
        for i, each in enumerate(slices(8))
    ]
    (made,) = stacks_of(series(1, rounded))
    assert made.num_slices == 8
    assert made.step_mm == pytest.approx(3.3, abs=2e-3)


@pytest.mark.parametrize(
    "jitter",
    [
        {"SliceThickness": [4.9, 5.1]},
        {"PixelSpacing": [[0.7, 0.7], [0.707, 0.707]]},
        {"PixelSpacing": [[0.7, 0.7], [0.707, 0.707], [0.693, 0.693]]},
        {"EchoTime": [80.0, 80.6]},
        {"EchoTime": [79.4, 80.6]},
    ],
)
def test_values_that_alternate_by_a_trifle_split_nothing(jitter: dict[str, list[object]]) -> None:
    written = [
        {**each, **{keyword: values[i % len(values)] for keyword, values in jitter.items()}}
        for i, each in enumerate(slices(12))
    ]
    (made,) = stacks_of(series(1, written, **MR))
    assert (made.num_slices, made.step_mm) == (12, 5.0)


def test_echoes_near_in_time_at_the_same_places_are_stacks_of_their_own() -> None:
    echoes = [{**each, "EchoTime": time} for time in (1.15, 2.3) for each in slices(10)]
    assert sizes(stacks_of(series(1, echoes, **MR))) == [10, 10]
    assert sizes(stacks_of(series(1, echoes[:4] + echoes[5:], **MR))) == [9, 10]


def test_a_block_of_another_pixel_spacing_beside_the_others_is_a_stack_of_its_own() -> None:
    beside = slices(10) + slices(10, start_mm=50.0, PixelSpacing=[0.707, 0.707])
    assert sizes(stacks_of(series(1, beside))) == [10, 10]


def test_the_step_comes_from_positions_and_not_from_what_the_header_says_of_it() -> None:
    # BRAINSTools 334: SpacingBetweenSlices is not to be trusted; some vendors write the gap.
    (made,) = stacks_of(series(1, slices(5, 7.0, SpacingBetweenSlices=2), **MR))
    assert made.step_mm == 7.0


def test_echoes_b_values_kinds_and_temporal_positions_are_stacks_of_their_own() -> None:
    made = [
        {**each, **MR, **extra}
        for extra in (
            {"EchoTime": 2.3},
            {"EchoTime": 4.6},
            {"EchoTime": 80, "DiffusionBValue": 0.0},
            {"EchoTime": 80, "DiffusionBValue": 1000.0},
            {"EchoTime": 80, "ImageType": ["DERIVED", "PRIMARY", "M", "ADC"]},
            {"EchoTime": 30, "ImageType": ["ORIGINAL", "PRIMARY", "P"]},
            {"EchoTime": 1.2, "TemporalPositionIdentifier": 1},
            {"EchoTime": 1.2, "TemporalPositionIdentifier": 2},
        )
        for each in slices(4)
    ]
    assert sizes(stacks_of(series(1, made))) == [4] * 8


def test_b_values_of_the_directions_of_one_shell_stay_together() -> None:
    shell = [{**each, "DiffusionBValue": b} for b in (995.0, 1000.0, 1005.0) for each in slices(4)]
    (made,) = stacks_of(series(1, shell, **MR))
    assert made.frames_per_slice == (3, 3, 3, 3)


def test_two_thicknesses_in_one_head_are_two_stacks() -> None:
    base = slices(14, 4.0, SliceThickness=4)
    above = slices(14, 7.0, start_mm=57.5, SliceThickness=7)
    made = stacks_of(series(1, base + [{**each, "InstanceNumber": 15 + i} for i, each in enumerate(above)]))
    assert [(len(stack.frames), stack.step_mm) for stack in made] == [(14, 4.0), (14, 7.0)]


def test_tilted_blocks_are_stacks_in_the_order_of_their_numbers() -> None:
    blocks = []
    for block, angle in enumerate((0.0, 4.0, 8.0)):
        tilt = math.radians(angle)
        orientation = [1, 0, 0, 0, round(math.cos(tilt), 6), round(math.sin(tilt), 6)]
        for i in range(3):
            place = [0, -4 * i * math.sin(tilt), -30 * block + 4 * i * math.cos(tilt)]
            number = 3 * block + i + 1
            blocks.append(
                {"InstanceNumber": number, "ImageOrientationPatient": orientation, "ImagePositionPatient": place}
            )
    made = stacks_of(series(1, blocks, **MR))
    assert sizes(made) == [3, 3, 3]
    assert [stack.frames[0].instance_number for stack in made] == [1, 4, 7]
    assert [stack.step_mm for stack in made] == pytest.approx([4.0] * 3)


def test_an_acquisition_number_that_counts_slices_splits_nothing() -> None:
    numbered = [{**each, "AcquisitionNumber": i + 1} for i, each in enumerate(slices(12))]
    assert sizes(stacks_of(series(1, numbered))) == [12]


def test_an_acquisition_number_of_two_gantry_passes_splits_nothing() -> None:
    passes = [{**each, "AcquisitionNumber": 1 + i // 6} for i, each in enumerate(slices(12))]
    assert sizes(stacks_of(series(1, passes))) == [12]


def test_contrast_phases_in_one_series_are_stacks_of_their_own() -> None:
    phases = [{**each, "AcquisitionNumber": phase} for phase in (2, 3, 4) for each in slices(10)]
    made = stacks_of(series(1, phases))
    assert sizes(made) == [10, 10, 10]
    assert [stack.frames[0].acquisition_number for stack in made] == [2, 3, 4]


@pytest.mark.parametrize(("number", "b_value"), [(20, None), (6, 1000.0)])
def test_volumes_of_a_time_course_and_directions_of_diffusion_stay_together(number: int, b_value: float | None) -> None:
    volumes = [
        {**each, "AcquisitionNumber": volume + 1, "DiffusionBValue": b_value, "InstanceNumber": 4 * volume + i + 1}
        for volume in range(number)
        for i, each in enumerate(slices(4))
    ]
    (made,) = stacks_of(series(1, volumes, **MR))
    assert made.frames_per_slice == (number,) * 4


def test_phases_of_a_heartbeat_are_times_of_one_stack() -> None:
    cine = [
        {**each, "TriggerTime": 40.0 * phase, "TemporalPositionIdentifier": phase + 1}
        for each in slices(3, 8.0)
        for phase in (2, 0, 1)
    ]
    (made,) = stacks_of(series(1, cine, **MR))
    assert made.frames_per_slice == (3, 3, 3)
    assert [frame.trigger_time_ms for frame in made.frames] == [0.0, 40.0, 80.0] * 3


def test_a_long_time_course_is_one_stack_though_its_times_are_numbered() -> None:
    volumes = [
        {**each, "TemporalPositionIdentifier": time + 1, "InstanceNumber": 3 * time + i + 1}
        for time in range(20)
        for i, each in enumerate(slices(3))
    ]
    (made,) = stacks_of(series(1, volumes, **MR))
    assert made.frames_per_slice == (20, 20, 20)


def test_unlabelled_repetitions_are_times_in_order_of_acquisition() -> None:
    late = [{**each, "AcquisitionTime": "100010", "InstanceNumber": i + 1} for i, each in enumerate(slices(3))]
    early = [{**each, "AcquisitionTime": "100005", "InstanceNumber": i + 4} for i, each in enumerate(slices(3))]
    (made,) = stacks_of(series(1, late + early, **MR))
    assert made.num_slices == 3
    assert [frame.instance_number for frame in made.frames] == [4, 1, 5, 2, 6, 3]


def test_order_and_step_do_not_depend_on_the_order_of_files() -> None:
    shuffled = [MAIN[i] for i in (5, 0, 19, 3, 1, 2, 4, *range(6, 19))]
    (made,) = stacks_of(series(1, shuffled))
    assert [frame.instance_number for frame in made.frames] == list(range(1, 21))


@pytest.mark.parametrize(
    ("orientation", "axis", "length_mm"), [(AXIAL, 2, 20.0), (SAGITTAL, 0, 20.0), (CORONAL, 1, 20.0)]
)
def test_length_counts_the_thickness_of_a_slice(orientation: list[float], axis: int, length_mm: float) -> None:
    (made,) = stacks_of(series(1, slices(4, 5.0, orientation, SliceThickness=5)))
    assert made.normal is not None
    assert abs(made.normal[axis]) == 1.0
    assert made.extent_mm == length_mm


def test_frames_without_geometry_are_a_stack_without_positions() -> None:
    bare = [{"InstanceNumber": i + 1, "ImagePositionPatient": None, "ImageOrientationPatient": None} for i in range(3)]
    (made,) = stacks_of(series(1, bare))
    assert (made.normal, made.step_mm, made.extent_mm, made.num_slices) == (None, None, None, 3)
    assert made.slice_positions_mm.size == 0


def test_each_radiograph_is_a_stack_and_a_tomosynthesis_is_one() -> None:
    films = [{"InstanceNumber": 1}, {"InstanceNumber": 2}]
    tomosynthesis = {"InstanceNumber": 3, "NumberOfFrames": 4, "PixelData": b"\0" * (4 * 16 * 16 * 2)}
    assert sizes(stacks_of(series(1, [*films, tomosynthesis], **XR))) == [1, 1, 4]


@pytest.mark.parametrize("orientation", [(1, 0, 0, 1, 0, 0), (0, 0, 0, 0, 0, 0)])
def test_two_directions_that_span_no_plane_have_no_normal(orientation: tuple[float, ...]) -> None:
    assert normal_of(orientation) is None


def test_the_normal_of_a_sagittal_plane() -> None:
    assert normal_of((0, 1, 0, 0, 0, -1)) == (-1.0, 0.0, 0.0)
