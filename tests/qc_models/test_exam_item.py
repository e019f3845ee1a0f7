"""A catalogue is a folder of strict files: bases are inherited once, and every mistake is named with file and key."""

import math
from pathlib import Path

import pytest

from configs.strict import HERE
from qc_models.errors import ConfigError
from qc_models.exam_item import Bound, ExamItem, Limit, check_item_file, load_catalogue

BASE = """
modality: CT
pass_mark: 80
weights: {completeness: 30, metadata: 15, body_part: 20, artifacts: 15, adequacy: 20}
limits:
  completeness.slice_positions.missing: {reject: {above: 0}, clause: from the base}
  adequacy.noise_hu.soft_5mm_hu: {review: {above: 45}, clause: from the base}
"""
ITEM = """
base: [ct]
name: {en: Chest CT plain, zh: 胸部CT平扫}
region: chest
laterality: no
required: [plain, lung|thin]
valid_days: 30
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue of one base, one item and the fallback."""
    (tmp_path / "_ct.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "CT-X.yaml").write_text(ITEM, encoding="utf-8")
    (tmp_path / "_fallback.yaml").write_text(ITEM.replace("[plain, lung|thin]", "[]"), encoding="utf-8")
    return tmp_path


def item_of(folder: Path, more: str) -> ExamItem:
    path = folder / "CT-X.yaml"
    path.write_text(ITEM + more, encoding="utf-8")
    return check_item_file(path)


def mistake_of(folder: Path, old: str, new: str) -> str:
    """The error of the item after one replacement."""
    path = folder / "CT-X.yaml"
    assert old in ITEM
    path.write_text(ITEM.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_catalogue(folder)
    assert "CT-X.yaml" in str(error.value)
    return str(error.value)


def test_an_item_inherits_its_base_and_is_named_by_its_file(folder: Path) -> None:
    item = load_catalogue(folder).item("CT-X")
    assert (item.id, item.modality, item.pass_mark, item.laterality) == ("CT-X", "CT", 80, "no")
    assert item.limits["completeness.slice_positions.missing"].clause == "from the base"


def test_own_limits_win_metric_by_metric_and_null_lifts_one(folder: Path) -> None:
    item = item_of(
        folder,
        "limits:\n  adequacy.noise_hu.soft_5mm_hu: null\n"
        "  completeness.slice_positions.missing: {review: {above: 2}, clause: own}\n",
    )
    assert set(item.limits) == {"completeness.slice_positions.missing"}
    limit = item.limits["completeness.slice_positions.missing"]
    assert (limit.review, limit.reject, limit.clause) == (Bound(above=2), None, "own")


def test_a_later_base_wins_over_an_earlier_one(folder: Path) -> None:
    (folder / "_strict.yaml").write_text("pass_mark: 95\n")
    path = folder / "CT-X.yaml"
    path.write_text(ITEM.replace("[ct]", "[ct, strict]"), encoding="utf-8")
    assert check_item_file(path).pass_mark == 95


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("valid_days: 30", "valid_days: 30\nvalid_day: 3", "valid_day:"),
        ("[plain, lung|thin]", "[plain, lungs]", "'lungs'"),
        ("[plain, lung|thin]", "[plain|]", "empty"),
        ("[plain, lung|thin]", "[AX_T1]", "'AX_T1'"),
        ("region: chest", "region: torso", "'torso'"),
        ("laterality: no", "laterality: maybe", "laterality"),
        ("base: [ct]", "base: [mr]", "no file _mr.yaml"),
        ("valid_days: 30", "valid_days: 0", "valid_days"),
        ("valid_days: 30", "valid_days: 30\nid: CT-Y", "id:"),
        ("zh: 胸部CT平扫", "cn: 胸部CT平扫", "name.zh"),
        (
            "valid_days: 30",
            "valid_days: 30\nlimits: {slices.missing: {reject: {above: 0}, clause: x}}",
            "'slices.missing'",
        ),
        ("valid_days: 30", "valid_days: 30\nlimits: {completeness.a.b: {clause: x}}", "needs a bound"),
        ("valid_days: 30", "valid_days: 30\nlimits: {completeness.a.b: {reject: {}, clause: x}}", "above"),
        ("valid_days: 30", "valid_days: 30\nlimits: {completeness.a.b: {reject: {above: 0}}}", "clause"),
        (
            "valid_days: 30",
            "valid_days: 30\nlimits: {completeness.a.b: {review: {above: 0}, veto: true, clause: x}}",
            "`veto`",
        ),
        ("valid_days: 30", "valid_days: 30\nweights: {completeness: 1}", "weights"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(folder: Path, old: str, new: str, says: str) -> None:
    assert says in mistake_of(folder, old, new)


def test_a_base_has_no_base_of_its_own(folder: Path) -> None:
    (folder / "_ct.yaml").write_text("base: [other]\n" + BASE)
    with pytest.raises(ConfigError, match=r"_ct\.yaml: base: a base has no base"):
        load_catalogue(folder)


def test_broken_yaml_is_named_with_file_and_line(folder: Path) -> None:
    (folder / "CT-X.yaml").write_text("name: {en: Chest\nregion: chest\n")
    with pytest.raises(ConfigError, match=r"(?s)CT-X\.yaml: is not valid YAML.*line 2"):
        load_catalogue(folder)


def test_a_folder_without_fallback_or_items_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "_fallback.yaml").unlink()
    with pytest.raises(ConfigError, match=r"_fallback\.yaml"):
        load_catalogue(folder)
    with pytest.raises(ConfigError, match="not a folder"):
        load_catalogue(tmp_path / "absent")


def test_a_catalogue_of_bases_alone_is_refused(folder: Path) -> None:
    (folder / "CT-X.yaml").unlink()
    with pytest.raises(ConfigError, match="no exam item"):
        load_catalogue(folder)


def test_an_unknown_id_is_answered_with_near_ones(folder: Path) -> None:
    with pytest.raises(ConfigError, match="CT-X"):
        load_catalogue(folder).item("CT-CHEST")


@pytest.mark.parametrize(("written", "read"), [("yes", "yes"), ("no", "no"), ("both", "both"), ('"yes"', "yes")])
def test_yes_and_no_need_no_quotes(folder: Path, written: str, read: str) -> None:
    path = folder / "CT-X.yaml"
    path.write_text(ITEM.replace("laterality: no", f"laterality: {written}"), encoding="utf-8")
    assert check_item_file(path).laterality == read


def test_the_digest_follows_what_the_item_says_and_nothing_else(folder: Path) -> None:
    first = item_of(folder, "").digest
    assert item_of(folder, "# a comment\n").digest == first
    assert item_of(folder, "max_slice_mm: 5\n").digest != first


def test_the_digest_of_a_catalogue_follows_every_item(folder: Path) -> None:
    first = load_catalogue(folder).digest
    (folder / "CT-Y.yaml").write_text(ITEM, encoding="utf-8")
    assert load_catalogue(folder).digest != first


@pytest.mark.parametrize(
    ("value", "crossed"),
    [(5.0, None), (5.5, None), (5.6, ("review", 5.5)), (10.0, ("review", 5.5)), (10.1, ("reject", 10.0))],
)
def test_bounds_can_be_multiples_of_a_value_of_the_item(value: float, crossed: tuple[str, float] | None) -> None:
    limit = Limit(review=Bound(above=1.1), reject=Bound(above=2), of="max_slice_mm", clause="x")
    found = limit.crossed(value, scale=5.0)
    assert (found and (found[0], pytest.approx(found[1]))) == crossed


def test_a_bound_can_hold_both_sides() -> None:
    bound = Bound(above=1, below=-1)
    assert [bound.crossed_by(value) for value in (-2, -1, 0, 1, 2)] == [-1, None, None, None, 1]


def test_the_scale_is_none_where_the_item_has_no_such_value(folder: Path) -> None:
    item = item_of(folder, "min_matrix: [256, 320]\nscan_range: {from: apex, to: base}\n")
    assert [
        item.scale(of) for of in (None, "min_matrix_short", "min_matrix_long", "max_slice_mm", "min_coverage_mm")
    ] == [
        1.0,
        256,
        320,
        None,
        None,
    ]


def test_the_default_catalogue_loads() -> None:
    assert len(load_catalogue(HERE / "exam_items").items) == 67


@pytest.mark.parametrize(
    "bounds",
    [
        {"reject": Bound(above=5)},
        {"note": Bound(below=1), "review": Bound(above=4, below=-1), "reject": Bound(above=9)},
        {"note": Bound(above=3), "reject": Bound(above=2)},  # the milder bound lies beyond the harder one
        {"review": Bound(above=1, below=2)},  # nothing is good
    ],
)
def test_what_lies_within_crosses_nothing_and_all_else_does(bounds: dict[str, Bound]) -> None:
    limit = Limit(clause="c", **bounds)
    low, high = limit.within
    for value in (-math.inf, -1, -0.9, 0, 1, 1.1, 2, 2.1, 3, 4, 5, 9, math.inf):
        assert (low <= value <= high) == (limit.crossed(value) is None), value
