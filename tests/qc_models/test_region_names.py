"""Free text and codes name regions, sides, contrast and views; the longest word wins, vague ones only where alone."""

import csv
from pathlib import Path

import pytest
import yaml

from qc_models.errors import ConfigError
from qc_models.region_names import (
    Lexicon,
    contrast_in,
    is_vague,
    laterality_in,
    region_words_in,
    regions_in,
    regions_of_code,
    tokens_of,
    view_in,
    view_of_code,
    words_in,
)
from qc_models.vocabulary import REGIONS

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "region_names.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "regions"), CASES["regions"].items())
def test_a_text_names_its_regions(text: str, regions: str | None) -> None:
    assert regions_in(text) == tuple((regions or "").split())


def test_a_vague_word_counts_only_where_nothing_else_is_said() -> None:
    assert regions_in("LSPINE") == ("lspine",)
    assert set(regions_in(",,Spine,0.6,Ax")) == {"cspine", "tspine", "lspine", "fullspine"}
    assert regions_in("Spine LSPINE") == ("lspine",)
    assert regions_in("FACE") == ("face",)
    assert regions_in("GENOU FACE") == ("knee",)
    assert set(regions_in("WholeBody")) == {"head", "neck", "chest", "abdomen", "pelvis"}
    assert regions_in("WholeBody CHEST") == ("chest",)


@pytest.mark.parametrize("text", ["SPINE", "WHOLE BODY", "鼻部"])
def test_regions_of_one_vague_word_are_known_as_such(text: str) -> None:
    assert is_vague(regions_in(text))


@pytest.mark.parametrize("text", ["LSPINE", "颈胸腰椎", "FACE", "NECKCHESTABDPELVIS", "PROSTATE", ""])
def test_regions_that_a_text_means_all_are_not_vague(text: str) -> None:
    assert not is_vague(regions_in(text))


def test_words_and_the_places_of_those_for_regions() -> None:
    assert words_in("Schädel CT 胸腹部") == ("SCHADEL", "CT", "胸", "腹", "部")
    assert region_words_in("Schädel CT 胸腹部") == (range(1), range(2, 5))


def test_a_single_character_counts_where_no_longer_word_does_or_after_a_side() -> None:
    assert regions_in("膝") == ("knee",)
    assert regions_in("头颅 足") == ("head",)
    assert regions_in("头颅 左足") == ("head", "foot")


def test_every_defined_region_but_generic_ones_has_its_own_id_as_a_word() -> None:
    for region in REGIONS - {"thigh", "temporal_bone"}:
        assert region in regions_in(region), region
    assert regions_in("thigh") == ("femur",)  # the catalogue and the real data file thighs under the femur


def test_words_of_the_labelled_pictures_name_their_regions(shared_data: Path) -> None:
    with (shared_data / "images" / "images.csv").open(encoding="utf-8") as stream:
        labels = {(row["region"], row["region_ids"]) for row in csv.DictReader(stream) if row["region_ids"]}
    for words, ids in labels - {("skull/face", "skull;face")}:  # FACE is vague beside another word
        assert set(regions_in(words)) == set(ids.split(";")), words


@pytest.mark.parametrize(("text", "side"), CASES["sides"].items())
def test_a_text_names_a_side(text: str, side: str | None) -> None:
    assert laterality_in(text) == side


@pytest.mark.parametrize(("text", "given"), CASES["contrast"].items())
def test_a_text_says_whether_contrast_was_given(text: str, given: str | None) -> None:
    assert contrast_in(text) is {"given": True, "not given": False, None: None}[given]


@pytest.mark.parametrize(("text", "view"), CASES["views"].items())
def test_a_text_names_one_view_or_none(text: str, view: str | None) -> None:
    assert view_in(text) == view


def test_a_frontal_view_is_told_by_the_region_that_is_known_from_elsewhere() -> None:
    assert view_in("正位") == "AP"
    assert view_in("正位", ("chest",)) == "PA"
    assert view_in("后前位", ("knee",)) == "PA"


@pytest.mark.parametrize(
    ("value", "scheme", "regions"),
    [
        ("69536005", "SCT", ("head",)),
        ("T-D1100", "SRT", ("head",)),
        ("818982008", "SCT", ("abdomen", "pelvis")),
        ("416775004", "SCT", ("chest", "abdomen", "pelvis")),
        ("T-11503", "SNM3", ("lspine",)),
        ("41216001", "SCT", ("prostate", "pelvis")),
        ("706342009", "SCT", ("phantom",)),
        ("69536005", "99LOCAL", ()),
        ("1", "SCT", ()),
    ],
)
def test_codes_name_regions(value: str, scheme: str, regions: tuple[str, ...]) -> None:
    assert regions_of_code(value, scheme) == regions


@pytest.mark.parametrize(
    ("value", "view"),
    [
        ("272479007", "PA"),
        ("R-40888", "PA"),
        ("399348003", "AP"),
        ("R-10206", "AP"),
        ("399067008", "LAT"),
        ("399006002", "OBL:L"),
        ("399135007", "OBL:R"),
        ("399162004", "CC"),
        ("R-10226", "MLO"),
        ("399061009", "AXIAL"),
        ("399033003", "AP"),
        ("0", None),
    ],
)
def test_codes_name_views(value: str, view: str | None) -> None:
    assert view_of_code(value, "SCT") == view
    assert view_of_code(value, "99LOCAL") is None


def test_snomed_codes_agree_with_the_table_of_pydicom() -> None:
    from pydicom.sr._snomed_dict import mapping

    from configs.strict import HERE, read_yaml

    vocabulary = read_yaml(HERE / "vocabulary.yaml")
    for section in ("region_codes", "view_codes"):
        place = {code: key for key, codes in vocabulary[section].items() for code in codes.split()}
        for code, key in place.items():
            older = mapping["SCT"].get(code)
            assert older is None or older not in place or place[older] == key, (code, older)


def test_a_text_is_split_at_marks_digits_and_capitals() -> None:
    assert [token.text for token in tokens_of("WholeBody_Abd2.0 Épaule膝x")] == [
        "WHOLE",
        "BODY",
        "ABD",
        "2",
        "0",
        "EPAULE",
        "膝",
        "X",
    ]


def test_a_word_with_two_meanings_is_refused() -> None:
    with pytest.raises(ConfigError, match="'HEAD-NECK' is listed twice"):
        Lexicon("regions", [("a", ["HEAD NECK"]), ("b", ["HEAD-NECK"])])
    with pytest.raises(ConfigError, match="is no word"):
        Lexicon("regions", [("a", ["--"])])


@pytest.mark.parametrize("text", ["", " ", "^^", "\x00", "1.2.840", "😀", "a" * 5000])
def test_a_text_without_words_names_nothing(text: str) -> None:
    assert regions_in(text) == ()
    assert laterality_in(text) is None
    assert contrast_in(text) is None
    assert view_in(text) is None
