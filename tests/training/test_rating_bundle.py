"""The bundle of a model of measures: ONNX says what was learned, the shipped one is whole, and figures are counted within sites."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.measure_spec import Measure, MeasureSpec
from qc_models.model_bundle import load_bundle
from qc_models.model_registry import Model, models
from qc_models.zoo.adequacy_mr_brain import INPUT
from tests.judged_facts import stack
from training.image_ratings import Kernel, RatedImages, RatingModel, learned
from training.rating_bundle import export_ratings, onnx_of, session, within_sites
from training.recipe import load_recipe
from training.tasks import adequacy_mr_brain as task


def says_of(model: RatingModel, path: Path, measures: list[list[float]]) -> NDArray[np.float32]:
    path.write_bytes(onnx_of(model).SerializeToString())
    return session(path)(np.array(measures, dtype=np.float32))


def test_onnx_says_what_is_written_on_paper(tmp_path: Path) -> None:
    """One landmark at 1 with weight 2, a quartile range of 0.5: a measure of 0.25 is half a range from the middle."""
    model = RatingModel(
        MeasureSpec((Measure("cjv"),)),
        Kernel(line=0.5, bend=4.0, narrow=0.3),
        spread=np.array([0.5]),
        landmarks=np.array([[1.0]]),
        weights=np.array([2.0]),
        level=-1.0,
        slope=0.8,
        shift=0.1,
    )
    raw = says_of(model, tmp_path / "m.onnx", [[0.25], [100.0]])
    near = 0.8 * (2 * (0.5 * 0.5 + 4 * np.exp(-0.3 * 0.25)) - 1) + 0.1
    bounded = 0.8 * (2 * (0.5 * 6 + 4 * np.exp(-0.3 * 25)) - 1) + 0.1  # no further than six ranges
    assert raw[:, 0].tolist() == [0.0, 0.0]
    assert raw[:, 1].tolist() == pytest.approx([near, bounded], rel=1e-6)


def test_onnx_says_what_was_learned(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    measures = random.normal(size=(120, 3))
    excluded = (measures[:, :1] > 0.5).astype(float)
    sites = np.array(["a", "b", "c"])[np.arange(120) % 3]
    spec = MeasureSpec(tuple(Measure(name) for name in ("x", "y", "z")))
    model = learned(RatedImages(measures, sites, np.arange(120).astype(str), excluded), spec, Kernel())
    asked = random.normal(size=(50, 3)) * 4
    raw = says_of(model, tmp_path / "m.onnx", asked.tolist())
    np.testing.assert_allclose(raw[:, 1], model.log_odds(asked.astype(np.float32)), atol=1e-5)


def test_within_sites_asks_no_pair_across() -> None:
    """Of site a the bad image is the higher of two, of site b the lower; that all of b lies above a counts nothing."""
    images = RatedImages(
        np.zeros((4, 1)), np.array(list("aabb")), np.array(list("1234")), np.array([[0.0], [1.0], [0.0], [1.0]])
    )
    assert within_sites(images, np.array([0.0, 1.0, 11.0, 10.0])).value == pytest.approx(0.5)
    assert within_sites(images, np.array([0.0, 1.0, -11.0, -10.0])).value == pytest.approx(1.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of a recipe over small tables, whose first measure says it all."""
    data = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(1)
    tables = data / "tables"
    tables.mkdir()

    def write(name: str, persons: list[str], raters: tuple[str, ...], key: str) -> list[bool]:
        measures = random.normal(10, 1, size=(len(persons), len(INPUT.names)))
        bad = measures[:, 0] > 10.5
        lines = ["\t".join((key, "site", *INPUT.names, *raters))]
        for number, person in enumerate(persons):
            words = [str(-1 if bad[number] else 1)] * len(raters)
            lines.append("\t".join((person, "ab"[number % 2], *map(str, measures[number]), *words)))
        (tables / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return list(bad)

    write("mriqc_abide.tsv", [str(number) for number in range(80)], task.RATERS, "subject_id")
    write("mriqc_ds030.tsv", [str(number) for number in range(60)], ("rater_1",), "subject_id")
    scans = [f"sub-{number // 2}_scan-{number}" for number in range(60)]
    bad = write("mrart_iqms.tsv", scans, (), "bids_name")
    scores = [f"{name}\t{3 if wrong else 1}" for name, wrong in zip(scans, bad, strict=True)]
    (tables / "mrart_scores.tsv").write_text("\n".join(["bids_name\tscore", *scores]) + "\n", encoding="utf-8")
    return export_ratings(load_recipe("adequacy_mr_brain"), data, tmp_path_factory.mktemp("bundles"))


def model() -> Model:
    return models()["adequacy_mr_brain"]


def test_a_bundle_is_whole_and_tells_of_itself(bundle: Path) -> None:
    found = load_bundle(model(), bundle)
    assert found.version == bundle.name
    names = {"model.onnx", "metadata.json", "card.md", "evaluation.json", "evaluation.html"}
    assert {path.name for path in bundle.iterdir()} == names
    assert found.metadata["onnx_difference"] <= 1e-5
    assert found.metadata["learned_from"] == {"table": "ABIDE", "images": 80, "sites": 2, "words": 240}
    card = (bundle / "card.md").read_text("utf-8")
    assert "adequacy.auc@DS030" in card
    assert "**non-commercial**" in card


def test_figures_are_of_unseen_tables_by_person(bundle: Path) -> None:
    content = json.loads((bundle / "evaluation.json").read_text("utf-8"))
    by_name = {entry["name"]: entry for entry in content["targets"]}
    assert (by_name["adequacy.auc@DS030"]["rows"], by_name["adequacy.auc@DS030"]["subjects"]) == (60, 60)
    assert (by_name["adequacy.auc@MR-ART"]["rows"], by_name["adequacy.auc@MR-ART"]["subjects"]) == (60, 30)
    assert by_name["adequacy.auc@MR-ART"]["value"] > 0.8
    assert set(content["bands"]) == {"DS030", "MR-ART", "ABIDE"}


def test_it_looks_at_no_stack() -> None:
    assert model().measures == INPUT
    assert not model().applies(stack("1.2", region=("brain",), modality="MR", role="T1"))
