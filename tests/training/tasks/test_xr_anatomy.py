"""What xr_anatomy learns from: what labels leave open stays open, and turned pictures carry the turn as their target."""

from pathlib import Path

import pytest
import torch

from qc_models.zoo.xr_anatomy import OUTPUTS, REGIONS
from tests.training.drawn_data import write_data
from training.examples import Examples
from training.manifest import Manifest, Row, build
from training.tasks.xr_anatomy import augment, examples, inverse, inverted, questions, turned


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), 12)


@pytest.fixture(scope="module")
def found(data: Path) -> Examples:
    return examples(build(data), data, {})


def of(data: Path, **labels: list[str]) -> dict[str, list[float]]:
    """The targets of one radiograph with these labels."""
    row = Row("images/xr/chest/0.png", "picture", "XR", "s", "a", "open", "drawn", 3, labels)
    made_of = examples(Manifest((row,)), data, {})
    return {name: target[0].tolist() for name, target in made_of.targets.items()}


def test_a_frontal_view_may_be_either(data: Path) -> None:
    views = OUTPUTS[2].classes
    assert of(data, view=["frontal"])["view"] == [float(view in ("AP", "PA")) for view in views]
    assert of(data, view=["multi"])["view"] == [0.0] * len(views)


def test_a_part_that_nobody_named_is_not_known_and_one_that_is_not_there_is_0(data: Path) -> None:
    assert all(value != value for value in of(data)["region"])
    assert of(data, region=["knee", "tibia"])["region"] == [float(name in ("knee", "tibia")) for name in REGIONS]


def test_what_is_no_single_radiograph_is_outside(data: Path, found: Examples) -> None:
    assert of(data, region=["hip"], subtype=["DXA"])["scope"] == [0.0, 1.0]
    assert of(data, region=["hip"], composite=["yes"])["scope"] == [0.0, 1.0]
    assert of(data, region=["hip"])["scope"] == [1.0, 0.0]
    slices = torch.tensor([row.modality == "CT" for row in found.rows])
    assert slices.any()
    assert (found.targets["scope"][slices, 1] == 1).all()
    assert (found.targets["rotation"][slices] == 0).all()


def test_a_quarter_clockwise_brings_the_top_to_the_right_and_is_told(found: Examples) -> None:
    pictures = torch.full((1, 1, 8, 8), 0.25)
    pictures[0, 0, 0] = 1.0  # the top row
    upright = {name: target[:1] for name, target in found.of("learn").targets.items()}
    made, told = turned(pictures, upright, torch.tensor([1]))
    assert torch.equal(made[0, 0, :, -1], torch.ones(8))
    assert torch.equal(made[0, 0, :, 0], torch.full((8,), 0.25))
    assert told["rotation"].tolist() == [[0.0, 1.0, 0.0, 0.0]]
    assert torch.equal(told["region"], upright["region"])


def test_what_is_inverted_is_told_and_what_has_no_polarity_stays_without(found: Examples) -> None:
    targets = {name: target[:3].clone() for name, target in found.of("learn").targets.items()}
    targets["polarity"] = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    pictures = torch.full((3, 1, 4, 4), 0.25)
    made, told = inverted(pictures, targets, torch.tensor([True, False, True]))
    assert made[:, 0, 0, 0].tolist() == [0.75, 0.25, 0.75]
    assert told["polarity"].tolist() == [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]


def test_black_around_a_picture_stays_black() -> None:
    picture = torch.zeros((1, 1, 6, 6))
    picture[0, 0, :, 2:4] = 0.25
    expected = torch.zeros((1, 1, 6, 6))
    expected[0, 0, :, 2:4] = 0.75
    assert torch.equal(inverse(picture), expected)


def test_a_batch_to_learn_from_is_inverted_before_noise_fills_what_is_black(found: Examples) -> None:
    """Or white around a picture would tell it, which no inverted radiograph has."""
    pictures = torch.zeros((64, 1, 32, 32))
    pictures[:, :, :, 12:20] = 0.5
    targets = {name: target[:1].repeat(64, 1) for name, target in found.of("learn").targets.items()}
    targets["rotation"], targets["polarity"] = torch.eye(4)[:1].repeat(64, 1), torch.eye(2)[:1].repeat(64, 1)
    made, told = augment(pictures, targets, torch.Generator().manual_seed(3))
    chosen = told["polarity"][:, 1] > 0
    assert 0 < chosen.sum() < 40
    for group in (chosen, ~chosen):
        assert made[group].mean((1, 2, 3)).max() < 0.5  # three quarters are black, whichever way


def test_questions_ask_every_radiograph_again_of_its_turn_alone_and_of_its_polarity_alone(found: Examples) -> None:
    asked = questions(found, 1)
    count = sum(row.modality == "XR" for row in found.rows)
    assert len(asked) == len(found) + 2 * count == len(asked.rows)
    turned, inverted = slice(len(found), len(found) + count), slice(len(found) + count, None)
    for part in (turned, inverted):
        assert asked.targets["region"][part].isnan().all()
        assert (asked.targets["view"][part] == 0).all()
    assert {int(k) for k in asked.targets["rotation"][turned].argmax(1)} == {0, 1, 2, 3}
    assert (asked.targets["polarity"][turned] == 0).all()
    assert (asked.targets["polarity"][inverted, 1] == 1).all()
    assert (asked.targets["rotation"][inverted] == 0).all()


def test_rare_parts_are_drawn_more_often(found: Examples) -> None:
    assert found.weights.min() > 0


def test_a_batch_is_changed_the_same_way_for_the_same_seed(found: Examples) -> None:
    batch = found.at(torch.arange(6))
    one, same = (augment(*batch, torch.Generator().manual_seed(2))[0] for _ in range(2))
    assert torch.equal(one, same)
