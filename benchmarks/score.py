"""Whole scoring against its floor: reading and decoding the same files with the same decoder and threads, and nothing else."""

import statistics
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import Stopwatch, watching
from inference.inputs import sources
from inference.pipeline import Settings, examine_all
from inference.reading import read_studies
from qc_models.dicom.header import read_header
from qc_models.dicom.pixel_data import decode_frames
from qc_models.study import Source


def run(folder: Path, settings: Settings, repeats: int, advance: Callable[[], None]) -> dict[str, Any]:
    """Times floor and scoring in turn in one process, page cache warm; returns medians and the ratio of each pair."""
    files = [source for source in sources([folder]) if source.path.suffix == ".dcm"]
    stages: list[dict[str, float]] = []
    _floor(files, settings.workers)
    _score(folder, settings)
    floors, scores = [], []
    for _ in range(repeats):
        floors.append(_timed(lambda: _floor(files, settings.workers)))
        scores.append(_timed(lambda: stages.append(_score(folder, settings))))
        advance()
    ratios = [ours / floor for ours, floor in zip(scores, floors, strict=True)]
    return {
        "files": len(files),
        "threads": settings.workers,
        "floor_s": _spread(floors),
        "score_s": _spread(scores),
        "ratio": _spread(ratios),
        "floor_ms_a_file": round(statistics.median(floors) / len(files) * 1000, 2),
        "stages_s": {key: round(statistics.median(stage[key] for stage in stages), 3) for key in stages[0]},
        "shares": _shares(folder, settings),
        "target_ratio": 2.0 if settings.models is None else 2.5,
    }


def _shares(folder: Path, settings: Settings) -> dict[str, float]:
    """The share of scoring that each image check and each shared feature takes, in a run of its own; waiting is in "other"."""
    watch = Stopwatch()
    start = time.perf_counter()
    with watching(watch):
        _score(folder, replace(settings, workers=1))  # one after the other: a clock that threads share tells nothing
    whole = time.perf_counter() - start
    other = {"reading, waiting for pixels, headers, judging": whole - sum(watch.seconds.values())}
    parts = sorted({**watch.seconds, **other}.items(), key=lambda entry: -entry[1])
    return {name: round(seconds / whole, 4) for name, seconds in parts}


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _floor(files: list[Source], workers: int) -> None:
    def one(source: Source) -> int:
        content = source.content()
        return sum(frame.nbytes for frame in decode_frames(content, read_header(content, source.name)))

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(one, files):
            pass


def _score(folder: Path, settings: Settings) -> dict[str, float]:
    start = time.perf_counter()
    studies = deque(read_studies([folder]).studies)
    seconds = {"read": time.perf_counter() - start}
    for _, examined in examine_all(studies, settings):
        for stage, value in examined.result().report.content["timings_s"].items():
            seconds[stage] = seconds.get(stage, 0.0) + value
    return seconds


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }
