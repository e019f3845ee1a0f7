"""What volume_anatomy is told: parts in turn, places from lungs, order from distances, and batches that hold a stack's slices."""

from pathlib import Path

import numpy as np
import pytest
import torch

from qc_models.zoo.volume_anatomy import REGIONS
from training.examples import Examples
from training.manifest import Manifest, Row
from training.tasks import volume_anatomy as task
from training.volumes import SmallVolume

CHEST, ABDOMEN, PELVIS, HEAD, BRAIN, KNEE = (
    REGIONS.index(name) for name in ("chest", "abdomen", "pelvis", "head", "brain", "knee")
)


def row(*regions: str, path: str = "volumes/ct/a.npz", modality: str = "CT", plane: str = "axial") -> Row:
    labels = {"region": list(regions), "plane": [plane]}
    return Row(path, "volume", modality, "s", "source", "open", "drawn", 5, labels)


def chest(slices: int = 30) -> SmallVolume:
    """Slices 10 mm apart of a body with a lung from the sixth to the twenty-first."""
    pixels = torch.full((slices, 32, 32), -1000.0)
    pixels[:, 4:28, 4:28] = 40.0
    pixels[5:21, 12:20, 12:20] = -800.0
    return SmallVolume(pixels, torch.arange(float(slices)) * 10, 320.0, "axial")


def test_the_ends_of_an_axial_stack_show_the_outer_parts() -> None:
    regions = task.slice_regions(row("chest", "abdomen", "pelvis"), chest())
    assert regions[0, [CHEST, ABDOMEN, PELVIS]].tolist() == [0.0, 0.0, 1.0]
    assert regions[-1, [CHEST, ABDOMEN, PELVIS]].tolist() == [1.0, 0.0, 0.0]
    assert bool(regions[15, [CHEST, ABDOMEN, PELVIS]].isnan().all())
    assert float(regions[15, KNEE]) == 0.0


def test_a_brain_is_a_head_and_a_phantom_is_nothing() -> None:
    regions = task.slice_regions(row("brain"), chest())
    assert regions[0, [BRAIN, HEAD, CHEST]].tolist() == [1.0, 1.0, 0.0]
    assert float(task.slice_regions(row("phantom"), chest()).abs().sum()) == 0.0


def test_places_are_tied_to_the_lung_apex_or_to_the_base() -> None:
    place, anchor = task.places(row("chest"), chest())
    assert place[3] == pytest.approx(0.3)
    assert (float(anchor[20]), float(anchor[0])) == (pytest.approx(0.0), pytest.approx(-2.0))
    _, anchor = task.places(row("chest"), chest(21))  # the apex is cut off: the base counts
    assert float(anchor[5]) == pytest.approx(-task.LUNG_LENGTH_DM)


def test_a_head_is_tied_to_its_vertex_and_other_planes_to_nothing() -> None:
    head = chest()
    head.pixels[5:21] = 40.0
    head.pixels[-1] = -1000.0
    _, anchor = task.places(row("head"), head)
    assert float(anchor[-1]) == pytest.approx(task.VERTEX_DM)
    sagittal = SmallVolume(head.pixels, head.position_mm, head.side_mm, "sagittal")
    assert bool(task.places(row("head"), sagittal)[0].isnan().all())
    assert bool(task.places(row("chest", modality="MR"), chest())[0].isnan().all())


def test_what_shows_wins_and_any_of_what_may_is_no_mistake() -> None:
    raw = torch.zeros(1, len(REGIONS))
    raw[0, CHEST] = 60.0
    sure = torch.zeros(1, len(REGIONS))
    sure[0, CHEST] = 1.0
    either = torch.zeros(1, len(REGIONS))
    either[0, [CHEST, ABDOMEN]] = float("nan")
    smoothing = task.SMOOTHING / 2
    # of a part with raw number x and target t, cross-entropy is log(1 + exp(x)) - t x
    others = np.log(2)
    assert float(task.region_loss(raw, sure)) == pytest.approx(14 * others + 60 * smoothing, rel=1e-4)
    assert float(task.region_loss(raw, either)) == pytest.approx(13 * others, rel=1e-4)
    beside = sure.clone()
    beside[0, ABDOMEN] = float("nan")
    raw[0, [CHEST, ABDOMEN]] = torch.tensor([0.0, 60.0])  # sure of what only may show
    assert float(task.region_loss(raw, beside)) == pytest.approx(14 * others + 60, rel=1e-4)


