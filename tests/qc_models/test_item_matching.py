"""Which item a study is matched to, from request, region and roles."""

from dataclasses import replace
from pathlib import Path

import pytest

from qc_models.exam_item import Catalogue, load_catalogue
from qc_models.facts import Facts, Request
from qc_models.item_matching import match, regions_of
from tests.judged_facts import facts, stack

CATALOGUE = Path(__file__).resolve().parents[2] / "configs" / "exam_items"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(CATALOGUE)


def matched(fact: Facts, catalogue: Catalogue) -> list[str]:
    return [entry.item.id for entry in match(fact, catalogue)]


def xr(uid: str, view: str, region: str, side: str | None = None) -> object:
    return stack(uid, view, region=(region,), modality="XR", laterality=side)


def test_one_frontal_chest_is_the_chest_item(catalogue: Catalogue) -> None:
    assert matched(facts(stacks=(xr("1", "PA", "chest"),)), catalogue) == ["XR-CHEST"]


def test_frontal_and_lateral_are_the_two_view_item(catalogue: Catalogue) -> None:
    stacks = (xr("1", "PA", "chest"), xr("2", "LAT", "chest"))
    assert matched(facts(stacks=stacks), catalogue) == ["XR-CHEST-2V"]


def test_the_request_decides_where_the_images_fall_short(catalogue: Catalogue) -> None:
    fact = facts(stacks=(xr("1", "PA", "chest"),), request=Request(texts=("胸部正侧位",)))
    assert matched(fact, catalogue) == ["XR-CHEST-2V"]


def test_a_procedure_code_speaks_before_everything(catalogue: Catalogue) -> None:
    fact = facts(stacks=(xr("1", "PA", "chest"),), request=Request(codes=("XR-RIBS",), texts=("胸部正位",)))
    assert matched(fact, catalogue) == ["XR-RIBS"]


def test_two_regions_are_two_items(catalogue: Catalogue) -> None:
    stacks = (xr("1", "PA", "chest"), xr("2", "PA", "hand"), xr("3", "OBL", "hand"))
    assert sorted(matched(facts(stacks=stacks), catalogue)) == ["XR-CHEST", "XR-HAND"]


def test_a_knee_with_axial_view_is_one_item(catalogue: Catalogue) -> None:
    stacks = tuple(xr(str(i), view, "knee") for i, view in enumerate(("AP", "LAT", "AXIAL")))
    assert matched(facts(stacks=stacks), catalogue) == ["XR-KNEE"]


def test_an_incomplete_examination_is_still_its_item(catalogue: Catalogue) -> None:
    stacks = (
        stack("1", "SAG_T2", region=("lspine",), modality="MR"),
        stack("2", "SAG_T1", region=("lspine",), modality="MR"),
    )
    assert matched(facts(stacks=stacks), catalogue) == ["MR-LSPINE"]


def test_plain_abdomen_and_pelvis_in_one_range_is_the_whole_abdomen(catalogue: Catalogue) -> None:
    stacks = (stack("1", "plain", "thin", region=("abdomen", "pelvis")),)
    assert matched(facts(stacks=stacks), catalogue) == ["CT-ABDPEL"]


def test_chest_and_abdomen_in_one_series_are_two_items(catalogue: Catalogue) -> None:
    stacks = (stack("1", "plain", "thin", region=("chest", "abdomen")),)
    assert sorted(matched(facts(stacks=stacks), catalogue)) == ["CT-ABD", "CT-CHEST"]


def test_a_prostate_examination_is_no_female_pelvis(catalogue: Catalogue) -> None:
    stacks = (stack("1", "AX_T2", region=("prostate", "pelvis"), modality="MR"),)
    assert matched(facts(stacks=stacks), catalogue) == ["MR-PROSTATE"]


def test_a_request_of_which_only_the_scout_came_is_still_its_item(catalogue: Catalogue) -> None:
    fact = facts(stacks=(stack("1", region=("head",), role="LOC"),), request=Request(codes=("CT-HEAD",)))
    assert matched(fact, catalogue) == ["CT-HEAD"]


SPINE = ("cspine", "tspine", "lspine", "fullspine")
WHOLE_BODY = ("head", "neck", "chest", "abdomen", "pelvis")
LUMBAR_MR = ("SAG_T1", "SAG_T2", "AX_T2")


def asked(text: str, *stacks: object) -> Facts:
    return facts(stacks=stacks, request=Request(texts=(text,)))


