"""How good a model is where it never was: its recipe taught anew without each group of sources, asked about those.

By modality, of stacks or radiographs that show what another source shows as well; where a source is the only one, nothing
can be known.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.evaluation_page import Evaluation, content_of, write
from training.left_out import GROUPS, left_out, stack_outputs
from training.manifest import build
from training.recipe import load_recipe

TARGETS: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("volume_anatomy", "CT"): {"region.accuracy": 0.93},
    ("volume_anatomy", "MR"): {"region.accuracy": 0.80},
    ("xr_anatomy", "XR"): {"view[AP|PA].balanced_accuracy": 0.54},  # what a plain network reaches: chance
    ("mr_sequence", "MR"): {"sequence.accuracy": 0.75, "sequence[T1|T2|EPI].accuracy": 0.75, "plane.accuracy": 0.95},
}


def run(model: str, data: Path, epochs: int | None, out: Path | None, advance: Callable[[str], None]) -> dict[str, Any]:
    """Figures by stack or radiograph, each with its interval and what it should reach; the pages go to `out` where one is given."""
    recipe = load_recipe(model)
    if epochs is not None:
        recipe = recipe.model_copy(update={"epochs": epochs})
    answers = left_out(recipe, build(data), data, advance)
    result: dict[str, Any] = {"model": model, "epochs": recipe.epochs, "groups": GROUPS}
    for modality in sorted({one.modality for one in answers if (model, one.modality) in TARGETS}):
        rows = [one.answer for one in answers if one.modality == modality and one.known]
        note = "an answer a stack, the mean over its slices, or a radiograph; another source shows what it shows"
        targets = TARGETS[model, modality]
        evaluation = Evaluation(model, "not exported", stack_outputs(model), rows, targets, note=note)
        content = write(evaluation, out / modality) if out is not None else content_of(evaluation)
        result[modality] = {
            "rows": content["rows"],
            "only_source": sum(one.modality == modality and not one.known for one in answers),
            "subjects": content["subjects"],
            "sources": content["sources"],
            "targets": content["targets"],
            "outputs": {
                name: {"figures": told["figures"], "by_source": told["by_source"], "abstain": told["abstain"]}
                for name, told in content["outputs"].items()
            },
        }
    return result
