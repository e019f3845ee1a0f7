"""How good the answers of a model are: figures of one output with their 95 % intervals, drawn again by subject.

A figure is named `output.figure`, `output.figure.class`, with `@source` after it where only rows of one source count, and with
classes put together before it: `view[AP+PA|LAT].accuracy` asks for frontal against lateral, of rows that are either.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from qc_models.model_outputs import Output
from training.calibrate import Bin, expected_calibration_error, reliability
from training.ranking import RESAMPLES, auc, resampled, spearman

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]
LEAST_ROWS = 10  # of a class that counts in a mean over classes
OF_PARTS = 300  # resamples of a figure of one class, source or vendor: there are many
SUREST = 0.8  # share of rows kept
SAYS = 0.5  # probability from which on an output of kind `each` says a class
LOWER_IS_BETTER = frozenset({"false_alarms", "absolute_error", "calibration_error"})
_NAME = re.compile(
    r"(?P<output>\w+)(?:\[(?P<groups>[^\]]+)\])?\.(?P<figure>\w+)(?:\.(?P<one>[^@]+))?(?:@(?P<source>.+))?"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval, of how many rows and subjects; NaN where nothing can be told."""

    name: str
    value: float
    low: float
    high: float
    rows: int
    subjects: int


@dataclass(frozen=True)
class Answers:
    """What a model says of N rows for one output, beside what is true.

    `truth` and `probability` are [N, classes]. Of `one_of`, truth marks every class that it may be, none where not known; of
    `each`, it is 1, 0, or NaN where not known; of `number`, NaN where not known. `subjects` and `sources` are [N] of names.
    """

    output: Output
    truth: Floats
    probability: Floats
    subjects: NDArray[np.str_]
    sources: NDArray[np.str_]

    @cached_property
    def said(self) -> Numbers:
        """The most probable class of each row, [N]."""
        return np.asarray(self.probability.argmax(1))

    @cached_property
    def sureness(self) -> Floats:
        """The probability of what is said, [N]."""
        return np.asarray(self.probability.max(1))

    @cached_property
    def right(self) -> Floats:
        """1 where the most probable class is among the true ones, else 0, [N]; NaN where none is true or it is not known."""
        truth = np.take_along_axis(self.truth, self.said[:, None], 1)[:, 0]
        has_true = (np.nan_to_num(self.truth) > 0).any(1)
        return np.where(has_true & np.isfinite(truth), truth, np.nan)

    @cached_property
    def cells(self) -> Floats:
        """Whether each class holds, [N, classes]: 1, 0, or NaN where not known, of `one_of` too."""
        if self.output.kind != "one_of":
            return self.truth
        allowed = (self.truth > 0).sum(1, keepdims=True)
        return np.where((self.truth > 0) & (allowed > 1) | (allowed == 0), np.nan, self.truth)

    @cached_property
    def nothing_holds(self) -> NDArray[np.bool_]:
        """Rows of which every class is known not to hold, [N]."""
        return np.asarray((self.truth == 0).all(1)) & (self.output.kind == "each")

    def of(self, chosen: NDArray[np.bool_]) -> "Answers":
        """Those of chosen rows, [N]."""
        rows = self.truth[chosen], self.probability[chosen]
        return Answers(self.output, *rows, self.subjects[chosen], self.sources[chosen])

    def grouped(self, groups: Sequence[Sequence[str]]) -> "Answers":
        """With classes put together, of rows whose true classes lie within one group; raises ValueError for a strange class."""
        columns = [[self.output.classes.index(name) for name in group] for group in groups]
        join = np.sum if self.output.kind == "one_of" else np.max
        truth = np.stack([self.truth[:, index].max(1) for index in columns], 1)
        probability = np.stack([join(self.probability[:, index], axis=1) for index in columns], 1)
        outside = np.delete(self.truth, list(chain(*columns)), axis=1)
        within = ((truth > 0).sum(1) == 1) & ~(np.nan_to_num(outside) > 0).any(1)
        if self.output.kind == "one_of":
            probability = probability / np.maximum(probability.sum(1, keepdims=True), 1e-12)
        output = replace(self.output, classes=tuple("+".join(group) for group in groups))
        return replace(self, output=output, truth=truth, probability=probability).of(within)


