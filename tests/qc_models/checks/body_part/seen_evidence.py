"""Evidence of one radiograph or stack of which a model said something, for the checks of what models see."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from qc_models.evidence import Evidence
from qc_models.facts import RegionLabel, StackFacts, ViewLabel
from qc_models.findings import Measurement
from qc_models.model_outputs import Output, Prediction
from qc_models.model_registry import models
from qc_models.study import Study
from tests.tiny_bundle import tiny_model

Said = Mapping[str, list[dict[str, float]]]  # by output: of each frame, the probabilities by class


def seen_evidence(
    monkeypatch: pytest.MonkeyPatch, said: Said, region: tuple[str, ...] = (), view: str | None = None, **fields: Any
) -> Evidence:
    """One stack that headers name as `region` and `view`; all outputs of one model, of the same number of frames."""
    outputs = tuple(Output(name, "each", tuple(frames[0])) for name, frames in said.items())
    monkeypatch.setitem(models(), "tiny", tiny_model(outputs=outputs))
    count = len(next(iter(said.values())))
    facts = StackFacts(
        "1.2", 0, "XR", count, count, region=RegionLabel(region, 1.0), view=ViewLabel(view, 1.0), **fields
    )
    arrays = {name: np.array([list(frame.values()) for frame in frames], np.float32) for name, frames in said.items()}
    places = tuple((number, f"1.2.{number}", 0) for number in range(count))
    predictions = {("1.2", 0): {"tiny": Prediction("tiny", "1", places, arrays, [0.5] * len(places))}}
    return Evidence(Study("1", ()), (), (facts,), predictions=predictions)


def values(measured: list[Measurement]) -> dict[str, float]:
    """The measurements by the last part of their metric."""
    return {found.metric.rpartition(".")[2]: found.value for found in measured}
