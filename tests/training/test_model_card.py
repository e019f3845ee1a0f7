"""The card names what the test part showed a model to do badly."""

from typing import Any

from training.model_card import card, known_failures


def evaluation(**outputs: Any) -> dict[str, Any]:
    return {"targets": [], "outputs": outputs}


def test_a_target_that_is_missed_is_named_with_its_distance() -> None:
    targets = [
        {"name": "view.accuracy", "target": 0.98, "met": False, "distance": 0.0254},
        {"name": "scope.auc", "target": 0.95, "met": True, "distance": 0.0},
        {"name": "view.accuracy@one", "target": 0.9, "met": False, "distance": None},  # nobody can tell
    ]
    assert known_failures(evaluation() | {"targets": targets}) == [
        "view.accuracy misses its target of 0.98 by 0.025",
    ]


def test_what_is_taken_for_what() -> None:
    counts = [[18, 2, 0], [0, 16, 4], [1, 0, 3]]  # two of twenty are a tenth, four are more; four rows are too few
    view = {"kind": "one_of", "confusion": {"names": ["PA", "AP", "LAT"], "counts": counts}}
    assert known_failures(evaluation(view=view)) == ["AP is taken for LAT in 4 of 20"]


def test_what_is_hardly_told() -> None:
    by_class = {
        "ring": {"rows": 30, "auc": {"value": 0.826}},
        "noise": {"rows": 30, "auc": {"value": 0.98}},
        "metal": {"rows": 4, "auc": {"value": 0.5}},
        "motion": {"rows": 9, "auc": {"value": None}},
    }
    artifact = {"kind": "each", "by_class": by_class}
    assert known_failures(evaluation(artifact=artifact)) == ["ring is hardly told from the rest (AUC 0.83, 30 rows)"]


def test_nothing_known_is_said_as_such() -> None:
    assert known_failures(evaluation()) == ["none that the test part is large enough to show"]


def test_whose_weights_a_network_began_with_is_told() -> None:
    metadata: dict[str, Any] = {
        "version": "1",
        "terms": "open",
        "manifest": "ab",
        "recipe": {"first_weights": "efficientnet_lite0"},
        "figures": {"targets": []},
        "onnx_difference": 0.0,
        "variants": {},
    }
    told = evaluation() | {"bands": {}}
    assert "the weights of efficientnet_lite0: photographs of ImageNet" in card("m", "", {}, metadata, told)
    assert "began with" not in card("m", "", {}, metadata | {"recipe": {}}, told)