def mr(region: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(stack(str(i), token, region=region, modality="MR") for i, token in enumerate(LUMBAR_MR))


@pytest.mark.parametrize("region", [SPINE, WHOLE_BODY])
def test_a_vague_word_for_a_region_is_no_region(region: tuple[str, ...], catalogue: Catalogue) -> None:
    assert matched(facts(stacks=mr(region)), catalogue) == ["_fallback"]
    assert matched(facts(stacks=(stack("1", "plain", "thin", region=region),)), catalogue) == ["_fallback"]


@pytest.mark.parametrize("text", ["腰椎MRI平扫", "MRI OF THE LUMBAR SPINE"])
def test_a_request_tells_what_a_vague_word_means(text: str, catalogue: Catalogue) -> None:
    assert matched(asked(text, *mr(SPINE)), catalogue) == ["MR-LSPINE"]


def test_images_of_one_vague_part_are_not_two_examinations(catalogue: Catalogue) -> None:
    assert matched(asked("颈椎+腰椎MRI平扫", *mr(SPINE)), catalogue) == ["_fallback"]


def test_lumbar_radiographs_are_no_full_spine(catalogue: Catalogue) -> None:
    for region in (("lspine",), SPINE):
        stacks = (stack("1", "AP", region=region, modality="XR"), stack("2", "LAT", region=region, modality="XR"))
        expected = ["XR-LSPINE"] if region == ("lspine",) else ["_fallback"]
        assert matched(asked("SPINE AP LAT", *stacks), catalogue) == expected


@pytest.mark.parametrize("word", ["全脊柱", "SCOLIOSIS"])
def test_a_full_spine_is_called_so(word: str, catalogue: Catalogue) -> None:
    stacks = (xr("1", "PA", "fullspine"), xr("2", "LAT", "fullspine"))
    assert matched(asked(word, *stacks), catalogue) == ["XR-FULLSPINE"]


@pytest.mark.parametrize(
    ("item_id", "filed_under"),
    [
        ("XR-NASAL", {"skull", "head", "face"}),
        ("XR-SINUS", {"skull", "head", "face"}),
        ("CT-ORBIT", {"skull", "head", "face"}),
        ("CT-TEMPORAL", {"skull", "head", "face"}),
        ("XR-PATELLA", {"knee"}),
        ("XR-CALCANEUS", {"foot", "ankle"}),
        ("XR-RIBS", {"chest"}),
        ("XR-CLAVICLE", {"chest"}),
        ("XR-HAND", {"finger"}),
        ("MR-PITUITARY", {"brain", "head"}),
        ("MR-PROSTATE", {"pelvis"}),
        ("XR-HIP", {"pelvis"}),
        ("XR-PELVIS", {"hip"}),
    ],
)
def test_an_item_takes_images_filed_under_the_body_part_around_it(
    item_id: str, filed_under: set[str], catalogue: Catalogue
) -> None:
    assert regions_of(catalogue.item(item_id)) >= filed_under


def test_a_body_part_around_it_makes_no_item_unless_a_word_names_it(catalogue: Catalogue) -> None:
    lateral = xr("1", "LAT", "skull")
    assert matched(asked("鼻骨侧位", lateral), catalogue) == ["XR-NASAL"]
    assert matched(asked("NASAL BONES", lateral), catalogue) == ["XR-NASAL"]
    assert "XR-NASAL" not in matched(facts(stacks=(lateral,)), catalogue)


def test_a_neighbour_that_a_word_names_is_an_item_of_its_own(catalogue: Catalogue) -> None:
    stacks = (xr("1", "AP", "pelvis"), xr("2", "AP", "hip"), xr("3", "FROG", "hip"))
    assert set(matched(asked("HIP WITH PELVIS", *stacks), catalogue)) == {"XR-HIP", "XR-PELVIS"}
    assert matched(asked("髋关节正蛙位", xr("1", "AP", "pelvis"), xr("2", "FROG", "hip")), catalogue) == ["XR-HIP"]


@pytest.mark.parametrize(
    ("components", "modality", "region", "item_id", "sure"),
    [
        (("SAG_T1", "SAG_T2"), "MR", "lspine", "MR-LSPINE", True),
        (("SAG_T1",), "MR", "lspine", "MR-LSPINE", False),
        (("LAT",), "XR", "chest", "XR-CHEST-2V", False),
        (("portal",), "CT", "abdomen", "CT-ABD-C", False),
        (("plain",), "CT", "abdomen", "CT-ABD", True),
    ],
)
def test_few_images_and_no_request_leave_a_doubt(
    components: tuple[str, ...], modality: str, region: str, item_id: str, sure: bool, catalogue: Catalogue
) -> None:
    stacks = tuple(stack(str(i), token, region=(region,), modality=modality) for i, token in enumerate(components))
    (only,) = match(facts(stacks=stacks), catalogue)
    assert (only.item.id, only.why, only.sure) == (item_id, "images", sure)


def test_a_request_leaves_no_doubt(catalogue: Catalogue) -> None:
    assert [entry.sure for entry in match(asked("胸部正侧位", xr("1", "LAT", "chest")), catalogue)] == [True]


@pytest.mark.parametrize(
    ("text", "modality", "items"),
    [
        ("胸部+上腹部CT平扫", "CT", {"CT-CHEST", "CT-ABD"}),
        ("头颅、胸部CT平扫", "CT", {"CT-HEAD", "CT-CHEST"}),
        ("头颅CT平扫+头颈部CTA", "CT", {"CT-HEAD", "CT-CTA-HN"}),
        ("颈椎及腰椎MRI", "MR", {"MR-CSPINE", "MR-LSPINE"}),
        ("MRI CERVICAL SPINE AND LUMBAR SPINE", "MR", {"MR-CSPINE", "MR-LSPINE"}),
        ("MRI BRAIN + MRA HEAD", "MR", {"MR-HEAD", "MR-MRA-HEAD"}),
        ("胸部正侧位+腰椎正侧位", "XR", {"XR-CHEST-2V", "XR-LSPINE"}),
        ("颈椎正侧位+颈椎双斜位", "XR", {"XR-CSPINE", "XR-CSPINE-OBL"}),
        # one examination in several words
        ("肺部CT平扫（胸部）", "CT", {"CT-CHEST"}),
        ("上腹部+盆腔CT增强扫描", "CT", {"CT-ABDPEL"}),
        ("上腹部+盆腔CT平扫+增强", "CT", {"CT-ABDPEL"}),
        ("MRI BRAIN PITUITARY", "MR", {"MR-PITUITARY"}),
        ("MRI BRAIN W/WO CONTRAST", "MR", {"MR-HEAD-C"}),
        ("胸部正侧位片", "XR", {"XR-CHEST-2V"}),
        # words of one item alone
        ("胸部HRCT", "CT", {"CT-CHEST"}),
        ("腹部CT平扫", "CT", {"CT-ABD"}),
        ("上腹部CT三期增强", "CT", {"CT-ABD-C"}),
        ("CT ABDOMEN W/WO", "CT", {"CT-ABD-C"}),
        ("CT SCHÄDEL NATIV", "CT", {"CT-HEAD"}),
        ("CT SCHAEDEL NATIV", "CT", {"CT-HEAD"}),
        ("MRI BRAIN", "MR", {"MR-HEAD"}),
        ("KUB", "XR", {"XR-ABD"}),
        ("胸片", "XR", {"XR-CHEST"}),
        # a word inside a longer one for another region
        ("胸腹部CT平扫", "CT", {"_fallback"}),
        ("CT HEAD AND NECK WITHOUT CONTRAST", "CT", {"_fallback"}),
        # what no item covers
        ("颈部CT平扫", "CT", {"_fallback"}),
    ],
)
def test_the_words_of_a_request_name_its_items(text: str, modality: str, items: set[str], catalogue: Catalogue) -> None:
    assert set(matched(replace(asked(text), modalities=(modality,)), catalogue)) == items


def test_every_phrase_of_the_catalogue_names_its_own_item(catalogue: Catalogue) -> None:
    for item in catalogue.items.values():
        for phrase in item.match.request_texts:
            fact = replace(asked(phrase), modalities=(item.modality,))
            assert matched(fact, catalogue) == [item.id], phrase


def test_a_second_text_repeats_the_first_in_other_words(catalogue: Catalogue) -> None:
    fact = facts(modalities=("CT",), request=Request(texts=("胸部CT平扫", "上腹部CT平扫")))
    assert matched(fact, catalogue) == ["CT-CHEST"]


@pytest.mark.parametrize(
    "stacks",
    [
        (),
        (stack("1", region=("heart",), modality="MR"),),
        (stack("1", "plain", region=()),),
        (stack("1", "plain", region=("chest",), role="LOC"),),
        (stack("1", region=("chest",), modality="US"),),
    ],
)
def test_what_no_item_fits_goes_to_the_fallback(stacks: tuple[object, ...], catalogue: Catalogue) -> None:
    assert matched(facts(stacks=stacks), catalogue) == ["_fallback"]
