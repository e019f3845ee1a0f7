"""Mutated files through the reader, the decoder and the whole scorer: no crash, no hang, no silent pass.

Every input is one real or simulated file with a few mutations of its header or pixel data. Each goes through header, frames and
decoder; every tenth also takes the place of one slice of a study that passes, which must then not pass if it cannot be decoded.
"""

import random
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.pipeline import Settings, examine
from inference.reading import read_studies
from qc_models.dicom.header import read_header
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError
from qc_models.frame_statistics import frame_statistics
from qc_models.frames import frames_of
from qc_models.report import QcReport
from qc_models.simulation.study_simulation import simulate_study

HANG_S = 10
STUDY_EVERY = 10
MAX_BYTES = 300_000  # small files are mutated more often, and say as much
ITEMS = ("XR-HAND", "CT-HEAD", "MR-TSPINE")  # studies that pass, one slice of which is replaced


class _Hang(Exception):
    """An input that took longer than HANG_S."""


def run(data: Path, inputs: int, seed: int, settings: Settings) -> dict[str, Any]:
    """Runs `inputs` mutated files; returns counts, and each failure with what repeats it."""
    random_source = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        studies = [_simulate(item, Path(scratch) / item, settings) for item in ITEMS]
        seeds = [path.read_bytes() for path in _corpus(data)]
        seeds += [path.read_bytes() for files in studies for path in files[:20]]
        counts: Counter[str] = Counter()
        failures: list[dict[str, Any]] = []
        slowest = 0.0
        for number in range(inputs):
            whole = random_source.choice(random_source.choice(studies)) if number % STUDY_EVERY == 0 else None
            mutated = mutate(whole.read_bytes() if whole else random_source.choice(seeds), random_source)
            start = time.perf_counter()
            try:
                with _limit(HANG_S):
                    outcome = _decode(mutated)
                    if whole is not None:
                        outcome = _score(whole, mutated, outcome, settings)
            except _Hang:
                outcome = "hang"
            except Exception:
                outcome = "crash"
            slowest = max(slowest, time.perf_counter() - start)
            counts[outcome] += 1
            if outcome in {"hang", "crash", "silent_pass"}:
                failures.append(
                    {"input": number, "seed": seed, "outcome": outcome, "trace": traceback.format_exc(limit=-3)}
                )
    return {
        "inputs": inputs,
        "crashes": counts["crash"],
        "hangs": counts["hang"],
        "silent_passes": counts["silent_pass"],
        "outcomes": dict(sorted(counts.items())),
        "slowest_s": round(slowest, 2),
        "failures": failures[:20],
    }


def mutate(content: bytes, random_source: random.Random) -> bytes:
    """One to four mutations: bits, bytes, lengths, cuts, repeats and swaps, half of them within the first 4 KiB."""
    data = bytearray(content)
    for _ in range(random_source.randint(1, 4)):
        if len(data) < 16:
            break
        end = min(len(data), 4096) if random_source.random() < 0.5 else len(data)
        at = random_source.randrange(end - 8)
        random_source.choice(_MUTATIONS)(data, at, random_source)
    return bytes(data)


def _flip(data: bytearray, at: int, random_source: random.Random) -> None:
    data[at] ^= 1 << random_source.randrange(8)


def _byte(data: bytearray, at: int, random_source: random.Random) -> None:
    data[at] = random_source.randrange(256)


def _length(data: bytearray, at: int, random_source: random.Random) -> None:
    data[at : at + 4] = random_source.choice(
        (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xfe\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0")
    )


def _cut(data: bytearray, at: int, random_source: random.Random) -> None:
    del data[at:]


def _drop(data: bytearray, at: int, random_source: random.Random) -> None:
    del data[at : at + random_source.randint(1, 64)]


def _repeat(data: bytearray, at: int, random_source: random.Random) -> None:
    data[at:at] = data[at : at + random_source.randint(1, 256)]


def _noise(data: bytearray, at: int, random_source: random.Random) -> None:
    data[at:at] = random_source.randbytes(random_source.randint(1, 32))


_MUTATIONS: Sequence[Callable[[bytearray, int, random.Random], None]] = (
    _flip,
    _flip,
    _byte,
    _byte,
    _length,
    _length,
    _cut,
    _drop,
    _repeat,
    _noise,
)


def _decode(content: bytes) -> str:
    try:
        header = read_header(content, "mutated")
        frames_of(header)
        if header.pixel_data is None:
            return "no_pixels"
        for frame in decode_frames(content, header):
            frame_statistics(frame)
    except InputError:
        return "refused"
    return "decoded"


def _score(path: Path, mutated: bytes, outcome: str, settings: Settings) -> str:
    """Scores the study of a file with that file replaced; it must not pass where the file did not decode."""
    original = path.read_bytes()
    path.write_bytes(mutated)
    try:
        read = read_studies([path.parents[1]])
        reports = [examine(found, settings).report for found in read.studies]
    finally:
        path.write_bytes(original)
    verdicts = {QcReport.from_json(report.to_json()).verdict for report in reports}
    if outcome != "decoded" and verdicts <= {"pass"} and not read.homeless:
        return "silent_pass"
    return f"study_{outcome}"


def _simulate(item: str, folder: Path, settings: Settings) -> list[Path]:
    """The files of a simulated study; raises RuntimeError where it does not pass, since then no silent pass could show."""
    files = simulate_study(settings.catalogue.item(item), folder).files
    verdict = examine(read_studies([folder]).studies[0], settings).report.verdict
    if verdict != "pass":
        raise RuntimeError(f"the clean study of {item} is {verdict}, so that nothing could pass in silence")
    return list(files)


def _corpus(data: Path) -> Iterator[Path]:
    """Files of every encoding and oddity, where the folder of real data is there."""
    for name in ("codecs", "oddities"):
        if (data / name).is_dir():
            yield from sorted(path for path in (data / name).iterdir() if path.stat().st_size <= MAX_BYTES)


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def expired(*_: object) -> None:
        raise _Hang

    previous = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
