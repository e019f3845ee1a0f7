"""Every frame is decoded once and streams past the image checks in order and bounded memory; a failure stays with its frame."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
from pydicom.uid import RLELossless

import inference.gather
from inference.gather import BLOCK_FRAMES, Gathered, gather
from inference.reading import read_studies
from inference.threads import Threads
from qc_models.features.curve import Curve, Values
from qc_models.findings import Location, Measurement
from qc_models.pixels import Block
from qc_models.roles.describe import describe
from qc_models.stack import split
from qc_models.study import Study
from tests.written_dicom import axial_slices, write_instances

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
NUM_SLICES = 40


class Recorder:
    """An image check that keeps what it is shown, in the order in which it is gathered; `fails` names the function that crashes."""

    def __init__(self, name: str = "recorder", fails: str = "") -> None:
        self.name = f"artifacts.{name}"
        self.all_blocks: list[Block] = []
        self._seen: dict[tuple[str, int], Block] = {}
        self._fails = fails

    def look(self, block: Block) -> Values:
        self._crash("look")
        self._seen[block.sop_instance_uids[0], block.frame_indices[0]] = block
        return {"frame": torch.tensor(block.frame_indices)}

    def finish(self, curve: Curve) -> list[Measurement]:
        self._crash("finish")
        self.all_blocks += [self._seen[place[1:]] for place in curve.places if place[1:] in self._seen]
        here = Location(curve.facts.series_instance_uid, stack=curve.facts.index)
        return [Measurement("artifacts.recorder.frames", len(curve.numbers("frame")), "images", here)]

    def _crash(self, function: str) -> None:
        if self._fails == function:
            raise ZeroDivisionError("a patient's secret")


def gathered(study: Study, *found: Recorder, workers: int = 2) -> Gathered:
    stacks = [stack for series in study.series for stack in split(series)]
    plan: dict[int, Any] = dict.fromkeys(range(len(stacks)), found)
    with Threads(workers) as threads:
        return gather(study, stacks, describe(study, tuple(stacks)), plan, threads)


def slices_of_their_number(count: int = NUM_SLICES, **keywords: Any) -> list[dict[str, Any]]:
    """Slice i holds the value 10 i, which is 10 i - 1000 after rescale."""
    keywords = {"RescaleSlope": 1, "RescaleIntercept": -1000} | keywords
    return [entry | keywords | {"pixels": np.full((16, 16), 10 * i)} for i, entry in enumerate(axial_slices(count))]


def read_one(folder: Path) -> Study:
    (study,) = read_studies([folder]).studies
    return study


@pytest.mark.parametrize("workers", [1, 4])
def test_every_frame_comes_once_in_order_in_modality_values(study_of: Build, workers: int) -> None:
    check = Recorder()
    result = gathered(study_of(reversed(slices_of_their_number())), check, workers=workers)
    blocks = check.all_blocks
    assert [index for block in blocks for index in block.slice_indices] == list(range(NUM_SLICES))
    values = np.concatenate([block.pixels.numpy() for block in blocks])
    assert values.dtype == np.float32
    assert values[:, 3, 5].tolist() == [10 * i - 1000 for i in range(NUM_SLICES)]
    assert max(len(block.slice_indices) for block in blocks) <= BLOCK_FRAMES
    assert {block.unit for block in blocks} == {"HU"}
    assert len(result.statistics) == NUM_SLICES
    assert {statistics.is_constant for statistics in result.statistics.values()} == {True}
    assert result.pixel_failures == ()


def test_each_frame_is_decoded_once_however_many_checks_look(study_of: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    decode = inference.gather.decode_frames

    def counted(content: Any, header: Any, indices: Any) -> Any:
        decoded.append(header.text("SOPInstanceUID"))
        return decode(content, header, indices)

    monkeypatch.setattr(inference.gather, "decode_frames", counted)
    gathered(study_of(slices_of_their_number(12)), Recorder("a"), Recorder("b"))
    assert len(decoded) == len(set(decoded)) == 12


def test_a_frame_that_fails_is_named_and_the_others_are_seen(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, slices_of_their_number(10))
    paths[3].write_bytes(paths[3].read_bytes()[:-100])
    check = Recorder()
    result = gathered(read_one(tmp_path), check)
    (failure,) = result.pixel_failures
    assert failure.sop_instance_uid == pydicom.dcmread(paths[3], stop_before_pixels=True).SOPInstanceUID
    assert failure.frame == 0
    assert [index for block in check.all_blocks for index in block.slice_indices] == [0, 1, 2, *range(4, 10)]
    assert result.measurements[0].value == 9


def test_one_broken_frame_of_many_costs_only_itself(tmp_path: Path) -> None:
    """An RLE object of 20 frames, of which the fourth is spoilt: its segment count becomes impossible (PS3.5 G.5)."""
    pixels = np.arange(20 * 256).reshape(20, 16, 16) % 1000
    (path,) = write_instances(
        tmp_path, [{"NumberOfFrames": 20, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.3", "pixels": pixels}]
    )
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    fragments = [bytearray(frame) for frame in pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=20)]
    fragments[3][:4] = b"\xff\xff\xff\x7f"
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(frame) for frame in fragments])
    dataset.save_as(path)
    result = gathered(read_one(tmp_path))
    assert [failure.frame for failure in result.pixel_failures] == [3]
    assert sorted(index for _, index in result.statistics) == [i for i in range(20) if i != 3]


def test_a_file_that_is_gone_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, slices_of_their_number(5))
    study = read_one(tmp_path)
    paths[2].unlink()
    result = gathered(study, Recorder())
    assert len(result.pixel_failures) == 1
    assert paths[2].name not in result.pixel_failures[0].reason  # names of files may be names of patients


def test_an_image_without_pixels_is_no_crash(study_of: Build) -> None:
    slices = slices_of_their_number(6)
    slices[2] |= {"PixelData": None, "pixels": None}
    result = gathered(study_of(slices), Recorder())
    assert len(result.statistics) == 5


@pytest.mark.parametrize("function", ["look", "finish"])
def test_a_check_that_crashes_is_a_failure_of_that_check_alone(study_of: Build, function: str) -> None:
    broken, sound = Recorder("broken", fails=function), Recorder("sound")
    result = gathered(study_of(slices_of_their_number(20)), broken, sound)
    (failure,) = result.failures
    assert failure.check == "artifacts.broken"
    assert "ZeroDivisionError" in failure.reason
    assert "secret" not in failure.reason
    assert failure.location.series_instance_uid is not None
    assert [measurement.value for measurement in result.measurements] == [20]


def test_stacks_that_are_whole_hold_no_frames_while_others_stream(
    study_of: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty series of five slices: without a flush at the end of each, all 150 frames would wait for the last."""
    slices = [
        entry | {"SeriesInstanceUID": f"1.2.3.{number}", "InstanceNumber": i + 1}
        for number in range(30)
        for i, entry in enumerate(slices_of_their_number(5))
    ]
    waiting: list[int] = []
    streams: dict[int, Any] = {}
    add = inference.gather._Stream.add

    def counted(stream: Any, *arguments: Any) -> Any:
        yield from add(stream, *arguments)
        streams[id(stream)] = stream
        waiting.append(sum(len(entry.waiting) for entry in streams.values()))

    monkeypatch.setattr(inference.gather._Stream, "add", counted)
    check = Recorder()
    gathered(study_of(slices), check)
    assert len(check.all_blocks) == 30
    assert max(waiting) < 5


