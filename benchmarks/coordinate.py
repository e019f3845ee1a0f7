"""The body coordinate of axial CT stacks: does it run in order, and does a stack that was cut end where it was cut?

Kendall's tau of heights with what the model says of each slice alone; with that smoothed along the stack; and with the curve that a
check makes of it, which cannot turn. Then a fifth of the stack is taken away at either end: its measured end must move by as much.
Stacks that the check does not judge (shorter than 100 mm, of parts that the coordinate does not know) are listed and not counted.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.model_runner import OnnxRunner
from inference.threads import Threads
from qc_models.body_coordinate import LEAST_LENGTH_MM, UNIT_MM, fit_body, smooth
from qc_models.checks.completeness.body_coordinate import ALONG, KNOWN
from qc_models.errors import ModelError
from qc_models.model_bundle import SHIPPED
from qc_models.model_registry import models
from qc_models.preprocessing import prepare
from training.manifest import Row, build
from training.recipe import load_recipe
from training.volumes import small_volume

MODEL = "volume_anatomy"
LEAST_SLICES = 20
CUT = 0.2  # of the length, at either end
IN_ORDER = 0.98  # of Kendall's tau
MOST_ERROR = 0.1  # of the length
Floats = NDArray[np.float64]


def run(data: Path) -> dict[str, Any]:
    """Every axial CT stack of 20 slices or more, those that were never learned from apart; none of which the recipe skips."""
    told_by_recipe = load_recipe(MODEL).task
    also = told_by_recipe.get("learn_also", ())
    with Threads(2) as threads:
        runner = OnnxRunner(SHIPPED, threads)
        rows = [
            row
            for row in build(data).of(modality="CT", kind="volume")
            if "axial" in row.said("plane") and row.path not in told_by_recipe.get("skip", ())
        ]
        told = {row.path: _told(row, data, runner) for row in rows}
    stacks = {row.path: found for row in rows if (found := told[row.path]) is not None}
    held_out = {row.path for row in rows if row.part == "test" and row.path not in also}
    return {
        "held_out": _summary([found for path, found in stacks.items() if path in held_out]),
        "learned_from": _summary([found for path, found in stacks.items() if path not in held_out]),
        "stacks": stacks,
    }


def _told(row: Row, data: Path, runner: OnnxRunner) -> dict[str, Any] | None:
    """What one stack tells; None of fewer than 20 slices."""
    volume = small_volume(row, data)
    if len(volume.pixels) < LEAST_SLICES:
        return None
    model = models()[MODEL]
    answer = runner.submit(model, prepare(volume.pixels, model.input).numpy()).result()
    region = model.output("region").classes
    sure = answer["region"][:, [region.index(name) for name in sorted(ALONG)]].max(1) >= KNOWN
    height = volume.position_mm.numpy().astype(np.float64)
    said = answer["coordinate"][:, 0].astype(np.float64)
    regions = "+".join(sorted(row.said("region")))
    length = float(np.ptp(height))
    main = region[int(answer["region"].mean(0).argmax())]
    whole = fit_body(height, said, sure)
    judged = main in ALONG and bool(sure.any()) and float(np.ptp(height[sure])) >= LEAST_LENGTH_MM
    if whole is None:
        return {"region": regions, "slices": len(height), "sure_slices": int(sure.sum()), "judged": False}
    errors = []
    for end in ("high_mm", "low_mm"):
        kept = height <= height[-1] - CUT * length if end == "high_mm" else height >= height[0] + CUT * length
        cut = fit_body(height[kept], said[kept], sure[kept])
        removed = height[-1] - height[kept].max() if end == "high_mm" else height[kept].min() - height[0]
        moved = None if cut is None else abs(getattr(whole, end) - getattr(cut, end))
        errors.append(None if moved is None else round(float(abs(moved - removed)) / length, 4))
    return {
        "region": regions,
        "slices": len(height),
        "sure_slices": int(sure.sum()),
        "judged": judged,
        "tau_of_slices": round(kendall(height[sure], said[sure]), 4),
        "tau_smoothed": round(kendall(height[sure], smooth(height[sure], UNIT_MM * said[sure])), 4),
        "tau_of_curve": round(kendall(height, whole.curve_mm), 4),
        "slope": round(whole.slope, 3),
        "cut_error": errors,
    }


def kendall(first: Floats, second: Floats) -> float:
    """Kendall's tau without correction for ties."""
    one, other = np.triu_indices(len(first), 1)
    return float(np.mean(np.sign(first[other] - first[one]) * np.sign(second[other] - second[one])))


def _summary(stacks: list[dict[str, Any]]) -> dict[str, Any]:
    judged = [stack for stack in stacks if stack["judged"]]
    if not judged:
        raise ModelError("no stack has a coordinate; release volume_anatomy or give the data folder")
    taus = {name: [stack[name] for stack in judged] for name in ("tau_of_slices", "tau_smoothed", "tau_of_curve")}
    errors = [error for stack in judged for error in stack["cut_error"] if error is not None]
    return {
        "stacks": len(stacks),
        "judged": len(judged),
        **{
            name: {
                "median": float(np.median(values)),
                "lowest": min(values),
                "in_order": int(np.sum(np.array(values) >= IN_ORDER)),
            }
            for name, values in taus.items()
        },
        "cut_error": {
            "ends": len(errors),
            "highest": max(errors),
            "within_a_tenth": int(np.sum(np.array(errors) <= MOST_ERROR)),
        },
    }
