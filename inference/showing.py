"""What models are shown: some frames of each stack, prepared once for each kind of input, then one batch a model."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

import numpy as np

from inference.model_runner import Answer, ModelRunner
from qc_models.check_registry import is_picture
from qc_models.errors import ModelError, ServiceError
from qc_models.evidence import FrameKey
from qc_models.facts import StackFacts
from qc_models.findings import NOWHERE, CheckFailure, Location
from qc_models.model_outputs import Floats, Prediction
from qc_models.model_registry import Model, models
from qc_models.pixels import Block, Place
from qc_models.preprocessing import Bounds, InputSpec, bounds_of, prepare
from qc_models.stack import Stack

Prepared = Mapping[tuple[InputSpec, FrameKey], Floats]  # [1, rows, columns] each


@dataclass(frozen=True)
class ModelPlan:
    """Which models look at which stack, by its place in the study; `failures` tells of those that cannot."""

    runner: ModelRunner
    by_place: Mapping[int, Sequence[Model]]
    failures: tuple[CheckFailure, ...] = ()


def plan_models(stack_facts: Sequence[StackFacts], runner: ModelRunner) -> ModelPlan:
    """Every released model on each stack to which it applies; one whose bundle is broken is a line in the report."""
    by_place: dict[int, list[Model]] = {}
    failures: list[CheckFailure] = []
    for model in models().values():
        try:
            places = [place for place, facts in enumerate(stack_facts) if model.applies(facts)]
            if not places:
                continue
            if runner.version(model) is None:
                raise ModelError("no version is released; release one, or ask for no models")
        except ServiceError:  # models cannot be reached: the study is to be tried again
            raise
        except Exception as error:  # the study goes on without it, and to review
            failures.append(_failure(model, error))
            continue
        for place in places:
            by_place.setdefault(place, []).append(model)
    return ModelPlan(runner, by_place, tuple(failures))


def spread(number: int, most: int) -> tuple[int, ...]:
    """At most `most` of `number` places, evenly spread, both ends among them; of one alone the middle."""
    if most == 1 < number:
        return (number // 2,)
    count = min(most, number)
    return tuple(round(place * (number - 1) / max(1, count - 1)) for place in range(count))


def prepared_frames(block: Block, inverted: Sequence[bool], wanted: Mapping[FrameKey, Sequence[InputSpec]]) -> Prepared:
    """The frames of a block that models want, as they want them; nothing of icons and strips."""
    import torch  # only here: header-only scoring starts without it

    if not is_picture(*block.pixels.shape[1:]):
        return {}
    keys = [(uid, index) for _, uid, index in block.places]
    rows_of: dict[InputSpec, list[int]] = {}
    for row, key in enumerate(keys):
        for spec in wanted.get(key, ()):
            rows_of.setdefault(spec, []).append(row)
    bounds: dict[tuple[object, int], Bounds] = {}
    result: dict[tuple[InputSpec, FrameKey], Floats] = {}
    for spec, rows in rows_of.items():
        pixels, turned = block.pixels[rows], [inverted[row] for row in rows]
        if new := [at for at, row in enumerate(rows) if (spec.scale, row) not in bounds]:
            low, high = bounds_of(pixels[new], spec, [turned[at] for at in new])
            bounds.update({(spec.scale, rows[at]): (low[n], high[n]) for n, at in enumerate(new)})
        low, high = (torch.stack(ends) for ends in zip(*(bounds[spec.scale, row] for row in rows), strict=True))
        pictures = prepare(pixels, spec, turned, (low, high))
        for at, picture in zip(rows, pictures.numpy(), strict=True):
            result[spec, keys[at]] = picture
    return result


@dataclass(frozen=True, slots=True)
class _Asked:
    """A batch on its way."""

    model: Model
    places: tuple[Place, ...]
    brightness: Sequence[float]
    answer: Answer


@dataclass
class Showing:
    """One stack on its way through its models: frames come in prepared, and once it is whole its models are asked."""

    stack: Stack
    models: Sequence[Model]
    wanted: dict[FrameKey, tuple[InputSpec, ...]] = field(default_factory=dict)
    failures: list[CheckFailure] = field(default_factory=list)
    _prepared: dict[tuple[InputSpec, FrameKey], Floats] = field(default_factory=dict)
    _asked: list[_Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        for model in self.models:
            for _, key in self._frames(model):
                self.wanted[key] = tuple(dict.fromkeys((*self.wanted.get(key, ()), model.input)))

    def _frames(self, model: Model) -> Iterator[tuple[int, FrameKey]]:
        """Slice and name of the frames that a model is to be shown, in their order along the stack."""
        for number in spread(len(self.stack.frames), model.most_frames):
            frame = self.stack.frames[number]
            yield self.stack.slice_index[number], (frame.sop_instance_uid, frame.index)

    def keep(self, prepared: Prepared | Exception) -> None:
        """Keeps prepared frames until the stack is whole; where they could not be prepared no model is asked."""
        if isinstance(prepared, Exception):
            self.failures += [_failure(model, prepared, self._place) for model in self.models]
            self.models = ()
        else:
            self._prepared.update(prepared)

    def ask(self, runner: ModelRunner) -> None:
        """Shows each model its frames in one batch, those that there are."""
        for model in self.models:
            frames = [(at, key) for at, key in self._frames(model) if (model.input, key) in self._prepared]
            if frames:
                batch = np.stack([self._prepared[model.input, key] for _, key in frames])
                try:
                    answer = runner.submit(model, batch)
                except ServiceError:  # it is to be tried again
                    raise
                except Exception as error:  # the study goes on without it, and to review
                    self.failures.append(_failure(model, error, self._place))
                else:
                    brightness = [float(picture.mean()) for picture in batch]
                    self._asked.append(_Asked(model, tuple((at, *key) for at, key in frames), brightness, answer))
        self._prepared.clear()

    def answers(self, runner: ModelRunner) -> dict[str, Prediction]:
        """What each model said, by its name; `failures` holds a line for each that could not."""
        found: dict[str, Prediction] = {}
        for asked in self._asked:
            model = asked.model
            try:
                version, outputs = runner.version(model) or "", asked.answer.result()
                found[model.name] = Prediction(model.name, version, asked.places, outputs, asked.brightness)
            except (CancelledError, ServiceError):  # nobody waits for this study any more, or it is to be tried again
                raise
            except Exception as error:  # the study goes on without it, and to review
                self.failures.append(_failure(model, error, self._place))
        return found

    @property
    def _place(self) -> Location:
        return Location(self.stack.series_instance_uid, stack=self.stack.index)


def _failure(model: Model, error: Exception, place: Location = NOWHERE) -> CheckFailure:
    reason = str(error) if isinstance(error, ModelError) else f"crashed: {type(error).__name__}"
    return CheckFailure(f"model {model.name}", reason, place)
