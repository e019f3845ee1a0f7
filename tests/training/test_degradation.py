"""Degraded copies: severities by hand, draws that can be made again, and truth that fits what was put in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qc_models.preprocessing import InputSpec
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from training import degradation
from training.degradation import Trade, degraded, disturbing, drawn, examples_of, severity
from training.manifest import Manifest, Row, read_manifest

KINDS = ("ghost", "mr_noise", "zipper")
LEARN, TEST = 5, 0  # folds


def row(path: str, fold: int, *motion: str) -> Row:
    return Row(path, "picture", "MR", path, "drawn", "open", "drawn", fold, {"motion": list(motion)} if motion else {})


def trade(truth: float | None = None) -> Trade:
    known = {} if truth is None else {"ghost": truth, "mr_noise": float("nan"), "zipper": float("nan")}
    return Trade(
        InputSpec(64, 64, "percentiles", 0.5, 99.5),
        KINDS,
        lambda rng, row, number: {},
        lambda grey, scene: grey,
        lambda row: known,
    )


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures of a disc, and a place of its own for copies."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    down, right = np.mgrid[:64, :64] - 31.5
    disc = np.where(np.hypot(down, right) < 20, 180, 5).astype(np.uint8)
    for name in ("a", "b", "c"):
        Image.fromarray(disc).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        (0.0, 0.0),
        (0.05 / 3, 0.0),  # as far below just visible as disturbing lies above
        (0.05, 1 / 3),
        (0.05 * 3**0.5, 0.5),  # half way in the logarithm to 0.15
        (0.15, 2 / 3),
        (0.4, 1.0),
        (0.9, 1.0),
    ],
)
def test_severity_follows_the_logarithm_of_strength(strength: float, expected: float) -> None:
    assert severity(PIXEL_DEFECTS["ghost"], strength) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("heavy", "expected"), [(0.0, 0.0), (1 / 3, 0.0), (0.5, 0.5), (2 / 3, 1.0), (1.0, 1.0)])
def test_readers_are_disturbed_from_just_visible_on(heavy: float, expected: float) -> None:
    assert disturbing(heavy) == pytest.approx(expected, abs=1e-5)


def test_wanted_kinds_are_drawn_where_they_disturb() -> None:
    uses = drawn(np.random.default_rng(0), KINDS, (64, 64), ("ghost", "zipper"))
    assert [(use.kind, use.params["strength"]) for use in uses] == [("ghost", 0.15), ("zipper", 1.0)]


def test_random_draws_have_none_to_three_kinds_in_order_and_are_made_again() -> None:
    def some(seed: int) -> list[tuple[str, ...]]:
        rng = np.random.default_rng(seed)
        return [tuple(use.kind for use in drawn(rng, KINDS, (64, 64))) for _ in range(400)]

    found = some(1)
    assert found == some(1)
    counts = np.bincount([len(kinds) for kinds in found], minlength=4) / 400
    assert counts.tolist() == pytest.approx([0.2, 0.4, 0.3, 0.1], abs=0.07)
    assert all([KINDS.index(kind) for kind in kinds] == sorted(KINDS.index(kind) for kind in kinds) for kinds in found)


def test_applying_uses_nothing_but_what_was_drawn() -> None:
    grey = np.random.default_rng(3).random((32, 32)).astype(np.float32)
    uses = drawn(np.random.default_rng(2), KINDS, (32, 32), KINDS)
    assert np.array_equal(degraded(grey, uses), degraded(grey, uses))


def test_the_test_part_asks_for_each_kind_against_clean(data: Path) -> None:
    found = examples_of([row("a.png", TEST)], data, trade(), seed=1, copies=3)
    artifact, heavy = found.targets["artifact"], found.targets["severity"]
    assert artifact[0].tolist() == heavy[0].tolist() == [0.0, 0.0, 0.0]
    for number, kind in enumerate(KINDS, start=1):
        assert found.rows[number].labels["defects"][0].startswith(kind + ":")
        assert artifact[number].isfinite().tolist() == [other == kind for other in KINDS]
        assert float(artifact[number, number - 1]) == 1.0
        assert float(heavy[number, number - 1]) == pytest.approx(2 / 3, abs=1e-6)


def test_copies_to_learn_from_are_kept_and_found_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"region": ["head"], "plane": ["axial"]}
    rows = [replace(row("a.png", LEARN), labels=labels), row("b.png", LEARN)]
    first = examples_of(rows, data, trade(), seed=1, copies=4)
    assert len(first) == 8
    assert first.notes["number"].tolist() == [0, 1, 2, 3] * 2
    assert first.notes["copies"].tolist() == [4] * 8
    for example, told in enumerate(first.rows):
        strengths = dict(word.split(":") for word in told.labels.get("defects", ()))
        for number, kind in enumerate(KINDS):
            heavy = severity(PIXEL_DEFECTS[kind], float(strengths.get(kind, 0)))
            assert float(first.targets["artifact"][example, number]) in (
                pytest.approx(min(max(3 * heavy - 1, 0), 1), abs=0.01),  # strengths are told in three digits
                pytest.approx(np.nan, nan_ok=True),
            )
    monkeypatch.setattr(degradation, "picture", None)  # nothing is read again
    Manifest(tuple(rows)).write(data / "manifest.jsonl")
    read = read_manifest(data / "manifest.jsonl").rows  # whose labels stand in another order
    again = examples_of(read, data, trade(), seed=1, copies=4)
    assert bool((again.pictures == first.pictures).all())


def test_another_seed_makes_other_copies(data: Path) -> None:
    rows = [row("a.png", LEARN)]
    one, other = (examples_of(rows, data, trade(), seed=seed, copies=6).rows for seed in (1, 2))
    assert [found.labels for found in one] != [found.labels for found in other]


def test_what_is_known_before_stays_known(data: Path) -> None:
    found = examples_of(
        [row("a.png", LEARN, "motion"), row("b.png", TEST, "motion")], data, trade(1.0), seed=1, copies=5
    )
    assert (
        found.targets["artifact"][:, 0].tolist() == [1.0] * 6
    )  # five copies to learn from, the test asks of it as it is
    assert bool(found.targets["severity"][:, 0].isnan().all())
