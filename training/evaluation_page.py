"""The evaluation of a model: `evaluation.json` for machines, and one self-contained `evaluation.html` for a person.

The page opens with what was to be reached and whether it was; then, for each output, figures overall, by class, source and vendor,
what is taken for what, whether probabilities mean what they say, what abstaining buys, and pictures of the worst mistakes.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from qc_models.model_outputs import Output
from training.calibrate import Bin
from training.evaluation_plots import abstain_plot, interval_bar, reliability_plot
from training.figures import (
    LOWER_IS_BETTER,
    OF_PARTS,
    SAYS,
    SUREST,
    Answers,
    Figure,
    abstain_curve,
    by_name,
    confusion,
    figure,
    named_figure,
    overall,
    reliability_of,
)

SCHEMA = 1
MOST_MISTAKES = 24  # shown, an output
MOST_OF_A_SUBJECT = 2  # of them
THUMBNAIL_PIXELS = 160
NAMES_ZH = {
    "accuracy": "准确率",
    "balanced_accuracy": "平衡准确率",
    "macro_recall": "宏平均召回率",
    "surest_80": "最确信的八成",
    "auc": "曲线下面积",
    "false_alarms": "误报率",
    "calibration_error": "校准误差",
    "absolute_error": "绝对误差",
    "rank_correlation": "秩相关",
    "recall": "召回率",
    "precision": "精确率",
    "found": "检出率",
}
_OF_CLASS = {
    "one_of": ("recall", "precision", "auc"),
    "each": ("recall", "precision", "auc", "found", "false_alarms"),
    "number": (),
}


@dataclass(frozen=True)
class EvaluatedRow:
    """One held-out row: for each output what is true and how probable the model holds each class, [classes] (see `Answers`).

    `picture` is uint8 [H, W], shown where the answer is among the worst mistakes.
    """

    subject: str
    source: str
    truth: Mapping[str, NDArray[Any]]
    probability: Mapping[str, NDArray[Any]]
    vendor: str = ""
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Evaluation:
    """What a version of a model said of held-out rows.

    `targets`: by the name of a figure (see `training.figures`), what it should reach. `more` are figures that rows do not tell,
    which targets may name as well; `bands`: by what they are shown on, rows of `training.calibrate.show_on_halves`; `note` says how
    the rows were held out.
    """

    model: str
    version: str
    outputs: Sequence[Output]
    rows: Sequence[EvaluatedRow]
    targets: Mapping[str, float] = field(default_factory=dict)
    more: Sequence[Figure] = ()
    bands: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    note: str = ""


def answers_of(evaluation: Evaluation) -> dict[str, Answers]:
    """The answers by output."""
    subjects = np.array([row.subject for row in evaluation.rows])
    sources = np.array([row.source for row in evaluation.rows])
    return {
        output.name: Answers(
            output,
            np.array([row.truth[output.name] for row in evaluation.rows], dtype=np.float64),
            np.array([row.probability[output.name] for row in evaluation.rows], dtype=np.float64),
            subjects,
            sources,
        )
        for output in evaluation.outputs
    }


def content_of(evaluation: Evaluation) -> dict[str, Any]:
    """The JSON document. Raises ValueError where there is no row, or a target names no figure."""
    if not evaluation.rows:
        raise ValueError(f"{evaluation.model}: no row to evaluate; give a manifest with rows that are held out")
    answers = answers_of(evaluation)
    vendors = np.array([row.vendor for row in evaluation.rows])
    return {
        "schema": SCHEMA,
        "model": evaluation.model,
        "version": evaluation.version,
        "note": evaluation.note,
        "rows": len(evaluation.rows),
        "subjects": len({row.subject for row in evaluation.rows}),
        "sources": len({row.source for row in evaluation.rows}),
        "targets": _against_targets(evaluation, answers),
        "more": [_figure(found) for found in evaluation.more],
        "bands": {name: [dict(row) for row in rows] for name, rows in evaluation.bands.items()},
        "outputs": {name: _output(found, vendors) for name, found in answers.items()},
    }


def write(evaluation: Evaluation, folder: Path) -> dict[str, Any]:
    """Writes `evaluation.json` and `evaluation.html` into a folder and returns the document."""
    content = content_of(evaluation)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    pictures = [row.picture for row in evaluation.rows]
    (folder / "evaluation.html").write_text(page(content, pictures), encoding="utf-8")
    return content


def page(content: Mapping[str, Any], pictures: Sequence[NDArray[np.uint8] | None]) -> str:
    """The page of a document; `pictures` are those of its rows."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rising = [entry for entry in content["targets"] if not entry["lower_is_better"] and entry["value"] is not None]
    ends = [min(entry["interval"][0], entry["target"]) for entry in rising]
    start = max(0.0, min([0.9, *(math.floor(10 * low) / 10 for low in ends)]))

    def shown(row: int) -> str | None:
        return None if pictures[row] is None else _embedded(pictures[row])

    def reliability_of_bins(bins: Sequence[Mapping[str, Any]]) -> Any:
        return reliability_plot([Bin(**part) for part in bins])

    environment.globals.update(
        zh=NAMES_ZH,
        bar=interval_bar,
        start=start,
        surest=SUREST,
        says=SAYS,
        shown=shown,
        reliability=reliability_of_bins,
        abstain=abstain_plot,
    )
    return environment.get_template("evaluation.html").render(content)


