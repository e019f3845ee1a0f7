"""What the tests of these checks share: the sentences that a measurement reads as."""

from collections.abc import Callable
from types import ModuleType

import pytest

from qc_models.findings import Measurement


@pytest.fixture
def sentences() -> Callable[[ModuleType, Measurement], tuple[str, ...]]:
    """A function from a check and one of its measurements to message and remedy in both languages; an unknown field fails."""

    def read(check: ModuleType, measurement: Measurement) -> tuple[str, ...]:
        words = check.QUANTITIES[measurement.metric.rpartition(".")[2]]
        fields = {**measurement.detail, "value": measurement.value, "limit": 1.0, "unit": measurement.unit}
        return tuple(text.format(**fields) for text in (words.en, words.zh, words.remedy_en, words.remedy_zh))

    return read
