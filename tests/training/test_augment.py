"""Changed pictures: none of it where nothing is asked, the same for the same seed, within 0 and 1."""

import torch

from training.augment import Changes, changed

NOTHING = Changes(*[0.0] * 10)


def pictures() -> torch.Tensor:
    return torch.rand((6, 1, 40, 32), generator=torch.Generator().manual_seed(3))


def test_no_change_is_the_picture_itself() -> None:
    found = changed(pictures(), NOTHING, torch.Generator().manual_seed(1))
    assert torch.allclose(found, pictures(), atol=1e-5)


def test_always_mirrored_is_left_for_right() -> None:
    found = changed(pictures(), Changes(*[0.0] * 4, 1.0, *[0.0] * 5), torch.Generator().manual_seed(1))
    assert torch.allclose(found, pictures().flip(3), atol=1e-5)


def test_a_seed_gives_the_same_pictures_and_another_one_others() -> None:
    one, same, other = (changed(pictures(), Changes(), torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert 0 <= float(one.min()) <= float(one.max()) <= 1