def test_distances_within_a_stack_are_learned_and_none_between_stacks() -> None:
    targets = {
        "place": torch.tensor([[0.0], [1.0], [5.0], [float("nan")]]),
        "anchor": torch.full((4, 1), float("nan")),
        "bounds": torch.full((4, 2), float("nan")),
        "stack": torch.tensor([[1.0], [1.0], [2.0], [1.0]]),
    }
    raw = torch.tensor([[3.0], [4.0], [-7.0], [9.0]])
    assert float(task.coordinate_loss(raw, targets)) == 0.0
    raw[1] = 4.5  # off by 0.5 dm: smooth L1 with beta 0.1
    assert float(task.coordinate_loss(raw, targets)) == pytest.approx(0.45)
    targets["anchor"][2] = -7.5  # off by 0.5 dm, half as much
    assert float(task.coordinate_loss(raw, targets)) == pytest.approx(0.45 + 0.225)
    targets["bounds"][2] = torch.tensor([-6.5, 0.0])  # half a dm below
    assert float(task.coordinate_loss(raw, targets)) == pytest.approx(0.45 + 0.225 + 0.3 * 0.5)


def test_what_shows_a_part_lies_where_that_is() -> None:
    regions = torch.zeros(3, len(REGIONS))
    regions[0, CHEST] = 1.0
    regions[0, ABDOMEN] = float("nan")
    regions[1, [CHEST, ABDOMEN]] = float("nan")
    regions[2, KNEE] = 1.0
    chest_low, chest_high = task.BOUNDS_DM["chest"]
    found = task.bounds(regions, True)
    assert found[0].tolist() == pytest.approx([chest_low, chest_high])
    assert found[1].tolist() == pytest.approx([task.BOUNDS_DM["abdomen"][0], chest_high])
    assert bool(found[2].isnan().all())
    assert bool(task.bounds(regions, False).isnan().all())


def test_a_batch_holds_slices_of_one_stack() -> None:
    count = 40
    unknown = float("nan")
    place = torch.tensor([[float(number) if number >= 20 else unknown] for number in range(count)])
    stack = torch.tensor([[float(number // 10)] for number in range(count)])
    pictures = torch.zeros(count, 1, 2, 2)
    examples = Examples(pictures, {"place": place, "stack": stack}, [row("chest")] * count, torch.ones(count))
    chosen = task.together(examples, torch.zeros(24, dtype=torch.long), torch.Generator().manual_seed(1))
    assert chosen[:14].tolist() == [0] * 14
    for few in (chosen[14:19], chosen[19:]):
        assert len(set(stack[few, 0].tolist())) == 1
    assert bool(place[chosen[14:]].isfinite().all())


def test_examples_of_a_volume_and_what_is_moved(tmp_path: Path) -> None:
    (tmp_path / "volumes" / "ct").mkdir(parents=True)
    stored = ((chest().pixels + 1000) / 8).byte().numpy()
    np.savez(tmp_path / "volumes/ct/a.npz", volume=stored, position_mm=np.arange(30.0) * 5, side_mm=320.0)
    test_row = row("chest", path="volumes/ct/a.npz")
    manifest = Manifest((Row(**{**{name: getattr(test_row, name) for name in Row.__slots__}, "fold": 0}),))
    found = task.examples(manifest, tmp_path, {"learn_also": ["volumes/ct/a.npz"]})
    assert {each.part for each in found.rows} == {"learn"}
    assert len(found) == 30 + 2 * task.CUTS
    assert found.targets["span_hu"][0].tolist() == pytest.approx([-1000.0, 40.0])
    assert int(found.targets["place"].isfinite().sum()) == 30
    doubtful = task.examples(manifest, tmp_path, {"doubtful_positions": ["volumes/ct/a.npz"]})
    assert int(doubtful.targets["place"].isfinite().sum()) == 0


def test_some_pictures_become_noise_outside_the_scope() -> None:
    count = 200
    targets = {
        "region": torch.ones(count, len(REGIONS)),
        "scope": torch.tensor([[1.0, 0.0]]).repeat(count, 1),
        "place": torch.zeros(count, 1),
        "anchor": torch.zeros(count, 1),
        "bounds": torch.zeros(count, 2),
        "span_hu": torch.full((count, 2), float("nan")),
    }
    _, told = task.augment(torch.rand(count, 1, 16, 16), targets, torch.Generator().manual_seed(1))
    hidden = told["scope"][:, 1] == 1
    assert 0 < int(hidden.sum()) < 40
    assert float(told["region"][hidden].sum()) == 0.0
    assert bool(told["place"][hidden].isnan().all())
    assert bool(told["place"][~hidden].isfinite().all())
