"""What a smaller copy loses, figure by figure."""

from training.variants import lost


def told(name: str, value: float | None, lower_is_better: bool = False) -> dict[str, object]:
    return {"name": name, "value": value, "lower_is_better": lower_is_better}


def test_worse_is_lost_whatever_the_direction() -> None:
    exact = [told("accuracy", 0.9), told("false_alarms", 0.02, True), told("auc", None)]
    copy = [told("accuracy", 0.88), told("false_alarms", 0.01, True), told("auc", 0.5)]
    assert lost(exact, copy) == {"accuracy": 0.02, "false_alarms": -0.01}
