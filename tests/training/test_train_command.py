"""`touchstone train` as a person types it: build, fit, evaluate, export, release, list, and what is told when it goes wrong."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from serving.command_line import touchstone
from tests.training.drawn_data import write_data
from training.recipe import RECIPES

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def train(*arguments: object) -> Result:
    return CliRunner().invoke(touchstone, ["train", *map(str, arguments)])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), 24)


def test_from_data_to_a_served_model(data: Path, tmp_path: Path) -> None:
    manifest, run, bundles = tmp_path / "manifest.jsonl", tmp_path / "run", tmp_path / "bundles"
    built = train("data", "build", "--data", data, "--out", manifest)
    assert built.exit_code == 0
    assert "non-commercial" in built.output
    assert "no row of MR" in built.stderr

    taught = train(
        "fit", "xr_anatomy", "--smoke", "--data", data, "--manifest", manifest, "--out", run, "--bundles", bundles
    )
    assert taught.exit_code == 0, taught.output
    assert "region.accuracy: " in taught.output
    assert (run / "evaluation.html").is_file()

    exported = train("export", run, "--data", data, "--bundles", bundles)
    assert exported.exit_code == 0
    version = re.search(r"release xr_anatomy (\w+)", exported.output)
    assert version is not None
    released = train("release", "xr_anatomy", version[1], "--bundles", bundles, "--who", "W", "--why", "first")
    assert released.exit_code == 0
    listed = train("list", "--bundles", bundles)
    assert f"{version[1]} (served)" in listed.output

    again = train("evaluate", run, "--data", data, "--bundles", bundles, "--out", tmp_path / "page")
    assert "within its interval" in again.output
    back = train("rollback", "xr_anatomy", "--bundles", bundles, "--who", "W", "--why", "no")
    assert back.exit_code == 3
    assert "no earlier version" in back.stderr


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.yaml")))
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_every_recipe_goes_the_whole_way_once(recipe: str, tmp_path: Path) -> None:
    result = train("fit", recipe, "--smoke", "--data", SHARED, "--out", tmp_path / "run", "--bundles", tmp_path)
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert list((tmp_path / "run").rglob("evaluation.html"))


def test_open_terms_say_what_is_missing(data: Path, tmp_path: Path) -> None:
    result = train("data", "build", "--data", data, "--terms", "open", "--out", tmp_path / "m.jsonl")
    assert result.exit_code == 0
    assert "no row of XR" in result.stderr


def test_an_unknown_recipe_is_a_wrong_option(data: Path) -> None:
    result = train("fit", "no_such_model", "--data", data)
    assert result.exit_code == 2
    assert "no_such_model.yaml" in result.stderr


def test_help_shows_how_to_go_from_labels_to_a_model() -> None:
    text = train("--help").output
    assert text.index("data build") < text.index("fit xr_anatomy") < text.index("release xr_anatomy")
