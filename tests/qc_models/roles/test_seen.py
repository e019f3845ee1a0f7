"""Labels of a stack out of the probabilities of its frames."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from qc_models.model_outputs import Output, Prediction
from qc_models.model_registry import models
from qc_models.roles.seen import Seen, absence, at_best, mean, said, seen, shown_regions
from tests.tiny_bundle import tiny_model

OUTPUTS = (
    Output("region", "each", ("chest", "abdomen", "pelvis")),
    Output("scope", "one_of", ("inside", "outside")),
    Output("view", "one_of", ("AP", "PA", "LAT")),
    Output("sequence", "one_of", ("T1", "T2", "no role")),
)
Predicted = Callable[..., Mapping[str, Prediction]]


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> Predicted:
    """What a model says: outputs as lists of rows, a row a frame."""
    monkeypatch.setitem(models(), "tiny", tiny_model(outputs=OUTPUTS))

    def build(**outputs: list[list[float]]) -> Mapping[str, Prediction]:
        arrays = {name: np.array(rows, np.float32) for name, rows in outputs.items()}
        count = len(next(iter(arrays.values())))
        places = tuple((at, f"1.2.{at}", 0) for at in range(count))
        return {"tiny": Prediction("tiny", "1", places, arrays, [0.5] * len(places))}

    return build


def test_what_is_said_stands_by_class(predicted: Predicted) -> None:
    found = said(predicted(view=[[0.5, 0.25, 0.25], [1, 0, 0]]), "view")
    assert {name: values.tolist() for name, values in found.items()} == {
        "AP": [0.5, 1],
        "PA": [0.25, 0],
        "LAT": [0.25, 0],
    }
    assert said(predicted(view=[[1, 0, 0]]), "region") == {}
    assert said({}, "view") == {}


def test_a_quarter_of_the_frames_shows_a_part() -> None:
    values = np.array([0, 0, 0, 0, 0, 0.25, 0.75, 1], np.float32)
    assert at_best(values) == 0.875
    assert mean(values) == 0.25
    assert at_best(np.array([0.5], np.float32)) == 0.5
    assert at_best(np.array([0, 0.25, 0.75], np.float32)) == 0.75


def test_regions_that_most_of_the_stack_shows_and_the_surest_where_none_is(predicted: Predicted) -> None:
    both = seen(predicted(region=[[1, 0.5, 0], [0.75, 0.75, 0]])).region
    assert both is not None
    assert (both.label, both.probability, both.source) == (("chest", "abdomen"), 0.875, "pixels")
    none = seen(predicted(region=[[0.25, 0.125, 0]])).region
    assert none is not None
    assert (none.label, none.probability) == (("chest",), 0.25)
    assert seen(predicted(view=[[1, 0, 0]])).region is None


def test_a_frontal_view_is_as_sure_as_both_of_its_kinds(predicted: Predicted) -> None:
    frontal = seen(predicted(view=[[0.5, 0.375, 0.125]])).view
    assert frontal is not None
    assert (frontal.label, frontal.probability) == ("AP", 0.875)
    lateral = seen(predicted(view=[[0.25, 0.25, 0.5]])).view
    assert lateral is not None
    assert (lateral.label, lateral.probability) == ("LAT", 0.5)


def test_a_role_is_one_of_ours(predicted: Predicted) -> None:
    found = seen(predicted(sequence=[[0.125, 0.25, 0.625]]))
    assert (found.role, found.role_probability) == ("T2", 0.25)


def test_what_lies_outside_the_scope_has_no_region_and_no_view(predicted: Predicted) -> None:
    found = seen(predicted(region=[[1, 0, 0]], view=[[1, 0, 0]], scope=[[0.25, 0.75]], sequence=[[1, 0, 0]]))
    assert found == Seen(role="T1", role_probability=1.0)


@pytest.mark.parametrize(
    ("declared", "steps", "expected"),
    [
        (("chest",), 0, 0.75),
        (("chest",), 1, 0.5),  # the abdomen adjoins it
        (("heart",), 0, 0.75),  # in the chest
        (("chest", "pelvis"), 0, 0.0),
        (("knee",), 1, None),  # nothing near it is judged
        (("phantom",), 1, None),
        ((), 1, None),
    ],
)
def test_absence_is_what_the_surest_of_the_near_leaves(
    declared: tuple[str, ...], steps: int, expected: float | None
) -> None:
    regions = {"chest": 0.25, "abdomen": 0.5, "pelvis": 1.0}
    assert absence(regions, regions, declared, steps) == expected


def test_shown_regions_are_those_of_some_frames(predicted: Predicted) -> None:
    rows = [[0.0, 0.25, 0.0]] * 3 + [[1.0, 0.25, 0.5]]
    assert shown_regions(predicted(region=rows)) == {"chest": 1.0, "abdomen": 0.25, "pelvis": 0.5}


def test_nobody_denies_what_he_has_hardly_seen() -> None:
    regions = {"knee": 0.0, "head": 1.0}
    assert absence(regions, {"head", "knee"}, ("knee",), 1) == 1.0
    assert absence(regions, {"head"}, ("knee",), 1) is None
