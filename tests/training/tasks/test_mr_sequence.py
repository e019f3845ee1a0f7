"""What mr_sequence is told: the words of the tables, planes of cuts, and contrast agent of T1 alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from qc_models.zoo.mr_sequence import SEQUENCES
from training.manifest import Manifest, Row
from training.tasks import mr_sequence as task


def row(role: str, path: str = "volumes/mr/a.npz", modality: str = "MR", plane: str = "axial") -> Row:
    labels = {"role": [role], "plane": [plane]} if role else {"plane": [plane]}
    return Row(path, "volume", modality, "s", "source", "open", "drawn", 5, labels)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("T1", "T1"),
        ("T1ce", "T1"),
        ("T2 HASTE", "T2"),
        ("T2*", "other"),
        ("cine SSFP", "CINE"),
        ("BOLD", "EPI"),
        ("MT-GRE", "other"),
        ("PDFS", None),
        ("proton", None),
        ("unknown (mostly T1ce)", None),
        ("", None),
    ],
)
def test_words_of_the_tables(said: str, expected: str | None) -> None:
    assert task.sequence_of(row(said)) == expected


def test_examples_of_a_volume(tmp_path: Path) -> None:
    (tmp_path / "volumes" / "mr").mkdir(parents=True)
    stored = np.random.default_rng(1).integers(0, 255, (25, 16, 16)).astype(np.uint8)
    np.savez(tmp_path / "volumes/mr/a.npz", volume=stored, position_mm=np.arange(25.0) * 4, side_mm=80.0)
    rows = (row("T1C"), row("PDFS"), row("T1", modality="CT"))
    found = task.examples(Manifest(rows), tmp_path, {})
    assert len(found) == 21 + 2 * task.CUTS  # two slices at either end left out
    assert set(found.targets["sequence"].argmax(1).tolist()) == {SEQUENCES.index("T1")}
    assert found.targets["contrast"][0].tolist() == [0.0, 1.0]
    assert found.targets["plane"].sum(0).tolist() == [21.0, task.CUTS, task.CUTS]


def test_only_t1_tells_contrast_agent(tmp_path: Path) -> None:
    (tmp_path / "volumes" / "mr").mkdir(parents=True)
    stored = np.zeros((3, 16, 16), np.uint8)
    np.savez(tmp_path / "volumes/mr/a.npz", volume=stored, position_mm=np.arange(3.0), side_mm=80.0)
    found = task.examples(Manifest((row("T2"),)), tmp_path, {})
    assert float(found.targets["contrast"].sum()) == 0.0


def test_some_t1_and_t2_become_the_other() -> None:
    count = 300
    sequences = torch.zeros(count, len(SEQUENCES))
    sequences[:100, 0] = sequences[100:200, 1] = sequences[200:, 2] = 1.0  # T1, T2, FLAIR
    targets = {"sequence": sequences, "contrast": torch.tensor([[1.0, 0.0]]).repeat(count, 1)}
    pictures, told = task.augment(torch.rand(count, 1, 16, 16), targets, torch.Generator().manual_seed(1))
    assert pictures.shape == (count, 1, 16, 16)
    moved = (told["sequence"] != sequences).any(1)
    assert 20 <= int(moved[:200].sum()) <= 60  # of 200, each with a chance of a fifth
    assert int(moved[200:].sum()) == 0
    assert torch.equal(told["sequence"][moved].sum(1), torch.ones(int(moved.sum())))
    assert float(told["contrast"][moved].sum()) == 0.0
    assert float(told["contrast"][~moved].sum()) == float(count - int(moved.sum()))
