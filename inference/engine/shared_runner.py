"""Runs models for several studies in one process: a Serve deployment, one for each GPU, or some on processors.

A caller names the version that its study began with. Batches of frames that wait at the same time are run together on a GPU, in
pieces of one size, so that what is said of a frame depends on no neighbour; on a processor nothing is won by that, and each is run
alone, which gives the same bytes as a run in the study's own process.
"""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ray import serve

from inference.engine.told_error import ToldError
from inference.model_runner import Served, served
from qc_models.model_outputs import Floats
from qc_models.model_registry import models

PIECE_FRAMES = 64
MOST_BATCHES = 32
WAIT_S = 0.002  # for others, once a batch is there

Said = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Asked:
    """A version of a model, and the folder where bundles lie."""

    bundles: Path
    model: str
    version: str


class SharedRunner:
    """See the module. Its methods return errors instead of raising them, so that one batch's error is no other's."""

    def __init__(self, mark: str, on_gpu: bool) -> None:
        self._mark = mark
        self._on_gpu = on_gpu
        self._seen_on: set[str] = set()
        self._threads = ThreadPoolExecutor(1 if on_gpu else len(os.sched_getaffinity(0)))

    def mark(self) -> str:
        """What it was deployed as."""
        return self._mark

    def ready(self, asked: Asked) -> ToldError | None:
        """Makes a version ready to run."""
        try:
            self._served(asked)
        except Exception as error:
            return ToldError.of(error)
        return None

    async def run(self, asked: Asked, batch: Floats) -> Said | ToldError:
        """What a version says of a batch [N, 1, rows, columns]."""
        return await self._run_with_others((asked, batch))

    @serve.batch(max_batch_size=MOST_BATCHES, batch_wait_timeout_s=WAIT_S)
    async def _run_with_others(self, waiting: list[tuple[Asked, Floats]]) -> list[Said | ToldError]:
        return await self.run_all(waiting)

    async def run_all(self, waiting: Sequence[tuple[Asked, Floats]]) -> list[Said | ToldError]:
        """What is said of each of several batches; those that are alike run together."""
        groups: dict[object, list[int]] = {}
        for number, (asked, batch) in enumerate(waiting):
            groups.setdefault((asked, batch.shape[1:]) if self._on_gpu else number, []).append(number)
        loop = asyncio.get_running_loop()
        runs = [
            loop.run_in_executor(self._threads, self._run, waiting[group[0]][0], [waiting[one][1] for one in group])
            for group in groups.values()
        ]
        said: dict[int, Said | ToldError] = {}
        for group, answers in zip(groups.values(), await asyncio.gather(*runs), strict=True):
            said.update(zip(group, answers, strict=True))
        return [said[number] for number in range(len(waiting))]

    def check_health(self) -> None:
        """Raises where a GPU was given and models run elsewhere: Serve starts another process in its place."""
        if self._on_gpu and "cpu" in self._seen_on:
            raise RuntimeError("models run on a processor where a GPU was given")

    def _served(self, asked: Asked) -> Served:
        found = served(models()[asked.model], asked.version, asked.bundles)
        self._seen_on.add(found.device)
        return found

    def _run(self, asked: Asked, batches: Sequence[Floats]) -> list[Said | ToldError]:
        try:
            found = self._served(asked)
            if not self._on_gpu:
                return [found.run(batch) for batch in batches]
            try:
                return list(run_together(found, batches))
            except Exception:
                if len(batches) == 1:
                    raise
        except Exception as error:
            return [ToldError.of(error)] * len(batches)
        return [answer for batch in batches for answer in self._run(asked, [batch])]


def run_together(found: Served, batches: Sequence[Floats]) -> list[Said]:
    """Runs batches in pieces of PIECE_FRAMES, the last one filled up with its last frame; what is said of each batch."""
    frames = np.concatenate(batches)
    lacking = -len(frames) % PIECE_FRAMES
    filled = np.concatenate([frames, np.repeat(frames[-1:], lacking, axis=0)])
    pieces = [found.run(filled[start : start + PIECE_FRAMES]) for start in range(0, len(filled), PIECE_FRAMES)]
    whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    ends = np.cumsum([len(batch) for batch in batches])
    return [
        {name: said[end - len(batch) : end] for name, said in whole.items()}
        for batch, end in zip(batches, ends, strict=True)
    ]
