"""`touchstone explain` prints the page of a check, its words and its limits."""

import json

from click.testing import CliRunner, Result

from qc_models.check_registry import checks
from qc_models.vocabulary import DIMENSIONS_ZH
from serving.command_line import touchstone

METRIC = "completeness.slice_positions.missing"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(touchstone, ["explain", *arguments])


def test_all_checks_are_listed_by_dimension() -> None:
    result = run()
    assert result.exit_code == 0
    for name in checks():
        assert name in result.stdout
        assert DIMENSIONS_ZH[next(d for d in DIMENSIONS_ZH if name.startswith(d))] in result.stdout


def test_a_check_is_explained_by_its_page_and_its_words_in_both_languages() -> None:
    result = run("completeness.slice_positions")
    check = checks()["completeness.slice_positions"]
    assert result.exit_code == 0
    assert check.page.splitlines()[0] in result.stdout
    shown = "".join(result.stdout.split())  # lines wrap anywhere
    for words in check.quantities.values():
        assert "".join(words.en.split()) in shown
        assert "".join(words.zh.split()) in shown


def test_a_metric_is_explained_with_its_limits_as_data() -> None:
    (entry,) = json.loads(run(METRIC, "--format", "json").stdout)
    assert entry["metric"] == METRIC
    assert entry["message"]["zh"] == checks()["completeness.slice_positions"].quantities["missing"].zh
    owners = [item for limit in entry["limits"] for item in limit["items"]]
    assert len(owners) == len(set(owners)) == 67
    assert all(limit["limit"]["clause"] for limit in entry["limits"])


def test_items_of_a_modality_are_named_together() -> None:
    assert "all CT, all MR, all XR" in run(METRIC).stdout


def test_a_reason_of_the_decision_itself_is_explained_too() -> None:
    assert "the device or institution is suspended" in run("metadata.device.suspended").stdout


def test_an_unknown_name_ends_with_exit_code_2_and_near_names() -> None:
    result = run("completeness.slice_position")
    assert result.exit_code == 2
    assert "completeness.slice_positions" in result.stderr


def test_a_part_of_a_name_is_no_name() -> None:
    assert run("completeness.slice_pos").exit_code == 2
    assert run("complete").exit_code == 2


def test_help_shows_examples() -> None:
    assert "touchstone explain completeness.slice_positions" in run("--help").stdout