def accuracy(answers: Answers, rows: Numbers) -> float:
    """The share of rows whose most probable class is among the true ones."""
    return _mean(answers.right[rows])


def balanced_accuracy(answers: Answers, rows: Numbers) -> float:
    """The mean of the shares of right rows of each class that there is."""
    return _mean(_recalls(answers, rows))


def macro_recall(answers: Answers, rows: Numbers) -> float:
    """The same, of classes that `LEAST_ROWS` rows of all show."""
    return _mean(_recalls(answers, rows)[_rows_of_classes(answers) >= LEAST_ROWS])


def surest(answers: Answers, rows: Numbers) -> float:
    """Accuracy on the surest 80 %."""
    rows = rows[np.isfinite(answers.right[rows])]
    order = np.argsort(-answers.sureness[rows], kind="stable")
    return _mean(answers.right[rows[order[: int(np.ceil(SUREST * len(rows)))]]])


def area(answers: Answers, rows: Numbers) -> float:
    """The mean over classes of the area under the curve of each against the rest, of those with `LEAST_ROWS` rows both ways."""
    cells = answers.cells
    wanted = ((cells == 1).sum(0) >= LEAST_ROWS) & ((cells == 0).sum(0) >= LEAST_ROWS)
    return _mean(np.array([area_of(answers, rows, int(number)) for number in np.flatnonzero(wanted)]))


def false_alarms(answers: Answers, rows: Numbers) -> float:
    """Of rows of which nothing holds, the share of which something is said."""
    rows = rows[answers.nothing_holds[rows]]
    return _mean(answers.sureness[rows] >= SAYS)


def calibration_error(answers: Answers, rows: Numbers) -> float:
    """The expected calibration error of what is said (`one_of`), of every class (`each`)."""
    return expected_calibration_error(reliability_of(answers, rows))


def absolute_error(answers: Answers, rows: Numbers) -> float:
    """The mean distance of a number from the true one."""
    return _mean(np.abs(answers.probability - answers.truth)[rows].ravel())


def rank_correlation(answers: Answers, rows: Numbers) -> float:
    """Spearman's correlation of numbers with the true ones."""
    truth, told = answers.truth[rows].ravel(), answers.probability[rows].ravel()
    known = np.isfinite(truth)
    return spearman(truth[known], told[known]) if known.any() else float("nan")


def recall_of(answers: Answers, rows: Numbers, number: int) -> float:
    """The share of right rows among those of a class."""
    return _mean(answers.right[rows[answers.cells[rows, number] == 1]])


def precision_of(answers: Answers, rows: Numbers, number: int) -> float:
    """The share of right rows among those of which a class is said."""
    return _mean(answers.right[rows[answers.said[rows] == number]])


def area_of(answers: Answers, rows: Numbers, number: int) -> float:
    """The area under the ROC curve of a class against the rest."""
    cells, told = answers.cells[rows, number], answers.probability[rows, number]
    return auc(told[cells == 0], told[cells == 1])


def found_of(answers: Answers, rows: Numbers, number: int) -> float:
    """The share of rows with a class whose probability reaches `SAYS`."""
    return _mean(answers.probability[rows[answers.cells[rows, number] == 1], number] >= SAYS)


def false_alarms_of(answers: Answers, rows: Numbers, number: int) -> float:
    """The share of rows without a class whose probability reaches `SAYS`."""
    return _mean(answers.probability[rows[answers.cells[rows, number] == 0], number] >= SAYS)


