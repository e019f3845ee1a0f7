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
    np.savez(tmp_path / "volumes/mr/a.npz", volume=stored, position_mm=np.arange(25.0) * 3, side_mm=80.0)
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


def test_changes_keep_the_targets() -> None:
    targets = {"sequence": torch.ones(4, len(SEQUENCES))}
    pictures, told = task.augment(torch.rand(4, 1, 16, 16), targets, torch.Generator().manual_seed(1))
    assert told is targets
    assert pictures.shape == (4, 1, 16, 16)
