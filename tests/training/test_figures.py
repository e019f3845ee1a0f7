"""Figures of answers: by hand, and against another library."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, precision_score, recall_score, roc_auc_score

from qc_models.model_outputs import Output
from training.figures import Answers, abstain_curve, by_name, confusion, figure, named_figure, overall, reliability_of

NAN = float("nan")
ONE_OF = Output("view", "one_of", ("AP", "PA", "LAT"))
EACH = Output("region", "each", ("chest", "ribs", "hand"))


def answers(output: Output, truth: list, probability: list, subjects: str = "", sources: str = "") -> Answers:
    """Answers of few rows, each of a subject and a source of one letter (a subject a row, where none is given)."""
    rows = len(truth)
    return Answers(
        output,
        np.array(truth, dtype=float),
        np.array(probability, dtype=float),
        np.array(list(subjects) or [str(number) for number in range(rows)]),
        np.array(list(sources) or ["s"] * rows),
    )


VIEWS = answers(
    ONE_OF,
    [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]],
    [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.4, 0.1, 0.5]],
    subjects="aabbcd",
    sources="xxyyyx",
)
REGIONS = answers(
    EACH,
    [[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [1, NAN, 0], [NAN, NAN, NAN]],
    [[0.2, 0.6, 0.1], [0.9, 0.6, 0.1], [0.3, 0.2, 0.1], [0.1, 0.7, 0.2], [0.1, 0.2, 0.3], [0.3, 0.4, 0.1], [1, 1, 1]],
)


def value(of: Answers, name: str, one: str | None = None) -> float:
    return figure(of, name, one, resamples=5).value


def test_one_of_by_hand() -> None:
    # right: yes, yes (may be either), no, yes, unknown, no
    assert VIEWS.right.tolist()[:4] == [1, 1, 0, 1]
    assert np.isnan(VIEWS.right[4])
    assert VIEWS.right[5] == 0
    assert value(VIEWS, "accuracy") == 3 / 5
    # recall of AP 1 of 2, PA 0 of 1, LAT 1 of 1; the row that may be AP or PA is of neither
    assert value(VIEWS, "balanced_accuracy") == pytest.approx((0.5 + 0 + 1) / 3)
    assert value(VIEWS, "recall", "AP") == 0.5
    # said to be AP: rows 0 and 2, of which one is right
    assert value(VIEWS, "precision", "AP") == 0.5
    # AP against the rest: 0.7 and 0.4 against 0.8 and 0.2, of four pairs two are right
    assert value(VIEWS, "auc", "AP") == 0.5
    # four of five are kept: all but the row of 0.5 that stands last
    assert value(VIEWS, "surest_80") == 3 / 4
    found = figure(VIEWS, "accuracy")
    assert (found.rows, found.subjects, found.name) == (5, 3, "view.accuracy")


def test_each_by_hand() -> None:
    # rows 0 and 1 name one of the true classes, row 2 does not, rows 3 and 4 hold none, rows 5 and 6 say what is not known
    assert REGIONS.right[:3].tolist() == [1, 1, 0]
    assert np.isnan(REGIONS.right[3:]).all()
    assert value(REGIONS, "accuracy") == pytest.approx(2 / 3)
    assert value(REGIONS, "recall", "chest") == 1.0
    assert value(REGIONS, "found", "chest") == pytest.approx(1 / 3)  # 0.2, 0.9, 0.3
    assert value(REGIONS, "false_alarms") == 0.5
    assert value(REGIONS, "false_alarms", "ribs") == 0.5  # 0.6 and 0.7 of four rows that are known to lack them
    # against 0.6: 0.6 ties, 0.2, 0.7, 0.2
    assert value(REGIONS, "auc", "ribs") == pytest.approx(2.5 / 4)


def test_number_by_hand() -> None:
    places = answers(Output("place", "number", ("place",)), [[0.0], [0.5], [1.0], [NAN]], [[0.1], [0.5], [0.8], [9.0]])
    assert [found.name for found in overall(places)] == ["place.absolute_error", "place.rank_correlation"]
    assert value(places, "absolute_error") == pytest.approx(0.1)
    assert value(places, "rank_correlation") == pytest.approx(1.0)


def test_figures_are_those_of_another_library() -> None:
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 200)
    raw = np.exp(rng.normal(0, 1, (200, 3)) + np.eye(3)[true])
    probability = raw / raw.sum(1, keepdims=True)
    of, said = answers(ONE_OF, np.eye(3)[true].tolist(), probability.tolist()), probability.argmax(1)
    assert value(of, "balanced_accuracy") == pytest.approx(balanced_accuracy_score(true, said))
    assert value(of, "macro_recall") == pytest.approx(recall_score(true, said, average="macro"))
    assert value(of, "auc") == pytest.approx(roc_auc_score(true, probability, multi_class="ovr"))
    assert value(of, "precision", "LAT") == pytest.approx(precision_score(true, said, average=None)[2])
    assert confusion(of)[1].tolist() == confusion_matrix(true, said).tolist()


def test_macro_recall_leaves_out_small_classes() -> None:
    truth = [[1, 0, 0]] * 10 + [[0, 1, 0]] * 9
    of = answers(ONE_OF, truth, [[0.9, 0.05, 0.05]] * 19)
    assert value(of, "macro_recall") == 1.0
    assert value(of, "balanced_accuracy") == 0.5


def test_intervals_are_drawn_by_subject() -> None:
    # two subjects, one always right: resamples are 0, 0.5 or 1; a quarter each of the outer two
    of = answers(ONE_OF, [[1, 0, 0]] * 40, [[1, 0, 0]] * 20 + [[0, 1, 0]] * 20, subjects="a" * 20 + "b" * 20)
    found = figure(of, "accuracy")
    assert (found.value, found.low, found.high, found.rows, found.subjects) == (0.5, 0.0, 1.0, 40, 2)


def test_interval_without_any_mistake_is_exact() -> None:
    of = answers(ONE_OF, [[1, 0, 0]] * 10 + [[0, 1, 0]] * 30, [[1, 0, 0]] * 10 + [[0, 1, 0]] * 30)
    found = figure(of, "accuracy")
    assert found.low == pytest.approx(0.025 ** (1 / 40))
    assert found.high == 1.0
    assert figure(of, "auc").low == pytest.approx(0.025 ** (1 / 10))  # the rarer side
    assert figure(of, "surest_80").low == pytest.approx(0.025 ** (1 / 32))
    wrong = figure(answers(ONE_OF, [[1, 0, 0]] * 8, [[0, 1, 0]] * 8), "accuracy")
    assert (wrong.low, wrong.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 8)))


def test_names_of_figures() -> None:
    outputs = {"view": VIEWS, "region": REGIONS}
    assert named_figure(outputs, "view.accuracy").value == 3 / 5
    # rows 0, 1 and 5 are of x
    assert named_figure(outputs, "view.accuracy@x").value == pytest.approx(2 / 3)
    assert named_figure(outputs, "region.found.chest").value == pytest.approx(1 / 3)
    # rows 0 to 2 and 5 are frontal and said to be; row 3 is lateral and is not: of 0.5 and 0.5 the first is taken
    frontal = named_figure(outputs, "view[AP+PA|LAT].accuracy")
    assert (frontal.value, frontal.rows, frontal.name) == (0.8, 5, "view[AP+PA|LAT].accuracy")
    # AP or PA alone: row 1 may be both and row 3 is neither; right are 0 and 5 (0.4 against 0.1), row 2 is not
    assert named_figure(outputs, "view[AP|PA].balanced_accuracy").value == 0.5
    assert named_figure(outputs, "view.accuracy@nobody").rows == 0
    for strange in ("views.accuracy", "view.exactness", "view.recall.FROG", "view[AP|FROG].accuracy", "accuracy"):
        with pytest.raises(ValueError, match="no such figure"):
            named_figure(outputs, strange)


def test_chief_figure_by_name() -> None:
    found = by_name(VIEWS, np.array(["GE", "GE", "", "", "Philips", "GE"]))
    assert {name: (one.value, one.rows) for name, one in found.items()} == {"GE": (pytest.approx(2 / 3), 3)}
    of_none = answers(EACH, [[0, 0, 0]] * 3, [[0.1, 0.1, 0.1]] * 3)
    assert by_name(of_none, of_none.sources)["s"].name == "region.auc"


def test_confusion_with_rows_of_which_nothing_holds() -> None:
    names, counts = confusion(REGIONS)
    assert names == ("chest", "ribs", "hand", "none")
    # row 0 said ribs, which is among the true; 1 chest; 2 hand, and nothing reaches 0.5; 3 nothing, said ribs; 4 nothing
    assert counts.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1]]
    assert confusion(VIEWS)[0] == ("AP", "PA", "LAT")
    # row 1 counts as PA, which it may be and is said to be
    assert confusion(VIEWS)[1].tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 1]]


def test_reliability_is_of_what_is_said_or_of_every_class() -> None:
    assert sum(part.count for part in reliability_of(VIEWS)) == 5
    assert sum(part.count for part in reliability_of(REGIONS)) == 17  # 21 less four unknown
    highest = reliability_of(VIEWS)[-1]
    assert (highest.count, highest.told, highest.found) == (1, 0.8, 0.0)


def test_abstain_curve_by_hand() -> None:
    # surest first: 0.8 wrong, 0.7 right, 0.6 right, 0.5 right, 0.5 wrong
    curve = abstain_curve(VIEWS, steps=5)
    assert [share for share, _, _ in curve] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert [right for _, right, _ in curve] == pytest.approx([0, 1 / 2, 2 / 3, 3 / 4, 3 / 5])
    assert [sure for _, _, sure in curve] == [0.8, 0.7, 0.6, 0.5, 0.5]
