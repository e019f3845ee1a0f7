"""Parameters, pixels, description: who speaks, and what contradicts."""

from collections.abc import Sequence

import pytest

from qc_models.roles.seen import ENOUGH, Seen
from qc_models.roles.sequence_fusion import SURE, contradicted, pixels_speak
from qc_models.vocabulary import Source


@pytest.mark.parametrize(
    ("roles", "seen", "probability", "expected"),
    [
        (["T1"], "T2", SURE, True),
        (["T1"], "T2", SURE - 0.01, False),
        (["T1"], "T1", 1.0, False),
        (["T1C"], "T1", 1.0, False),  # agent is told apart elsewhere
        (["T1C"], "T2", 1.0, True),
        (["T2FS"], "T2", 1.0, False),
        (["T2FS"], "T1", 1.0, True),
        (["DWI"], "EPI", 1.0, False),  # one is the other's read-out
        (["PDFS"], "T1", 1.0, False),  # which the model never saw
        (["T1", "IN_OUT_PHASE"], "T2", 1.0, False),
        ([], "T2", 1.0, False),
        (["T1"], None, 0.0, False),
    ],
)
def test_contradictions(roles: Sequence[str], seen: str | None, probability: float, expected: bool) -> None:
    assert contradicted(roles, Seen(role=seen, role_probability=probability)) is expected


@pytest.mark.parametrize(
    ("roles", "source", "probability", "expected"),
    [
        ([], "header", ENOUGH + 0.01, True),
        ([], "header", ENOUGH, False),
        (["T1"], "header", 1.0, False),
        (["T1"], "text", 1.0, True),
        (["T1"], "text", ENOUGH + 0.01, False),
        (["T2"], "text", 1.0, False),
    ],
)
def test_who_speaks(roles: Sequence[str], source: Source, probability: float, expected: bool) -> None:
    assert pixels_speak(roles, source, Seen(role="T2", role_probability=probability)) is expected
