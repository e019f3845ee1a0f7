"""Errors of other processes come back as what they were."""

import pytest

from inference.engine.told_error import ToldError
from qc_models.errors import CrashError, InputError, ModelError, ServiceError


@pytest.mark.parametrize("kind", [InputError, ModelError, ServiceError, CrashError])
def test_our_errors_keep_kind_and_words(kind: type[Exception]) -> None:
    error = ToldError.of(kind("the words\nof it")).error
    assert type(error) is kind
    assert str(error) == "the words of it"


def test_a_mistake_keeps_its_place_and_loses_its_words() -> None:
    try:
        raise KeyError("张三")
    except KeyError as mistake:
        error = ToldError.of(mistake).error
    assert type(error) is CrashError
    assert str(error).startswith("KeyError at test_told_error.py:")
    assert "张三" not in str(error)
