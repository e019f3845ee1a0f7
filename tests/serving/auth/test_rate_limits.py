"""Buckets fill up with time, one for each name, and there are never too many of them."""

import pytest

from serving.auth import rate_limits
from serving.auth.rate_limits import Buckets, Limiter, RateLimits


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_and_then_as_fast_as_it_fills() -> None:
    clock = Clock()
    buckets = Buckets(0.5, 3, clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]
    assert buckets.take("b") == 0
    clock.now_s += 1
    assert buckets.take("a") == 1
    clock.now_s += 1
    assert [buckets.take("a"), buckets.take("a")] == [0, 2]
    clock.now_s += 1000
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]


def test_whose_bucket_is_full_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_MOST", 4)
    clock = Clock()
    buckets = Buckets(1, 1, clock)
    for name in "abcd":
        assert buckets.take(name) == 0
    assert buckets.take("e") == 0  # none is full: the older half is forgotten
    assert list(buckets._filled) == ["c", "d", "e"]
    assert buckets.take("d") == 1
    assert buckets.take("f") == 0
    clock.now_s += 1
    assert buckets.take("g") == 0
    assert list(buckets._filled) == ["g"]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (
            "10.0.0.1",
            "192.0.2.66, 198.51.100.1, 10.0.0.2",
            "198.51.100.1",
        ),  # the first is what the client says of itself
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "no address\r\n", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("", "", ""),
    ],
)
def test_an_address_is_that_of_the_last_hop_that_is_not_ours(peer: str, forwarded_for: str, expected: str) -> None:
    limiter = Limiter(RateLimits(proxies=("10.0.0.1", "10.0.0.2")))
    assert limiter.address(peer, forwarded_for) == expected