OF_ALL: Mapping[str, Callable[[Answers, Numbers], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_recall": macro_recall,
    "surest_80": surest,
    "auc": area,
    "false_alarms": false_alarms,
    "calibration_error": calibration_error,
    "absolute_error": absolute_error,
    "rank_correlation": rank_correlation,
}
OF_ONE_CLASS: Mapping[str, Callable[[Answers, Numbers, int], float]] = {
    "recall": recall_of,
    "precision": precision_of,
    "auc": area_of,
    "found": found_of,
    "false_alarms": false_alarms_of,
}
_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "one_of": ("accuracy", "balanced_accuracy", "macro_recall", "surest_80", "auc", "calibration_error"),
    "each": ("accuracy", "balanced_accuracy", "macro_recall", "surest_80", "auc", "false_alarms", "calibration_error"),
    "number": ("absolute_error", "rank_correlation"),
}


def figure(answers: Answers, name: str, one: str | None = None, resamples: int = RESAMPLES) -> Figure:
    """One figure of the answers, of one class where it is named; raises KeyError or ValueError where there is no such thing.

    Where everything is right, or everything wrong, no resample differs: the interval is then the exact one (Clopper and Pearson
    1934) of as many subjects, of an area under the curve of those of the rarer side.
    """
    if one is None:
        statistic = OF_ALL[name]
        label, rows = f"{answers.output.name}.{name}", _rows_of(answers, name)
    else:
        number, of_class = answers.output.classes.index(one), OF_ONE_CLASS[name]
        label, rows = f"{answers.output.name}.{name}.{one}", _rows_of_class(answers, name, number)

        def statistic(answers: Answers, rows: Numbers) -> float:
            return of_class(answers, rows, number)

    if not len(rows):
        return Figure(label, float("nan"), float("nan"), float("nan"), 0, 0)
    value, low, high, subjects = resampled(
        lambda drawn: statistic(answers, drawn), answers.subjects[rows], rows, resamples
    )
    if low == high and name not in ("calibration_error", "absolute_error", "rank_correlation"):
        exact = float(0.025 ** (1 / _deciding(answers, name, rows, one)))
        low, high = (exact, 1.0) if value == 1 else (0.0, 1 - exact) if value == 0 else (low, high)
    return Figure(label, value, low, high, len(rows), subjects)


def named_figure(of_outputs: Mapping[str, Answers], name: str) -> Figure:
    """The figure of a name such as `view[AP+PA|LAT].accuracy@SOURCE`; raises ValueError for a strange one."""
    match = _NAME.fullmatch(name)
    try:
        if match is None:
            raise KeyError(name)
        answers = of_outputs[match["output"]]
        if match["source"]:
            answers = answers.of(answers.sources == match["source"])
        if match["groups"]:
            answers = answers.grouped([group.split("+") for group in match["groups"].split("|")])
        return replace(figure(answers, match["figure"], match["one"]), name=name)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{name}: no such figure ({error}); write output.figure or output.figure.class, of outputs "
            f"{', '.join(of_outputs)}, figures {', '.join(OF_ALL)}, of one class {', '.join(OF_ONE_CLASS)}"
        ) from error


def overall(answers: Answers) -> list[Figure]:
    """Every figure that an output of this kind has, as far as rows tell it."""
    figures = (figure(answers, name) for name in _OF_KIND[answers.output.kind])
    return [found for found in figures if np.isfinite(found.value)]


def by_name(answers: Answers, names: NDArray[np.str_]) -> dict[str, Figure]:
    """The chief figure within each source, vendor or whatever `names` [N] holds, by name; rows without a name are left out.

    It is the accuracy, or the mean area under the curve where no row tells an accuracy, or the error of a number.
    """
    chief = "absolute_error" if answers.output.kind == "number" else "accuracy"
    if chief == "accuracy" and not np.isfinite(answers.right).any():
        chief = "auc"
    found = {
        str(name): figure(answers.of(names == name), chief, resamples=OF_PARTS) for name in np.unique(names) if name
    }
    return {name: of for name, of in found.items() if of.rows}