def _against_targets(evaluation: Evaluation, answers: Mapping[str, Answers]) -> list[dict[str, Any]]:
    """Every target with its figure; `distance` is what is missing, 0 where it is met, and unknown figures are missed."""
    told = {found.name: found for found in evaluation.more}
    entries = []
    for name, target in evaluation.targets.items():
        found = told.get(name) or named_figure(answers, name)
        lower = bool(LOWER_IS_BETTER & set(name.partition("@")[0].split(".")))
        missing = found.value - target if lower else target - found.value
        met = bool(missing <= 0)  # not so of NaN
        entry = {"target": target, "lower_is_better": lower, "met": met, "distance": 0.0 if met else _number(missing)}
        entries.append(_figure(found) | entry)
    return entries


def _output(answers: Answers, vendors: NDArray[np.str_]) -> dict[str, Any]:
    output = answers.output
    told: dict[str, Any] = {
        "kind": output.kind,
        "classes": list(output.classes),
        "figures": [_figure(found) for found in overall(answers)],
        "by_source": {name: _figure(found) for name, found in by_name(answers, answers.sources).items()},
        "by_vendor": {name: _figure(found) for name, found in by_name(answers, vendors).items()},
    }
    if output.kind == "number":
        return told
    names, counts = confusion(answers)
    return told | {
        "by_class": {one: found for one in output.classes if (found := _of_class(answers, one))},
        "confusion": {"names": list(names), "counts": counts.tolist()},
        "reliability": [asdict(part) for part in reliability_of(answers)],
        "abstain": [[_number(number) for number in point] for point in abstain_curve(answers)],
        "mistakes": _mistakes(answers),
    }


def _of_class(answers: Answers, one: str) -> dict[str, Any]:
    """The figures of a class that a row shows; nothing of others."""
    holds = answers.cells[:, answers.output.classes.index(one)] == 1
    if not holds.any():
        return {}
    figures = {name: _figure(figure(answers, name, one, OF_PARTS)) for name in _OF_CLASS[answers.output.kind]}
    return {"rows": int(holds.sum()), "subjects": len(np.unique(answers.subjects[holds])), **figures}


def _mistakes(answers: Answers) -> list[dict[str, Any]]:
    """The answers that were surest and wrong, no more than two of a subject: classes true and said, and how probable."""
    classes = np.array(answers.output.classes)
    of_true = np.where(np.nan_to_num(answers.truth) > 0, answers.probability, 0).max(1)
    alarmed = answers.nothing_holds & (answers.sureness >= SAYS)
    wrong = np.flatnonzero((answers.right == 0) | alarmed)
    shown: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for row in wrong[np.argsort(of_true[wrong] - answers.sureness[wrong], kind="stable")]:
        subject = str(answers.subjects[row])
        seen[subject] = seen.get(subject, 0) + 1
        if seen[subject] <= MOST_OF_A_SUBJECT and len(shown) < MOST_MISTAKES:
            shown.append(
                {
                    "row": int(row),
                    "source": str(answers.sources[row]),
                    "true": classes[np.nan_to_num(answers.truth[row]) > 0].tolist(),
                    "said": str(classes[answers.said[row]]),
                    "probability": _number(answers.sureness[row]),
                    "probability_of_true": _number(of_true[row]),
                }
            )
    return shown


def _figure(found: Figure) -> dict[str, Any]:
    return {
        "name": found.name,
        "value": _number(found.value),
        "interval": [_number(found.low), _number(found.high)],
        "rows": found.rows,
        "subjects": found.subjects,
    }


def _number(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None


def _embedded(picture: NDArray[np.uint8] | None) -> str:
    """A picture as the address of itself, shrunk."""
    image = Image.fromarray(np.asarray(picture))
    image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    stream = BytesIO()
    image.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
