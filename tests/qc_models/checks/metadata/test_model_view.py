"""What a model was shown and how sure it was, of the middle frame."""

import numpy as np
import pytest

from qc_models.checks.metadata import model_view
from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.model_outputs import Prediction
from qc_models.model_registry import models
from qc_models.study import Study


def test_the_middle_frame_tells() -> None:
    classes = models()["mr_sequence"].outputs[0].classes
    first = np.full((3, len(classes)), 0.01, np.float32)
    first[:, 2] = [0.9, 0.6, 0.8]
    places = tuple((number, f"1.2.{number}", 0) for number in range(3))
    prediction = Prediction(
        "mr_sequence", "1", places, {models()["mr_sequence"].outputs[0].name: first}, [0.1, 0.35, 0.2]
    )
    facts = StackFacts("1.2", 0, "MR", 3, 3)
    evidence = Evidence(Study("1", ()), (), (facts,), predictions={("1.2", 0): {"mr_sequence": prediction}})
    found = {one.metric: one for one in model_view.measure(evidence)}
    told = {name: one.value for name, one in found.items()}
    assert told == {
        "metadata.model_view.mr_sequence_brightness": pytest.approx(0.35),
        "metadata.model_view.mr_sequence_sureness": pytest.approx(0.6),
    }
    assert {one.location.sop_instance_uid for one in found.values()} == {"1.2.1"}


def test_no_model_no_number() -> None:
    assert list(model_view.measure(Evidence(Study("1", ()), (), (StackFacts("1.2", 0, "MR", 3, 3),)))) == []