def test_big_frames_come_in_smaller_blocks(study_of: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference.gather, "TASK_BYTES", 4 * 16 * 16 * 4)  # four frames of 16 x 16 float32
    check = Recorder()
    gathered(study_of(slices_of_their_number(10)), check)
    assert [len(block.slice_indices) for block in check.all_blocks] == [4, 4, 2]


def test_decoding_runs_only_so_far_ahead_of_the_checks(study_of: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    frame_bytes = 16 * 16 * 8
    monkeypatch.setattr(inference.gather, "AHEAD_BYTES", 3 * frame_bytes)
    lock, ahead, most = threading.Lock(), [0], [0]
    decode, add = inference.gather._decode, inference.gather._Stream.add

    def counted_decode(*arguments: Any) -> Any:
        with lock:
            ahead[0] += 1
            most[0] = max(most[0], ahead[0])
        return decode(*arguments)

    def counted_add(stream: Any, *arguments: Any) -> Any:
        with lock:
            ahead[0] -= 1
        return add(stream, *arguments)

    monkeypatch.setattr(inference.gather, "_decode", counted_decode)
    monkeypatch.setattr(inference.gather._Stream, "add", counted_add)
    gathered(study_of(slices_of_their_number()), Recorder(), workers=4)
    assert 1 <= most[0] <= 4


def test_padding_is_marked(study_of: Build) -> None:
    pixels = np.full((16, 16), 50)
    pixels[:4] = -2000
    slices = [entry | {"pixels": pixels, "PixelPaddingValue": -2000} for entry in axial_slices(3)]
    check = Recorder()
    gathered(study_of(slices), check)
    (block,) = check.all_blocks
    assert block.padding is not None
    assert block.padding[:, :4].all()
    assert not block.padding[:, 4:].any()


def test_frames_in_colour_are_looked_at_but_stream_past_no_check(study_of: Build) -> None:
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0, "BitsAllocated": 8}
    keywords = colour | {"BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "PixelData": bytes(range(256)) * 3}
    check = Recorder()
    result = gathered(study_of([keywords]), check)
    assert [statistics.is_colour for statistics in result.statistics.values()] == [True]
    assert check.all_blocks == []


def test_nothing_is_shown_to_stacks_without_a_plan(study_of: Build) -> None:
    result = gathered(study_of(slices_of_their_number(4)))
    assert len(result.statistics) == 4
    assert result.measurements == ()


def test_a_slope_beyond_all_numbers_is_a_failure_that_says_so(study_of: Build) -> None:
    slices = [entry | {"RescaleSlope": "1e38"} for entry in slices_of_their_number(4)]
    result = gathered(study_of(slices[1:]), Recorder())
    assert len(result.pixel_failures) == 3
    assert {failure.reason.partition(";")[0] for failure in result.pixel_failures} == {
        "rescaling makes numbers beyond any scale of its pixels"
    }


def test_frames_that_fail_hold_back_no_block(study_of: Build) -> None:
    slices = slices_of_their_number(10)
    slices[9] |= {"PixelData": b"x"}
    check = Recorder()
    result = gathered(study_of(slices), check)
    assert len(result.pixel_failures) == 1
    assert sum(len(block.pixels) for block in check.all_blocks) == 9
