"""Which frames models are shown, and that each is prepared once, in one batch of the same make."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import inference.showing
from inference.gather import Gathered, gather
from inference.showing import ModelPlan, plan_models, prepared_frames, spread
from inference.threads import Threads
from qc_models.errors import ModelError
from qc_models.model_outputs import Floats
from qc_models.model_registry import Model, models
from qc_models.pixels import Block
from qc_models.preprocessing import Bounds, InputSpec, is_inverted, prepare
from qc_models.roles.describe import describe
from qc_models.stack import split
from qc_models.study import Study
from tests.tiny_bundle import SPEC, tiny_model
from tests.written_dicom import axial_slices

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
SIZE = 32  # pixels; the smallest picture
PERCENTILES = InputSpec(rows=8, columns=8, scaling="percentiles", low=0.0, high=100.0)


class Recorder:
    """A runner that keeps the batches and answers at once, or fails as it is told."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.batches: list[tuple[str, Floats]] = []
        self._fails = fails

    def version(self, model: Model) -> str:
        return "1"

    def submit(self, model: Model, batch: Floats) -> "Future[dict[str, Floats]]":
        self.batches.append((model.name, batch))
        future: Future[dict[str, Floats]] = Future()
        if self._fails is None:
            future.set_result({"region": batch.mean((1, 2, 3))[:, None]})
        else:
            future.set_exception(self._fails)
        return future


def greys(*values: float, **keywords: Any) -> list[dict[str, Any]]:
    """An axial series with one grey a slice."""
    entries = axial_slices(len(values), Rows=SIZE, Columns=SIZE, **keywords)
    return [entry | {"pixels": np.full((SIZE, SIZE), value)} for entry, value in zip(entries, values, strict=True)]


def shown(study: Study, runner: Recorder, *models: Model, workers: int = 2) -> Gathered:
    stacks = [stack for series in study.series for stack in split(series)]
    plan = ModelPlan(runner, dict.fromkeys(range(len(stacks)), models))
    with Threads(workers) as threads:
        return gather(study, stacks, describe(study, stacks), {}, threads, plan)


@pytest.mark.parametrize(
    ("number", "most", "places"),
    [
        (1, 1, (0,)),
        (5, 1, (2,)),
        (3, 8, (0, 1, 2)),
        (8, 8, tuple(range(8))),
        (9, 3, (0, 4, 8)),
        (100, 4, (0, 33, 66, 99)),
        (2, 2, (0, 1)),
        (0, 4, ()),
    ],
)
def test_frames_are_spread_evenly_with_both_ends(number: int, most: int, places: tuple[int, ...]) -> None:
    assert spread(number, most) == places


@pytest.mark.parametrize("workers", [1, 3])
def test_one_batch_a_model_in_the_order_of_the_stack(study_of: Build, workers: int) -> None:
    runner = Recorder()
    study = study_of(reversed(greys(*range(0, 100, 4))))
    result = shown(study, runner, tiny_model("few", most_frames=3), tiny_model("more", most_frames=5), workers=workers)
    means = {name: batch.mean((1, 2, 3)).tolist() for name, batch in runner.batches}
    assert means["few"] == pytest.approx([0.0, 0.48, 0.96])
    assert means["more"] == pytest.approx([0.0, 0.24, 0.48, 0.72, 0.96])
    ((key, said),) = result.predictions.items()
    assert key == (study.series[0].series_instance_uid, 0)
    assert [slice_index for slice_index, _, _ in said["few"].places] == [0, 12, 24]
    assert said["few"].outputs["region"][:, 0].tolist() == pytest.approx([0.0, 0.48, 0.96])


