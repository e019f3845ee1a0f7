"""What each model was shown of a stack and how sure it was: nothing to judge a study by, but to see when input or models drift.

Direction: neither. `<model>_brightness` is the mean grey of the middle frame as the model was shown it, 0 to 1; `<model>_sureness`
the probability of the class that it holds most probable there, in its first output. A bundle holds how both were distributed over
the pictures that it was tested on; `touchstone train drift` compares.
"""

from collections.abc import Iterator

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.model_registry import models
from qc_models.roles.seen import DIGITS

_NAME = "metadata.model_view"
BRIGHTNESS, SURENESS = "brightness", "sureness"
_TEXTS = {
    BRIGHTNESS: (
        "the middle frame is shown to the model with a mean grey of {value:.2f}",
        "中间层面送入模型的平均灰度为 {value:.2f}",
    ),
    SURENESS: (
        "the model is sure of its first answer to {value:.2f}",
        "模型对其首要判断的置信度为 {value:.2f}",
    ),
}

_WATCH = ("look at the drift of this device", "请查看该设备的漂移统计")

QUANTITIES = {
    f"{model.name}_{what}": Quantity("1", en, zh, *_WATCH)
    for model in models().values()
    if model.measures is None
    for what, (en, zh) in _TEXTS.items()
}


def metric(model: str, what: str) -> str:
    """The metric of one model: its brightness or its sureness."""
    return f"{_NAME}.{model}_{what}"


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Both numbers of each model that looked at a stack."""
    for facts, predictions in evidence.seen_stacks():
        for prediction in predictions.values():
            middle = len(prediction.places) // 2
            slice_index, uid, frame = prediction.places[middle]
            here = Location(facts.series_instance_uid, uid, frame, slice_index, None, facts.index)
            first = models()[prediction.model].outputs[0].name
            told = {BRIGHTNESS: prediction.brightness[middle], SURENESS: prediction.outputs[first][middle].max()}
            for what, value in told.items():
                yield Measurement(metric(prediction.model, what), round(float(value), DIGITS), "1", here, {})
