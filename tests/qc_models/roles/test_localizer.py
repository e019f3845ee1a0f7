"""Scouts, localizers, bolus tracking and dose pages; and what only looks like them."""

from typing import Any

from tests.qc_models.roles.written_study import AXIAL, CORONAL, CT, MR, SAGITTAL, facts_of, series, slices

CAPTURE = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
    "ImageOrientationPatient": None,
    "ImagePositionPatient": None,
    "FrameOfReferenceUID": None,
}
FAST = {**MR, "ScanningSequence": "GR", "RepetitionTime": 8, "EchoTime": 3.5, "FlipAngle": 20, "SliceThickness": 6}


def numbered(*stacks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "InstanceNumber": i + 1} for i, each in enumerate(each for stack in stacks for each in stack)]


def roles(*all_series: list[dict[str, Any]]) -> list[str | None]:
    return [facts.role for facts in facts_of(*all_series)]


def test_a_coded_localizer() -> None:
    scout = slices(1, orientation=CORONAL, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (facts,) = facts_of(series(1, scout, **CT))
    assert (facts.role, facts.role_source, facts.components, facts.is_localizer) == ("LOC", "header", (), True)


def test_scouts_of_another_plane_and_spacing_in_an_axial_series_that_all_say_mpr() -> None:
    scouts = [slices(1, orientation=plane, PixelSpacing=[1.2, 1.2])[0] for plane in (CORONAL, SAGITTAL)]
    main = series(1, numbered(scouts, slices(40, 3.0)), ImageType=["DERIVED", "PRIMARY", "MPR"], **CT)
    assert roles(main) == ["LOC", "LOC", "plain"]


def test_bolus_tracking_looks_at_one_place_again_and_again() -> None:
    tracking = [{**slices(1)[0], "InstanceNumber": i + 1, "AcquisitionTime": f"1000{i:02}"} for i in range(8)]
    assert roles(series(1, tracking)) == ["LOC"]


def test_a_series_of_one_place_is_no_examination_beside_a_whole_one() -> None:
    assert roles(series(1, slices(1), **CT), series(2, slices(30), **CT)) == ["LOC", "plain"]
    assert roles(series(1, slices(1), **CT)) == ["plain"]


def test_dose_pages_and_screenshots() -> None:
    page = {**slices(1)[0], "ImageType": ["ORIGINAL", "SECONDARY", "AXIAL", "CT_SOM5 PROT"]}
    assert roles(series(1, [page])) == ["LOC"]
    assert roles(series(1, [{**slices(1)[0], **CAPTURE}])) == ["LOC"]
    assert roles(series(1, [{**slices(1)[0], "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}])) == ["LOC"]


def test_an_image_that_lost_its_place_is_no_scout_unless_it_says_so() -> None:
    main = slices(20)
    for lost in ("ImagePositionPatient", "ImageOrientationPatient"):
        damaged = [{**each, lost: None} if i == 10 else each for i, each in enumerate(main)]
        assert roles(series(1, damaged, **CT)) == ["plain", "plain"]
    said = {**main[10], "ImagePositionPatient": None, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    assert sorted(map(str, roles(series(1, [*main[:10], said, *main[11:]], **CT)))) == ["LOC", "plain"]


def test_a_slice_of_another_pixel_spacing_is_a_scout_only_if_it_is_far_wider_and_thicker_too() -> None:
    main = slices(20)
    for odd in ({"PixelSpacing": [0.35, 0.35]}, {"Rows": 8, "Columns": 8}):
        damaged = [{**each, **odd} if i == 10 else each for i, each in enumerate(main)]
        assert roles(series(1, damaged, **CT)) == ["plain", "plain"]
    scout = {**main[0], "InstanceNumber": 21, "PixelSpacing": [1.4, 1.4], "SliceThickness": 10}
    assert roles(series(1, [*main, scout], **CT)) == ["plain", "LOC"]


def test_three_planes_of_few_slices_in_one_mr_series() -> None:
    planes = numbered(*(slices(3, 12.0, plane) for plane in (AXIAL, SAGITTAL, CORONAL)))
    assert roles(series(1, planes, **FAST)) == ["LOC"] * 3


def test_two_planes_are_a_localizer_where_the_sequence_is_fast() -> None:
    planes = numbered(*(slices(3, 12.0, plane) for plane in (AXIAL, SAGITTAL)))
    slow = {**MR, "ScanningSequence": "SE", "RepetitionTime": 600, "EchoTime": 12}
    assert roles(series(1, planes, **FAST)) == ["LOC"] * 2
    assert roles(series(1, planes, **slow)) == ["T1"] * 2


def test_blocks_of_several_tilts_in_one_plane_are_none() -> None:
    blocks = [
        {
            "InstanceNumber": 5 * block + i + 1,
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0.1 * block],
            "ImagePositionPatient": [0, 0, 30 * block + 4 * i],
        }
        for block in range(3)
        for i in range(5)
    ]
    t2 = {**MR, "ScanningSequence": "SE", "RepetitionTime": 6000, "EchoTime": 105}
    assert roles(series(1, blocks, **t2)) == ["T2"] * 3


def test_rotated_slabs_of_the_bile_ducts_are_none() -> None:
    slabs = numbered(*(slices(2, 40.0, plane) for plane in (AXIAL, SAGITTAL, CORONAL)))
    late = {**MR, "ScanningSequence": "SE", "RepetitionTime": 5000, "EchoTime": 740, "BodyPartExamined": "LIVER"}
    assert roles(series(1, slabs, **late)) == ["MRCP"] * 3


def test_words_are_heard_last_and_not_of_a_long_ct() -> None:
    t1 = {**MR, "ScanningSequence": "GR", "RepetitionTime": 3.2, "EchoTime": 1.4, "FlipAngle": 8}
    (volume,) = facts_of(series(1, slices(50, 1.6), **t1, SeriesDescription="AAHead_Scout"))
    assert (volume.role, volume.role_source) == ("LOC", "text")
    assert roles(series(1, slices(3), **CT, SeriesDescription="Topogram")) == ["LOC"]
    assert roles(series(1, slices(50), **CT, SeriesDescription="Topogram")) == ["plain"]