def test_a_frame_is_prepared_once_for_all_models_of_one_input(study_of: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: dict[InputSpec, int] = {}

    def counted(pixels: torch.Tensor, spec: InputSpec, inverted: Sequence[bool], bounds: Bounds) -> torch.Tensor:
        counts[spec] = counts.get(spec, 0) + len(pixels)
        return prepare(pixels, spec, inverted, bounds)

    monkeypatch.setattr(inference.showing, "prepare", counted)
    shown(study_of(greys(*range(20))), Recorder(), tiny_model("a"), tiny_model("b"), tiny_model("c", spec=PERCENTILES))
    assert counts == {SPEC: 4, PERCENTILES: 4}


def test_the_batch_is_what_prepare_makes_of_the_values(study_of: Build) -> None:
    """Bit for bit: training prepares frame by frame, service in blocks."""
    pixels = np.random.default_rng(1).integers(-50, 150, (3, 40, 33))
    entries = axial_slices(3, Rows=40, Columns=33)
    study = study_of([entry | {"pixels": frame} for entry, frame in zip(entries, pixels, strict=True)])
    specs = (SPEC, PERCENTILES, replace(PERCENTILES, rows=PERCENTILES.rows // 2))
    runner = Recorder()
    shown(study, runner, *(tiny_model(f"m{number}", spec=spec) for number, spec in enumerate(specs)))
    batches = dict(runner.batches)
    for number, spec in enumerate(specs):
        alone = [prepare(torch.from_numpy(frame.astype(np.float32))[None], spec)[0].numpy() for frame in pixels]
        assert np.array_equal(batches[f"m{number}"], np.stack(alone))


def test_frames_that_failed_are_left_out_and_the_model_is_still_asked(study_of: Build) -> None:
    slices = greys(10, 20, 30, 40)
    slices[3] |= {"PixelData": None, "pixels": None}
    runner = Recorder()
    result = shown(study_of(slices), runner, tiny_model())
    assert runner.batches[0][1].mean((1, 2, 3)).tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert len(result.pixel_failures) == 1
    (said,) = result.predictions.values()
    assert len(said["tiny"].places) == 3


def test_icons_and_strips_are_shown_to_no_model(study_of: Build) -> None:
    runner = Recorder()
    result = shown(study_of(axial_slices(4)), runner, tiny_model())  # of 16 x 16
    assert (runner.batches, result.predictions, result.failures) == ([], {}, ())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModelError("tiny/1: gives what is no number"), "tiny/1: gives what is no number"),
        (ZeroDivisionError("a patient's secret"), "crashed: ZeroDivisionError"),
    ],
)
def test_a_model_that_fails_is_a_line_in_the_report(study_of: Build, error: Exception, reason: str) -> None:
    result = shown(study_of(greys(1, 2)), Recorder(error), tiny_model())
    assert result.predictions == {}
    assert [(failure.check, failure.reason) for failure in result.failures] == [("model tiny", reason)]
    assert result.failures[0].location.stack == 0


def test_a_frame_that_cannot_be_prepared_is_a_line_in_the_report(
    study_of: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError("a patient's secret")

    monkeypatch.setattr(inference.showing, "prepare", crash)
    runner = Recorder()
    result = shown(study_of(greys(1, 2)), runner, tiny_model())
    assert runner.batches == []
    assert [(failure.check, failure.reason) for failure in result.failures] == [
        ("model tiny", "crashed: ZeroDivisionError")
    ]


def test_an_inverted_frame_is_turned_over() -> None:
    """Left half 0, right half 100; in MONOCHROME1 the left is the bright one."""
    pixels = torch.zeros(2, SIZE, SIZE)
    pixels[:, :, SIZE // 2 :] = 100
    block = Block(pixels, None, "exposure", None, (0, 1), ("a", "b"), (0, 0))
    made = prepared_frames(block, [True, False], {("a", 0): (PERCENTILES,), ("b", 0): (PERCENTILES,)})
    ends = {name: [made[PERCENTILES, (name, 0)][0, 4, column] for column in (0, 7)] for name in "ab"}
    assert ends == {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    assert pixels[0, 0, -1] == 100


@pytest.mark.parametrize(("modality", "turned"), [("DX", True), ("MR", True), ("CT", False)])
def test_hounsfield_units_stay_as_they_are_however_they_are_shown(modality: str, turned: bool) -> None:
    assert is_inverted("MONOCHROME1", modality) is turned
    assert not is_inverted("MONOCHROME2", modality)
    assert not is_inverted(None, modality)


def test_models_look_where_they_apply_and_at_localizers_only_where_they_say_so(
    study_of: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    scout = greys(1, 2, SeriesInstanceUID="1.2.9", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    study = study_of([*greys(1, 2), *scout])
    stacks = [stack for series in study.series for stack in split(series)]
    facts = describe(study, stacks)
    all_seeing = tiny_model("all")
    all_seeing.module.__dict__["LOCALIZERS"] = True
    for name in list(models()):
        monkeypatch.delitem(models(), name)
    for model in (
        all_seeing,
        tiny_model("ct", applies=lambda stack: stack.modality == "CT"),
        tiny_model("mr", applies=lambda stack: stack.modality == "MR"),
    ):
        monkeypatch.setitem(models(), model.name, model)
    plan = plan_models(facts, Recorder())
    names = {place: [model.name for model in chosen] for place, chosen in plan.by_place.items()}
    scouts = [place for place, fact in enumerate(facts) if fact.is_localizer]
    assert scouts
    assert names == {place: ["all"] if place in scouts else ["all", "ct"] for place in range(len(facts))}
