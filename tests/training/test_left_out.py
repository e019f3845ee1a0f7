"""Sources left out: groups that share what several show, one answer a stack, and who is asked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from qc_models.model_outputs import Output
from training.examples import Examples
from training.left_out import origin, source_groups, stack_answers
from training.manifest import Row

REGION = Output("region", "each", ("chest", "abdomen", "pelvis"))
SCOPE = Output("scope", "one_of", ("inside", "outside"))


def row(source: str, region: str = "chest", path: str = "a", fold: int = 5) -> Row:
    return Row(path, "volume", "CT", f"s-{path}", source, "open", "drawn", fold, {"region": [region], "vendor": ["V"]})


def test_what_several_sources_show_is_left_out_in_different_groups() -> None:
    rows = [row("a", "chest"), row("b", "chest"), row("c", "head"), row("d", "head"), row("a", "chest")]
    groups = source_groups(rows, lambda each: each.labels["region"][0], 2)
    assert groups["a"] != groups["b"]
    assert groups["c"] != groups["d"]


def test_data_sets_of_one_study_are_one_source() -> None:
    assert origin(row("X-UI/dataset-uta4-dicom")) == origin(row("X-UI/dataset-uta7-dicom")) == "X-UI"
    assert origin(row("lab/one")) != origin(row("lab/two"))


def test_a_stack_answers_with_the_mean_of_its_own_slices() -> None:
    unknown = float("nan")
    targets = {
        "region": torch.tensor([[1.0, 0.0, unknown], [unknown, 0.0, unknown], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]),
        "scope": torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 0.0]]),
    }
    rows = [row("a"), row("a"), row("a"), row("b", path="b")]
    notes = {"taken": torch.tensor([[1.0], [1.0], [0.0], [1.0]])}
    examples = Examples(torch.zeros(4, 1, 2, 2), targets, rows, torch.ones(4), notes)
    odds = np.log(np.array([[3.0], [1.0], [1.0], [1.0]], np.float32))  # probabilities 3/4 and 1/2
    raw = {"region": np.repeat(odds, 3, 1), "scope": np.zeros((4, 2), np.float32)}
    (asked, first), (_, second) = stack_answers((REGION, SCOPE), examples, raw, {"region": 1.0, "scope": 1.0})
    assert asked.path == "a"
    assert first.probability["region"].tolist() == pytest.approx([0.625] * 3)
    np.testing.assert_array_equal(first.truth["region"], [1.0, 0.0, unknown])
    assert (first.subject, first.source, first.vendor) == ("s-a", "a", "V")
    assert second.truth["scope"].tolist() == [0.0, 0.0]


def test_groups_are_alike_in_what_is_asked_about() -> None:
    pictures = [replace(row(name, path=f"{name}{n}"), kind="picture") for name in "aabbcc" for n in range(2)]
    stacks = [row("d", path=f"d{n}") for n in range(5)]
    by_picture = source_groups([*pictures, *stacks], lambda each: each.source, 2, "picture")
    by_stack = source_groups([*pictures, *stacks], lambda each: each.source, 2)
    assert sorted(by_picture[name] for name in "abc") in ([0, 0, 1], [0, 1, 1])
    assert sum(group == by_stack["d"] for group in by_stack.values()) == 1
