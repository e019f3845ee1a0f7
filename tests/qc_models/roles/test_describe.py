"""The facts of whole studies: pixel models before headers, odd headers without a crash, and the real studies."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from inference.reading import read_studies
from qc_models.facts import RegionLabel, StackFacts, ViewLabel
from qc_models.roles.describe import describe
from qc_models.roles.seen import Seen
from qc_models.stack import split
from qc_models.vocabulary import COMPONENTS, ROLES
from tests.qc_models.roles.written_study import CORONAL, CT, MR, XR, facts_of, series, slices, study_of

SURE, UNSURE = 0.95, 0.6


def described(keywords: list[dict[str, Any]], seen: Seen) -> StackFacts:
    study = study_of(keywords)
    stacks = split(study.series[0])
    (facts,) = describe(study, stacks, {(stacks[0].series_instance_uid, 0): seen})
    return facts


def region(name: str, probability: float) -> Seen:
    return Seen(region=RegionLabel((name,), probability, "pixels"))


@pytest.mark.parametrize(
    ("body_part", "seen", "label", "source"),
    [
        ("CHEST", region("pelvis", SURE), "chest", "header"),  # a person is asked, and nothing becomes incomplete
        ("ORBIT", region("head", SURE), "orbit", "header"),  # the same, more finely
        (None, region("head", SURE), "head", "pixels"),
        (None, region("head", UNSURE), None, "header"),
    ],
)
def test_a_pixel_model_that_is_sure_names_the_region_where_headers_do_not(
    body_part: str | None, seen: Seen, label: str | None, source: str
) -> None:
    facts = described(series(1, slices(20), **CT, BodyPartExamined=body_part), seen)
    assert (facts.region.label, facts.region.source) == ((label,) if label else (), source)


def test_pixels_name_the_sequence_where_headers_do_not_or_only_in_words() -> None:
    sure, unsure = (Seen(role="T2", role_probability=probability) for probability in (SURE, UNSURE))
    silent, words = series(1, slices(20), **MR), series(1, slices(20), **MR, SeriesDescription="T1")
    assert (described(silent, sure).role, described(silent, sure).role_source) == ("T2", "pixels")
    assert described(silent, unsure).role is None
    assert (described(words, sure).role, described(words, sure).role_source) == ("T2", "pixels")
    assert described(words, unsure).role == "T1"


def test_parameters_stand_against_pixels() -> None:
    header = {**MR, "ScanningSequence": "SE", "RepetitionTime": 500, "EchoTime": 10}
    facts = described(series(1, [{**each, **header} for each in slices(20)]), Seen(role="T2", role_probability=SURE))
    assert (facts.role, facts.role_source) == ("T1", "header")


def test_a_finer_role_of_the_header_stands_beside_a_coarser_one_of_the_pixels() -> None:
    header = {**MR, "ScanningSequence": "SE", "RepetitionTime": 4000, "EchoTime": 90, "ScanOptions": "FS"}
    facts = described(series(1, [{**each, **header} for each in slices(20)]), Seen(role="T2", role_probability=SURE))
    assert (facts.role, facts.role_source) == ("T2FS", "header")


@pytest.mark.parametrize(
    ("position", "seen", "label", "source"),
    [
        ("AP", "LAT", "AP", "header"),  # a person is asked, and nothing becomes incomplete
        (None, "LAT", "LAT", "pixels"),
    ],
)
def test_a_pixel_model_names_the_view_where_headers_do_not(
    position: str | None, seen: str, label: str, source: str
) -> None:
    film = series(1, [{**XR, "ViewPosition": position}])
    view = described(film, Seen(view=ViewLabel(seen, SURE, "pixels"))).view
    assert (view.label, view.source) == (label, source)
    read = described(film, Seen(view=ViewLabel(seen, UNSURE, "pixels"))).view
    assert read.source == "header"


def test_a_pixel_model_makes_no_scout_a_picture() -> None:
    scout = series(1, slices(1, orientation=CORONAL), **CT, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert described(scout, Seen(role="plain", role_probability=SURE)).is_localizer


def test_facts_stand_index_for_index_with_stacks() -> None:
    study = study_of(series(1, slices(3), **CT), series(2, slices(4), **MR), series(3, [{**XR}]))
    stacks = [stack for each in study.series for stack in split(each)]
    made = describe(study, stacks)
    assert [(facts.series_instance_uid, facts.index, facts.num_frames) for facts in made] == [
        (stack.series_instance_uid, stack.index, len(stack.frames)) for stack in stacks
    ]
    assert [facts.modality for facts in made] == ["CT", "MR", "XR"]


def test_measures_of_a_stack() -> None:
    keywords = {"KVP": 120, "SliceThickness": 2.5, "PixelSpacing": [0.8, 0.8], "Rows": 20}
    (facts,) = facts_of(series(1, slices(4, 2.5), **CT, **keywords))
    assert (facts.kvp, facts.slice_thickness_mm, facts.step_mm) == (120.0, 2.5, 2.5)
    assert (facts.rows, facts.columns, facts.pixel_spacing_mm) == (20, 16, (0.8, 0.8))
    assert (facts.length_mm, facts.frame_of_reference_uid) == (10.0, "1.2.826.0.1.3680043.8.498.1.2")


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # the writer's word on what is written wrong on purpose
@pytest.mark.parametrize(
    "keywords",
    [
        {**MR, "RepetitionTime": None, "ImageOrientationPatient": [0, 0, 0, 0, 0, 0]},
        {**MR, "ImageType": None, "ScanningSequence": "XX", "SequenceVariant": "", "EchoTime": 0},
        {**CT, "ImageType": ["DERIVED"], "AcquisitionTime": "99", "ContrastBolusStartTime": "soon"},
        {**CT, "AcquisitionNumber": None, "AcquisitionTime": None, "FrameOfReferenceUID": None},
        {**XR, "ViewPosition": "\\", "PatientOrientation": [""], "ViewCodeSequence": [{"CodeMeaning": "odd"}]},
        {"Modality": "PT"},
        {"Modality": "OT", "ImageOrientationPatient": None, "ImagePositionPatient": None},
        {
            **MR,
            "ContrastBolusAgentSequence": [{"CodeValue": "1"}],
            "PerFrameFunctionalGroupsSequence": [{"StackID": "1"}],
        },
    ],
)
def test_odd_headers_are_described_like_others(keywords: dict[str, Any]) -> None:
    for facts in facts_of(series(1, [{**each, **keywords} for each in slices(3)])):
        assert facts.role is None or facts.role in ROLES
        assert set(facts.components) <= COMPONENTS.get(facts.modality, frozenset())  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[str, list[StackFacts]]:
    """The facts of each series of the real studies, by the name that `series.csv` gives it."""
    found: dict[str, list[StackFacts]] = defaultdict(list)
    for folder in sorted(path for path in (shared_data / "studies").iterdir() if path.is_dir()):
        (study,) = read_studies([folder]).studies
        stacks = [stack for each in study.series for stack in split(each)]
        homes = {each.series_instance_uid: each.instances[0].source.path.parent.name for each in study.series}
        for facts in describe(study, stacks):
            found[f"{folder.name}/{homes[facts.series_instance_uid]}"].append(facts)
    return found


def _main(stacks: list[StackFacts]) -> StackFacts:
    return max(stacks, key=lambda facts: facts.num_frames)


def _plane(stacks: list[StackFacts]) -> str | None:
    planes = {facts.plane for facts in stacks if facts.is_localizer is _main(stacks).is_localizer}
    return "multi" if len(planes) > 1 else planes.pop()


def test_every_real_series_is_told_for_what_it_is(
    shared_data: Path, real: dict[str, list[StackFacts]], capsys: pytest.CaptureFixture[str]
) -> None:
    with (shared_data / "studies" / "series.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["series"] in real]
    right = {"region": 0, "plane": 0, "role": 0}
    by_words = []
    for row in rows:
        stacks = real[row["series"]]
        main = _main(stacks)
        right["region"] += set(main.region.label) == set(row["region_ids"].split(";"))
        right["plane"] += _plane(stacks) == row["plane_id"]
        right["role"] += main.role == row["role_id"]
        if "text" in (main.region.source, main.role_source):
            by_words.append(row["series"])
    with capsys.disabled():
        print(f"\nof {len(rows)} real series right: {right}; by words alone in part: {', '.join(by_words)}")
    assert len(rows) == 21
    assert right == {"region": 21, "plane": 21, "role": 21}


def test_real_scouts_fill_nothing_and_tilted_blocks_do(real: dict[str, list[StackFacts]]) -> None:
    spine = real["lspine-ct/000"]
    assert [facts.role for facts in spine].count("LOC") == 2
    assert len([facts for facts in spine if "plain" in facts.components]) == 11
    assert all("bone" in facts.components for facts in spine if not facts.is_localizer)
    assert [facts.components for facts in real["lspine-mr-3t/004"]] == [("AX_T2",)] * 5
    assert [facts.components for facts in real["knee-mr/000"]] == [()] * 3


def test_real_attenuation_ct_is_neither_thin_nor_for_the_lung(real: dict[str, list[StackFacts]]) -> None:
    (facts,) = real["chest-ct/000"]
    assert facts.components == ("plain",)
