"""The ledger that closes a study: what each evidence does to the odds, and to the time to wait."""

from dataclasses import replace

import pytest

from serving.evidence_ledger import Arrival, Closing, Entry, ItemSeen, Manifest, Step, decide, hopeful

SETTINGS = Closing(quiet_s=60, confidence=0.8, settle_s=2, longest_s=3600)
PLAIN = Arrival(quiet_s=0, longest_pause_s=1, num_instances=10, num_new=10)


def ledger(arrival: Arrival) -> list[tuple[str, str]]:
    return [(entry.evidence, entry.says) for entry in decide(arrival, SETTINGS).ledger]


def test_without_other_evidence_the_quiet_alone_closes() -> None:
    waiting = decide(PLAIN, SETTINGS)
    assert (waiting.closed, waiting.confidence) == (False, 0.2)  # odds of 1 to 4
    assert waiting.wait_s == pytest.approx(60)
    done = decide(replace(PLAIN, quiet_s=60.001), SETTINGS)
    assert (done.closed, done.confidence, done.wait_s) == (True, 0.8, 0.0)


def test_looking_again_when_told_to_closes_unless_something_came() -> None:
    arrival = replace(PLAIN, items=(ItemSeen("CT-CHEST", ("plain",)),), gaps={"1.2": 3})
    wait_s = decide(arrival, SETTINGS).wait_s
    assert not decide(replace(arrival, quiet_s=wait_s - 1), SETTINGS).closed
    assert decide(replace(arrival, quiet_s=wait_s + 0.001), SETTINGS).closed


def test_a_sender_that_pauses_is_waited_for_longer() -> None:
    decision = decide(replace(PLAIN, longest_pause_s=50), SETTINGS)
    assert decision.usual_s == 150
    assert decision.wait_s == pytest.approx(150)


@pytest.mark.parametrize(
    ("arrival", "wait_s"),
    [
        # odds at the end must be 4: 60 s * ((4 / (0.25 * factor)) ** 0.25 - 1)
        (replace(PLAIN, items=(ItemSeen("XR-CHEST"),)), 24.853),  # a factor of 4: the fourth root of 4 is 1.41421
        (replace(PLAIN, items=(ItemSeen("MR-HEAD", ("T2",)),)), 319.473),  # 0.01: the fourth root of 1600 is 6.32456
        (replace(PLAIN, items=(ItemSeen("MR-HEAD", ("T2",), sure=False),)), 153.394),  # 0.1: of 160, 3.55656
        (replace(PLAIN, gaps={"1.2": 1}), 153.394),
        (replace(PLAIN, manifests=(Manifest("113032", 10, 0),)), 2.0),  # a declared end still settles
        (replace(PLAIN, manifests=(Manifest("113032", 12, 2),)), 614.808),  # 0.001: of 16000, 11.2468
        (replace(PLAIN, steps=(Step("COMPLETED", 10, 0),)), 2.0),
        (replace(PLAIN, steps=(Step("COMPLETED", 12, 2),)), 391.272),  # 0.005: of 3200, 7.52120
        (replace(PLAIN, steps=(Step("COMPLETED", 10, 0), Step("IN PROGRESS"))), 742.494),  # 0.0005: of 32000, 13.3748
        (replace(PLAIN, declared=10), 2.0),
        (replace(PLAIN, declared=11), 391.272),
    ],
    ids=range(11),
)
def test_evidence_shortens_or_lengthens_the_wait(arrival: Arrival, wait_s: float) -> None:
    assert decide(arrival, SETTINGS).wait_s == pytest.approx(wait_s, abs=0.02)


def test_what_says_nothing_is_no_line_of_the_ledger() -> None:
    assert ledger(PLAIN) == []
    assert ledger(replace(PLAIN, steps=(Step("DISCONTINUED", 0, 0),))) == []
    assert ledger(replace(PLAIN, declared=0)) == []


def test_evidence_that_contradicts_is_weighed_together() -> None:
    arrival = replace(PLAIN, manifests=(Manifest("113032", 10, 0),), items=(ItemSeen("MR-HEAD", ("T2",)),))
    assert ledger(arrival) == [("catalogue", "lacking"), ("manifest", "whole")]
    assert decide(arrival, SETTINGS).wait_s == pytest.approx(
        60
    )  # a hundred times more, and a hundred times less likely


def test_a_list_of_one_acquisition_is_no_list_of_the_study() -> None:
    of_one = decide(replace(PLAIN, manifests=(Manifest("113034", 10, 0),)), SETTINGS)
    assert of_one.ledger[0].factor < 4
    of_all = decide(replace(PLAIN, manifests=(Manifest("113034", 10, 0), Manifest("113032", 10, 0))), SETTINGS)
    assert of_all.ledger[0].factor == 100


def test_the_longest_wait_closes_whatever_is_lacking() -> None:
    arrival = replace(PLAIN, declared=500, items=(ItemSeen("MR-HEAD", ("T2",)),), steps=(Step("IN PROGRESS"),))
    assert decide(arrival, SETTINGS).wait_s == 3600
    done = decide(replace(arrival, quiet_s=3600), SETTINGS)
    assert done.closed
    assert done.confidence < 0.8


def test_headers_are_only_worth_reading_where_a_complete_examination_would_close() -> None:
    assert not hopeful(replace(PLAIN, quiet_s=24), SETTINGS).closed
    assert hopeful(replace(PLAIN, quiet_s=25), SETTINGS).closed


def test_the_evidence_is_kept_as_json() -> None:
    arrival = replace(PLAIN, quiet_s=70.04, declared=10)
    assert decide(arrival, SETTINGS).evidence(arrival) == {
        "instances": 10,
        "new_instances": 10,
        "quiet_s": 70.0,
        "usual_quiet_s": 60,
        "ledger": [
            {
                "evidence": "declared_count",
                "says": "whole",
                "factor": 30.0,
                "detail": {"declared": 10, "found": 10},
            }
        ],
    }
    assert Entry("a", "whole", 1.0).detail == {}
