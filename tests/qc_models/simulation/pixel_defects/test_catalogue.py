"""What every pixel defect promises: nothing at strength 0, more with more strength, the same from the same seed."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.errors import InputError
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.simulation.pixel_defects.strength_levels import STRENGTH_LEVELS

Stacks = dict[str, NDArray[np.float32]]
SPACING_MM = {"CT": (5.0, 3.0, 3.0), "MR": (4.0, 2.2, 2.2), "XR": (1.0, 1.5, 1.5)}


def spoilt(name: str, stacks: Stacks, strength: float | str, seed: int = 1) -> NDArray[np.float32]:
    defect = PIXEL_DEFECTS[name]
    stack = stacks[defect.modality]
    params = defect.make_params(
        np.random.default_rng(seed),
        stack.shape,
        strength,  # type: ignore[arg-type]
        spacing_mm=SPACING_MM[defect.modality],
    )
    return defect.apply(stack, params)


def rms(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean((a.astype(float) - b) ** 2)))


@pytest.mark.parametrize("name", PIXEL_DEFECTS)
def test_strength_zero_changes_nothing(name: str, stacks: Stacks) -> None:
    stack = stacks[PIXEL_DEFECTS[name].modality]
    before = stack.copy()
    result = spoilt(name, stacks, 0)
    assert np.array_equal(result, before)
    assert result is not stack


@pytest.mark.parametrize("name", PIXEL_DEFECTS)
def test_the_effect_grows_from_level_to_level_and_leaves_its_input(name: str, stacks: Stacks) -> None:
    stack = stacks[PIXEL_DEFECTS[name].modality]
    before = stack.copy()
    levels = STRENGTH_LEVELS[name]
    assert 0 < levels.just_visible < levels.disturbing < levels.non_diagnostic
    for seed in range(3):
        results = [spoilt(name, stacks, level, seed) for level in ("just_visible", "disturbing", "non_diagnostic")]
        changes = [rms(result, stack) for result in results]
        assert 0 < changes[0] < changes[1] < changes[2]
        assert all(result.shape == stack.shape and result.dtype == np.float32 for result in results)
        assert all(np.isfinite(result).all() for result in results)
    assert np.array_equal(stack, before)


@pytest.mark.parametrize("name", PIXEL_DEFECTS)
def test_all_chance_is_in_the_params_and_they_are_plain_data(name: str, stacks: Stacks) -> None:
    defect = PIXEL_DEFECTS[name]
    stack = stacks[defect.modality]
    params = defect.make_params(np.random.default_rng(5), stack.shape, "disturbing")
    kept = json.loads(json.dumps(params))
    first = defect.apply(stack, params)
    np.random.default_rng(99).random(10)
    assert np.array_equal(first, defect.apply(stack, kept))
    assert params == defect.make_params(np.random.default_rng(5), stack.shape, "disturbing")


@pytest.mark.parametrize("name", PIXEL_DEFECTS)
def test_one_picture_is_a_stack_of_one(name: str, stacks: Stacks) -> None:
    defect = PIXEL_DEFECTS[name]
    picture = stacks[defect.modality][0]
    params = defect.make_params(np.random.default_rng(3), picture.shape, "non_diagnostic")
    assert params == defect.make_params(np.random.default_rng(3), (1, *picture.shape), "non_diagnostic")
    result = defect.apply(picture, params)
    assert result.shape == picture.shape
    assert np.array_equal(result, defect.apply(picture[None], params)[0])


@pytest.mark.parametrize("name", PIXEL_DEFECTS)
@pytest.mark.parametrize("shape", [(2, 40, 61), (1, 17, 300)])
def test_empty_and_odd_pictures_pass(name: str, shape: tuple[int, int, int]) -> None:
    defect = PIXEL_DEFECTS[name]
    for value in (0.0, -1000.0 if defect.modality == "CT" else 50.0):
        stack = np.full(shape, value, np.float32)
        params = defect.make_params(np.random.default_rng(2), shape, "disturbing")
        result = defect.apply(stack, params)
        assert result.shape == shape
        assert np.isfinite(result).all()


def test_every_modality_has_its_defects_and_the_table_names_no_other() -> None:
    assert STRENGTH_LEVELS.keys() == PIXEL_DEFECTS.keys()
    assert {defect.modality for defect in PIXEL_DEFECTS.values()} == {"CT", "MR", "XR"}
    assert all(levels.unit and levels.why.endswith(".") for levels in STRENGTH_LEVELS.values())


@pytest.mark.parametrize(
    ("name", "strength"), [("ring", -1), ("wrap", 0.95), ("bias_field", 1), ("ct_noise", float("nan"))]
)
def test_impossible_strengths_are_refused(name: str, strength: float) -> None:
    with pytest.raises(InputError, match=f"{name}: strength .* give a number from 0"):
        PIXEL_DEFECTS[name].make_params(np.random.default_rng(0), (8, 8), strength)