def confusion(answers: Answers) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Names and counts [true, said]. A row of several true classes counts for the one that is said, or else for the first of them.

    Of `each`, where there are rows of which nothing holds, a last name `none` takes them, and what is said below `SAYS`.
    """
    classes = len(answers.output.classes)
    known = np.isfinite(answers.right) | answers.nothing_holds
    with_none = bool(answers.nothing_holds.any())
    said = answers.said.copy()
    first = np.nan_to_num(answers.truth).argmax(1)
    true = np.where(np.nan_to_num(answers.right) > 0, said, first)
    if with_none:
        said[answers.sureness < SAYS] = classes
        true[answers.nothing_holds] = classes
    size = classes + with_none
    counts = np.bincount(true[known] * size + said[known], minlength=size * size).reshape(size, size)
    return answers.output.classes + ("none",) * with_none, counts


def reliability_of(answers: Answers, rows: Numbers | None = None) -> list[Bin]:
    """Told against found: of `one_of`, how probable what is said; of `each`, every class of every row."""
    rows = np.arange(len(answers.truth)) if rows is None else rows
    if answers.output.kind == "each":
        return reliability(answers.probability[rows], answers.truth[rows])
    return reliability(answers.sureness[rows], answers.right[rows])


def abstain_curve(answers: Answers, steps: int = 20) -> list[tuple[float, float, float]]:
    """Share kept of the rows, accuracy on them, and how sure the least sure of them is, from the surest to all."""
    rows = np.flatnonzero(np.isfinite(answers.right))
    order = rows[np.argsort(-answers.sureness[rows], kind="stable")]
    curve = []
    for step in range(1, steps + 1):
        kept = order[: int(np.ceil(step / steps * len(order)))]
        if len(kept):
            curve.append((step / steps, _mean(answers.right[kept]), float(answers.sureness[kept[-1]])))
    return curve


def _recalls(answers: Answers, rows: Numbers) -> Floats:
    """The share of right rows of each class, [classes]; NaN of a class without rows."""
    right = answers.right[rows]
    known = np.isfinite(right)
    holds = answers.cells[rows[known]] == 1
    with np.errstate(invalid="ignore"):
        result: Floats = (holds * right[known][:, None]).sum(0) / holds.sum(0)
    return result


def _rows_of_classes(answers: Answers) -> NDArray[np.intp]:
    return np.asarray((answers.cells[np.isfinite(answers.right)] == 1).sum(0))


def _rows_of(answers: Answers, name: str) -> Numbers:
    """The rows that a figure rests on."""
    if answers.output.kind == "number" or name in ("auc", "calibration_error"):
        known = np.isfinite(answers.cells).any(1)
    elif name == "false_alarms":
        known = answers.nothing_holds
    else:
        known = np.isfinite(answers.right)
    return np.flatnonzero(known)


def _rows_of_class(answers: Answers, name: str, number: int) -> Numbers:
    cell = answers.cells[:, number]
    if name == "precision":
        return np.flatnonzero(np.isfinite(answers.right) & (answers.said == number))
    wanted = {"auc": np.isfinite(cell), "false_alarms": cell == 0, "found": cell == 1}
    return np.flatnonzero(wanted.get(name, (cell == 1) & np.isfinite(answers.right)))


def _deciding(answers: Answers, name: str, rows: Numbers, one: str | None) -> int:
    """How many subjects a figure without any exception rests on."""
    subjects = answers.subjects[rows]
    if name != "auc":
        return max(1, int((SUREST if name == "surest_80" else 1) * len(np.unique(subjects))))
    cells = answers.cells[rows] if one is None else answers.cells[rows][:, [answers.output.classes.index(one)]]
    sides = [len(np.unique(subjects[column == word])) for column in cells.T for word in (0, 1)]
    return max(1, min((count for count in sides if count), default=1))


def _mean(values: NDArray[np.bool_] | Floats) -> float:
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")
