"""The evaluation of a model: what its document says of targets and mistakes, and a page that stands alone."""

import base64
import json
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qc_models.model_outputs import Output
from training.calibrate import show_on_halves
from training.evaluation_page import EvaluatedRow, Evaluation, content_of, write
from training.figures import Figure

OUTPUTS = (
    Output("view", "one_of", ("AP", "LAT")),
    Output("region", "each", ("chest", "hand")),
    Output("place", "number", ("place",)),
)
NAN = float("nan")


def row(
    subject: str, view: tuple[list, list], region: tuple[list, list], place: float = NAN, **more: object
) -> EvaluatedRow:
    truth = {"view": np.array(view[0]), "region": np.array(region[0]), "place": np.array([place])}
    told = {"view": np.array(view[1]), "region": np.array(region[1]), "place": np.array([0.5])}
    return EvaluatedRow(subject, "a <source>", truth, told, **more)


CHEST, NOTHING = ([1, 0], [0.9, 0.1]), ([0, 0], [0.2, 0.8])
AP, AP_WRONG, LAT = ([1, 0], [0.75, 0.25]), ([1, 0], [0.05, 0.95]), ([0, 1], [0.25, 0.75])
PICTURE = np.full((320, 160), 77, dtype=np.uint8)
ROWS = [
    row("person-1", AP, CHEST, place=0.4, vendor="GE"),
    row("person-2", LAT, CHEST, vendor="GE"),
    row("person-3", AP_WRONG, CHEST, picture=PICTURE),
    *[row("person-4", ([1, 0], [0.4, 0.6]), NOTHING) for _ in range(3)],
]


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    targets = {"view.accuracy": 0.5, "view.recall.AP": 0.75, "region.false_alarms": 0.1, "order.kendall": 0.98}
    more = [Figure("order.kendall", 0.99, 0.98, 1.0, 30, 30), Figure("cut.error", 0.04, 0.02, 0.06, 30, 30)]
    bands = {"ratings": show_on_halves(np.arange(50.0), np.arange(50) < 10, 0.1, trials=2)}
    return Evaluation("xr_anatomy", "3f2a", OUTPUTS, ROWS, targets, more, bands, "Two folds.")


@pytest.fixture(scope="module")
def written(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation") / "new"
    write(evaluation, folder)
    return folder


@pytest.fixture(scope="module")
def content(written: Path) -> dict:
    return json.loads((written / "evaluation.json").read_text(encoding="utf-8"))


def test_targets_are_met_or_missed_by_a_distance(content: dict) -> None:
    told = {entry["name"]: (entry["value"], entry["met"], entry["distance"]) for entry in content["targets"]}
    assert told == {
        "view.accuracy": (round(2 / 6, 5), False, round(0.5 - 2 / 6, 5)),
        "view.recall.AP": (0.2, False, 0.55),  # rows 1, 3 and the three of person 4
        "region.false_alarms": (1.0, False, 0.9),  # lower is better
        "order.kendall": (0.99, True, 0.0),
    }
    assert (content["rows"], content["subjects"], content["sources"]) == (6, 4, 1)


def test_a_target_is_met_by_what_was_measured_and_not_by_what_is_rounded() -> None:
    close = [Figure("order.kendall", 0.9799999, 0.97, 0.99, 30, 30)]
    (entry,) = content_of(Evaluation("m", "1", OUTPUTS[:1], ROWS, {"order.kendall": 0.98}, close))["targets"]
    assert (entry["value"], entry["met"]) == (0.98, False)


def test_a_figure_of_nothing_is_missed() -> None:
    (entry,) = content_of(Evaluation("m", "1", OUTPUTS[:1], ROWS, {"view.accuracy@nobody": 0.5}))["targets"]
    assert (entry["value"], entry["interval"], entry["met"], entry["distance"]) == (None, [None, None], False, None)


def test_document_tells_of_each_output(content: dict) -> None:
    view, region, place = (content["outputs"][output.name] for output in OUTPUTS)
    assert view["confusion"] == {"names": ["AP", "LAT"], "counts": [[1, 4], [0, 1]]}
    assert region["confusion"]["counts"] == [[3, 0, 0], [0, 0, 0], [0, 3, 0]]
    assert set(region["by_class"]) == {"chest"}  # no row shows a hand
    assert view["by_vendor"] == {"GE": view["by_vendor"]["GE"]}
    assert view["by_vendor"]["GE"]["value"] == 1.0
    assert view["by_source"]["a <source>"]["rows"] == 6
    assert view["abstain"][-1] == [1.0, round(2 / 6, 5), 0.6]
    assert place["figures"][0]["value"] == pytest.approx(0.1)


def test_mistakes_are_the_surest_ones_and_two_of_a_subject(content: dict) -> None:
    view, region = content["outputs"]["view"]["mistakes"], content["outputs"]["region"]["mistakes"]
    assert [mistake["row"] for mistake in view] == [2, 3, 4]
    assert view[0] == {
        "row": 2,
        "source": "a <source>",
        "true": ["AP"],
        "said": "LAT",
        "probability": 0.95,
        "probability_of_true": 0.05,
    }
    assert [(mistake["row"], mistake["true"], mistake["said"]) for mistake in region] == [
        (3, [], "hand"),
        (4, [], "hand"),
    ]


def test_page_stands_alone_and_names_nobody(written: Path) -> None:
    text = (written / "evaluation.html").read_text(encoding="utf-8")
    assert "person-" not in text + (written / "evaluation.json").read_text(encoding="utf-8")
    assert "a &lt;source&gt;" in text
    assert not re.search(r"<link|<script|url\(|(?:src|href)=\"(?!data:|#)", text)
    for words in (
        "混淆矩阵",
        "可靠性图",
        "missed by 0.550",
        "1 of 4 met",
        "cut.error",
        "Two folds.",
        "10 % of passed 放行, with 95 % confidence",
    ):
        assert words in text


def test_page_shows_the_picture_of_a_mistake(written: Path) -> None:
    text = (written / "evaluation.html").read_text(encoding="utf-8")
    (picture,) = set(re.findall(r'src="data:image/png;base64,([^"]+)"', text))
    shown = Image.open(BytesIO(base64.b64decode(picture)))
    assert shown.size == (80, 160)
    assert np.asarray(shown).flat[0] == 77
    assert "no picture" in text  # of person 4


def test_evaluation_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no row to evaluate"):
        content_of(Evaluation("m", "1", OUTPUTS, ()))


def test_a_page_without_targets_and_known_answers(tmp_path: Path) -> None:
    unknown = [row("x", ([0, 0], [0.5, 0.5]), ([NAN, NAN], [0.5, 0.5]))]
    content = write(Evaluation("m", "1", OUTPUTS, unknown), tmp_path)
    assert content["outputs"]["view"]["figures"] == []
    assert "No row tells anything of it" in (tmp_path / "evaluation.html").read_text(encoding="utf-8")
