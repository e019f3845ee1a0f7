"""What a run costs besides time a study: peak memory on a long CT, and the time from command to first result."""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pydicom
from pydicom.uid import generate_uid

from qc_models.exam_item import ExamItem
from qc_models.simulation.study_simulation import simulate_study

COMMAND = [sys.executable, "-c", "from serving.command_line import main; main()", "score"]


def write_long_ct(item: ExamItem, folder: Path, num_slices: int) -> None:
    """Writes a CT of `num_slices` thin slices of 512x512: those of a simulated study, over and over, 1 mm apart."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        study = simulate_study(item, Path(scratch))
        largest = max(study.series, key=lambda series: len(series.files))
        templates = [pydicom.dcmread(path) for path in largest.files]
    for number in range(num_slices):
        dataset = templates[number % len(templates)]
        uid = generate_uid(entropy_srcs=[str(number)])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.InstanceNumber = number + 1
        dataset.SliceThickness = 1
        dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], -float(number)]
        dataset.save_as(folder / f"{number:05}.dcm")


def peak_memory(study: Path, workers: int) -> dict[str, Any]:
    """Peak memory in MiB of scoring one study in a process of its own (the largest process)."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, str(study), "--format", "json", "--workers", str(workers)], stdout=subprocess.PIPE, text=True
    )
    report = json.loads(process.communicate()[0])
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "files": sum(1 for _ in study.rglob("*.dcm")),
        "peak_mib": round(_kib(usage) / 1024),
        "seconds": round(time.perf_counter() - start, 1),
        "ms_a_slice_of_pixels": round(
            1000 * report["timings_s"]["pixels"] / max(1, len(list(study.rglob("*.dcm")))), 2
        ),
        "verdict": report["verdict"],
        "target_mib": 1229,
    }


def start_time(file: Path, repeats: int) -> dict[str, Any]:
    """Seconds from command to exit of `touchstone score --no-pixels` on one file, beside a bare interpreter."""
    ours, bare = [], []
    for _ in range(repeats + 1):
        bare.append(_seconds([sys.executable, "-c", "pass"]))
        ours.append(_seconds([*COMMAND, "--no-pixels", "--format", "json", str(file)]))
    return {
        "seconds": {
            "median": round(statistics.median(ours[1:]), 3),
            "min": round(min(ours), 3),
            "max": round(max(ours[1:]), 3),
        },
        "bare_interpreter_s": round(statistics.median(bare[1:]), 3),
        "target_s": 1.0,
    }


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - start
    if "--no-pixels" in command and not done.stdout:
        raise RuntimeError(f"nothing was scored: exit status {done.returncode}")
    return seconds


def _kib(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
